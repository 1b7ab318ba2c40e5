//! Figures as reports write them, and as they are read again to be added to others. Durations are
//! milliseconds.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::distribution::{Distribution, Quantile, Unreadable};
use super::{Attempts, Connects, FeedTimes, Figures, Load, Route, Ways};

/// Figures as a document. What can be worked out from the rest is there for whoever reads along, and
/// is not read again: means and percentiles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Written {
    watched_ms: f64,
    requests: WrittenLoad,
    sign_ins: Attempts,
    refreshes: Attempts,
    routes: BTreeMap<String, WrittenRoute>,
    sockets: Connects,
    feed: WrittenFeed,
    freshness: BTreeMap<String, WrittenTimes>,
    time_to_fallback: WrittenTimes,
    time_to_return: WrittenTimes,
    kill_latency: WrittenTimes,
    harness_requests: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct WrittenLoad {
    count: u64,
    /// Null where less than a minute was watched.
    mean_per_minute: Option<f64>,
    peak_minute: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct WrittenRoute {
    requests: WrittenLoad,
    answered: u64,
    status_401: u64,
    status_403: u64,
    status_5xx: u64,
    lost: u64,
    provoked: u64,
    latency: WrittenTimes,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct WrittenFeed {
    all: WrittenWays,
    steady: WrittenWays,
    offline_ms: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct WrittenWays {
    live_ms: f64,
    polling_ms: f64,
    stale_ms: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct WrittenTimes {
    count: u64,
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
    p99_ms: Option<f64>,
    max_ms: Option<f64>,
    /// In HdrHistogram's format V2, in microseconds, base64.
    histogram: String,
}

impl From<&Figures> for Written {
    fn from(figures: &Figures) -> Self {
        let load = |load: Load| WrittenLoad {
            count: load.requests,
            mean_per_minute: figures.per_minute(load).map(hundredths),
            peak_minute: load.peak_minute,
        };
        let route = |(name, route): (&String, &Route)| {
            let written = WrittenRoute {
                requests: load(route.load),
                answered: route.answered,
                status_401: route.status_401,
                status_403: route.status_403,
                status_5xx: route.status_5xx,
                lost: route.lost,
                provoked: route.provoked,
                latency: WrittenTimes::of(&route.latency),
            };
            (name.clone(), written)
        };
        let ages = figures.ages.iter();
        Self {
            watched_ms: millis(figures.watched),
            requests: load(figures.load),
            sign_ins: figures.sign_ins,
            refreshes: figures.refreshes,
            routes: figures.routes.iter().map(route).collect(),
            sockets: figures.sockets,
            feed: WrittenFeed {
                all: WrittenWays::of(figures.feed.all),
                steady: WrittenWays::of(figures.feed.steady),
                offline_ms: millis(figures.feed.offline),
            },
            freshness: ages
                .map(|(name, ages)| (name.clone(), WrittenTimes::of(ages)))
                .collect(),
            time_to_fallback: WrittenTimes::of(&figures.fallback),
            time_to_return: WrittenTimes::of(&figures.comeback),
            kill_latency: WrittenTimes::of(&figures.kill),
            harness_requests: figures.by_harness,
        }
    }
}

impl TryFrom<Written> for Figures {
    type Error = Unreadable;

    fn try_from(written: Written) -> Result<Self, Unreadable> {
        let mut routes = BTreeMap::new();
        for (name, route) in written.routes {
            let latency = Distribution::decode(&route.latency.histogram)?;
            let read = Route {
                load: route.requests.read(),
                answered: route.answered,
                status_401: route.status_401,
                status_403: route.status_403,
                status_5xx: route.status_5xx,
                lost: route.lost,
                provoked: route.provoked,
                latency,
            };
            routes.insert(name, read);
        }
        let mut ages = BTreeMap::new();
        for (name, times) in written.freshness {
            ages.insert(name, Distribution::decode(&times.histogram)?);
        }
        Ok(Self {
            watched: duration(written.watched_ms),
            sign_ins: written.sign_ins,
            refreshes: written.refreshes,
            load: written.requests.read(),
            routes,
            sockets: written.sockets,
            feed: FeedTimes {
                all: written.feed.all.read(),
                steady: written.feed.steady.read(),
                offline: duration(written.feed.offline_ms),
            },
            ages,
            fallback: Distribution::decode(&written.time_to_fallback.histogram)?,
            comeback: Distribution::decode(&written.time_to_return.histogram)?,
            kill: Distribution::decode(&written.kill_latency.histogram)?,
            by_harness: written.harness_requests,
        })
    }
}

impl WrittenLoad {
    fn read(self) -> Load {
        Load {
            requests: self.count,
            peak_minute: self.peak_minute,
        }
    }
}

impl WrittenWays {
    fn of(ways: Ways) -> Self {
        Self {
            live_ms: millis(ways.live),
            polling_ms: millis(ways.polling),
            stale_ms: millis(ways.stale),
        }
    }

    fn read(self) -> Ways {
        Ways {
            live: duration(self.live_ms),
            polling: duration(self.polling_ms),
            stale: duration(self.stale_ms),
        }
    }
}

impl WrittenTimes {
    fn of(times: &Distribution) -> Self {
        let at = |quantile| times.at(quantile).map(millis);
        Self {
            count: times.count(),
            p50_ms: at(Quantile::P50),
            p95_ms: at(Quantile::P95),
            p99_ms: at(Quantile::P99),
            max_ms: at(Quantile::Max),
            histogram: times.encoded(),
        }
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1_000.0
}

/// What nobody could have measured is nothing.
fn duration(millis: f64) -> Duration {
    let micros = (millis * 1_000.0).round();
    // The cast holds at the bounds and takes what is no number for 0.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast from a float saturates, which is what is wanted"
    )]
    Duration::from_micros(micros as u64)
}

fn hundredths(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
