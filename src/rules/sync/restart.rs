//! SYNC-14: a restart of the backend costs nobody the session.

use crate::domain::change::Change;
use crate::domain::contract::Role;
use crate::domain::journal::Fact;
use crate::rules::context::Context;
use crate::rules::moment::Moment;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// After a restart of the backend sessions hold
    ///
    /// # Why
    /// A backend that keeps sessions or signing keys in memory signs everybody out with each
    /// deploy.
    ///
    /// # How it is judged
    /// Judged after the harness stopped and started the backend: the token in use, not expired by
    /// its own `exp`, is not answered with 401, and the first renewal of the session is not
    /// refused.
    ///
    /// # How to keep it
    /// Verify tokens by the platform's key set, and keep sessions outside the process.
    ///
    /// # Source
    /// runbook S4.4, P.2
    pub(super) HOLDS: "SYNC-14", Backend, from [Wire],
        set by ["session.ended_by"]
}

#[derive(Default)]
pub(super) struct Restart {
    down: bool,
    restarted: Option<Moment>,
    /// Renewals that were asked for since the last one that succeeded. Only the refusal of the first
    /// is the backend's doing: the answer to an earlier one may have been lost, and its token used up.
    renewals: u32,
}

impl Rule for Restart {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        if let Some(Change::Backend { .. }) = entry.fact.change() {
            let stopped = context.world.backend_is_stopped();
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
        let (Some(restarted), Some(ended)) = (self.restarted, context.ended()) else {
            return;
        };
        let Some(answer) = ended.by_backend() else {
            return;
        };
        if ended.opened.id() < restarted.id || context.session.wants_out {
            return;
        }
        let token = match &ended.request.role {
            Some(Role::Resource(_)) => ended
                .opened
                .credential
                .as_ref()
                .and_then(|label| context.session.token(label)),
            Some(Role::Refresh) if self.renewals == 1 => context.session.current(),
            _ => None,
        };
        let Some((token, ends)) = token.and_then(|token| Some((token, token.ends?))) else {
            return;
        };
        context.exercised(&HOLDS);
        let current = context
            .session
            .current()
            .is_some_and(|current| current.label == token.label);
        let expired = context.unix(entry.at).is_none_or(|now| now + 2 >= ends)
            || context
                .world
                .tokens_expired
                .is_some_and(|moment| moment.id > token.issued.id);
        let (refused, expected) = if ended.request.role == Some(Role::Refresh) {
            (
                context.contract.session.ended_by.contains(&answer.status),
                "a session whose token has not even expired is renewed",
            )
        } else {
            (
                answer.status == 401 && context.session.open,
                "a token that has not expired is accepted",
            )
        };
        if refused && current && !expired {
            context.violated(
                &HOLDS,
                Violation::new("after its restart the backend no longer knows the session")
                    .kind("session")
                    .expected(expected.to_owned())
                    .observed(format!(
                        "{} {} was answered with {}",
                        ended.request.method, ended.request.target, answer.status
                    ))
                    .evidence([restarted.id, ended.opened.id(), entry.id])
                    .exchanges([answer.exchange]),
            );
        }
    }
}
