//! Deliberate misbehaviours of the mock: each one small deviation in one place, to prove that the harness notices.

use std::collections::BTreeSet;

/// One way in which the mock can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Defect {
    /// Access tokens are signed by a key that the key set does not hold.
    ForeignKey,
    /// Access tokens are made for another audience.
    WrongAudience,
    /// Access tokens say that they ended before they were issued.
    ExpiredAtIssue,
    /// The profile is that of another user.
    ForeignProfile,
    /// The status says that all is well while the kill-switch is on.
    StatusIgnoresSwitch,
    /// Data is served while the kill-switch is on.
    DataDuringMaintenance,
    /// The feed never emits anything.
    SilentFeed,
    /// Sockets are never let in.
    SocketsRefused,
    /// The feed goes on after the token has ended.
    EventsAfterExpiry,
    /// Answers carry no request id.
    NoRequestId,
    /// One number of every answer is a text.
    NumberAsText,
    /// One item between two pages is left out.
    LostPageItem,
    /// The first item of a page is the last one of the page before.
    RepeatedPageItem,
    /// Refreshing a session fails with a server error.
    RefreshBroken,
    /// A refresh token can be used twice.
    RefreshReuse,
    /// Signing out ends nothing.
    SignOutKeepsSession,
    /// A restart forgets all sessions.
    SessionsLostOnRestart,
    /// Data of a user may be kept by shared caches.
    CacheableData,
}

impl Defect {
    /// Every defect.
    pub const ALL: [Self; 18] = [
        Self::ForeignKey,
        Self::WrongAudience,
        Self::ExpiredAtIssue,
        Self::ForeignProfile,
        Self::StatusIgnoresSwitch,
        Self::DataDuringMaintenance,
        Self::SilentFeed,
        Self::SocketsRefused,
        Self::EventsAfterExpiry,
        Self::NoRequestId,
        Self::NumberAsText,
        Self::LostPageItem,
        Self::RepeatedPageItem,
        Self::RefreshBroken,
        Self::RefreshReuse,
        Self::SignOutKeepsSession,
        Self::SessionsLostOnRestart,
        Self::CacheableData,
    ];

    /// The name that the command line uses.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.card().name
    }

    /// What the mock does wrong, in one sentence.
    #[must_use]
    pub fn what(self) -> &'static str {
        self.card().what
    }

    /// The rules that notice it, given the occasion. Where there are none, a scenario's expectation
    /// may.
    #[must_use]
    pub fn trips(self) -> &'static [&'static str] {
        self.card().trips
    }

    /// The defect of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|defect| defect.name() == name)
    }

    fn card(self) -> Card {
        let (name, what, trips): (_, _, &'static [&'static str]) = match self {
            Self::ForeignKey => (
                "foreign-key",
                "signs access tokens with a key that is not in its key set",
                &["SESSION-15"],
            ),
            Self::WrongAudience => (
                "wrong-audience",
                "issues access tokens for another audience",
                &["SESSION-15"],
            ),
            Self::ExpiredAtIssue => (
                "expired-at-issue",
                "issues access tokens whose expiry has already passed",
                &["SESSION-15"],
            ),
            Self::ForeignProfile => (
                "foreign-profile",
                "answers the profile of another user",
                &["SESSION-15"],
            ),
            Self::StatusIgnoresSwitch => (
                "status-ignores-switch",
                "says that all is well while the kill-switch is on",
                &[],
            ),
            Self::DataDuringMaintenance => (
                "data-during-maintenance",
                "serves data and events while the kill-switch is on",
                &["KILL-7"],
            ),
            Self::SilentFeed => ("silent-feed", "never emits an event", &["SYNC-11"]),
            Self::SocketsRefused => (
                "sockets-refused",
                "answers every request on the socket path with 404",
                &[],
            ),
            Self::EventsAfterExpiry => (
                "events-after-expiry",
                "goes on emitting to a socket whose token has ended",
                &["SESSION-12"],
            ),
            Self::NoRequestId => (
                "no-request-id",
                "leaves the request id out of every answer",
                &["NET-13"],
            ),
            Self::NumberAsText => (
                "number-as-text",
                "writes the first number of every resource as a text",
                &["SYNC-13"],
            ),
            Self::LostPageItem => (
                "lost-page-item",
                "leaves out one item between two pages of a list",
                &[],
            ),
            Self::RepeatedPageItem => (
                "repeated-page-item",
                "begins a page with the last item of the page before",
                &["SYNC-12"],
            ),
            Self::RefreshBroken => (
                "refresh-broken",
                "answers every refresh of a session with 500",
                &[],
            ),
            Self::RefreshReuse => (
                "refresh-reuse",
                "accepts a refresh token that was already used",
                &[],
            ),
            Self::SignOutKeepsSession => (
                "sign-out-keeps-session",
                "answers a sign-out without ending the session",
                &[],
            ),
            Self::SessionsLostOnRestart => (
                "sessions-lost-on-restart",
                "forgets every session when a service is started again",
                &["SYNC-14"],
            ),
            Self::CacheableData => (
                "cacheable-data",
                "lets shared caches keep a user's data",
                &["TENANT-4"],
            ),
        };
        Card { name, what, trips }
    }
}

struct Card {
    name: &'static str,
    what: &'static str,
    trips: &'static [&'static str],
}

impl std::fmt::Display for Defect {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.name())
    }
}

/// The ways in which one mock is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Defects(BTreeSet<Defect>);

impl Defects {
    /// A mock that behaves.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Whether the mock has this defect.
    #[must_use]
    pub fn has(&self, defect: Defect) -> bool {
        self.0.contains(&defect)
    }

    /// All of them, in the order of [`Defect::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = Defect> + '_ {
        self.0.iter().copied()
    }
}

impl FromIterator<Defect> for Defects {
    fn from_iter<I: IntoIterator<Item = Defect>>(defects: I) -> Self {
        Self(defects.into_iter().collect())
    }
}
