//! NET-7: an outage of a part stays one, and what grows old says so.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::duration::show;
use crate::domain::journal::{
    Act, AppFact, Direction, EntryId, Fact, Frame, Request, SessionState, SocketEnd,
};
use crate::rules::context::Context;
use crate::rules::moment::Moment;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// A partial outage stays partial, and what is stale says since when
    ///
    /// # Why
    /// One endpoint that fails must not take the others with it, and a number on the screen that
    /// nobody could renew must not look current.
    ///
    /// # How it is judged
    /// Judged from a read that failed while the feed was live: the app does not leave its feed over
    /// it; and, where the app says what it shows, what it could not renew is said to be stale, with
    /// a moment that is not later than now, within the agreed age and the time of its attempts.
    ///
    /// # How to keep it
    /// Handle failures per resource; keep the last good data with the time at which it was right,
    /// and show that time once it is old.
    ///
    /// # Source
    /// runbook S4.3, S7.3
    pub(super) PARTIAL: "NET-7", App, from [Wire, Sim],
        set by [
            "stale-after", "request-timeout", "retry.attempts", "retry.delay-max",
            "realtime.live-within"
        ]
}

/// How soon after a failed read an app leaves its feed because of it.
const BECAUSE: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(super) struct Partial {
    /// What is shown and could not be renewed since.
    failing: BTreeMap<String, Moment>,
    shown: BTreeSet<String>,
    /// What was said to be stale and has not been shown anew since.
    stale: BTreeSet<String>,
    /// The read that failed last.
    failed: Option<Failed>,
    /// A feed that the app left because of it, and when.
    left: Option<(Failed, Moment)>,
}

/// A read that failed.
#[derive(Clone, Copy)]
struct Failed {
    moment: Moment,
    exchange: u64,
}

impl Rule for Partial {
    fn see(&mut self, context: &Context<'_>) {
        self.overdue(context);
        match &context.entry.fact {
            Fact::Act(act) => self.act(act),
            Fact::App(fact) => self.says(fact, context),
            Fact::Frame {
                direction: Direction::Up,
                packet: Frame::Disconnect { .. },
                ..
            }
            | Fact::SocketClosed {
                end: SocketEnd::Client,
                ..
            } => self.leaves(context),
            _ => {}
        }
        // A feed ends with its session.
        if context.request().is_some_and(Request::is_handshake) || !context.session.is_wanted() {
            self.left = None;
        }
        if let Some(ended) = context.ended()
            && let Some(Role::Resource(name)) = &ended.request.role
            && ended.failed()
        {
            self.read_failed(name, ended.request.exchange, context);
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        self.overdue(context);
    }

    fn hears_routine(&self) -> bool {
        true
    }
}

impl Partial {
    /// What the user does explains what the app does next.
    fn act(&mut self, act: &Act) {
        self.failed = None;
        self.left = None;
        if !matches!(act, Act::Refresh | Act::Open { .. } | Act::LoadMore { .. }) {
            self.failing.clear();
            self.shown.clear();
            self.stale.clear();
        }
    }

    fn says(&mut self, fact: &AppFact, context: &Context<'_>) {
        match fact {
            AppFact::Session {
                state: SessionState::Ended { .. } | SessionState::NotFound { .. },
            } => *self = Self::default(),
            AppFact::Shown { resource, .. } => {
                self.failing.remove(resource);
                self.stale.remove(resource);
                if !self.shown.contains(resource) {
                    self.shown.insert(resource.clone());
                }
            }
            AppFact::Stale { resource, since_us } => {
                self.failing.remove(resource);
                if !self.stale.contains(resource) {
                    self.stale.insert(resource.clone());
                }
                if Duration::from_micros(*since_us) > context.now {
                    let observed = format!("{resource} is said to be stale since a moment to come");
                    passes_for_current(context.entry.id, observed, context);
                }
            }
            _ => {}
        }
    }

    fn read_failed(&mut self, resource: &str, exchange: u64, context: &Context<'_>) {
        let moment = context.moment();
        if context.sockets.live() > 0 {
            context.exercised(&PARTIAL);
            self.failed = Some(Failed { moment, exchange });
        }
        let is_said = self.stale.contains(resource);
        if self.shown.contains(resource) && !is_said && context.app_is_awake() {
            self.failing.entry(resource.to_owned()).or_insert(moment);
        }
    }

    fn leaves(&mut self, context: &Context<'_>) {
        let Some(failed) = self.failed.take() else {
            return;
        };
        let because = context.now <= failed.moment.at + BECAUSE
            && context.sockets.live() == 0
            && context.session.is_wanted()
            && context.app_is_awake()
            && context.world.acts_marked
            && !context.may_be_blocked();
        if because {
            self.left = Some((failed, context.moment()));
        }
    }

    fn overdue(&mut self, context: &Context<'_>) {
        self.judge_absence(context);
        self.judge_age(context);
    }

    fn judge_absence(&mut self, context: &Context<'_>) {
        let Some(feed) = &context.contract.realtime else {
            return;
        };
        let is_over = |left: Moment| context.now > left.at + feed.live_within;
        let Some((failed, left)) = self.left.take_if(|(_, left)| is_over(*left)) else {
            return;
        };
        if context.may_be_blocked() {
            return;
        }
        context.violated(
            &PARTIAL,
            Violation::new("the app leaves its feed because one read failed")
                .expected("what does not fail goes on")
                .observed(format!(
                    "the feed was left {} after the failure, and stays so",
                    show(left.at - failed.moment.at)
                ))
                .evidence([failed.moment.id, left.id])
                .exchanges([failed.exchange]),
        );
    }

    fn judge_age(&mut self, context: &Context<'_>) {
        if !context.world.simulated || !context.app_is_awake() || context.may_be_blocked() {
            self.failing.clear();
            return;
        }
        let contract = &context.contract;
        let limit = contract.stale_after
            + contract.request_timeout
            + contract.retry.delay_max * contract.retry.attempts;
        let mut failing = self.failing.iter();
        let Some((name, since)) = failing.find(|(_, since)| context.now > since.at + limit) else {
            return;
        };
        let observed = format!(
            "{name} could not be renewed for {}, and is not said to be stale",
            show(context.now - since.at)
        );
        passes_for_current(since.id, observed, context);
        let name = name.clone();
        self.failing.remove(&name);
    }
}

fn passes_for_current(shown_by: EntryId, observed: String, context: &Context<'_>) {
    context.violated(
        &PARTIAL,
        Violation::new("what is old passes for current")
            .expected("what could not be renewed is said to be stale, and since when")
            .observed(observed)
            .evidence([shown_by]),
    );
}
