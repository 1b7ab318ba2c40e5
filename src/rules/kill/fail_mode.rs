//! KILL-3: what the app does while the kill-switch cannot be asked.

use std::time::Duration;

use crate::domain::contract::{FailMode, KillSwitch, Role};
use crate::domain::duration::show;
use crate::domain::journal::{
    Act, AppFact, Direction, EntryId, Fact, Frame, Request, ScreenName, SessionState, SocketEnd,
};
use crate::rules::context::Context;
use crate::rules::moment::Moment;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// While the kill-switch cannot be asked, the app does what was agreed
    ///
    /// # Why
    /// A status request that fails (5xx, no answer, a page, JSON without the value) says nothing.
    /// With the fail mode `last-known` an app that was blocked stays blocked over a restart, and
    /// one that was not goes on; `open` always goes on, `closed` always blocks.
    ///
    /// # How it is judged
    /// From a status request that failed until one brings an answer, these count: data that is
    /// asked for although the app must be blocked, or a socket that stays joined; and a maintenance
    /// screen, or a feed that the app itself closes without asking for data any more past the time
    /// at which it would poll, although it must go on. With `open` that includes an app that was
    /// told to block: once its attempts are spent it asks for data again. What an app still knows
    /// after its session has ended is not judged, and neither is one whose token is refused while no other can be had.
    ///
    /// # How to keep it
    /// Keep the last valid answer in storage, and evaluate the agreed fail mode wherever an answer
    /// cannot be read, not only where the request throws.
    ///
    /// # Source
    /// runbook S4.1, S4.3
    pub(super) FAIL_MODE: "KILL-3", App, from [Wire, Sim],
        needs [KillSwitch],
        set by ["kill-switch.fail-mode", "kill-switch.takes-effect-within", "retry.attempts"]
}

/// How soon after a failed question an app closes its feed because of it.
const BECAUSE: Duration = Duration::from_secs(5);
/// How long leaving the feed may take.
const GOOD_BYE: Duration = Duration::from_secs(2);
/// How long an app that goes on may ask for no data where the contract has no polling.
const QUIET: Duration = Duration::from_secs(20);

#[derive(Default)]
pub(super) struct Silent {
    /// The last valid answer that the client can still know: whether it said *blocked*.
    known: Option<bool>,
    /// Whether that answer came in this process.
    here: bool,
    silence: Option<Silence>,
    closed: Option<Closed>,
}

/// Questions in a row that brought no answer.
struct Silence {
    first: Moment,
    last: Moment,
    count: u32,
    /// When the attempts at one question were spent, or the app could do something about it again.
    spent: Option<Moment>,
    /// Whether data was asked for since the last answer.
    goes_on: bool,
}

/// A feed that the client closed although it should go on, and the question that had failed.
struct Closed {
    failed: EntryId,
    feed: Moment,
}

/// What the app must do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Blocked,
    Open,
}

impl Rule for Silent {
    fn see(&mut self, context: &Context<'_>) {
        let Some(switch) = &context.contract.kill_switch else {
            return;
        };
        match &context.entry.fact {
            Fact::Act(Act::Launch | Act::Kill) => {
                self.here = false;
                self.silence = None;
                self.closed = None;
            }
            Fact::Act(_) => self.closed = None,
            // Nobody agreed on what outlives a session, or the storage that it was in.
            Fact::App(AppFact::Session {
                state: SessionState::Ended { .. } | SessionState::NotFound { .. },
            }) if !self.here => self.known = None,
            _ => {}
        }
        self.answered(context);
        self.blocks(switch, context);
        self.lasts(switch, context);
        if let Some(request) = context.request() {
            match &request.role {
                Some(Role::SignIn) if !self.here => self.known = None,
                Some(role) if role.is_data() => self.asks(request, switch, context),
                _ => {}
            }
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        self.judge_closed(context);
        if let Some(switch) = &context.contract.kill_switch {
            self.lasts(switch, context);
        }
    }
}

impl Silent {
    fn expected(&self, switch: &KillSwitch) -> Expected {
        match switch.fail_mode {
            FailMode::Closed => Expected::Blocked,
            FailMode::LastKnown if self.known == Some(true) => Expected::Blocked,
            FailMode::LastKnown | FailMode::Open => Expected::Open,
        }
    }

    /// Takes a question in that has just ended.
    fn answered(&mut self, context: &Context<'_>) {
        let here = context.entry.id;
        let is_here = |moment: Option<Moment>| moment.is_some_and(|own| own.id == here);
        if is_here(context.switch.answered) {
            if context.switch.told.is_some() {
                self.known = Some(true);
            } else if is_here(context.switch.open.map(|(_, answered)| answered)) {
                self.known = Some(false);
            }
            self.here = true;
            self.silence = None;
            self.closed = None;
        } else if is_here(context.switch.failed) && context.app_is_awake() {
            self.failed(context);
        }
    }

    /// One more question brought no answer.
    fn failed(&mut self, context: &Context<'_>) {
        context.exercised(&FAIL_MODE);
        if !context.world.acts_marked {
            context.unable(
                &FAIL_MODE,
                "nobody marked what the user did, so a feed that is closed may have been closed by \
                 them; data asked for although blocked was judged",
            );
        }
        let now = context.moment();
        let silence = self.silence.get_or_insert(Silence {
            first: now,
            last: now,
            count: 0,
            spent: None,
            goes_on: false,
        });
        silence.last = now;
        silence.count += 1;
        if silence.count >= context.contract.retry.attempts {
            silence.spent.get_or_insert(now);
        }
    }

