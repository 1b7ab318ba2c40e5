//! KILL-2 and -7: no data flows while the kill-switch is on.

use std::time::Duration;

use crate::domain::contract::{FailMode, KillSwitch, Role};
use crate::domain::duration::show;
use crate::domain::journal::{
    Answerer, AppFact, Direction, Entry, EntryId, Fact, Frame, HarnessFact, Heard, Question,
    ScreenName, Sender, is_success,
};
use crate::rules::context::Context;
use crate::rules::exchange::Ended;
use crate::rules::moment::Moment;
use crate::rules::rule::{Rule, rule};
use crate::rules::state::{Told, is_blocked};
use crate::rules::violation::Violation;

rule! {
    /// A kill takes effect in time, and after that nothing asks for data: REST, socket, polling
    ///
    /// # Why
    /// The switch is there to take load and eyes off a backend in trouble; a socket or a poller
    /// that goes on behind the maintenance screen defeats it.
    ///
    /// # How it is judged
    /// Judged from the moment the app was told (two seconds are left to it, and to an app that says
    /// that it shows its maintenance screen only what two requests on their way may be), or from
    /// the lever's moment plus the agreed time when a running, visible app that could ask was never
    /// told. From then on no request for data, no poll of the feed and no event on a joined socket
    /// may be seen.
    ///
    /// # How to keep it
    /// On *blocked* close the socket, stop every timer and drop queued requests; keep asking for
    /// the status only.
    ///
    /// # Source
    /// runbook S4.1
    pub(super) EFFECT: "KILL-2", App, from [Wire],
        needs [KillSwitch],
        set by ["kill_switch.takes_effect_within", "kill_switch.fail_mode"]
}

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

/// How long an app that was told may take to stop what was on its way.
const REACTION: Duration = Duration::from_secs(2);
/// How many requests may have been on their way when the app showed its maintenance screen.
const ON_THEIR_WAY: usize = 2;
/// How long the parts of a backend may disagree about the switch.
const SPREAD: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(super) struct Effect {
    /// Whether this blockade was counted as an occasion.
    counted: bool,
    /// Since when the app says that it shows its maintenance screen, and what it asked for since.
    shown: Option<(Moment, Vec<(EntryId, u64)>)>,
}

impl Rule for Effect {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        let Some(switch) = &context.contract.kill_switch else {
            context.unable(&EFFECT, "the contract has no kill-switch");
            return;
        };
        let Some((since, limit)) = limit(context, switch) else {
            self.counted = false;
            self.shown = None;
            return;
        };
        self.behind_the_screen(entry, context);
        if entry.at <= limit {
            return;
        }
        if !std::mem::replace(&mut self.counted, true) {
            context.exercised(&EFFECT);
        }
        if let Some(request) = context.request()
            && request.role.as_ref().is_some_and(Role::is_data)
        {
            let what = request.line();
            breach(since, entry, what, Some(request.exchange), context);
        } else if let Fact::Frame {
            direction: Direction::Down,
            packet: Frame::Event { name, .. },
            socket,
            ..
        } = &entry.fact
            && context
                .sockets
                .get(*socket)
                .is_some_and(|own| own.connected.is_some())
            && entry.at > limit + SPREAD
        {
            breach(
                since,
                entry,
                format!("`{name}` on a socket that is still joined"),
                None,
                context,
            );
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        let Some(switch) = &context.contract.kill_switch else {
            return;
        };
        if let Some((since, limit)) = limit(context, switch)
            && context.now > limit + SPREAD
            && context.world.running
            && let Some(joined) = context
                .sockets
                .iter()
                .find_map(|(_, socket)| socket.connected)
        {
            context.violated(
                &EFFECT,
                seen("a socket that is still joined".to_owned()).evidence([joined.id, since.id]),
            );
        }
    }

    fn hears_routine(&self) -> bool {
        true
    }
}

impl Effect {
    /// An app that shows its maintenance screen knows; what it asks for afterwards needs no grace.
    fn behind_the_screen(&mut self, entry: &Entry, context: &Context<'_>) {
        if let Fact::App(AppFact::Screen { screen }) = &entry.fact {
            self.shown =
                (*screen == ScreenName::Maintenance).then(|| (Moment::of(entry), Vec::new()));
        }
        let (Some((shown, asked)), Some(request)) = (&mut self.shown, context.request()) else {
            return;
        };
        if !matches!(request.role, Some(Role::Resource(_))) {
            return;
        }
        asked.push((entry.id, request.exchange));
        if asked.len() == ON_THEIR_WAY + 1 {
            let (ids, exchanges): (Vec<EntryId>, Vec<u64>) = asked.iter().copied().unzip();
            let evidence: Vec<EntryId> = std::iter::once(shown.id).chain(ids).collect();
            let observed = format!("{} requests behind the maintenance screen", asked.len());
            context.violated(
                &EFFECT,
                seen(observed).evidence(evidence).exchanges(exchanges),
            );
        }
    }
}

/// Since when the app is blocked, and from when on no data may be asked for.
fn limit(context: &Context<'_>, switch: &KillSwitch) -> Option<(Moment, Duration)> {
    let lever = context.world.maintenance;
    if let Some(told) = context.switch.told {
        let lifted = lever.is_some_and(|(on, moment)| !on && moment.id > told.moment.id);
        let may_go_on = switch.fail_mode == FailMode::Open
            && context
                .switch
                .failed
                .is_some_and(|failed| failed.id > told.moment.id);
        let grace = switch.takes_effect_within.min(REACTION);
        return (!lifted && !may_go_on).then_some((told.moment, told.moment.at + grace));
    }
    let (true, lever) = lever? else {
        return None;
    };
    // An app that asked in vain, or that could not ask, cannot know.
    if context
        .switch
        .failed
        .is_some_and(|failed| failed.id > lever.id)
        || !context.app_is_awake()
        || context.world.is_blind()
        || context.world.is_disturbed()
    {
        return None;
    }
    let world = &context.world;
    let contradicted = context
        .switch
        .open
        .filter(|(asked, _)| asked.id > lever.id)
        .map(|(_, answered)| answered);
    let from = [
        Some(lever),
        world.launched,
        world.foreground,
        world.network,
        contradicted,
    ]
    .into_iter()
    .flatten()
    .map(|moment| moment.at)
    .max()?;
    // A status request under way may still tell.
    let asking = context
        .under_way()
        .any(|(_, request)| request.role == Some(Role::Status));
    (!asking).then_some((lever, from + switch.takes_effect_within))
}

fn breach(
    since: Moment,
    entry: &Entry,
    what: String,
    exchange: Option<u64>,
    context: &Context<'_>,
) {
    let observed = format!("{what}, {} after the kill", show(entry.at - since.at));
    context.violated(
        &EFFECT,
        seen(observed)
            .evidence([since.id, entry.id])
            .exchanges(exchange),
    );
}

fn seen(observed: String) -> Violation {
    Violation::new("the app goes on with data although the kill-switch is on")
        .kind("data while blocked")
        .expected("no request for data and no joined socket while the kill-switch is on")
        .observed(observed)
}

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
        } else if entry.fact.change().is_some_and(|own| own.lever().is_some()) {
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
