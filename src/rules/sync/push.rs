//! SYNC-11: what the backend is told to emit arrives.

use std::time::Duration;

use crate::domain::change::Change;
use crate::domain::contract::Contract;
use crate::domain::duration::show;
use crate::domain::journal::{Changed, Direction, Fact, Frame, HarnessFact};
use crate::rules::context::Context;
use crate::rules::moment::Moment;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// Events arrive as the contract says, in time
    ///
    /// # Why
    /// Judged when the harness has the backend emit an event of the contract while a socket is
    /// joined and stays so: the event passes the gateway within the time in which the feed must be
    /// live. Where the contract says where changes are numbered, the numbers on one socket grow by
    /// one, and a snapshot is not older than what was emitted before it was asked for: three times
    /// that they do not, and every fourth time or more often, is no accident.
    ///
    /// # How it is judged
    ///
    /// # How to keep it
    /// Emit to the namespace and the user's room that the contract names; look for a room joined
    /// too late, or by one node of several only.
    ///
    /// # Source
    /// runbook S5.2, S5.7, S6.1
    pub(super) ARRIVES: "SYNC-11", Backend, from [Wire],
        set by ["realtime.events", "realtime.live_within", "resources[].sequence"]
}

/// How much later than the event itself its lever may be written down.
const WRITTEN: Duration = Duration::from_secs(2);

pub(super) struct Push {
    /// Each event of the contract, and when it was last seen.
    seen: Vec<(String, Option<Duration>)>,
    waiting: Option<(usize, Moment)>,
}

impl Push {
    pub(super) fn new(contract: &Contract) -> Self {
        let events = contract.realtime.iter().flat_map(|feed| &feed.events);
        Self {
            seen: events.map(|event| (event.name.clone(), None)).collect(),
            waiting: None,
        }
    }
}

impl Rule for Push {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        match &entry.fact {
            Fact::Frame {
                direction: Direction::Down,
                packet: Frame::Event { name, .. },
                ..
            } => {
                if let Some(at) = self.seen.iter().position(|(own, _)| own == name) {
                    self.seen[at].1 = Some(entry.at);
                    self.waiting.take_if(|(event, _)| *event == at);
                }
                return;
            }
            Fact::Harness(HarnessFact::Changed(Changed {
                change: Change::Push { event: pushed, .. },
                ..
            })) => {
                let event = self.seen.iter().position(|(own, _)| own == pushed);
                if let Some(event) = event.filter(|_| context.sockets.live() > 0) {
                    context.exercised(&ARRIVES);
                    let there = self.seen[event]
                        .1
                        .is_some_and(|at| at + WRITTEN >= entry.at);
                    if !there {
                        self.waiting = Some((event, Moment::of(entry)));
                    }
                }
            }
            _ => {}
        }
        if context.sockets.live() == 0 || !context.world.online || context.world.is_disturbed() {
            self.waiting = None;
        }
        self.overdue(context);
    }

    fn end(&mut self, context: &Context<'_>) {
        self.overdue(context);
    }

    fn hears_routine(&self) -> bool {
        true
    }
}

impl Push {
    fn overdue(&mut self, context: &Context<'_>) {
        let limit = context
            .contract
            .realtime
            .as_ref()
            .map_or(Duration::MAX, |feed| feed.live_within);
        let late = |waiting: &mut (usize, Moment)| context.now.saturating_sub(waiting.1.at) > limit;
        let Some((event, pushed)) = self.waiting.take_if(late) else {
            return;
        };
        let name = &self.seen[event].0;
        context.violated(
            &ARRIVES,
            Violation::new(format!("`{name}` was emitted and did not arrive"))
                .kind(name.clone())
                .expected(format!(
                    "`{name}` on the joined socket within {}",
                    show(limit)
                ))
                .observed(format!("nothing for {}", show(context.now - pushed.at)))
                .evidence([pushed.id]),
        );
    }
}
