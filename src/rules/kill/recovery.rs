//! KILL-4: when the kill-switch is lifted, the app comes back by itself.

use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::duration::show;
use crate::domain::journal::{Act, AppFact, Fact, SessionState};
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
    /// An app that had a session when it was told *blocked* and stays visible asks for data again
    /// after the switch is lifted, within one and a quarter status intervals, a status request
    /// under way apart, or within ten seconds of being told so; and it neither ends its session nor
    /// signs in.
    ///
    /// # How to keep it
    /// Keep the session and the status timer while blocked; on the first open answer load and
    /// connect as at a start.
    ///
    /// # Source
    /// runbook S4.2
    pub(super) RECOVERY: "KILL-4", App, from [Wire],
        needs [KillSwitch],
        set by ["kill-switch.every"]
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

/// An app with a session that was told to block.
#[derive(Clone, Copy)]
struct Blocked {
    told: Moment,
    /// Since when it could be known that the switch is off.
    lifted: Option<Moment>,
    /// Since when the app was told so.
    known: Option<Moment>,
}

impl Rule for Recovery {
    fn see(&mut self, context: &Context<'_>) {
        match &context.entry.fact {
            Fact::Act(Act::Launch | Act::Kill) => {
                *self = Self::default();
                return;
            }
            Fact::Act(Act::Background) => self.blocked = None,
            _ => {}
        }
        self.follow(context);
        self.judge_session(context);
        if let Some(request) = context.request() {
            match &request.role {
                Some(Role::Resource(_)) => self.data(context),
                Some(Role::Realtime) if request.is_handshake() => self.data(context),
                Some(Role::SignIn) => self.sign_in(request.exchange, context),
                _ => {}
            }
        }
        self.judge_return(context);
    }

    fn end(&mut self, context: &Context<'_>) {
        self.judge_return(context);
        if let Some((from, limit)) = self.due(context) {
            let had = context.now.saturating_sub(from.at);
            context.lacked(&RECOVERY, "the kill-switch was lifted", had, limit);
        }
    }
}

impl Recovery {
    /// Follows what the app is told, and what it could know.
    fn follow(&mut self, context: &Context<'_>) {
        let now = context.moment();
        let told = context.switch.told;
        let lever = context.world.maintenance.map(|(on, _)| on);
        let Some(blocked) = &mut self.blocked else {
            let has_session = context.session.open && (self.active || context.world.simulated);
            if has_session && told.is_some_and(|told| told.moment.id == now.id) {
                self.blocked = Some(Blocked {
                    told: now,
                    // What the app was told may be older than the lever's last move.
                    lifted: (lever == Some(false)).then_some(now),
                    known: None,
                });
            }
            return;
        };
        let counts_from_now = match blocked.lifted {
            Some(_) => cannot_learn(now, context),
            None => lever == Some(false),
        };
        if told.is_some() {
            blocked.known = None;
        }
        if lever == Some(true) && told.is_some() {
            blocked.lifted = None;
        } else if told.is_none() && blocked.known.is_none() {
            blocked.known = Some(now);
            blocked.lifted.get_or_insert(now);
        } else if counts_from_now {
            blocked.lifted = Some(now);
        }
    }

    /// A session that the backend ended is no matter of the kill-switch; one that the app gave up is.
    fn judge_session(&mut self, context: &Context<'_>) {
        let Some(blocked) = self.blocked else {
            return;
        };
        let refused = context.session.refused;
        if context.session.wants_out || refused.is_some_and(|own| own.id > blocked.told.id) {
            self.blocked = None;
        } else if gives_up_session(context) {
            self.blocked = None;
            lost_session(blocked, "the session was ended", None, context);
        } else if context.session.is_leaving() {
            // Perhaps the user signed out: nobody marked it.
            self.blocked = None;
        }
    }

    fn data(&mut self, context: &Context<'_>) {
        self.active = true;
        if self.blocked.is_some_and(|blocked| blocked.lifted.is_some()) {
            context.exercised(&RECOVERY);
            self.blocked = None;
        }
    }

    fn sign_in(&mut self, exchange: u64, context: &Context<'_>) {
        if let Some(blocked) = self.blocked.take()
            && !context.session.wants_out
        {
            lost_session(blocked, "a sign-in", Some(exchange), context);
        }
    }

    /// From when on the app has how long to come back. Once it was told, no interval has to pass any
    /// more.
    fn due(&self, context: &Context<'_>) -> Option<(Moment, Duration)> {
        let (blocked, switch) = (self.blocked?, context.contract.kill_switch.as_ref()?);
        let lifted = blocked.lifted?;
        Some(match blocked.known {
            Some(known) => (known, REACTION),
            None => (lifted, switch.every.mul_f64(1.25) + SLACK),
        })
    }

    /// Whether the app is overdue.
    fn judge_return(&mut self, context: &Context<'_>) {
        let (Some(blocked), Some((from, limit))) = (self.blocked, self.due(context)) else {
            return;
        };
        let Some(lifted) = blocked.lifted else {
            return;
        };
        // An app that was told when to come back waits as it was told.
        if context.now <= (from.at + limit).max(context.waits.until_all() + SLACK)
            || context.is_asking(&Role::Status)
            || !context.app_is_awake()
            || context.world.is_blind()
        {
            return;
        }
        self.blocked = None;
        context.violated(
            &RECOVERY,
            Violation::new("the app did not come back after the kill-switch was lifted")
                .expected(format!("a request for data within {}", show(limit)))
                .observed(format!("none for {}", show(context.now - from.at)))
                .evidence([blocked.told.id, lifted.id]),
        );
    }
}

/// Whether the app ends its session, as far as it says or the user's acts are marked: without marks
/// nobody knows whether it was the user who signed out.
fn gives_up_session(context: &Context<'_>) -> bool {
    match &context.entry.fact {
        Fact::App(AppFact::Session {
            state: SessionState::Ended { .. },
        }) => true,
        _ => {
            let role = context.request().and_then(|request| request.role.as_ref());
            role == Some(&Role::SignOut) && context.world.acts_marked
        }
    }
}

fn lost_session(blocked: Blocked, what: &str, exchange: Option<u64>, context: &Context<'_>) {
    let entry = context.entry;
    context.violated(
        &RECOVERY,
        Violation::new("the app does not keep its session through a maintenance")
            .expected("the session outlives the maintenance")
            .observed(format!(
                "{what}, {} after the app was told to block",
                show(entry.at - blocked.told.at)
            ))
            .evidence([blocked.told.id, entry.id])
            .exchanges(exchange),
    );
}

/// Whether the app cannot learn that the switch was lifted, or was just told otherwise.
fn cannot_learn(now: Moment, context: &Context<'_>) -> bool {
    let is_now = |moment: Option<Moment>| moment.is_some_and(|own| own.id == now.id);
    context.world.is_blind()
        || context.world.is_disturbed()
        || context.world.backend_is_stopped()
        || is_now(context.switch.failed)
        || context.switch.told.is_some() && is_now(context.switch.answered)
}
