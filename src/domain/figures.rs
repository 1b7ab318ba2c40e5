//! What a journal amounts to in numbers, and the limits that a contract sets to them.
//!
//! Figures of scenarios add up to figures of a run, and those of nights and machines to figures of
//! weeks: adding is associative and commutative, and what is shown as a percentile is kept as a
//! histogram. What the harness provoked is counted beside them, never among them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

mod distribution;
mod limit;
mod written;

pub use distribution::{Distribution, Quantile, Unreadable};
pub use limit::{Bound, Figure, Limit, Measure, Of, Routes};
pub use written::Written;

/// The route of requests that no contract declares.
pub const OTHER: &str = "other";

/// What the client of a journal did and met, in numbers. Requests of the harness are none of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// How long there was a client to watch.
    pub watched: Duration,
    /// Sign-ins with credentials.
    pub sign_ins: Attempts,
    /// Renewals of a session.
    pub refreshes: Attempts,
    /// All requests together, without those that carry a socket on by long-polling.
    pub load: Load,
    /// What was asked for and how it was answered, by role; [`OTHER`] is what nobody declared.
    pub routes: BTreeMap<String, Route>,
    /// Engine.IO handshakes, on either transport, let in or not.
    pub sockets: Connects,
    /// How data arrived.
    pub feed: FeedTimes,
    /// How old shown data was when it was replaced or left the screen, by resource.
    pub ages: BTreeMap<String, Distribution>,
    /// From the loss of the live feed to the first answered poll.
    pub fallback: Distribution,
    /// From the moment at which the live feed could come back to the one at which it was there.
    pub comeback: Distribution,
    /// From the kill-switch to the last data request that began all the same.
    pub kill: Distribution,
    /// Requests of the harness itself: canaries, and questions to the backend.
    pub by_harness: u64,
}

/// What came of attempts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempts {
    /// Granted.
    pub succeeded: u64,
    /// Refused as the contract says that it is done.
    pub refused: u64,
    /// Answered otherwise, or not at all.
    pub failed: u64,
    /// Failed while the harness kept something from working.
    pub provoked: u64,
}

/// How much was asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// Requests.
    pub requests: u64,
    /// The most of them within a minute.
    pub peak_minute: u64,
}

/// What was asked for on one route, and how it was answered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Route {
    /// How much was asked for, whatever became of it.
    pub load: Load,
    /// Answers of the backend that nobody provoked, and what of them was 401, 403, and 500 or more.
    pub answered: u64,
    /// … 401.
    pub status_401: u64,
    /// … 403.
    pub status_403: u64,
    /// … 500 or more.
    pub status_5xx: u64,
    /// Requests that the backend left without an answer, although nobody provoked it.
    pub lost: u64,
    /// Requests that ended while the harness kept something from working.
    pub provoked: u64,
    /// From each request to its answer, as far as nobody provoked it. Long polls and WebSockets last
    /// as long as they like, and are left out.
    pub latency: Distribution,
}

/// How often sockets were opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connects {
    /// Handshakes.
    pub connects: u64,
    /// The most of them within a second.
    pub peak_second: u64,
}

/// For how long data arrived in which way, while a session was open in an app that was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedTimes {
    /// All of the time.
    pub all: Ways,
    /// The time in which the harness disturbed nothing, and had not just done so.
    pub steady: Ways,
    /// Without a network.
    pub offline: Duration,
}

/// Ways in which data arrives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ways {
    /// Over the socket.
    pub live: Duration,
    /// By polling.
    pub polling: Duration,
    /// Not at all: what is shown is ageing.
    pub stale: Duration,
}

impl Figures {
    /// Adds what was measured elsewhere.
    pub fn add(&mut self, other: &Self) {
        self.watched += other.watched;
        self.sign_ins.add(other.sign_ins);
        self.refreshes.add(other.refreshes);
        self.load.add(other.load);
        for (name, route) in &other.routes {
            self.routes.entry(name.clone()).or_default().add(route);
        }
        self.sockets.connects += other.sockets.connects;
        self.sockets.peak_second = self.sockets.peak_second.max(other.sockets.peak_second);
        self.feed.add(other.feed);
        for (name, ages) in &other.ages {
            self.ages.entry(name.clone()).or_default().add(ages);
        }
        self.fallback.add(&other.fallback);
        self.comeback.add(&other.comeback);
        self.kill.add(&other.kill);
        self.by_harness += other.by_harness;
    }

    /// The requests of a load per minute, on average; nothing where less than a minute was watched.
    #[must_use]
    pub fn per_minute(&self, load: Load) -> Option<f64> {
        let minutes = self.watched.as_secs_f64() / 60.0;
        (minutes >= 1.0).then(|| load.requests as f64 / minutes)
    }

    /// All routes in one.
    #[must_use]
    pub fn all_routes(&self) -> Route {
        let mut all = self.routes_but(&[]);
        all.load = self.load;
        all
    }

    /// All routes in one, but for these.
    #[must_use]
    pub fn routes_but(&self, left_out: &[String]) -> Route {
        let mut all = Route::default();
        for (name, route) in &self.routes {
            if !left_out.contains(name) {
                all.add(route);
            }
        }
        all
    }
}

impl Attempts {
    fn add(&mut self, other: Self) {
        self.succeeded += other.succeeded;
        self.refused += other.refused;
        self.failed += other.failed;
        self.provoked += other.provoked;
    }

    /// Those that nobody provoked.
    #[must_use]
    pub fn counted(&self) -> u64 {
        self.succeeded + self.refused + self.failed
    }
}

impl Load {
    fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.peak_minute = self.peak_minute.max(other.peak_minute);
    }
}

impl Route {
    fn add(&mut self, other: &Self) {
        self.load.add(other.load);
        self.answered += other.answered;
        self.status_401 += other.status_401;
        self.status_403 += other.status_403;
        self.status_5xx += other.status_5xx;
        self.lost += other.lost;
        self.provoked += other.provoked;
        self.latency.add(&other.latency);
    }
}

impl FeedTimes {
    fn add(&mut self, other: Self) {
        self.all.add(other.all);
        self.steady.add(other.steady);
        self.offline += other.offline;
    }
}

impl Ways {
    fn add(&mut self, other: Self) {
        self.live += other.live;
        self.polling += other.polling;
        self.stale += other.stale;
    }

    /// All of them together.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.live + self.polling + self.stale
    }
}

#[cfg(test)]
mod tests;
