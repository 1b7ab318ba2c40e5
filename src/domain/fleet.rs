//! What a fleet of simulated apps did and met, in numbers that can be added up.
//!
//! Several processes play the stages of one fleet together, each with a part of the apps. What each reports
//! adds up to what one process with all of them would have reported: times are histograms, and connects are
//! counted by the second of the wall's time, so that the peak of all is known and not guessed.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::duration::micros;
use super::figures::Distribution;
use super::journal::Class;

mod storm;

pub use storm::Storm;

/// The version of the report's form.
pub const VERSION: u32 = 1;

/// How many requests that the scope denies are kept as evidence; all are counted.
pub const EVIDENCE: usize = 20;

/// What a fleet came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Fleet {
    /// The version of this form.
    pub version: u32,
    /// The contract's name.
    pub contract: String,
    /// The target's name.
    pub target: String,
    /// What all chance derived from, process by process.
    pub seeds: Vec<u64>,
    /// Whether time was virtual: then nothing here says how fast anything is.
    pub virtual_time: bool,
    /// How many apps there were.
    pub apps: u64,
    /// How many accounts they signed in with.
    pub accounts: u64,
    /// What the fleet's processes held.
    pub memory: Memory,
    /// The stages, in the order in which they were played.
    pub stages: Vec<Stage>,
    /// What the scope said about all that the apps wanted to send.
    pub scope: Scope,
    /// Whether it was stopped before its end.
    pub interrupted: bool,
}

/// What the processes of a fleet held in memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Memory {
    /// Resident bytes before the first app was there; 0 where the system does not say.
    pub before: u64,
    /// Resident bytes at the end of the first time in which all were held.
    pub held: u64,
}

impl Memory {
    /// Bytes for each of so many apps.
    #[must_use]
    pub fn per_app(&self, apps: u64) -> Option<u64> {
        let own = self.held.checked_sub(self.before)?;
        (own > 0 && self.before > 0).then(|| own.checked_div(apps))?
    }

    fn add(&mut self, other: Self) {
        self.before += other.before;
        self.held += other.held;
    }
}

/// One stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Stage {
    /// Its name: `ramp`, `hold`, `storm 1: sockets`.
    pub name: String,
    /// How many apps were in the fleet.
    pub apps: u64,
    /// How many of them were live at its end.
    pub live: u64,
    /// How long it took; of several processes the longest time.
    #[serde(rename = "lasted-us", with = "micros")]
    pub lasted: Duration,
    /// The processor time of the fleet's processes. Where the mock is in the process, its own is in it.
    #[serde(rename = "processor-us", with = "micros")]
    pub processor: Duration,
    /// What the apps did and met.
    pub counts: Counts,
}

/// What apps did and met in one stage.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Counts {
    /// From each app's start, or the moment at which it could come back, to its live feed.
    pub time_to_live: Distribution,
    /// Handshakes of sockets that were begun, by the second of the wall's time since 1970.
    pub connects: BTreeMap<u64, u64>,
    /// Requests by role, without those that carry a socket on; `other` is what nobody declared.
    pub requests: BTreeMap<String, Requests>,
    /// Why requests were not sent or left without an answer, and how often.
    #[serde(default)]
    pub failures: BTreeMap<String, u64>,
    /// Why sockets did not connect, and how often.
    pub connect_errors: BTreeMap<String, u64>,
    /// Why connected sockets ended, and how often.
    pub disconnects: BTreeMap<String, u64>,
    /// What was tried again.
    pub retries: Retries,
    /// Events that arrived over sockets.
    pub events: u64,
}

/// Requests of one role, and what came of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Requests {
    /// Answered below 400, 304 among them.
    pub succeeded: u64,
    /// Answered with 400 to 499.
    pub client_errors: u64,
    /// Answered with 500 or more.
    pub server_errors: u64,
    /// Sent, and broken, timed out or given up.
    pub lost: u64,
    /// Not sent: no connection could be made, or the scope or the budget forbade it.
    pub not_sent: u64,
    /// From each request to its answer.
    pub latency: Distribution,
}

/// What was tried again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Retries {
    /// Attempts to connect a socket after the first one of a loss.
    pub connects: u64,
    /// Requests after one of the same role that failed.
    pub requests: u64,
}

/// What the scope said about all that the apps wanted to send.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Scope {
    /// Requests that were judged.
    pub requests: u64,
    /// Frames of WebSockets that were judged.
    pub frames: u64,
    /// What was denied, and so never sent.
    pub denied: u64,
    /// … of that, what the contract forbids or nobody declared as a write.
    pub forbidden_writes: u64,
    /// The first of what was denied.
    pub evidence: Vec<Denied>,
}

