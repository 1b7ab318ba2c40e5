//! Why the harness does not ask something, or gave it up: the rule that would be judged by it is then
//! reported as not judged, with this reason.

use std::time::Duration;

use crate::run::call::ConnectionError;

/// Why something is not asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotAsked {
    // What the configuration of the target does not allow.
    /// Nothing may be asked.
    #[error("the target `{target}` allows no probes: its configuration lacks `probes = true`")]
    NoProbes {
        /// The target's name.
        target: String,
    },
    /// Nobody's sessions may be ended, and nobody may write.
    #[error("the target names no `disposable` account, and this would end sessions or write")]
    NoDisposable,
    /// The mock's world has nobody to ask as.
    #[error("the world has no tester")]
    NoTester,
    /// Nobody can sign in.
    #[error("the target has no account")]
    NoAccount,
    /// Two accounts cannot be compared.
    #[error("the target has one account only")]
    OneAccount,
    /// A session of the harness's own might end one of the app's.
    #[error("every account of the target is in use by the app, which a second sign-in may disturb")]
    AllInUse,
    /// The backend does not know of the maintenance.
    #[error("maintenance is imitated at the gateway, so the backend is not in it")]
    Imitated,

    // What the contract gives nothing to ask about.
    /// A part of the contract is missing.
    #[error("the contract has no {0}")]
    NoPart(&'static str),
    /// There is no forbid list.
    #[error("the contract forbids nothing")]
    NothingForbidden,
    /// A used refresh token is good for too long.
    #[error("the contract's `reuse-grace` is longer than {} s", .0.as_secs())]
    LongGrace(Duration),
    /// Whoever joins the feed shows no token.
    #[error("by the contract the feed's CONNECT carries no token")]
    NoFeedToken,
    /// The client of the contract keeps to long-polling.
    #[error("the feed has no WebSocket, by which the harness listens")]
    NoWebsocket,
    /// No request names anything that belongs to an account.
    #[error("nothing in the contract is asked for by a cursor, an id or a name")]
    NothingNamed,

    // What the backend's answers leave nothing to ask about.
    /// The harness is not let in.
    #[error("the harness could not sign in as `{account}`: {status}")]
    NotSignedIn {
        /// The account's name.
        account: String,
        /// How the sign-in was answered.
        status: u16,
    },
    /// The harness's own session is not renewed.
    #[error("the harness could not refresh its own session")]
    NotRefreshed,
    /// A refresh token is never used up.
    #[error("the backend does not rotate refresh tokens, so none is ever used up")]
    NotRotated,
    /// The harness's own session is not ended.
    #[error("the harness's sign-out was answered with {0}")]
    NotSignedOut(u16),
    /// Everything is open to everybody.
    #[error("no resource is refused without a token")]
    NothingGuarded,
    /// A genuine token is good for nothing.
    #[error("`{resource}` was answered with {status} to a genuine token")]
    NotGranted {
        /// The resource.
        resource: String,
        /// How it was answered.
        status: u16,
    },
    /// A token is good for longer than anybody waits.
    #[error("access tokens outlive the run, and the target has no lever `expire-tokens`")]
    OutlivesRun,
    /// A token is over when it is handed out.
    #[error("access tokens are over when they are handed out, by what is said of their end")]
    NeverGood,
    /// The harness cannot join the feed.
    #[error("the harness was not let into the live feed itself")]
    NotJoined,
    /// The harness cannot open an Engine.IO session.
    #[error("the harness could not open a polling session")]
    NoSession,
    /// An Engine.IO session of the harness's is refused.
    #[error("a poll of the harness was answered with {0}")]
    PollRefused(u16),
    /// A list cannot be read to its end.
    #[error("page {page} of `{resource}` was answered with {status}")]
    PageRefused {
        /// The page, from 1.
        page: u32,
        /// The list.
        resource: String,
        /// How it was answered.
        status: u16,
    },
    /// A list has no end in sight.
    #[error("`{resource}` has more than {pages} pages")]
    TooManyPages {
        /// The list.
        resource: String,
        /// How many were read.
        pages: u32,
    },
    /// The pages of a list lead in a circle.
    #[error("the pages of `{resource}` lead in a circle")]
    Circle {
        /// The list.
        resource: String,
    },
    /// Nothing can be asked for conditionally.
    #[error("no answer carries an entity tag or a date of change")]
    NoValidator,
    /// Entity tags tell no account from another.
    #[error("no answer carries an entity tag that tells the two accounts apart, or should")]
    NoTellingTag,

    // What nobody answered.
    /// All questions together take too long.
    #[error("the backend took longer than {} s to answer what the harness asked", .0.as_secs())]
    TooSlow(Duration),
    /// A request brought no answer.
    #[error("{method} {service} failed: {why}")]
    Lost {
        /// Its method.
        method: String,
        /// Where it went.
        service: String,
        /// What happened to it.
        why: ConnectionError,
    },
    /// A socket could not be opened.
    #[error("the feed: {0}")]
    FeedLost(ConnectionError),
}

impl NotAsked {
    /// Whether the backend's own answers are the reason, and neither the target's configuration nor the
    /// contract: then something may be wrong with it.
    pub(super) fn is_suspicious(&self) -> bool {
        matches!(
            self,
            Self::NotRefreshed
                | Self::NotRotated
                | Self::NotSignedOut(_)
                | Self::NothingGuarded
                | Self::NotGranted { .. }
                | Self::NotJoined
                | Self::PageRefused { .. }
                | Self::TooManyPages { .. }
                | Self::TooSlow(_)
        )
    }

    /// That a target allows no probes at all.
    pub(super) fn no_probes(target: &str) -> Self {
        Self::NoProbes {
            target: target.to_owned(),
        }
    }
}
