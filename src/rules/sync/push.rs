//! SYNC-11: what the backend is told to emit arrives.

use std::time::Duration;

use super::subscribed::{Subscribed, are_owed};
use crate::domain::change::Change;
use crate::domain::contract::Contract;
use crate::domain::duration::show;
use crate::domain::journal::Frame;
use crate::rules::context::Context;
use crate::rules::moment::Moment;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// Events arrive as the contract says, in time
    ///
    /// # Why
    /// What is pushed is all that an app hears of a change while its feed is live: it asks for
    /// nothing meanwhile.
    ///
    /// # How it is judged
    /// What the app emits with `ack: on` is acknowledged within the time in which the feed must be
    /// live. An event that comes again at once, to the letter and to a socket that subscribed once,
    /// three times and every fourth time or more often, is sent twice. Judged further when the harness
    /// has the backend emit an event of the contract while a socket is
    /// joined and stays so, and what the contract has the app subscribe to is acknowledged, or was
    /// emitted a second before, and neither a fault nor the kill-switch is on: the event passes the gateway
    /// within the time in which the feed must be live. Where the contract says where changes are numbered, the numbers on one socket grow by
    /// one, and a snapshot is not older than what was emitted before it was asked for: three times
    /// that they do not, and every fourth time or more often, is no accident.
    ///
    /// # How to keep it
    /// Emit to the namespace and the user's room that the contract names; look for a room joined
    /// too late, or by one node of several only.
    ///
    /// # Source
    /// runbook S5.2, S5.7, S6.1
    pub(super) ARRIVES: "SYNC-11", Backend, from [Wire],
        needs [Feed],
        set by ["realtime.events", "realtime.live-within", "resources[].sequence"]
}

/// How much later than the event itself its lever may be written down.
pub(super) const WRITTEN: Duration = Duration::from_secs(2);

pub(super) struct Push {
    /// Each event of the contract, and when it was last seen.
    seen: Vec<(String, Option<Duration>)>,
    waiting: Option<(usize, Moment)>,
    subscribed: Subscribed,
}

impl Push {
    pub(super) fn new(contract: &Contract) -> Self {
        let events = contract.realtime.iter().flat_map(|feed| &feed.events);
        Self {
            seen: events.map(|event| (event.name.clone(), None)).collect(),
            waiting: None,
            subscribed: Subscribed::default(),
        }
    }
}

impl Rule for Push {
    fn see(&mut self, context: &Context<'_>) {
        if let Some((_, Frame::Event { name, .. })) = context.packet_down() {
            self.arrived(name, context);
            return;
        }
        self.subscribed.follow(context);
        if let Some(Change::Push { event, .. }) = context.entry.fact.change() {
            self.pushed(event, context);
        }
        if context.sockets.live() == 0 || !are_owed(context) {
            self.waiting = None;
        }
        self.overdue(context);
    }

    fn end(&mut self, context: &Context<'_>) {
        self.overdue(context);
        if let (Some((_, pushed)), Some(feed)) = (self.waiting, &context.contract.realtime) {
            let had = context.now.saturating_sub(pushed.at);
            context.lacked(&ARRIVES, "a push", had, feed.live_within);
        }
    }

    fn hears_routine(&self) -> bool {
        true
    }
}

impl Push {
    fn arrived(&mut self, name: &str, context: &Context<'_>) {
        if let Some(at) = self.seen.iter().position(|(own, _)| own == name) {
            self.seen[at].1 = Some(context.now);
            if self.waiting.take_if(|(event, _)| *event == at).is_some() {
                context.exercised(&ARRIVES);
            }
        }
    }

    fn pushed(&mut self, name: &str, context: &Context<'_>) {
        let event = self.seen.iter().position(|(own, _)| own == name);
        // An event for a room that the app is about to enter may pass it by.
        let ready = self.subscribed.is_anybody(context);
        let Some(event) = event.filter(|_| ready) else {
            return;
        };
        let seen = self.seen[event].1;
        if seen.is_none_or(|at| at + WRITTEN < context.now) {
            self.waiting = Some((event, context.moment()));
        } else {
            context.exercised(&ARRIVES);
        }
    }

    fn overdue(&mut self, context: &Context<'_>) {
        let Some(feed) = &context.contract.realtime else {
            return;
        };
        let limit = feed.live_within;
        let late = |waiting: &mut (usize, Moment)| context.now.saturating_sub(waiting.1.at) > limit;
        let Some((event, pushed)) = self.waiting.take_if(late) else {
            return;
        };
        let name = &self.seen[event].0;
        context.violated(
            &ARRIVES,
            Violation::new(format!("`{name}` was emitted and did not arrive"))
                .expected(format!(
                    "`{name}` on the joined socket within {}",
                    show(limit)
                ))
                .observed(format!("nothing for {}", show(context.now - pushed.at)))
                .evidence([pushed.id]),
        );
    }
}
