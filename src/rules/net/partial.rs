//! NET-7: an outage of a part stays one, and what grows old says so.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::duration::show;
use crate::domain::journal::{
    Act, AppFact, Direction, Entry, EntryId, Fact, Frame, Request, SessionState, SocketEnd,
};
use crate::domain::verdict::Subject;
use crate::rules::ledger::{Breach, Ledger};
use crate::rules::scene::{Moment, Scene, client_request};
use crate::rules::{JudgedFrom, Rule, RuleInfo};

pub(super) static PARTIAL: RuleInfo = RuleInfo {
    id: "NET-7",
    title: "A partial outage stays partial, and what is stale says since when",
    subject: Subject::App,
    judged_from: &[JudgedFrom::Wire, JudgedFrom::Sim],
    source: "runbook S4.3, S7.3",
    explanation: "One endpoint that fails must not take the others with it, and a number on the screen that nobody could renew must not look current. Judged from a read that failed while the feed was live: the app does not leave its feed over it; and, where the app says what it shows, what it could not renew is said to be stale, with a moment that is not later than now, within the agreed age and the time of its attempts.",
    fix: "Handle failures per resource; keep the last good data with the time at which it was right, and show that time once it is old.",
    parameters: &[
        "stale_after",
        "request_timeout",
        "retry.attempts",
        "realtime.live_within",
    ],
};

/// How soon after a failed read an app leaves its feed because of it.
const BECAUSE: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(super) struct Partial {
    /// What is shown and could not be renewed since.
    failing: BTreeMap<String, Moment>,
    shown: BTreeMap<String, EntryId>,
    /// The read that failed last.
    failed: Option<(Moment, u64)>,
    /// A feed that the app left because of it.
    left: Option<(Moment, u64, Moment)>,
}

impl Rule for Partial {
    fn see(&mut self, entry: &Arc<Entry>, scene: &Scene, ledger: &mut Ledger) {
        self.overdue(scene, ledger);
        match &entry.fact {
            Fact::Act(_)
            | Fact::App(AppFact::Session {
                state: SessionState::Ended { .. } | SessionState::NotFound { .. },
            }) => {
                self.left = None;
                self.failed = None;
                if !matches!(
                    entry.fact,
                    Fact::Act(Act::Refresh | Act::Open { .. } | Act::LoadMore { .. })
                ) {
                    self.failing.clear();
                    self.shown.clear();
                }
            }
            Fact::App(AppFact::Shown { resource, .. }) => {
                self.failing.remove(resource);
                if !self.shown.contains_key(resource) {
                    self.shown.insert(resource.clone(), entry.id);
                }
            }
            Fact::App(AppFact::Stale { resource, since_us }) => {
                self.failing.remove(resource);
                if Duration::from_micros(*since_us) > entry.at {
                    let observed = format!("{resource} is said to be stale since a moment to come");
                    self.age(vec![entry.id], observed, ledger);
                }
            }
            Fact::Frame {
                direction: Direction::Up,
                packet: Frame::Disconnect { .. },
                ..
            }
            | Fact::SocketClosed {
                end: SocketEnd::Client,
                ..
            } => self.leaves(entry, scene),
            _ => {}
        }
        if client_request(entry).is_some_and(Request::is_handshake) {
            self.left = None;
        }
        if let Some(ended) = scene.ended_by_client(entry)
            && let Some(Role::Resource(name)) = &ended.request.role
            && ended.failed()
        {
            let moment = Moment::of(entry);
            if scene.sockets.live() > 0 {
                ledger.occasion(&PARTIAL);
                self.failed = Some((moment, ended.request.exchange));
            }
            if self.shown.contains_key(name) && scene.app_is_awake() {
                self.failing.entry(name.clone()).or_insert(moment);
            }
        }
    }

    fn end(&mut self, scene: &Scene, ledger: &mut Ledger) {
        self.overdue(scene, ledger);
    }

    fn hears_routine(&self) -> bool {
        true
    }
}

impl Partial {
    fn leaves(&mut self, entry: &Entry, scene: &Scene) {
        let Some((failed, exchange)) = self.failed.take() else {
            return;
        };
        let because = entry.at <= failed.at + BECAUSE
            && scene.sockets.live() == 0
            && scene.session.open
            && scene.app_is_awake()
            && scene.world.acts_marked
            && !scene.may_be_blocked();
        if because {
            self.left = Some((failed, exchange, Moment::of(entry)));
        }
    }

    fn overdue(&mut self, scene: &Scene, ledger: &mut Ledger) {
        let contract = &scene.contract;
        if let Some(feed) = &contract.realtime
            && let Some((failed, exchange, left)) = self
                .left
                .take_if(|(.., left)| scene.now > left.at + feed.live_within)
            && !scene.may_be_blocked()
        {
            ledger.breach(
                &PARTIAL,
                Breach {
                    kind: "whole".to_owned(),
                    message: "the app leaves its feed because one read failed".to_owned(),
                    expected: "what does not fail goes on".to_owned(),
                    observed: format!(
                        "the feed was left {} after the failure, and stays so",
                        show(left.at - failed.at)
                    ),
                    evidence: vec![failed.id, left.id],
                    exchanges: vec![exchange],
                    ..Breach::default()
                },
            );
        }
        if !scene.world.simulated || !scene.app_is_awake() || scene.may_be_blocked() {
            self.failing.clear();
            return;
        }
        let limit = contract.stale_after
            + contract.request_timeout
            + contract.retry.delay_max * contract.retry.attempts;
        let old = self
            .failing
            .iter()
            .find(|(_, since)| scene.now > since.at + limit)
            .map(|(name, since)| (name.clone(), *since));
        if let Some((name, since)) = old {
            self.failing.remove(&name);
            let observed = format!(
                "{name} could not be renewed for {}, and is not said to be stale",
                show(scene.now - since.at)
            );
            self.age(vec![since.id], observed, ledger);
        }
    }

    fn age(&self, evidence: Vec<EntryId>, observed: String, ledger: &mut Ledger) {
        ledger.breach(
            &PARTIAL,
            Breach {
                kind: "age".to_owned(),
                message: "what is old passes for current".to_owned(),
                expected: "what could not be renewed is said to be stale, and since when"
                    .to_owned(),
                observed,
                evidence,
                ..Breach::default()
            },
        );
    }
}
