//! KILL-2: no data is asked for while the kill-switch is on.

use std::time::Duration;

use crate::domain::contract::{FailMode, KillSwitch, Role};
use crate::domain::duration::show;
use crate::domain::journal::{Act, AppFact, Direction, EntryId, Fact, Frame, Request, ScreenName};
use crate::rules::context::Context;
use crate::rules::moment::{Milestone, Moment};
use crate::rules::rule::{Rule, rule};
use crate::rules::state::Told;
use crate::rules::violation::Violation;

rule! {
    /// A kill takes effect in time, and after that nothing asks for data: REST, socket, polling
    ///
    /// # Why
    /// The switch is there to take load and eyes off a backend in trouble; a socket or a poller
    /// that goes on behind the maintenance screen defeats it.
    ///
    /// # How it is judged
    /// From the moment the app was told (two seconds are left to it; to an app that says that it shows
    /// its maintenance screen only what two requests on their way may be, and none to a start that
    /// had asked for no data before), or from the
    /// lever's moment plus the agreed time when a running, visible app that could ask was never
    /// told, no request for data, no poll of the feed and no event on a joined socket may be seen.
    ///
    /// # How to keep it
    /// On *blocked* close the socket, stop every timer and drop queued requests; keep asking for
    /// the status only.
    ///
    /// # Source
    /// runbook S4.1
    pub(super) EFFECT: "KILL-2", App, from [Wire],
        needs [KillSwitch],
        set by ["kill-switch.takes-effect-within", "kill-switch.fail-mode"]
}

/// How long an app that was told may take to stop what was on its way.
const REACTION: Duration = Duration::from_secs(2);
/// How many requests may have been on their way when the app showed its maintenance screen.
const ON_THEIR_WAY: usize = 2;
/// How long an answer is on its way to an app.
const CROSSING: Duration = Duration::from_millis(50);
/// How long after data is off limits a socket may still say something.
const LATE: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(super) struct Effect {
    /// Whether this blockade was said to put the rule to the test.
    counted: bool,
    /// Whether a socket that stays joined was found in it.
    joined: bool,
    /// Whether the process was started, and has asked for no data until it was told.
    fresh: bool,
    /// Since when the app says that it shows its maintenance screen, and what it asked for since.
    shown: Option<(Moment, Vec<Milestone>)>,
}

/// The kill-switch is on, and the app knows it or could.
#[derive(Clone, Copy)]
struct Blockade {
    since: Moment,
    /// From when on no data may be asked for.
    limit: Duration,
}

impl Rule for Effect {
    fn see(&mut self, context: &Context<'_>) {
        self.follow_start(context);
        let Some(mut blockade) = blockade(context) else {
            *self = Self {
                fresh: self.fresh,
                ..Self::default()
            };
            return;
        };
        self.behind_the_screen(context);
        if self.fresh && context.switch.told.is_some() {
            blockade.limit = blockade.since.at + crossing(context);
            if context.entry.id <= blockade.since.id || context.entry.at < blockade.limit {
                return;
            }
        } else if context.entry.at <= blockade.limit {
            return;
        }
        if !std::mem::replace(&mut self.counted, true) {
            context.exercised(&EFFECT);
        }
        if let Some(request) = context.request()
            && request.role.as_ref().is_some_and(Role::is_data)
        {
            went_on(blockade, request.line(), Some(request.exchange), context);
        } else if context.entry.at > blockade.limit + LATE
            && let Some(event) = live_event(context)
        {
            let what = format!("`{event}` on a socket that is still joined");
            went_on(blockade, what, None, context);
        }
    }

    fn time_passes(&mut self, context: &Context<'_>) {
        self.see(context);
        self.end(context);
    }

    fn end(&mut self, context: &Context<'_>) {
        if let Some(Blockade { since, limit }) = blockade(context)
            && context.now <= limit
        {
            let (had, takes) = (context.now.saturating_sub(since.at), limit - since.at);
            context.lacked(&EFFECT, "the kill-switch was turned on", had, takes);
        }
        let mut sockets = context.sockets.iter();
        if let Some(Blockade { since, limit }) = blockade(context)
            && context.now > limit + LATE
            && context.world.running
            && !self.joined
            && let Some(joined) = sockets.find_map(|(_, socket)| socket.connected)
        {
            self.joined = true;
            context.violated(
                &EFFECT,
                goes_on("a socket that is still joined").evidence([joined.id, since.id]),
            );
        }
    }

    fn hears_routine(&self) -> bool {
        true
    }
}

impl Effect {
    /// A start that asks for the status first has nothing on its way when it is told.
    fn follow_start(&mut self, context: &Context<'_>) {
        if let Fact::Act(act) = &context.entry.fact
            && matches!(act, Act::Launch | Act::Kill)
        {
            self.fresh = *act == Act::Launch;
        }
        let asks = context.request().and_then(|request| request.role.as_ref());
        if asks.is_some_and(Role::is_data) && context.switch.told.is_none() {
            self.fresh = false;
        }
    }

