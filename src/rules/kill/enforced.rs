//! KILL-7: the backend enforces the kill-switch, too.

use std::time::Duration;

use crate::domain::contract::FeedWhileOn;
use crate::domain::journal::{Entry, Fact, HarnessFact, Heard, Question, Sender};
use crate::rules::context::{Context, Read};
use crate::rules::exchange::Ended;
use crate::rules::rule::{Rule, rule};
use crate::rules::state::Told;
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
    /// whose parts have to hear of it. On the feed the client's own sockets are judged, too, and one
    /// of the harness's own that was open before: five seconds after the backend itself has said
    /// *blocked* no socket that was let in since is sent a change, and where the contract says `feed:
    /// refused` none is let in at all. Where it says `feed: ended`, those that were open before are
    /// sent none either, and what they emit is not acknowledged; without a word of it that is
    /// remarked on. Once the lever is off and the app was told so, three refusals of data in a row,
    /// over five seconds, are a finding. A 429 may be a limit; three in a row while the switch is on, where none ever
    /// came while it was off, are a refusal otherwise than agreed. A switch that says *off* although its lever is on is told
    /// as not judged.
    ///
    /// # How to keep it
    /// Check the switch in a middleware in front of every data route and of the socket's namespace.
    ///
    /// # Source
    /// runbook S4.1; defence in depth
    pub(super) ENFORCED: "KILL-7", Backend, from [Wire, Probe],
        needs [KillSwitch, DataRefusal],
        set by ["kill-switch.data-refusal", "kill-switch.feed"]
}

/// How long the parts of a backend may disagree about the switch.
const SPREAD: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(super) struct Enforced {
    /// What the harness was told when it asked for the status itself.
    told: Option<Told>,
    /// Whether the backend limits how often it is asked, also while the switch is off.
    limits: bool,
    /// How many reads in a row were refused as too many while it was on.
    too_many: u32,
}

/// How many reads in a row that are refused as too many are no limit, where nothing else ever was.
const REFUSED_ALIKE: u32 = 3;

impl Rule for Enforced {
    fn see(&mut self, context: &Context<'_>) {
        self.follow(context);
        self.count(context);
        let told = self.told.or(context.switch.told);
        let Some(told) = told.filter(|told| told.by_backend) else {
            return;
        };
        if let Fact::Harness(HarnessFact::Listened(heard)) = &context.entry.fact {
            listened(heard, told, context);
        }
        // Also while the parts of the backend still hear of it.
        let lever = context.world.maintenance;
        let lifted = lever.is_some_and(|(on, moment)| !on && told.moment.at <= moment.at + SPREAD);
        if let Some(read) = context.read_by_anyone()
            && !lifted
            && read.ended.opened.at() >= told.moment.at + SPREAD
        {
            self.judge_answer(&read, told, context);
        }
    }

    fn hears_probes(&self) -> bool {
        true
    }
}

impl Enforced {
    /// Counts reads that are refused as too many.
    fn count(&mut self, context: &Context<'_>) {
        let Some(read) = context.read_by_anyone() else {
            return;
        };
        let is_told = self.told.or(context.switch.told).is_some();
        match (read.answer.status, is_told) {
            (429, true) => self.too_many += 1,
            (429, false) => self.limits = true,
            _ => self.too_many = 0,
        }
    }

    /// Whether data is refused, and as was agreed.
    fn judge_answer(&self, read: &Read<'_>, told: Told, context: &Context<'_>) {
        let switch = context.contract.kill_switch.as_ref();
        let Some(refusal) = switch.and_then(|switch| switch.data_refusal) else {
            return;
        };
        context.exercised(&ENFORCED);
        let Read { ended, answer, .. } = read;
        let message = if answer.is_success() || answer.status == 304 {
            "the backend answers data requests although its kill-switch is on"
        } else if answer.status != refusal && !self.is_excused(ended, context) {
            "the backend refuses data during maintenance otherwise than agreed"
        } else {
            return;
        };
        let request = ended.request;
        context.violated(
            &ENFORCED,
            Violation::new(message)
                .expected(format!("data requests are refused with {refusal}"))
                .observed(format!(
                    "{} {} was answered with {}",
                    request.method, request.target, answer.status
                ))
                .evidence([told.moment.id, ended.opened.id(), context.entry.id])
                .exchanges([told.exchange, answer.exchange]),
        );
    }

