//! NET-7: an outage of a part stays one, and what grows old says so.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::duration::show;
use crate::domain::journal::{
    Act, AppFact, Direction, Entry, EntryId, Fact, Frame, Request, SessionState, SocketEnd,
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
        set by ["stale_after", "request_timeout", "retry.attempts", "realtime.live_within"]
}

/// How soon after a failed read an app leaves its feed because of it.
const BECAUSE: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(super) struct Partial {
    /// What is shown and could not be renewed since.
    failing: BTreeMap<String, Moment>,
    shown: BTreeMap<String, EntryId>,
    /// The read that failed last.
    failed: Option<(Moment, u64)>,
    /// A feed that the app left because of it.
    left: Option<(Moment, u64, Moment)>,
}

impl Rule for Partial {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        self.overdue(context);
        match &entry.fact {
            Fact::Act(_)
            | Fact::App(AppFact::Session {
                state: SessionState::Ended { .. } | SessionState::NotFound { .. },
            }) => {
                self.left = None;
                self.failed = None;
                if !matches!(
                    entry.fact,
                    Fact::Act(Act::Refresh | Act::Open { .. } | Act::LoadMore { .. })
                ) {
                    self.failing.clear();
                    self.shown.clear();
                }
            }
            Fact::App(AppFact::Shown { resource, .. }) => {
                self.failing.remove(resource);
                if !self.shown.contains_key(resource) {
                    self.shown.insert(resource.clone(), entry.id);
                }
            }
            Fact::App(AppFact::Stale { resource, since_us }) => {
                self.failing.remove(resource);
                if Duration::from_micros(*since_us) > entry.at {
                    let observed = format!("{resource} is said to be stale since a moment to come");
                    self.age(vec![entry.id], observed, context);
                }
            }
            Fact::Frame {
                direction: Direction::Up,
                packet: Frame::Disconnect { .. },
                ..
            }
            | Fact::SocketClosed {
                end: SocketEnd::Client,
                ..
            } => self.leaves(entry, context),
            _ => {}
        }
        if context.request().is_some_and(Request::is_handshake) {
            self.left = None;
        }
        if let Some(ended) = context.ended()
            && let Some(Role::Resource(name)) = &ended.request.role
            && ended.failed()
        {
            let moment = Moment::of(entry);
            if context.sockets.live() > 0 {
                context.exercised(&PARTIAL);
                self.failed = Some((moment, ended.request.exchange));
            }
            if self.shown.contains_key(name) && context.app_is_awake() {
                self.failing.entry(name.clone()).or_insert(moment);
            }
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
    fn leaves(&mut self, entry: &Entry, context: &Context<'_>) {
        let Some((failed, exchange)) = self.failed.take() else {
            return;
        };
        let because = entry.at <= failed.at + BECAUSE
            && context.sockets.live() == 0
            && context.session.open
            && context.app_is_awake()
            && context.world.acts_marked
            && !context.may_be_blocked();
        if because {
            self.left = Some((failed, exchange, Moment::of(entry)));
        }
    }

    fn overdue(&mut self, context: &Context<'_>) {
        let contract = &context.contract;
        if let Some(feed) = &contract.realtime
            && let Some((failed, exchange, left)) = self
                .left
                .take_if(|(.., left)| context.now > left.at + feed.live_within)
            && !context.may_be_blocked()
        {
            context.violated(
                &PARTIAL,
                Violation::new("the app leaves its feed because one read failed")
                    .kind("whole")
                    .expected("what does not fail goes on")
                    .observed(format!(
                        "the feed was left {} after the failure, and stays so",
                        show(left.at - failed.at)
                    ))
                    .evidence([failed.id, left.id])
                    .exchanges([exchange]),
            );
        }
        if !context.world.simulated || !context.app_is_awake() || context.may_be_blocked() {
            self.failing.clear();
            return;
        }
        let limit = contract.stale_after
            + contract.request_timeout
            + contract.retry.delay_max * contract.retry.attempts;
        let old = self
            .failing
            .iter()
            .find(|(_, since)| context.now > since.at + limit)
            .map(|(name, since)| (name.clone(), *since));
        if let Some((name, since)) = old {
            self.failing.remove(&name);
            let observed = format!(
                "{name} could not be renewed for {}, and is not said to be stale",
                show(context.now - since.at)
            );
            self.age(vec![since.id], observed, context);
        }
    }

    fn age(&self, evidence: Vec<EntryId>, observed: String, context: &Context<'_>) {
        context.violated(
            &PARTIAL,
            Violation::new("what is old passes for current")
                .kind("age")
                .expected("what could not be renewed is said to be stale, and since when")
                .observed(observed)
                .evidence(evidence),
        );
    }
}
