//! SESSION-6, the other half: within the grace that was agreed on a used refresh token is good.

use std::time::Duration;

use super::replay::REPLAY;
use crate::domain::contract::Role;
use crate::domain::duration::show;
use crate::domain::journal::{Question, Sender};
use crate::rules::context::Context;
use crate::rules::exchange::Reception;
use crate::rules::rule::Rule;
use crate::rules::violation::Violation;

/// Judges what the backend makes of a refresh token that comes again at once, as it does from an app
/// that lost the answer.
#[derive(Default)]
pub(super) struct Grace {
    /// When the harness last sent a refresh that asks nothing: the exchange that uses the token up.
    exchanged: Option<Duration>,
}

impl Rule for Grace {
    fn see(&mut self, context: &Context<'_>) {
        let ended = match context.answered() {
            Some((Question::RefreshInGrace, ended)) => ended,
            Some(_) => return,
            None => {
                let refresh = context.ended_by_anyone().filter(|own| {
                    own.request.sender == Sender::Probe && own.request.role == Some(Role::Refresh)
                });
                if let Some(refresh) = refresh {
                    self.exchanged = Some(refresh.opened.at());
                }
                return;
            }
        };
        match ended.reception() {
            Reception::Granted => context.exercised(&REPLAY),
            Reception::Unclear(why) => context.unable(&REPLAY, why),
            Reception::Refused => {
                let grace = context.contract.session.reuse_grace;
                let took = self.exchanged.map(|at| context.now.saturating_sub(at));
                if let Some(took) = took.filter(|took| *took >= grace) {
                    let why = format!(
                        "a used refresh token was sent again and answered within {}, and its grace \
                         is {}",
                        show(took),
                        show(grace)
                    );
                    context.unable(&REPLAY, why);
                    return;
                }
                let grace = show(grace);
                context.violated(
                    &REPLAY,
                    Violation::new("the backend refuses a used refresh token within the grace")
                        .expected(format!(
                            "for {grace} after its exchange the token is good, as the contract's \
                             `reuse-grace` says"
                        ))
                        .observed(ended.words())
                        .evidence([ended.opened.id(), context.entry.id])
                        .exchanges([ended.request.exchange]),
                );
            }
        }
    }

    fn hears_probes(&self) -> bool {
        true
    }
}