    /// Whether a refusal may have another reason than the kill-switch: too many requests, a proxy without
    /// its backend, a token that may be over.
    fn is_excused(&self, ended: &Ended<'_>, context: &Context<'_>) -> bool {
        match ended.status() {
            // The harness has signed in just before the switch was moved.
            Some(401 | 403) => {
                ended.request.sender != Sender::Probe && !token_holds(ended, context)
            }
            Some(429) => self.limits || self.too_many < REFUSED_ALIKE,
            Some(408 | 502 | 504) | None => true,
            Some(_) => false,
        }
    }

    /// Follows what the harness is told: *blocked* since the lever was moved, or nothing.
    fn follow(&mut self, context: &Context<'_>) {
        if let Some((Question::StatusInMaintenance, ended)) = context.answered() {
            self.told = told(&ended, context);
            if self.told.is_none() {
                contradicts(&ended, context);
            }
        } else if moves_a_lever(context.entry) {
            self.told = None;
        }
    }
}

/// The backend's own *blocked* while the lever is on.
fn told(ended: &Ended<'_>, context: &Context<'_>) -> Option<Told> {
    let switch = context.contract.kill_switch.as_ref()?;
    let answer = ended.by_backend()?;
    match context.world.maintenance? {
        (true, moment) if answer.blocks(switch) == Some(true) => Some(Told {
            moment,
            by_backend: true,
            exchange: answer.exchange,
        }),
        _ => None,
    }
}

/// Says that nothing can be judged where the backend does not say what its lever should have it say.
fn contradicts(ended: &Ended<'_>, context: &Context<'_>) {
    if matches!(context.world.maintenance, Some((true, _))) {
        let why = format!(
            "the kill-switch's lever is on, and the backend does not say *blocked*: {}",
            ended.words()
        );
        context.unable(&ENFORCED, why);
    }
}

/// Whether the feed goes on: by an event that came to a socket of the harness's own.
fn listened(heard: &Heard, told: Told, context: &Context<'_>) {
    let settled = context.entry.at >= told.moment.at + SPREAD;
    if heard.question != Question::DataInMaintenance || !settled {
        return;
    }
    let switch = context.contract.kill_switch.as_ref();
    let agreed = switch.and_then(|switch| switch.feed);
    let refuses = matches!(agreed, Some(FeedWhileOn::Refused | FeedWhileOn::Ended));
    if agreed == Some(FeedWhileOn::Open) {
        return;
    }
    if !heard.joined {
        context.exercised(&ENFORCED);
    } else if !heard.events.is_empty() || (refuses && heard.namespace.is_none()) {
        context.violated(
            &ENFORCED,
            Violation::new("the backend goes on with the live feed although its kill-switch is on")
                .expected("no socket is let in, or none is sent anything")
                .observed(heard.words())
                .evidence([told.moment.id, context.entry.id]),
        );
    }
}

/// Whether the token that a request carries was good when it was sent, and known to be.
fn token_holds(ended: &Ended<'_>, context: &Context<'_>) -> bool {
    let label = ended.opened.credential.as_deref();
    let Some(token) = label.and_then(|label| context.session.token(label)) else {
        return false;
    };
    let now = context.unix(ended.opened.at());
    let lasts = token
        .ends
        .zip(now)
        .is_some_and(|(ends, now)| now + 5 < ends);
    let expired = context.world.tokens_expired;
    lasts && expired.is_none_or(|moment| moment.id < token.issued.id)
}

/// Whether somebody changed the target's world, which may end what the harness was told.
fn moves_a_lever(entry: &Entry) -> bool {
    let change = entry.fact.change();
    change.is_some_and(|change| change.lever().is_some())
}
