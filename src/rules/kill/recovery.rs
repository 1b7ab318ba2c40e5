//! KILL-4: when the kill-switch is lifted, the app comes back by itself.

use std::time::Duration;

use crate::domain::contract::{KillSwitch, Role};
use crate::domain::duration::show;
use crate::domain::journal::{Act, AppFact, Entry, EntryId, Fact, SessionState};
use crate::rules::context::Context;
use crate::rules::moment::Moment;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// When the kill-switch is lifted the app recovers without relaunch and without sign-in
    ///
    /// # Why
    /// A maintenance that ends with every user at the sign-in screen, or with apps that must be
    /// killed, costs more than it saved.
    ///
    /// # How it is judged
    /// Judged for an app that had a session when it was told *blocked* and stays visible: after the
    /// switch is lifted it asks for data again within one and a quarter status intervals, a status
    /// request under way apart, or within ten seconds of being told so; and it neither ends its
    /// session nor signs in.
    ///
    /// # How to keep it
    /// Keep the session and the status timer while blocked; on the first open answer load and
    /// connect as at a start.
    ///
    /// # Source
    /// runbook S4.2
    pub(super) RECOVERY: "KILL-4", App, from [Wire],
        needs [KillSwitch],
        set by ["kill_switch.every"]
}

/// How long an app that was told may take to come back.
const REACTION: Duration = Duration::from_secs(10);
/// What queues and latencies may add.
const SLACK: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(super) struct Recovery {
    /// Whether this process asked for data with its session; a simulated app says that it has one.
    active: bool,
    blocked: Option<Blocked>,
}

#[derive(Clone, Copy)]
struct Blocked {
    told: EntryId,
    at: Duration,
    /// Since when it could be known that the switch is off.
    lifted: Option<Moment>,
    /// Since when the app was told so.
    known: Option<Moment>,
}

impl Rule for Recovery {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        let Some(switch) = &context.contract.kill_switch else {
            context.unable(&RECOVERY, "the contract has no kill-switch");
            return;
        };
        match &entry.fact {
            Fact::Act(Act::Launch | Act::Kill) => {
                self.active = false;
                self.blocked = None;
                return;
            }
            Fact::Act(Act::Background) => self.blocked = None,
            _ => {}
        }
        self.follow(entry, context);
        self.ended(entry, context);
        if let Some(request) = context.request() {
            match &request.role {
                Some(Role::Resource(_)) => self.data(context),
                Some(Role::Realtime) if request.is_handshake() => self.data(context),
                Some(Role::SignIn) => self.sign_in(entry, request.exchange, context),
                _ => {}
            }
        }
        self.overdue(context, switch);
    }

    fn end(&mut self, context: &Context<'_>) {
        if let Some(switch) = &context.contract.kill_switch {
            self.overdue(context, switch);
        }
    }
}

impl Recovery {
    fn follow(&mut self, entry: &Entry, context: &Context<'_>) {
        let now = Moment::of(entry);
        let lever = context.world.maintenance;
        let lever_off = lever.is_some_and(|(on, _)| !on);
        match (&mut self.blocked, context.switch.told) {
            (None, Some(told))
                if told.moment.id == entry.id
                    && (self.active || context.world.simulated)
                    && context.session.open =>
            {
                self.blocked = Some(Blocked {
                    told: entry.id,
                    at: entry.at,
                    // What the app was told may be older than the lever's last move.
                    lifted: lever_off.then_some(now),
                    known: None,
                });
            }
            (Some(blocked), told) => {
                if told.is_some() {
                    blocked.known = None;
                }
                if lever.is_some_and(|(on, _)| on) && told.is_some() {
                    blocked.lifted = None;
                } else if told.is_none() && blocked.known.is_none() {
                    blocked.known = Some(now);
                    blocked.lifted.get_or_insert(now);
                } else if (lever_off && blocked.lifted.is_none())
                    || (blocked.lifted.is_some() && cannot_ask(now, context))
                {
                    blocked.lifted = Some(now);
                }
            }
            (None, _) => {}
        }
    }

    /// A session that the backend ended is no matter of the kill-switch; one that the app gave up is.
    fn ended(&mut self, entry: &Entry, context: &Context<'_>) {
        let Some(blocked) = self.blocked else {
            return;
        };
        let refused = context.session.refused;
        if context.session.wants_out || refused.is_some_and(|refused| refused.id > blocked.told) {
            self.blocked = None;
            return;
        }
        let given_up = match &entry.fact {
            Fact::App(AppFact::Session {
                state: SessionState::Ended { .. },
            }) => true,
            // Without marks nobody knows whether it was the user who signed out.
            _ => {
                context.world.acts_marked
                    && context
                        .request()
                        .is_some_and(|request| request.role == Some(Role::SignOut))
            }
        };
        if given_up {
            self.blocked = None;
            breach(entry, blocked, None, "the session was ended", context);
        }
    }

    fn data(&mut self, context: &Context<'_>) {
        self.active = true;
        if self.blocked.is_some_and(|blocked| blocked.lifted.is_some()) {
            context.exercised(&RECOVERY);
            self.blocked = None;
        }
    }

    fn sign_in(&mut self, entry: &Entry, exchange: u64, context: &Context<'_>) {
        let Some(blocked) = self.blocked.take() else {
            return;
        };
        if context.session.wants_out {
            return;
        }
        breach(entry, blocked, Some(exchange), "a sign-in", context);
    }

    fn overdue(&mut self, context: &Context<'_>, switch: &KillSwitch) {
        let Some(Blocked {
            told,
            lifted: Some(lifted),
            known,
            ..
        }) = self.blocked
        else {
            return;
        };
        // Once the app was told, no interval has to pass any more.
        let (from, limit) = match known {
            Some(known) => (known, REACTION),
            None => (lifted, switch.every.mul_f64(1.25) + SLACK),
        };
        let asking = context
            .under_way()
            .any(|(_, request)| request.role == Some(Role::Status));
        if context.now <= from.at + limit
            || asking
            || !context.app_is_awake()
            || context.world.is_blind()
        {
            return;
        }
        self.blocked = None;
        context.violated(
            &RECOVERY,
            Violation::new("the app did not come back after the kill-switch was lifted")
                .kind("recovery")
                .expected(format!("a request for data within {}", show(limit)))
                .observed(format!("none for {}", show(context.now - from.at)))
                .evidence([told, lifted.id]),
        );
    }
}

fn breach(
    entry: &Entry,
    blocked: Blocked,
    exchange: Option<u64>,
    what: &str,
    context: &Context<'_>,
) {
    context.violated(
        &RECOVERY,
        Violation::new("the app does not keep its session through a maintenance")
            .kind("session")
            .expected("the session outlives the maintenance")
            .observed(format!(
                "{what}, {} after the app was told to block",
                show(entry.at - blocked.at)
            ))
            .evidence([blocked.told, entry.id])
            .exchanges(exchange),
    );
}

/// Whether the app cannot learn that the switch was lifted, or was just told otherwise.
fn cannot_ask(now: Moment, context: &Context<'_>) -> bool {
    context.world.is_blind()
        || context.world.is_disturbed()
        || context.world.backend_is_stopped()
        || context
            .switch
            .failed
            .is_some_and(|failed| failed.id == now.id)
        || context.switch.told.is_some()
            && context
                .switch
                .answered
                .is_some_and(|answered| answered.id == now.id)
}