/// Something that an app wanted to send and must not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Denied {
    /// When, since the fleet began.
    #[serde(rename = "at-us", with = "micros")]
    pub at: Duration,
    /// Which app, counted from 0.
    pub app: u64,
    /// What: method, service and path, or the kind of the frame; never a query, a body or a payload.
    pub what: String,
    /// What the scope says.
    pub class: Class,
    /// Why.
    pub reason: String,
}

impl Scope {
    /// Takes in something that is denied.
    pub fn deny(&mut self, denied: Denied) {
        self.denied += 1;
        if matches!(denied.class, Class::Forbidden | Class::UndeclaredWrite) {
            self.forbidden_writes += 1;
        }
        if self.evidence.len() < EVIDENCE {
            self.evidence.push(denied);
        }
    }

    /// Adds what was judged elsewhere.
    pub fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.frames += other.frames;
        self.denied += other.denied;
        self.forbidden_writes += other.forbidden_writes;
        let room = EVIDENCE.saturating_sub(self.evidence.len());
        self.evidence
            .extend(other.evidence.iter().take(room).cloned());
    }
}

impl Counts {
    /// Adds what was counted elsewhere.
    pub fn add(&mut self, other: &Self) {
        self.time_to_live.add(&other.time_to_live);
        for (second, connects) in &other.connects {
            *self.connects.entry(*second).or_default() += connects;
        }
        for (role, requests) in &other.requests {
            self.requests.entry(role.clone()).or_default().add(requests);
        }
        for (all, own) in [
            (&mut self.failures, &other.failures),
            (&mut self.connect_errors, &other.connect_errors),
            (&mut self.disconnects, &other.disconnects),
        ] {
            for (why, times) in own {
                *all.entry(why.clone()).or_default() += times;
            }
        }
        self.retries.connects += other.retries.connects;
        self.retries.requests += other.retries.requests;
        self.events += other.events;
    }

    /// All handshakes.
    #[must_use]
    pub fn all_connects(&self) -> u64 {
        self.connects.values().sum()
    }

    /// The most handshakes within one second of the wall's time.
    #[must_use]
    pub fn peak_second(&self) -> u64 {
        self.connects.values().copied().max().unwrap_or(0)
    }

    /// Requests and connects that came to nothing.
    #[must_use]
    pub fn errors(&self) -> u64 {
        let requests = self.requests.values().map(Requests::errors);
        requests.sum::<u64>() + self.connect_errors.values().sum::<u64>()
    }
}

impl Requests {
    /// All of them.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.succeeded + self.errors()
    }

    /// Those that did not succeed.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.client_errors + self.server_errors + self.lost + self.not_sent
    }

    fn add(&mut self, other: &Self) {
        self.succeeded += other.succeeded;
        self.client_errors += other.client_errors;
        self.server_errors += other.server_errors;
        self.lost += other.lost;
        self.not_sent += other.not_sent;
        self.latency.add(&other.latency);
    }
}

/// Why reports do not add up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unlike {
    /// They are of different worlds.
    #[error("one has the {what} `{one}`, another `{other}`: they are no parts of one fleet")]
    What {
        /// In what they differ.
        what: &'static str,
        /// What the first has.
        one: String,
        /// What the other has.
        other: String,
    },
}

impl Fleet {
    /// Adds another process's part of the same fleet.
    ///
    /// # Errors
    /// When it is no part of it.
    pub fn add(&mut self, other: &Self) -> Result<(), Unlike> {
        let stages = |of: &Self| {
            let names: Vec<&str> = of.stages.iter().map(|own| own.name.as_str()).collect();
            names.join(", ")
        };
        for (what, one, other) in [
            ("contract", self.contract.clone(), other.contract.clone()),
            ("target", self.target.clone(), other.target.clone()),
            ("stages", stages(self), stages(other)),
            (
                "virtual time",
                self.virtual_time.to_string(),
                other.virtual_time.to_string(),
            ),
        ] {
            if one != other {
                return Err(Unlike::What { what, one, other });
            }
        }
        self.seeds.extend(&other.seeds);
        self.apps += other.apps;
        self.accounts = self.accounts.max(other.accounts);
        self.memory.add(other.memory);
        for (own, theirs) in self.stages.iter_mut().zip(&other.stages) {
            own.apps += theirs.apps;
            own.live += theirs.live;
            own.lasted = own.lasted.max(theirs.lasted);
            own.processor += theirs.processor;
            own.counts.add(&theirs.counts);
        }
        self.scope.add(&other.scope);
        self.interrupted |= other.interrupted;
        Ok(())
    }

    /// The stages after which apps were not live that should have been.
    pub fn unrecovered(&self) -> impl Iterator<Item = &Stage> {
        self.stages.iter().filter(|stage| stage.live < stage.apps)
    }
}

#[cfg(test)]
mod tests;
