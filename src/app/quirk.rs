//! Deliberate misbehaviour, to prove that the harness notices.
//!
//! Each quirk is one small deviation at one place of the machine, and says which rules it breaks.

use std::collections::BTreeSet;

macro_rules! quirks {
    ($($variant:ident $name:literal [$($rule:literal),+] $what:literal;)+) => {
        /// One deliberate misbehaviour of the simulated app.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Quirk {
            $(#[doc = $what] $variant,)+
        }

        impl Quirk {
            /// Every quirk.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its name on the command line.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What the app does wrong.
            #[must_use]
            pub fn what(self) -> &'static str {
                match self { $(Self::$variant => $what,)+ }
            }

            /// The ids of the rules that notice it.
            #[must_use]
            pub fn trips(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($rule),+],)+ }
            }
        }
    };
}

quirks! {
    TokenInQuery "token-in-query" ["SESSION-1"]
        "Data requests carry the access token in their query.";
    SocketTokenInQuery "socket-token-in-query" ["SESSION-1", "SESSION-2"]
        "The socket's token stands in its URL instead of the CONNECT payload.";
    ParallelRefreshes "parallel-refreshes" ["SESSION-4"]
        "Two parts of the app refresh the session at the same time.";
    RefreshLoop "refresh-loop" ["SESSION-8"]
        "A request that is refused with 401 is refreshed for and replayed again and again.";
    RefreshOn403 "refresh-on-403" ["SESSION-8"]
        "A 403 makes the app refresh its session.";
    SignOutOn403 "sign-out-on-403" ["SESSION-8"]
        "A 403 makes the app sign out.";
    SignInOnRestore "sign-in-on-restore" ["SESSION-14"]
        "The password is kept, and sent again when the app is reopened.";
    DataBeforeSession "data-before-session" ["SESSION-14"]
        "Data is asked for while nobody is signed in.";
    NoStatusFirst "no-status-first" ["KILL-1"]
        "At start and in the foreground data is asked for before the kill-switch.";
    DataWhileBlocked "data-while-blocked" ["KILL-2"]
        "Data goes on behind the maintenance screen.";
    SignOutOnMaintenance "sign-out-on-maintenance" ["KILL-4"]
        "The kill-switch makes the app sign out.";
    MaintenanceForGood "maintenance-for-good" ["KILL-4"]
        "Once blocked, the app does not ask again until it is started anew.";
    RetryWithoutBackoff "retry-without-backoff" ["NET-1"]
        "Failed requests are repeated after a short, constant time.";
    ReconnectWithoutBackoff "reconnect-without-backoff" ["NET-1"]
        "The socket reconnects after a short, constant time.";
    AttemptsWhileOffline "attempts-while-offline" ["NET-10"]
        "The app goes on asking although the device has no network.";
    NoFallback "no-fallback" ["SYNC-1"]
        "The app never polls when the socket is gone.";
    StaysOnPolling "stays-on-polling" ["SYNC-2"]
        "Once the app polls, it gives the socket up for good.";
    PollsBesideSocket "polls-beside-socket" ["SYNC-3"]
        "The app polls from the beginning, beside a live socket.";
    NeverStopsPolling "never-stops-polling" ["SYNC-3"]
        "The app goes on polling when the socket is back.";
    TwoPollers "two-pollers" ["SYNC-4"]
        "Each screen starts a poller of its own, and all run side by side.";
    OverlappingPolls "overlapping-polls" ["SYNC-4"]
        "A poll is sent while another one for the same data is in flight.";
    PollsTooFast "polls-too-fast" ["SYNC-4"]
        "The polling interval is below the floor.";
    NoSnapshot "no-snapshot" ["SYNC-5"]
        "Nothing is read again after the socket has reconnected.";
    CallsForbidden "calls-forbidden" ["SCOPE-1"]
        "After sign-in the app calls an endpoint that it must never call.";
    UndeclaredWrite "undeclared-write" ["SCOPE-2"]
        "After sign-in the app writes to a resource that it may only read.";
    DisguisedRead "disguised-read" ["SCOPE-3"]
        "A declared read is written in a form that is not canonical.";
    DisguisedWrite "disguised-write" ["SCOPE-1", "SCOPE-3"]
        "A forbidden write is written in a form that is not canonical.";
    UndeclaredEmit "undeclared-emit" ["SCOPE-4"]
        "The app emits an event over the socket that nobody declared.";
    ForbiddenNamespace "forbidden-namespace" ["SCOPE-4"]
        "The app joins a namespace that is not for it.";
}

impl Quirk {
    /// The quirk of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|quirk| quirk.name() == name)
    }
}

impl std::fmt::Display for Quirk {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.name())
    }
}

/// The quirks that an app has; usually none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Quirks(BTreeSet<Quirk>);

impl Quirks {
    /// An app that behaves.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Whether the app has this quirk.
    #[must_use]
    pub fn has(&self, quirk: Quirk) -> bool {
        self.0.contains(&quirk)
    }

    /// All of them, in the order of [`Quirk::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = Quirk> + '_ {
        self.0.iter().copied()
    }
}

impl FromIterator<Quirk> for Quirks {
    fn from_iter<I: IntoIterator<Item = Quirk>>(quirks: I) -> Self {
        Self(quirks.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quirk_is_found_by_its_kebab_case_name() {
        for &quirk in Quirk::ALL {
            assert_eq!(Quirk::parse(quirk.name()), Some(quirk));
            assert!(
                quirk
                    .name()
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'-' || byte.is_ascii_digit()),
                "{quirk}"
            );
        }
    }
}
