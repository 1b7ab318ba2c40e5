//! KILL-7: the backend enforces the kill-switch, too.

use std::time::Duration;

use crate::domain::contract::{KillSwitch, Role};
use crate::domain::journal::{
    Answerer, Entry, Fact, HarnessFact, Heard, Question, Sender, is_success,
};
use crate::rules::context::Context;
use crate::rules::exchange::Ended;
use crate::rules::rule::{Rule, rule};
use crate::rules::state::{Told, is_blocked};
use crate::rules::violation::Violation;

rule! {
    /// The server enforces the kill-switch too: data is refused while it is on
    ///
    /// # Why
    /// An old app version or a broken one does not ask. Where the contract says how data requests
    /// are answered during maintenance, one that is answered with success while the backend itself
    /// says *blocked* shows that the switch binds only the polite, and one that is refused by
    /// another status says something else to the app: 401 signs people out.
    ///
    /// # How it is judged
    /// The client's own requests are judged, and the harness asks for the status and then for every
    /// resource while the lever is on, and listens to the feed; two seconds are left to a backend
    /// whose parts have to hear of it.
    ///
    /// # How to keep it
    /// Check the switch in a middleware in front of every data route and of the socket's namespace.
    ///
    /// # Source
    /// runbook S4.1; defence in depth
    pub(super) ENFORCED: "KILL-7", Backend, from [Wire, Probe],
        needs [KillSwitch, DataRefusal],
        set by ["kill_switch.data_refusal"]
}

/// How long the parts of a backend may disagree about the switch.
const SPREAD: Duration = Duration::from_secs(2);

/// Whether the feed goes on: by an event that came to a socket of the harness's own.
fn listened(entry: &Entry, heard: &Heard, told: Told, context: &Context<'_>) {
    if heard.question != Question::DataInMaintenance || entry.at < told.moment.at + SPREAD {
        return;
    }
    if !heard.joined {
        context.exercised(&ENFORCED);
    } else if !heard.events.is_empty() {
        context.violated(
            &ENFORCED,
            Violation::new("the backend goes on with the live feed although its kill-switch is on")
                .kind("feed")
                .expected("no socket is let in, or none is sent anything")
                .observed(heard.words())
                .evidence([told.moment.id, entry.id]),
        );
    }
}

/// Whether a refusal may have another reason than the kill-switch: too many requests, a proxy without
/// its backend, a token that may be over.
fn is_excused(ended: &Ended<'_>, context: &Context<'_>) -> bool {
    match ended.status() {
        Some(401 | 403) => {
            let of_the_harness = ended.request.sender == Sender::Probe;
            let label = ended.opened.credential.as_deref();
            let token = label.and_then(|label| context.session.token(label));
            let holds = token.is_some_and(|token| {
                let expired = context.world.tokens_expired;
                let now = context.unix(ended.opened.at());
                token
                    .ends
                    .zip(now)
                    .is_some_and(|(ends, now)| now + 5 < ends)
                    && expired.is_none_or(|moment| moment.at < token.issued.at)
            });
            // The harness has signed in just before the switch was moved.
            !of_the_harness && !holds
        }
        Some(408 | 429 | 502 | 504) | None => true,
        Some(_) => false,
    }
}

#[derive(Default)]
pub(super) struct Enforced {
    /// What the harness was told when it asked for the status itself.
    told: Option<Told>,
}

impl Enforced {
    /// Follows what the harness is told: *blocked* since the lever was moved, or nothing.
    fn ask(&mut self, entry: &Entry, context: &Context<'_>, switch: &KillSwitch) {
        if let Some((Question::StatusInMaintenance, ended)) = context.answered() {
            let lever = context.world.maintenance.filter(|(on, _)| *on);
            self.told = ended
                .answer
                .filter(|answer| {
                    answer.from == Answerer::Backend && is_blocked(switch, answer) == Some(true)
                })
                .zip(lever)
                .map(|(answer, (_, moment))| Told {
                    moment,
                    by_backend: true,
                    exchange: answer.exchange,
                });
        } else if matches!(entry.fact, Fact::Harness(HarnessFact::Lever { .. })) {
            self.told = None;
        }
    }
}

impl Rule for Enforced {
    fn hears_probes(&self) -> bool {
        true
    }

    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        let Some(switch) = &context.contract.kill_switch else {
            return;
        };
        self.ask(entry, context, switch);
        let by_backend = |told: &Told| told.by_backend;
        let Some(told) = self.told.or(context.switch.told).filter(by_backend) else {
            return;
        };
        let Some(refusal) = switch.data_refusal else {
            context.unable(
                &ENFORCED,
                "the contract does not say how data is refused while the kill-switch is on",
            );
            return;
        };
        if let Fact::Harness(HarnessFact::Listened(heard)) = &entry.fact {
            listened(entry, heard, told, context);
        }
        // Also while the parts of the backend still hear of it.
        let lifted = context
            .world
            .maintenance
            .is_some_and(|(on, moment)| !on && told.moment.at <= moment.at + SPREAD);
        let Some(ended) = context.ended_by_anyone().filter(|_| !lifted) else {
            return;
        };
        let data = matches!(ended.request.role, Some(Role::Resource(_)));
        if !data || ended.opened.at() < told.moment.at + SPREAD {
            return;
        }
        let Some(answer) = ended.by_backend() else {
            return;
        };
        context.exercised(&ENFORCED);
        let wrong = if is_success(answer.status) || answer.status == 304 {
            Some((
                "data",
                "the backend answers data requests although its kill-switch is on",
            ))
        } else {
            (answer.status != refusal && !is_excused(&ended, context)).then_some((
                "refusal",
                "the backend refuses data during maintenance otherwise than agreed",
            ))
        };
        if let Some((kind, message)) = wrong {
            let Told {
                moment, exchange, ..
            } = told;
            context.violated(
                &ENFORCED,
                Violation::new(message.to_owned())
                    .kind(kind.to_owned())
                    .expected(format!("data requests are refused with {refusal}"))
                    .observed(format!(
                        "{} {} was answered with {}",
                        ended.request.method, ended.request.target, answer.status
                    ))
                    .evidence([moment.id, ended.opened.id(), entry.id])
                    .exchanges([exchange, answer.exchange]),
            );
        }
    }
}
