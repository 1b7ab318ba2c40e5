//! KILL-2: no data is asked for while the kill-switch is on.

use std::time::Duration;

use crate::domain::contract::{FailMode, KillSwitch, Role};
use crate::domain::duration::show;
use crate::domain::journal::{AppFact, Direction, Entry, EntryId, Fact, Frame};
use crate::rules::context::Context;
use crate::rules::moment::Moment;
use crate::rules::rule::{Rule, rule};
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
            self.shown = (screen == "maintenance").then(|| (Moment::of(entry), Vec::new()));
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
