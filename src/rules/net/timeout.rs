//! NET-3: nobody waits for ever.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::duration::show;
use crate::domain::journal::{Entry, EntryId, Request};
use crate::domain::verdict::Subject;
use crate::rules::ledger::{Breach, Ledger};
use crate::rules::scene::{Opened, Scene};
use crate::rules::{JudgedFrom, Rule, RuleInfo};

pub(super) static FINITE: RuleInfo = RuleInfo {
    id: "NET-3",
    title: "Every request has a finite timeout",
    subject: Subject::App,
    judged_from: &[JudgedFrom::Wire],
    source: "React Native's fetch has no timeout of its own",
    explanation: "A request that is never answered holds its screen, its poller and its connection for ever. Judged on requests that stay unanswered: a visible app with a network gives them up within twice the agreed timeout and five seconds. Long polls of the feed are left out.",
    fix: "Abort every request by a timer (`AbortSignal.timeout`).",
    parameters: &["request_timeout"],
};

#[derive(Default)]
pub(super) struct Finite {
    /// The request that was found last, so that each is found once.
    found: Option<EntryId>,
}

impl Rule for Finite {
    fn see(&mut self, entry: &Arc<Entry>, scene: &Scene, ledger: &mut Ledger) {
        if let Some(ended) = scene.ended_by_client(entry)
            && scene.now > ended.opened.at() + scene.contract.request_timeout
        {
            ledger.occasion(&FINITE);
            self.judge(ended.opened, ended.request, scene, ledger);
        }
    }

    fn end(&mut self, scene: &Scene, ledger: &mut Ledger) {
        for (opened, request) in scene.under_way() {
            self.judge(opened, request, scene, ledger);
        }
    }
}

impl Finite {
    fn judge(&mut self, opened: &Opened, request: &Request, scene: &Scene, ledger: &mut Ledger) {
        let limit = scene.contract.request_timeout * 2 + Duration::from_secs(5);
        let awake = scene.app_is_awake()
            && scene.world.same_life_since(opened.id())
            && scene.world.same_visit_since(opened.id());
        if scene.now <= opened.at() + limit
            || !awake
            || request.role == Some(Role::Realtime)
            || self.found >= Some(opened.id())
        {
            return;
        }
        self.found = Some(opened.id());
        ledger.breach(
            &FINITE,
            Breach {
                kind: "waiting".to_owned(),
                message: "the app waits for an answer without end".to_owned(),
                expected: format!(
                    "a request is given up after {}",
                    show(scene.contract.request_timeout)
                ),
                observed: format!(
                    "{} {} was still awaited after {}",
                    request.method,
                    request.target,
                    show(scene.now - opened.at())
                ),
                evidence: vec![opened.id()],
                exchanges: vec![request.exchange],
                ..Breach::default()
            },
        );
    }
}
