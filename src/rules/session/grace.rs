//! SESSION-6, the other half: within the grace that was agreed on a used refresh token is good.

use super::replay::REPLAY;
use crate::domain::duration::show;
use crate::domain::journal::Question;
use crate::rules::context::Context;
use crate::rules::exchange::Reception;
use crate::rules::rule::Rule;
use crate::rules::violation::Violation;

/// Judges what the backend makes of a refresh token that comes again at once, as it does from an app
/// that lost the answer.
pub(super) struct Grace;

impl Rule for Grace {
    fn see(&mut self, context: &Context<'_>) {
        let Some((Question::RefreshInGrace, ended)) = context.answered() else {
            return;
        };
        match ended.reception() {
            Reception::Granted => context.exercised(&REPLAY),
            Reception::Unclear(why) => context.unable(&REPLAY, why),
            Reception::Refused => {
                let grace = show(context.contract.session.reuse_grace);
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
