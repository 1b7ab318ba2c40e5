//! The never-called proof: that no forbidden call was made, and that this could have been noticed.
//!
//! "Nothing was seen" proves nothing by itself. The proof holds only if a marked forbidden call was
//! caught on the way, if there was enough traffic to judge, if what the client says it sent is what
//! the gateway saw, and if the mock's own forbidden endpoints were never reached.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::contract::Contract;
use super::journal::{
    Act, Answerer, AppFact, Class, ClientOutcome, Direction, Entry, EntryId, Fact, Frame,
    HarnessFact, Request, Sender, Spoken, Unreadable,
};
use super::verdict::{Finding, PROOF, Severity, Subject};

pub mod policy;
mod silence;
mod untested_events;

use silence::Silence;
pub use untested_events::{UntestedEvent, untested_events};

/// What the proof came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// No forbidden call was made, and one would have been noticed.
    Holds,
    /// No forbidden call was seen, but that does not prove that there was none.
    Inconclusive(Vec<String>),
    /// A forbidden call was made. The findings are those that no rule reports: the list is empty
    /// when SCOPE-1 or SCOPE-4 already name the call.
    Broken(Vec<Finding>),
}

/// The proof, and what should be said beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// What it came to.
    pub proof: Proof,
    /// What was not compared, and why.
    pub notes: Vec<String>,
}

/// How long before the client's end an answer may have been passed that it never came to report.
const UNREPORTED: Duration = Duration::from_secs(5);
/// How many differences are named.
const NAMED: usize = 4;

/// Service, method and path of a call.
type CallKey = (String, String, String);

/// What both sides say about one service, method and path.
#[derive(Default)]
struct CallCounts {
    /// Requests that arrived at the gateway.
    seen: u64,
    /// Of these, how many were answered.
    answered: u64,
    /// Of these, how many were answered so shortly before the client's end that it may not have
    /// said so.
    excused: u64,
    /// When answers were passed lately.
    recently: VecDeque<Duration>,
    /// Exchanges that the client says were answered.
    client_answered: u64,
    /// Exchanges that the client says broke after they were sent.
    client_broken: u64,
}

impl CallCounts {
    /// One more was answered at this time.
    fn answer(&mut self, at: Duration) {
        self.answered += 1;
        self.recently.push_back(at);
        let is_past = |answered: &Duration| *answered + UNREPORTED < at;
        while self.recently.front().is_some_and(is_past) {
            self.recently.pop_front();
        }
    }
}

/// Follows a journal and draws the proof from it.
pub struct Prover {
    contract: Arc<Contract>,
    counts: BTreeMap<CallKey, CallCounts>,
    open: BTreeMap<u64, CallKey>,
    simulated: bool,
    silence: Silence,
    /// Why answers could not be read, and how many.
    unread: Option<(String, u64)>,
    /// How many connections spoke HTTP/2 to a port that speaks HTTP/1.1.
    newer: u64,
    requests: u64,
    forbidden: u64,
    /// The canary under way, and those that the gateway caught and answered itself.
    canaries: BTreeMap<u64, Class>,
    caught_on_the_wire: u64,
    canaries_reported: u64,
    uncaught: Vec<String>,
    reached: Option<(EntryId, u64)>,
}

impl Prover {
    /// A prover that has seen nothing yet.
    #[must_use]
    pub fn new(contract: Arc<Contract>) -> Self {
        Self {
            contract,
            counts: BTreeMap::new(),
            open: BTreeMap::new(),
            simulated: false,
            silence: Silence::default(),
            unread: None,
            newer: 0,
            requests: 0,
            forbidden: 0,
            canaries: BTreeMap::new(),
            caught_on_the_wire: 0,
            canaries_reported: 0,
            uncaught: Vec::new(),
            reached: None,
        }
    }

    /// Is shown every entry once, in order.
    pub fn observe(&mut self, entry: &Entry) {
        self.silence.observe(entry);
        match &entry.fact {
            Fact::Request(request) => self.request(request),
            Fact::Unreadable(Unreadable {
                speaks: Spoken::Http2,
                ..
            }) => self.newer += 1,
            Fact::Answer(answer) => {
                if let Some(why) = answer.body.unread()
                    && answer.from == Answerer::Backend
                    && self.open.contains_key(&answer.exchange)
                {
                    let (_, count) = self.unread.get_or_insert_with(|| (why.to_owned(), 0));
                    *count += 1;
                }
                if let Some(class) = self.canaries.remove(&answer.exchange)
                    && class == Class::Forbidden
                    && answer.from == Answerer::Policy
                {
                    self.caught_on_the_wire += 1;
                }
                if let Some(key) = self.open.remove(&answer.exchange) {
                    let counts = self.counts.entry(key).or_default();
                    counts.answer(entry.at);
                }
            }
            Fact::Lost { exchange, .. } => {
                self.canaries.remove(exchange);
                self.open.remove(exchange);
            }
            Fact::Frame {
                direction: Direction::Up,
                packet: Frame::Event { .. },
                judgement: Some(judgement),
                ..
            } if judgement.class == Class::Forbidden => self.forbidden += 1,
            // What whoever drives an app sees on its screen says nothing of what it sent.
            Fact::App(AppFact::Reported(_)) => {}
            Fact::App(fact) => {
                self.simulated = true;
                if let AppFact::Exchange(exchange) = fact {
                    let path = exchange.path.split('?').next().unwrap_or_default();
                    let key = (
                        exchange.service.clone(),
                        exchange.method.clone(),
                        path.to_owned(),
                    );
                    let counts = self.counts.entry(key).or_default();
                    match exchange.outcome {
                        ClientOutcome::Answered { .. } => counts.client_answered += 1,
                        ClientOutcome::Broken { .. } => counts.client_broken += 1,
                        ClientOutcome::NotSent { .. } => {}
                    }
                }
            }
            Fact::Act(Act::Kill) => self.client_ended(entry.at),
            Fact::Harness(fact) => self.harness(entry, fact),
            _ => {}
        }
    }

