//! KILL-3: what the app does while the kill-switch cannot be asked.

use std::time::Duration;

use crate::domain::contract::{FailMode, KillSwitch, Role};
use crate::domain::duration::show;
use crate::domain::journal::{
    Act, AppFact, Direction, Entry, EntryId, Fact, Frame, ScreenName, SessionState, SocketEnd,
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
    /// Judged from a status request that failed until one brings an answer: data that is asked for
    /// although the app must be blocked, or a socket that stays joined; and a maintenance screen,
    /// or a feed that the app itself closes without asking for data any more past the time at which
    /// it would poll, although it must go on. With `open` that includes an app that was told to
    /// block: once its attempts are spent it asks for data again. What an app still knows after its
    /// session has ended is not judged.
    ///
    /// # How to keep it
    /// Keep the last valid answer in storage, and evaluate the agreed fail mode wherever an answer
    /// cannot be read, not only where the request throws.
    ///
    /// # Source
    /// runbook S4.1, S4.3
    pub(super) FAIL_MODE: "KILL-3", App, from [Wire, Sim],
        needs [KillSwitch],
        set by ["kill_switch.fail_mode", "kill_switch.takes_effect_within", "retry.attempts"]
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
    /// A feed that the client closed although it should go on.
    closed: Option<(EntryId, Moment)>,
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

/// What the app must do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Blocked,
    Open,
}