    /// Data is asked for.
    fn asks(&mut self, request: &Request, switch: &KillSwitch, context: &Context<'_>) {
        self.closed = None;
        let expected = self.expected(switch);
        let Some(silence) = &mut self.silence else {
            return;
        };
        silence.goes_on = true;
        // While this process was told that it is blocked, KILL-2 judges.
        if expected != Expected::Blocked || context.switch.told.is_some() {
            return;
        }
        // A process that only knows from an earlier one has nothing to wait for.
        let entry = context.entry;
        let settled = switch.fail_mode == FailMode::LastKnown
            || silence.count >= context.contract.retry.attempts
            || entry.at > silence.first.at + switch.takes_effect_within;
        if settled {
            let after = show(entry.at - silence.last.at);
            context.violated(
                &FAIL_MODE,
                goes_on(format!(
                    "{}, {after} after a status request failed",
                    request.line()
                ))
                .evidence([silence.first.id, silence.last.id, entry.id])
                .exchanges([request.exchange]),
            );
        }
    }

    /// The app may block although it should go on.
    fn blocks(&mut self, switch: &KillSwitch, context: &Context<'_>) {
        let Some(silence) = &self.silence else {
            return;
        };
        if self.expected(switch) != Expected::Open || context.switch.told.is_some() {
            return;
        }
        let failed = silence.last;
        match &context.entry.fact {
            Fact::App(AppFact::Screen {
                screen: ScreenName::Maintenance,
            }) => {
                context.violated(
                    &FAIL_MODE,
                    blocked("the app shows its maintenance screen")
                        .evidence([failed.id, context.entry.id]),
                );
            }
            _ if self.closed.is_none() && closes_its_feed(failed, context) => {
                self.closed = Some(Closed {
                    failed: failed.id,
                    feed: context.moment(),
                });
            }
            _ => {}
        }
        self.judge_closed(context);
    }

    /// What goes on although the silence lasts, or does not. It is found once in a silence.
    fn lasts(&mut self, switch: &KillSwitch, context: &Context<'_>) {
        let Some(silence) = &mut self.silence else {
            return;
        };
        let Some(spent) = &mut silence.spent else {
            return;
        };
        if !can_act(context) {
            spent.at = context.now;
            return;
        }
        let waited = context.now.saturating_sub(spent.at);
        let joined = context.sockets.iter().find_map(|(_, own)| own.connected);
        let violation = match (switch.fail_mode, context.switch.told, joined) {
            (FailMode::Closed, None, Some(joined))
                if waited > switch.takes_effect_within + GOOD_BYE =>
            {
                goes_on(format!(
                    "a socket that is still joined {} later",
                    show(waited)
                ))
                .evidence([joined.id, silence.last.id])
            }
            (FailMode::Open, Some(told), _) if !silence.goes_on && waited > quiet(context) => {
                blocked(format!(
                    "blocked before, the app asked for no data for {}",
                    show(waited)
                ))
                .evidence([told.moment.id, spent.id])
            }
            _ => return,
        };
        context.violated(&FAIL_MODE, violation);
        silence.spent = None;
        silence.count = 0;
    }

    /// Whether nothing came in the place of a feed that the app closed.
    fn judge_closed(&mut self, context: &Context<'_>) {
        if let Some(closed) = &mut self.closed
            && !can_act(context)
        {
            closed.feed.at = context.now;
        }
        let is_overdue = |closed: &mut Closed| context.now > closed.feed.at + quiet(context);
        if let Some(Closed { failed, feed }) = self.closed.take_if(is_overdue) {
            context.violated(
                &FAIL_MODE,
                blocked(format!(
                    "the app closed its feed and asked for no data for {}",
                    show(context.now - feed.at)
                ))
                .evidence([failed, feed.id]),
            );
        }
    }
}

/// Whether the app closes its feed by itself, so soon after a question failed that this is why.
fn closes_its_feed(failed: Moment, context: &Context<'_>) -> bool {
    let closes = matches!(
        &context.entry.fact,
        Fact::Frame {
            direction: Direction::Up,
            packet: Frame::Disconnect { .. },
            ..
        } | Fact::SocketClosed {
            end: SocketEnd::Client,
            ..
        }
    );
    closes
        && context.world.acts_marked
        && context.app_is_awake()
        && context.entry.at <= failed.at + BECAUSE
        && !context.world.acted_since(failed.id)
        && context.sockets.live() == 0
}

/// Whether the app can do something: where its token is refused and no other can be had, it has nothing to
/// read with.
fn can_act(context: &Context<'_>) -> bool {
    context.app_is_awake()
        && context.session.is_wanted()
        && !context.world.is_blind()
        && !context.is_without_token()
}

/// How long an app that goes on may ask for no data.
fn quiet(context: &Context<'_>) -> Duration {
    let polling = context.contract.polling.as_ref();
    polling.map_or(QUIET, |polling| polling.after + polling.every)
}

fn goes_on(observed: impl Into<String>) -> Violation {
    Violation::new(
        "the app goes on although it must stay blocked while the kill-switch cannot be asked",
    )
    .expected("no data until a valid answer says that the switch is off")
    .observed(observed)
}

fn blocked(observed: impl Into<String>) -> Violation {
    Violation::new("the app blocks because the kill-switch cannot be asked")
        .expected("the app goes on until a valid answer says that the switch is on")
        .observed(observed)
}