    fn request(&mut self, request: &Request) {
        match request.sender {
            Sender::Canary => {
                self.canaries
                    .insert(request.exchange, request.judgement.class);
            }
            Sender::Probe => {}
            Sender::Client => {
                self.requests += 1;
                if request.judgement.class == Class::Forbidden {
                    self.forbidden += 1;
                }
                let path = request.target.split('?').next().unwrap_or_default();
                let key = (
                    request.service.clone(),
                    request.method.clone(),
                    path.to_owned(),
                );
                self.counts.entry(key.clone()).or_default().seen += 1;
                self.open.insert(request.exchange, key);
            }
        }
    }

    fn harness(&mut self, entry: &Entry, fact: &HarnessFact) {
        match fact {
            HarnessFact::Canary { caught: true, .. } => self.canaries_reported += 1,
            HarnessFact::Canary { call, exchange, .. } => self.uncaught.push(match exchange {
                Some(_) => format!("the marked call {call} was not caught"),
                None => format!(
                    "the marked call {call} did not reach the gateway; the network and the backend must not be switched off there when it ends"
                ),
            }),
            HarnessFact::ForbiddenReached { calls } => self.reached = Some((entry.id, *calls)),
            HarnessFact::Ended => self.client_ended(entry.at),
            _ => {}
        }
    }

    /// A client that is gone reports nothing more: what it had under way is excused, and so is what
    /// was answered just before.
    fn client_ended(&mut self, at: Duration) {
        self.open.clear();
        for counts in self.counts.values_mut() {
            counts.excused += counts
                .recently
                .drain(..)
                .filter(|answered| *answered + UNREPORTED >= at)
                .count() as u64;
        }
    }

    /// The proof, given that the journal has ended.
    #[must_use]
    pub fn finish(&self) -> Proven {
        let mut notes = Vec::new();
        let reached = self.reached.filter(|(_, calls)| *calls > 0);
        if self.forbidden > 0 || reached.is_some() {
            let unseen = reached.filter(|_| self.forbidden == 0);
            let findings = unseen.map(|(id, calls)| unseen_calls(id, calls));
            return Proven {
                proof: Proof::Broken(findings.into_iter().collect()),
                notes,
            };
        }
        let mut reasons = self.canary_doubts(&mut notes);
        let floor = self.contract.scope.floor.requests;
        if self.requests < floor {
            reasons.push(format!(
                "only {} requests of the client were seen; fewer than {floor} prove nothing",
                self.requests
            ));
        }
        reasons.extend(self.unread.iter().map(|(why, count)| {
            format!("what {count} answers say could not be judged, of the first because {why}")
        }));
        if self.newer > 0 {
            reasons.push(format!(
                "{} connections spoke HTTP/2, which is not spoken here: what they were to ask is not known",
                self.newer
            ));
        }
        if !self.simulated {
            reasons.extend(self.silence.doubt());
        }
        if self.reached.is_none() {
            notes.push("the target does not count calls to its forbidden endpoints".to_owned());
        }
        if self.simulated {
            reasons.extend(self.reconcile());
        } else {
            notes.push(
                "the client does not say what it sent, so its traffic cannot be compared with the gateway's"
                    .to_owned(),
            );
        }
        let proof = if reasons.is_empty() {
            Proof::Holds
        } else {
            Proof::Inconclusive(reasons)
        };
        Proven { proof, notes }
    }

    fn canary_doubts(&self, notes: &mut Vec<String>) -> Vec<String> {
        if self.contract.scope.forbid.is_empty() {
            notes.push(
                "the contract forbids no request by name, so no marked call was needed".to_owned(),
            );
            return Vec::new();
        }
        let mut reasons = self.uncaught.clone();
        if self.canaries_reported == 0 && self.uncaught.is_empty() {
            reasons.push("no marked forbidden call was sent".to_owned());
        } else if self.canaries_reported > self.caught_on_the_wire {
            reasons.push(
                "a marked call is reported as caught, but the journal does not show the gateway answering it"
                    .to_owned(),
            );
        }
        reasons
    }

    /// What the client and the gateway say differently.
    fn reconcile(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        for ((service, method, path), counts) in &self.counts {
            let call = format!("{method} {service} {path}");
            if counts.client_answered > counts.seen {
                reasons.push(format!(
                    "the client had {} answers to {call}, but the gateway saw only {} requests",
                    counts.client_answered, counts.seen
                ));
            }
            let known = counts.client_answered + counts.client_broken + counts.excused;
            if counts.answered > known {
                reasons.push(format!(
                    "the gateway answered {call} {} times, but the client knows of only {known}",
                    counts.answered
                ));
            }
        }
        if reasons.len() > NAMED {
            let more = reasons.len() - NAMED;
            reasons.truncate(NAMED);
            reasons.push(format!(
                "{more} further differences between client and gateway"
            ));
        }
        reasons
    }
}

fn unseen_calls(id: EntryId, calls: u64) -> Finding {
    Finding {
        rule: PROOF.to_owned(),
        subject: Subject::Harness,
        message: "forbidden endpoints were called although the gateway saw no such request"
            .to_owned(),
        expected: "0 calls to forbidden endpoints, by the mock's own count".to_owned(),
        observed: format!("{calls} calls"),
        evidence: vec![id],
        request_ids: Vec::new(),
        severity: Severity::ForbiddenWrite,
    }
}

#[cfg(test)]
mod tests;