impl Rule for Silent {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        let Some(switch) = &context.contract.kill_switch else {
            context.unable(&FAIL_MODE, "the contract has no kill-switch");
            return;
        };
        match &entry.fact {
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
        self.answered(entry, context);
        self.blocks(entry, switch, context);
        self.lasts(switch, context);
        let Some(request) = context.request() else {
            return;
        };
        match &request.role {
            Some(Role::SignIn) if !self.here => self.known = None,
            Some(role) if role.is_data() => {
                self.closed = None;
                if let Some(silence) = &mut self.silence {
                    silence.goes_on = true;
                }
                let what = request.line();
                self.asks(entry, switch, context, what, request.exchange);
            }
            _ => {}
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        self.overdue(context);
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
    fn answered(&mut self, entry: &Entry, context: &Context<'_>) {
        let here = |moment: Option<Moment>| moment.is_some_and(|own| own.id == entry.id);
        if here(context.switch.answered) {
            if context.switch.told.is_some() {
                self.known = Some(true);
            } else if context
                .switch
                .open
                .is_some_and(|(_, own)| own.id == entry.id)
            {
                self.known = Some(false);
            }
            self.here = true;
            self.silence = None;
            self.closed = None;
        } else if here(context.switch.failed) && context.app_is_awake() {
            context.exercised(&FAIL_MODE);
            if !context.world.acts_marked {
                context.unable(
                    &FAIL_MODE,
                    "nobody marked what the user did, so a feed that is closed may have been closed by them; data asked for although blocked was judged",
                );
            }
            let moment = Moment::of(entry);
            let silence = self.silence.get_or_insert(Silence {
                first: moment,
                last: moment,
                count: 0,
                spent: None,
                goes_on: false,
            });
            silence.last = moment;
            silence.count += 1;
            if silence.count >= context.contract.retry.attempts {
                silence.spent.get_or_insert(moment);
            }
        }
    }

    /// Data is asked for.
    fn asks(
        &self,
        entry: &Entry,
        switch: &KillSwitch,
        context: &Context<'_>,
        what: String,
        exchange: u64,
    ) {
        // While this process was told that it is blocked, KILL-2 judges.
        let (Some(silence), None) = (&self.silence, context.switch.told) else {
            return;
        };
        if self.expected(switch) != Expected::Blocked {
            return;
        }
        // A process that only knows from an earlier one has nothing to wait for.
        let settled = switch.fail_mode == FailMode::LastKnown
            || silence.count >= context.contract.retry.attempts
            || entry.at > silence.first.at + switch.takes_effect_within;
        if settled {
            let after = show(entry.at - silence.last.at);
            let observed = format!("{what}, {after} after a status request failed");
            let evidence = vec![silence.first.id, silence.last.id, entry.id];
            context.violated(
                &FAIL_MODE,
                goes_on(observed, evidence).exchanges([exchange]),
            );
        }
    }

    /// The app may block although it should go on.
    fn blocks(&mut self, entry: &Entry, switch: &KillSwitch, context: &Context<'_>) {
        let Some(silence) = &self.silence else {
            return;
        };
        if self.expected(switch) != Expected::Open || context.switch.told.is_some() {
            return;
        }
        match &entry.fact {
            Fact::App(AppFact::Screen {
                screen: ScreenName::Maintenance,
            }) => {
                let observed = "the app shows its maintenance screen".to_owned();
                breach(silence.last, entry.id, observed, context);
            }
            Fact::Frame {
                direction: Direction::Up,
                packet: Frame::Disconnect { .. },
                ..
            }
            | Fact::SocketClosed {
                end: SocketEnd::Client,
                ..
            } if self.closed.is_none()
                && context.world.acts_marked
                && context.app_is_awake()
                && entry.at <= silence.last.at + BECAUSE
                && !context.world.acted_since(silence.last.id)
                && context.sockets.live() == 0 =>
            {
                self.closed = Some((silence.last.id, Moment::of(entry)));
            }
            _ => {}
        }
        self.overdue(context);
    }

    /// What goes on although the silence lasts, or does not.
    fn lasts(&mut self, switch: &KillSwitch, context: &Context<'_>) {
        let Some(silence) = &mut self.silence else {
            return;
        };
        let (Some(spent), last) = (&mut silence.spent, silence.last) else {
            return;
        };
        if !is_awake(context) {
            spent.at = context.now;
            return;
        }
        let joined = context.sockets.iter().find_map(|(_, own)| own.connected);
        match (switch.fail_mode, context.switch.told, joined) {
            (FailMode::Closed, None, Some(joined))
                if context.now > spent.at + switch.takes_effect_within + GOOD_BYE =>
            {
                let observed = format!(
                    "a socket that is still joined {} later",
                    show(context.now - spent.at)
                );
                let evidence = vec![joined.id, last.id];
                context.violated(&FAIL_MODE, goes_on(observed, evidence));
            }
            (FailMode::Open, Some(told), _)
                if !silence.goes_on && context.now > spent.at + quiet(context) =>
            {
                let observed = format!(
                    "blocked before, the app asked for no data for {}",
                    show(context.now - spent.at)
                );
                breach(told.moment, spent.id, observed, context);
            }
            _ => return,
        }
        // Found once in a silence.
        silence.spent = None;
        silence.count = 0;
    }

    fn overdue(&mut self, context: &Context<'_>) {
        let awake = is_awake(context);
        let quiet = quiet(context);
        let Some((failed, closed)) = self
            .closed
            .take_if(|(_, closed)| awake && context.now > closed.at + quiet)
        else {
            return;
        };
        let observed = format!(
            "the app closed its feed and asked for no data for {}",
            show(context.now - closed.at)
        );
        let failed = Moment {
            id: failed,
            at: closed.at,
        };
        breach(failed, closed.id, observed, context);
    }
}

/// Whether the app can do something.
fn is_awake(context: &Context<'_>) -> bool {
    context.app_is_awake() && context.session.open && !context.world.is_blind()
}

/// How long an app that goes on may ask for no data.
fn quiet(context: &Context<'_>) -> Duration {
    let polls = context.contract.polling.as_ref();
    polls.map_or(QUIET, |polling| polling.after + polling.every)
}

fn goes_on(observed: String, evidence: Vec<EntryId>) -> Violation {
    Violation::new(
        "the app goes on although it must stay blocked while the kill-switch cannot be asked",
    )
    .kind("open")
    .expected("no data until a valid answer says that the switch is off")
    .observed(observed)
    .evidence(evidence)
}

fn breach(failed: Moment, shown: EntryId, observed: String, context: &Context<'_>) {
    context.violated(
        &FAIL_MODE,
        Violation::new("the app blocks because the kill-switch cannot be asked")
            .kind("closed")
            .expected("the app goes on until a valid answer says that the switch is on")
            .observed(observed)
            .evidence([failed.id, shown]),
    );
}