    /// An app that shows its maintenance screen knows; what it asks for afterwards needs no grace.
    fn behind_the_screen(&mut self, context: &Context<'_>) {
        if let Fact::App(AppFact::Screen { screen }) = &context.entry.fact {
            self.shown =
                (*screen == ScreenName::Maintenance).then(|| (context.moment(), Vec::new()));
        }
        let is_resource = |own: &&Request| matches!(own.role, Some(Role::Resource(_)));
        let (Some((shown, asked)), Some(request)) =
            (&mut self.shown, context.request().filter(is_resource))
        else {
            return;
        };
        if asked.len() > ON_THEIR_WAY {
            return;
        }
        asked.push(Milestone::of(context.entry, request.exchange));
        if asked.len() == ON_THEIR_WAY + 1 {
            let requests: Vec<EntryId> = asked.iter().map(|own| own.id).collect();
            context.violated(
                &EFFECT,
                goes_on(format!(
                    "{} requests behind the maintenance screen",
                    asked.len()
                ))
                .evidence([shown.id].into_iter().chain(requests))
                .exchanges(asked.iter().map(|own| own.exchange)),
            );
        }
    }
}

/// How long an answer is on its way to the app. The simulated one has it at once.
fn crossing(context: &Context<'_>) -> Duration {
    match context.world.simulated {
        true => Duration::ZERO,
        false => CROSSING,
    }
}

/// Whether the app is blocked, and since when.
fn blockade(context: &Context<'_>) -> Option<Blockade> {
    let switch = context.contract.kill_switch.as_ref()?;
    match context.switch.told {
        Some(told) => after_the_answer(told, switch, context),
        None => after_the_lever(switch, context),
    }
}

/// The app was told, and neither the lever nor the fail mode lets it go on since.
fn after_the_answer(told: Told, switch: &KillSwitch, context: &Context<'_>) -> Option<Blockade> {
    let since = told.moment;
    let lever = context.world.maintenance;
    let lifted = lever.is_some_and(|(on, moment)| !on && moment.id > since.id);
    let may_go_on = switch.fail_mode == FailMode::Open && has_failed_since(since.id, context);
    (!lifted && !may_go_on).then(|| Blockade {
        since,
        limit: since.at + switch.takes_effect_within.min(REACTION),
    })
}

/// The lever was moved, and the app has had the time to ask, but was never told.
fn after_the_lever(switch: &KillSwitch, context: &Context<'_>) -> Option<Blockade> {
    let (true, lever) = context.world.maintenance? else {
        return None;
    };
    let world = &context.world;
    // An app that asked in vain, or that could not ask, cannot know.
    if has_failed_since(lever.id, context)
        || !context.app_is_awake()
        || world.is_blind()
        || world.is_disturbed()
    {
        return None;
    }
    // A status request under way may still tell.
    if context.is_asking(&Role::Status) {
        return None;
    }
    let contradicted = context.switch.open.filter(|(asked, _)| asked.id > lever.id);
    let later = [
        world.launched,
        world.foreground,
        world.network,
        contradicted.map(|(_, answered)| answered),
    ];
    let from = later
        .into_iter()
        .flatten()
        .fold(lever.at, |from, moment| from.max(moment.at));
    Some(Blockade {
        since: lever,
        limit: from + switch.takes_effect_within,
    })
}

fn has_failed_since(entry: EntryId, context: &Context<'_>) -> bool {
    context
        .switch
        .failed
        .is_some_and(|failed| failed.id > entry)
}

/// The event in an entry that came down on a joined socket.
fn live_event<'a>(context: &Context<'a>) -> Option<&'a str> {
    let Fact::Frame {
        direction: Direction::Down,
        packet: Frame::Event { name, .. },
        socket,
        ..
    } = &context.entry.fact
    else {
        return None;
    };
    context
        .sockets
        .get(*socket)?
        .connected
        .map(|_| name.as_str())
}

fn went_on(blockade: Blockade, what: String, exchange: Option<u64>, context: &Context<'_>) {
    let Blockade { since, .. } = blockade;
    let entry = context.entry;
    context.violated(
        &EFFECT,
        goes_on(format!(
            "{what}, {} after the kill",
            show(entry.at - since.at)
        ))
        .evidence([since.id, entry.id])
        .exchanges(exchange),
    );
}

fn goes_on(observed: impl Into<String>) -> Violation {
    Violation::new("the app goes on with data although the kill-switch is on")
        .expected("no request for data and no joined socket while the kill-switch is on")
        .observed(observed)
}
