//! NET-10: quiet while there is no network, and no burst when it is back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::duration::show;
use crate::domain::journal::{Act, AppFact, ClientOutcome, Entry, EntryId, Fact, Request};
use crate::domain::verdict::Subject;
use crate::rules::ledger::{Breach, Ledger};
use crate::rules::scene::{Moment, Scene, client_request};
use crate::rules::{JudgedFrom, Rule, RuleInfo};

pub(super) static OFFLINE: RuleInfo = RuleInfo {
    id: "NET-10",
    title: "No attempts while offline, and a bounded number on return",
    subject: Subject::App,
    judged_from: &[JudgedFrom::Wire, JudgedFrom::Sim],
    source: "runbook S7.1, S7.2, S9.6",
    explanation: "Attempts without a network cost battery, and a queue of them that bursts when the network is back hits the backend from every phone in the same train. Judged from the moment the network went, two seconds apart: no attempt that the user did not ask for; and in the first seconds after it is back, no single request more often than a first attempt, its retries and one more.",
    fix: "Follow the system's connectivity: stop timers and the socket's reconnection when it goes, start each once when it is back.",
    parameters: &["retry.attempts", "polling.floor"],
};

/// How long an app may take to notice that the network went.
const NOTICE: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(super) struct Offline {
    gone: Option<Moment>,
    back: Option<Moment>,
    counts: BTreeMap<String, (u64, EntryId)>,
}

impl Rule for Offline {
    fn see(&mut self, entry: &Arc<Entry>, scene: &Scene, ledger: &mut Ledger) {
        match &entry.fact {
            Fact::Act(Act::Offline) => {
                self.gone = Some(Moment::of(entry));
                self.back = None;
                if scene.world.simulated {
                    ledger.occasion(&OFFLINE);
                } else {
                    ledger.unable(&OFFLINE, "what a client that says nothing about itself tries while offline reaches nobody");
                }
            }
            Fact::Act(Act::Online) => {
                ledger.occasion(&OFFLINE);
                self.back = self.gone.take().map(|_| Moment::of(entry));
                self.counts.clear();
            }
            Fact::Act(Act::Launch | Act::Kill) => self.back = None,
            Fact::App(AppFact::Exchange(exchange)) => {
                if matches!(exchange.outcome, ClientOutcome::NotSent { .. }) {
                    let what =
                        format!("{} {} {}", exchange.method, exchange.service, exchange.path);
                    self.attempt(entry, what, None, scene, ledger);
                }
            }
            _ => {}
        }
        if let Some(request) = client_request(entry) {
            let what = request.line();
            self.attempt(entry, what, Some(request.exchange), scene, ledger);
            self.returned(entry, request, scene, ledger);
        }
    }
}

impl Offline {
    fn attempt(
        &self,
        entry: &Entry,
        what: String,
        exchange: Option<u64>,
        scene: &Scene,
        ledger: &mut Ledger,
    ) {
        let Some(gone) = self.gone else {
            return;
        };
        let asked = scene
            .world
            .acted
            .is_some_and(|act| act.id != gone.id && act.at + NOTICE >= entry.at);
        if entry.at <= gone.at + NOTICE || asked {
            return;
        }
        ledger.breach(
            &OFFLINE,
            Breach {
                kind: "attempt".to_owned(),
                message: "the app keeps trying although there is no network".to_owned(),
                expected: "no attempt while the network is gone".to_owned(),
                observed: format!(
                    "{what}, {} after the network went",
                    show(entry.at - gone.at)
                ),
                evidence: vec![gone.id, entry.id],
                exchanges: exchange.into_iter().collect(),
                ..Breach::default()
            },
        );
    }

    fn returned(&mut self, entry: &Entry, request: &Request, scene: &Scene, ledger: &mut Ledger) {
        let Some(back) = self.back else {
            return;
        };
        let floor = scene
            .contract
            .polling
            .as_ref()
            .map_or(NOTICE * 2, |polling| polling.floor);
        if entry.at > back.at + floor.min(NOTICE * 2)
            || scene.world.acted.is_some_and(|act| act.id > back.id)
        {
            self.back = None;
            return;
        }
        let carries_on = request.role == Some(crate::domain::contract::Role::Realtime)
            && !request.is_handshake();
        if carries_on || scene.is_refetched(request.role.as_ref()) {
            return;
        }
        let target = if request.is_handshake() {
            "the feed's handshake"
        } else {
            request.target.as_str()
        };
        let key = format!("{} {} {target}", request.method, request.service);
        let count = self.counts.entry(key.clone()).or_insert((0, entry.id));
        count.0 += 1;
        let bound = u64::from(scene.contract.retry.attempts) + 1;
        if count.0 > bound {
            let evidence = vec![back.id, count.1, entry.id];
            let observed = format!(
                "{} times {key} within {}",
                count.0,
                show(entry.at - back.at)
            );
            ledger.breach(
                &OFFLINE,
                Breach {
                    kind: "burst".to_owned(),
                    message: "the app bursts when the network is back".to_owned(),
                    expected: format!("at most {bound} attempts of one request"),
                    observed,
                    evidence,
                    exchanges: vec![request.exchange],
                    ..Breach::default()
                },
            );
        }
    }
}
