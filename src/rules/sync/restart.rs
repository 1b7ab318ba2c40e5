//! SYNC-14: a restart of the backend costs nobody the session.

use std::collections::BTreeSet;

use crate::domain::change::Change;
use crate::domain::contract::Role;
use crate::domain::journal::{Answer, Changed, Fact, HarnessFact};
use crate::rules::context::Context;
use crate::rules::exchange::Ended;
use crate::rules::moment::Moment;
use crate::rules::rule::{Rule, rule};
use crate::rules::state::Token;
use crate::rules::violation::Violation;

rule! {
    /// After a restart of the backend sessions hold, and the numbers of changes go on
    ///
    /// # Why
    /// A backend that keeps sessions or signing keys in memory signs everybody out with each
    /// deploy.
    ///
    /// # How it is judged
    /// Judged after the harness stopped and started the backend: the token in use, not expired by
    /// its own `exp`, is not answered with 401, and the first renewal of the session is not
    /// refused. What a service refuses that has let the session in since, the restart did not undo. Where the contract says where changes are numbered, the first number of a resource
    /// after the restart is not below the highest before it, as long as one user is signed in.
    ///
    /// # How to keep it
    /// Verify tokens by the platform's key set, and keep sessions outside the process.
    ///
    /// # Source
    /// runbook S4.4, P.2
    pub(super) HOLDS: "SYNC-14", Backend, from [Wire],
        set by ["session.ended-by"]
}

#[derive(Default)]
pub(super) struct Restart {
    down: bool,
    restarted: Option<Moment>,
    /// The services that let the session in after the restart: it has cost it nothing there.
    known: BTreeSet<String>,
    /// Renewals that were asked for since the last one that succeeded. Only the refusal of the
    /// first is the backend's doing: the answer to an earlier one may have been lost, and its token
    /// used up.
    renewals: u32,
}

impl Rule for Restart {
    fn see(&mut self, context: &Context<'_>) {
        match &context.entry.fact {
            Fact::Harness(HarnessFact::Changed(Changed {
                change: Change::Backend { .. },
                ..
            })) => {
                self.moved(context);
            }
            Fact::TokenIssued(_) => self.renewals = 0,
            Fact::Request(request) if request.role == Some(Role::Refresh) => self.renewals += 1,
            _ => {}
        }
        if let Some(restarted) = self.restarted
            && let Some(ended) = context.ended()
            && let Some(answer) = ended.by_backend()
            && ended.opened.id() > restarted.id
            && !context.session.is_leaving()
        {
            self.judge(restarted, &ended, answer, context);
        }
    }
}

impl Restart {
    fn moved(&mut self, context: &Context<'_>) {
        let stopped = context.world.backend_is_stopped();
        if self.down && !stopped {
            self.restarted = Some(context.moment());
            self.known.clear();
        }
        self.down = stopped;
    }

    fn judge(
        &mut self,
        restarted: Moment,
        ended: &Ended<'_>,
        answer: &Answer,
        context: &Context<'_>,
    ) {
        let session = &context.session;
        let renews = ended.request.role == Some(Role::Refresh);
        let token = match &ended.request.role {
            Some(Role::Resource(_)) => {
                let label = ended.opened.credential.as_ref();
                label.and_then(|label| session.token(label))
            }
            Some(Role::Refresh) if self.renewals == 1 => session.current(),
            _ => None,
        };
        let Some((token, ends)) = token.and_then(|token| Some((token, token.ends?))) else {
            return;
        };
        context.exercised(&HOLDS);
        let refused = match renews {
            true => context.contract.session.ended_by.contains(&answer.status),
            false => answer.status == 401 && session.open,
        };
        if ended.succeeded() {
            self.known.insert(ended.request.service.clone());
        }
        let current = session.current();
        let is_current = current.is_some_and(|current| current.label == token.label);
        let is_known = self.known.contains(&ended.request.service);
        if !refused || is_known || !is_current || is_expired(token, ends, context) {
            return;
        }
        context.violated(
            &HOLDS,
            Violation::new("after its restart the backend no longer knows the session")
                .expected(match renews {
                    true => "a session whose token has not even expired is renewed",
                    false => "a token that has not expired is accepted",
                })
                .observed(format!(
                    "{} {} was answered with {}",
                    ended.request.method, ended.request.target, answer.status
                ))
                .evidence([restarted.id, ended.opened.id(), context.entry.id])
                .exchanges([answer.exchange]),
        );
    }
}

/// Whether a token may be over by now, by its own end or because a lever says so.
fn is_expired(token: &Token, ends: u64, context: &Context<'_>) -> bool {
    let declared = context.world.tokens_expired;
    context.unix(context.now).is_none_or(|now| now + 2 >= ends)
        || declared.is_some_and(|moment| moment.id > token.issued.id)
}
