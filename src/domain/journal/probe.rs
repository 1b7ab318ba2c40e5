//! What the harness asks a backend on its own account.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What one request of the harness asks. It is written down just before the request; a request of
/// the harness without one only prepares others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// What an account gets when it reads its own data.
    Own,
    /// Whether a refresh token that was already exchanged is still good.
    UsedRefresh,
    /// Whether its successor is still good after that.
    SuccessorRefresh,
    /// Whether data can be had without any token.
    NoToken,
    /// Whether it can be had with a genuine one.
    GenuineToken,
    /// Whether it can be had with a token that nobody should accept.
    BadToken {
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// Whether a refresh token outlives the sign-out.
    RefreshAfterSignOut,
    /// Whether an access token outlives the sign-out.
    AccessAfterSignOut,
    /// What the kill-switch says, asked while its lever is on.
    StatusInMaintenance,
    /// Whether data can be had meanwhile.
    DataInMaintenance,
    /// Whether a call that the contract forbids is refused.
    ForbiddenCall,
    /// Whether a namespace that the contract forbids is refused: the answer of the poll after
    /// CONNECT.
    ForbiddenNamespace {
        /// The namespace.
        namespace: String,
    },
    /// One page of a walk through a whole list.
    Walk {
        /// Which of the walks, from 1. The first and the last are made alike.
        walk: u8,
        /// Which page of it, from 1.
        page: u32,
    },
    /// Whether a cursor that the backend never handed out is refused.
    UnknownCursor,
    /// Whether another account's things are refused to the one that asks.
    OfAnother {
        /// What of theirs is used.
        what: Reference,
        /// Whose it is, by what they sign in with.
        owner: String,
    },
    /// What an account gets between two requests of another on the same connection.
    Alternately {
        /// The round, from 1.
        round: u32,
    },
    /// Whether a sign-in with a name that nobody has is refused.
    UnknownUser,
    /// Whether a sign-in with a wrong password is refused.
    WrongPassword,
    /// Whether a used refresh token may still be exchanged within the contract's grace.
    RefreshInGrace,
    /// A sign-in whose tokens are for another audience.
    OtherAudience,
    /// Whether a call that the contract forbids is refused, on something whose id was made up.
    ForbiddenGuess,
    /// Whether the entity tag of an account's own answer is a match.
    OwnTag,
    /// What an answer is given with: an entity tag, or a date of change.
    Validator,
    /// Whether it is still what was given with such a validator.
    Unchanged,
    /// Whether data can be had without a token under its path with, or without, a final slash.
    OtherSlash,
    /// Whether a call that the contract forbids is refused under such a path, too.
    ForbiddenOtherSlash,
    /// What a socket hears that was opened before the kill-switch was moved.
    SocketBeforeMaintenance,
    /// What the same socket hears while the kill-switch is on.
    SocketInMaintenance,
    /// What the app and another client of the same backend read of one resource.
    Compared {
        /// The app's resource, by name.
        resource: String,
        /// Which of the readings.
        reading: Reading,
        /// Which page of it, from 1.
        page: u32,
    },
    /// Whether the entity tag of another account's answer is taken for one's own.
    TagOfAnother {
        /// Whose it is.
        owner: String,
    },
}

/// Which of three readings, made one after the other: what moves by itself differs between the first
/// and the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reading {
    /// The other client reads.
    OtherFirst,
    /// The app's own request.
    App,
    /// The other client reads again.
    OtherAgain,
}

/// By what an account can ask for another's things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reference {
    /// A cursor that was handed out to the other.
    Cursor,
    /// An item's id.
    Id,
    /// What the other signs in with.
    Name,
    /// A parameter or a header of the request, beside the contract's.
    Parameter,
}

impl Question {
    /// Whether an app could ask the same: what only the harness would ask may well upset a backend.
    #[must_use]
    pub fn is_ordinary(&self) -> bool {
        matches!(
            self,
            Self::Own | Self::GenuineToken | Self::Walk { .. } | Self::Alternately { .. }
        )
    }
}

/// The word for it.
impl fmt::Display for Reference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Cursor => "cursor",
            Self::Id => "id",
            Self::Name => "name",
            Self::Parameter => "name in a parameter of the request",
        })
    }
}

/// What is wrong with a token that nobody should accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flaw {
    /// Its header says that nobody signed it, and nobody did.
    AlgNone,
    /// Its signature was cut off.
    NoSignature,
    /// Its signature is one that no key has made.
    ForeignSignature,
    /// It is genuine, for another audience.
    WrongAudience,
    /// It is genuine, by another issuer.
    WrongIssuer,
    /// It is genuine, and has ended.
    Expired,
    /// It is a refresh token.
    RefreshToken,
    /// Some characters in its middle are others.
    Altered,
    /// Its end is missing.
    CutShort,
}

