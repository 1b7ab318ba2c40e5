//! NET-14: a backend that nothing ails does not fail now and then.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::journal::{Entry, EntryId};
use crate::domain::verdict::Subject;
use crate::rules::ledger::{Breach, Ledger};
use crate::rules::scene::{Ended, Scene};
use crate::rules::{JudgedFrom, Rule, RuleInfo};

pub(super) static SERVER_ERROR: RuleInfo = RuleInfo {
    id: "NET-14",
    title: "The backend does not fail now and then of its own accord",
    subject: Subject::Backend,
    judged_from: &[JudgedFrom::Wire],
    source: "RFC 9110 §15.6; runbook S9.2",
    explanation: "An app that retries hides errors from its user and doubles the load. Judged on the answers to the app's requests while no fault is switched on, no lever holds the backend stopped, and neither has moved for ten seconds: an answer of 500 or above, 503 excepted, which a backend gives on purpose. A row of errors without a good answer of the same service between them counts once, since an outage is one event; three such are a finding.",
    fix: "Find the requests by their ids in the backend's logs. Errors that come and go are often a bad instance behind the balancer, a pool that runs dry, or a timeout to the database.",
    parameters: &["request_id"],
};

/// How often it may happen: a release, a lost instance.
const TOLERATED: usize = 2;

/// How long what a lever or a fault did may go on.
const AFTERMATH: Duration = Duration::from_secs(10);

#[derive(Default)]
pub(super) struct ServerError {
    /// Services whose last answer was an error.
    failing: BTreeSet<String>,
    /// The first answer of each outage, in words, and its exchange; none after it was told.
    seen: Vec<(EntryId, String, u64)>,
}

impl Rule for ServerError {
    fn see(&mut self, entry: &Arc<Entry>, scene: &Scene, ledger: &mut Ledger) {
        let Some(ended) = scene.ended(entry) else {
            return;
        };
        let Some(answer) = ended.by_backend() else {
            return;
        };
        if ended.request.role == Some(Role::Realtime) || is_provoked(&ended, scene) {
            return;
        }
        ledger.occasion(&SERVER_ERROR);
        let is_error = answer.status >= 500 && answer.status != 503;
        if !is_error {
            self.failing.remove(&ended.request.service);
            return;
        }
        let goes_on = !self.failing.insert(ended.request.service.clone());
        if goes_on || self.seen.len() > TOLERATED {
            return;
        }
        self.seen.push((entry.id, ended.words(), answer.exchange));
        if self.seen.len() > TOLERATED {
            let all: Vec<&str> = self
                .seen
                .iter()
                .map(|(_, words, _)| words.as_str())
                .collect();
            ledger.breach(
                &SERVER_ERROR,
                Breach {
                    message: "the backend fails now and then, although nothing was done to it"
                        .to_owned(),
                    expected: format!("at most {TOLERATED} outages of its own"),
                    observed: all.join("; "),
                    evidence: self.seen.iter().map(|(id, ..)| *id).collect(),
                    exchanges: self.seen.iter().map(|(.., exchange)| *exchange).collect(),
                    ..Breach::default()
                },
            );
        }
    }
}

/// Whether the harness, or whoever moves its levers, may be behind it.
fn is_provoked(ended: &Ended<'_>, scene: &Scene) -> bool {
    let moved = scene.world.changed;
    scene.world.is_disturbed()
        || scene.world.backend_is_stopped()
        || moved.is_some_and(|moved| moved.at + AFTERMATH > ended.opened.at())
}
