//! The figures that a contract can set a limit to, and such a limit.

use std::fmt;
use std::time::Duration;

use super::distribution::Quantile;

/// Declares the closed list of figures: name, the word that a contract uses, how it is measured and
/// by what it is told apart.
macro_rules! figures {
    ($($(#[$about:meta])* $name:ident $word:literal $measure:ident by $routes:ident;)+) => {
        /// A figure that a contract can set a limit to.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Figure {
            $($(#[$about])* $name,)+
        }

        impl Figure {
            /// Every one with the word that a contract uses.
            pub const ALL: &[(&'static str, Self)] = &[$(($word, Self::$name)),+];

            /// The word that a contract uses.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            /// How it is measured, and so by what it can be limited.
            #[must_use]
            pub fn measure(self) -> Measure {
                match self { $(Self::$name => Measure::$measure,)+ }
            }

            /// By what it is told apart.
            #[must_use]
            pub fn routes(self) -> Routes {
                match self { $(Self::$name => Routes::$routes,)+ }
            }

            /// What a contract without a limit to it has.
            #[must_use]
            pub fn lacking(self) -> &'static str {
                match self { $(Self::$name => concat!("no limit to `", $word, "`"),)+ }
            }
        }
    };
}

figures! {
    /// Sign-ins that failed for another reason than their credentials.
    SignInFailures "sign-in-failures" Failures by Nothing;
    /// Sign-ins whose credentials were refused.
    SignInRefusals "sign-in-refusals" Failures by Nothing;
    /// Renewals of a session that failed or were refused.
    RefreshFailures "refresh-failures" Failures by Nothing;
    /// Answers of 401, but for those to sign-ins and renewals.
    Errors401 "errors-401" Failures by Requests;
    /// Answers of 403, but for those to sign-ins and renewals.
    Errors403 "errors-403" Failures by Requests;
    /// Answers of 500 or more.
    Errors5xx "errors-5xx" Failures by Requests;
    /// From a request to its answer.
    Latency "latency" Times by Requests;
    /// Requests in the peak minute.
    RequestsPerMinute "requests-per-minute" Peak by Requests;
    /// Handshakes of sockets in the peak second.
    SocketConnectsPerSecond "socket-connects-per-second" Peak by Nothing;
    /// The time in which data arrived by polling.
    TimePolling "time-polling" Portion by Nothing;
    /// The time in which no data arrived.
    TimeStale "time-stale" Portion by Nothing;
    /// The age of data when it was replaced or left the screen.
    Freshness "freshness" Times by Resources;
    /// From the loss of the live feed to the first answered poll.
    TimeToFallback "time-to-fallback" Times by Nothing;
    /// From the moment at which the live feed could come back to its return.
    TimeToReturn "time-to-return" Times by Nothing;
    /// From the kill-switch to the last data request that began.
    KillLatency "kill-latency" Times by Nothing;
}

/// How a figure is measured, and so by what it can be limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Failures among attempts: a number, or a share of them.
    Failures,
    /// The most in a time of a fixed length: a number.
    Peak,
    /// A part of the time: a share.
    Portion,
    /// Durations: the longest, or a percentile.
    Times,
}

/// By what a figure is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Routes {
    /// It is one number.
    Nothing,
    /// By what is asked for.
    Requests,
    /// By what is shown.
    Resources,
}

/// How much of a figure is too much: anything above.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// The figure.
    pub figure: Figure,
    /// Of what.
    pub of: Of,
    /// The most that it may be.
    pub bound: Bound,
}

/// What a limit is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Of {
    /// All together.
    Any,
    /// Every route by itself, but for those that have a limit of their own.
    Each,
    /// One route, by its name in figures.
    Route(String),
}

/// The most that a figure may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// A number.
    Number(u64),
    /// A share, in percent.
    Percent(f64),
    /// A duration, of a percentile.
    Time(Quantile, Duration),
}

impl fmt::Display for Figure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}

impl Limit {
    /// Where it stands below a contract's `figures`.
    #[must_use]
    pub fn place(&self) -> String {
        match &self.of {
            Of::Any => self.figure.word().to_owned(),
            Of::Each => format!("{}.each", self.figure),
            Of::Route(route) => format!("{}.{route}", self.figure),
        }
    }
}