/// What came of a socket that the harness opened on its own account: it joined the live feed as the
/// app does, or was refused, and listened for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// What it asks.
    pub question: Question,
    /// The namespace that it asked for, where that is not the feed's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Whether the namespace was joined, and nobody sent the socket away again.
    pub joined: bool,
    /// How it was received, in words.
    pub how: String,
    /// The events that came and change data, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// What tells the acknowledgements apart that its subscriptions got.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<u64>,
    /// How many milliseconds after joining the first event came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_ms: Option<u64>,
}

impl Heard {
    /// Whether it got all that a genuine socket got; nothing if that cannot be told.
    #[must_use]
    pub fn is_let_in(&self, genuine: &Self) -> Option<bool> {
        if !self.joined {
            return Some(false);
        }
        let got = if genuine.events.is_empty() {
            self.answers == genuine.answers
        } else {
            !self.events.is_empty()
        };
        got.then_some(true)
    }

    /// What came of it, in words.
    #[must_use]
    pub fn words(&self) -> String {
        let place = self.namespace.as_ref();
        let place = place.map_or_else(String::new, |name| format!(" in `{name}`"));
        match self.events.first() {
            Some(event) => format!("the socket was {}{place}, and `{event}` came", self.how),
            None => format!("the socket was {}{place}", self.how),
        }
    }
}

impl Flaw {
    /// What it is, in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::AlgNone => "a token with `alg: none`",
            Self::NoSignature => "a token without its signature",
            Self::ForeignSignature => "a token with a signature that no key has made",
            Self::WrongAudience => "a genuine token for another audience",
            Self::WrongIssuer => "a genuine token of another issuer",
            Self::Expired => "a genuine token that has ended",
            Self::RefreshToken => "a refresh token in the place of an access token",
            Self::Altered => "a token some of whose characters were changed",
            Self::CutShort => "a token without its end",
        }
    }
}

impl Question {
    /// The question in words, for timelines.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Own => "what does this account get of its own?".to_owned(),
            Self::UsedRefresh => "is a used refresh token refused?".to_owned(),
            Self::SuccessorRefresh => "has its successor ended with it?".to_owned(),
            Self::NoToken => "is data refused without a token?".to_owned(),
            Self::GenuineToken => "is data given to a genuine token?".to_owned(),
            Self::BadToken { flaw } => format!("is {} refused?", flaw.words()),
            Self::RefreshAfterSignOut => "has the refresh token ended with the session?".to_owned(),
            Self::AccessAfterSignOut => "has the access token ended with the session?".to_owned(),
            Self::StatusInMaintenance => "is the kill-switch on?".to_owned(),
            Self::DataInMaintenance => "is data refused meanwhile?".to_owned(),
            Self::ForbiddenCall => "is a forbidden call refused?".to_owned(),
            Self::ForbiddenNamespace { namespace } => {
                format!("is the namespace `{namespace}` refused?")
            }
            Self::Walk { walk, page } => format!("walk {walk} through the list, page {page}"),
            Self::UnknownCursor => "is an unknown cursor refused?".to_owned(),
            Self::OfAnother { what, .. } => format!("is another account's {what} refused?"),
            Self::Alternately { round } => {
                format!("whose data comes when accounts take turns, round {round}?")
            }
            Self::UnknownUser => "is a name that nobody has refused?".to_owned(),
            Self::WrongPassword => "is a wrong password refused?".to_owned(),
            Self::RefreshInGrace => "is a used refresh token good within the grace?".to_owned(),
            Self::OtherAudience => "what are tokens for another audience?".to_owned(),
            Self::ForbiddenGuess => "is a forbidden call on a made-up id refused?".to_owned(),
            Self::Validator => "with which validator is it given?".to_owned(),
            Self::Unchanged => "is it what it was when the validator was given?".to_owned(),
            Self::OtherSlash => {
                "is data refused without a token with the path's other slash?".to_owned()
            }
            Self::ForbiddenOtherSlash => {
                "is a forbidden call refused with the path's other slash?".to_owned()
            }
            Self::SocketBeforeMaintenance => {
                "what does a socket hear before the kill-switch is moved?".to_owned()
            }
            Self::SocketInMaintenance => {
                "what does a socket hear that was open before the kill-switch was moved?".to_owned()
            }
            Self::Compared {
                resource,
                reading,
                page,
            } => {
                let who = match reading {
                    Reading::App => "the app",
                    Reading::OtherFirst | Reading::OtherAgain => "another client",
                };
                format!("what does {who} read of `{resource}`, page {page}?")
            }
            Self::OwnTag => "is this account's own entity tag a match?".to_owned(),
            Self::TagOfAnother { .. } => "is another account's entity tag no match?".to_owned(),
        }
    }
}
