//! SYNC-14: a restart of the backend costs nobody the session.

use std::sync::Arc;

use crate::domain::change::Change;
use crate::domain::contract::Role;
use crate::domain::journal::{Entry, Fact};
use crate::domain::verdict::Subject;
use crate::rules::ledger::{Breach, Ledger};
use crate::rules::scene::{Moment, Scene};
use crate::rules::{JudgedFrom, Rule, RuleInfo};

pub(super) static HOLDS: RuleInfo = RuleInfo {
    id: "SYNC-14",
    title: "After a restart of the backend sessions hold",
    subject: Subject::Backend,
    judged_from: &[JudgedFrom::Wire],
    source: "runbook S4.4, P.2",
    explanation: "A backend that keeps sessions or signing keys in memory signs everybody out with each deploy. Judged after the harness stopped and started the backend: the token in use, not expired by its own `exp`, is not answered with 401, and the first renewal of the session is not refused.",
    fix: "Verify tokens by the platform's key set, and keep sessions outside the process.",
    parameters: &["session.ended_by"],
};

#[derive(Default)]
pub(super) struct Restart {
    down: bool,
    restarted: Option<Moment>,
    /// Renewals that were asked for since the last one that succeeded. Only the refusal of the first
    /// is the backend's doing: the answer to an earlier one may have been lost, and its token used up.
    renewals: u32,
}

impl Rule for Restart {
    fn see(&mut self, entry: &Arc<Entry>, scene: &Scene, ledger: &mut Ledger) {
        if let Some(Change::Backend { .. }) = entry.fact.change() {
            let stopped = scene.world.backend_is_stopped();
            if self.down && !stopped {
                self.restarted = Some(Moment::of(entry));
            }
            self.down = stopped;
        }
        match &entry.fact {
            Fact::TokenIssued(_) => self.renewals = 0,
            Fact::Request(request) if request.role == Some(Role::Refresh) => self.renewals += 1,
            _ => {}
        }
        let (Some(restarted), Some(ended)) = (self.restarted, scene.ended_by_client(entry)) else {
            return;
        };
        let Some(answer) = ended.by_backend() else {
            return;
        };
        if ended.opened.id() < restarted.id || scene.session.wants_out {
            return;
        }
        let token = match &ended.request.role {
            Some(Role::Resource(_)) => ended
                .opened
                .credential
                .as_ref()
                .and_then(|label| scene.session.token(label)),
            Some(Role::Refresh) if self.renewals == 1 => scene.session.current(),
            _ => None,
        };
        let Some((token, ends)) = token.and_then(|token| Some((token, token.ends?))) else {
            return;
        };
        ledger.occasion(&HOLDS);
        let current = scene
            .session
            .current()
            .is_some_and(|current| current.label == token.label);
        let expired = scene.unix(entry.at).is_none_or(|now| now + 2 >= ends)
            || scene
                .world
                .tokens_expired
                .is_some_and(|moment| moment.id > token.issued.id);
        let (refused, expected) = if ended.request.role == Some(Role::Refresh) {
            (
                scene.contract.session.ended_by.contains(&answer.status),
                "a session whose token has not even expired is renewed",
            )
        } else {
            (
                answer.status == 401 && scene.session.open,
                "a token that has not expired is accepted",
            )
        };
        if refused && current && !expired {
            ledger.breach(
                &HOLDS,
                Breach {
                    kind: "session".to_owned(),
                    message: "after its restart the backend no longer knows the session".to_owned(),
                    expected: expected.to_owned(),
                    observed: format!(
                        "{} {} was answered with {}",
                        ended.request.method, ended.request.target, answer.status
                    ),
                    evidence: vec![restarted.id, ended.opened.id(), entry.id],
                    exchanges: vec![answer.exchange],
                    ..Breach::default()
                },
            );
        }
    }
}
