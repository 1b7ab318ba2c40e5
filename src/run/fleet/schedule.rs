//! The stages of a fleet, one after the other: what is ordered when, and what each came to.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::crew::Order;
use super::tally::{Standing, Tally};
use super::{FleetPlan, NotHeld, Told, usage};
use crate::domain::change::Change;
use crate::domain::fleet::{Counts, Memory, Scope, Stage, Storm};
use crate::net::Clock;
use crate::run::backend::Backend;
use crate::run::interrupt::Interrupt;

/// How often it is looked whether all are live.
const LOOK: Duration = Duration::from_millis(100);

/// What plays the stages.
pub(super) struct Schedule<'a> {
    pub(super) plan: &'a FleetPlan,
    pub(super) backend: &'a Backend,
    pub(super) clock: Clock,
    pub(super) tallies: &'a [Arc<Tally>],
    pub(super) orders: &'a watch::Sender<Order>,
    pub(super) interrupt: &'a Interrupt,
    pub(super) told: &'a mut dyn FnMut(Told<'_>),
    pub(super) stages: Vec<Stage>,
    pub(super) memory: Memory,
}

/// When a stage began.
struct Began {
    name: String,
    at: Duration,
    processor: Duration,
}

impl Schedule<'_> {
    /// Plays all stages, or as many as there are until somebody interrupts.
    pub(super) async fn play(&mut self) -> Result<(), NotHeld> {
        let ramp = self.begin("ramp".to_owned());
        let started = self.clock.elapsed();
        if !self.rest(self.plan.ramp).await {
            return Ok(());
        }
        self.until_live(|standing, apps| standing.started >= apps)
            .await;
        self.end(ramp);
        let mut hold_ends = started + self.plan.ramp + self.plan.hold;
        let all = self.plan.storms.iter().enumerate();
        let storms: Vec<Option<(usize, Storm)>> = match self.plan.storms.len() {
            0 => vec![None],
            _ => all.map(|(at, storm)| Some((at + 1, *storm))).collect(),
        };
        for next in storms {
            let number = next.map_or(1, |(number, _)| number);
            let hold = self.begin(match number {
                1 => "hold".to_owned(),
                number => format!("hold {number}"),
            });
            let left = hold_ends.saturating_sub(self.clock.elapsed());
            let on = self.rest(left).await;
            if number == 1 {
                self.memory.held = usage::resident();
            }
            self.end(hold);
            let Some((number, storm)) = next.filter(|_| on) else {
                return Ok(());
            };
            if let Some(barrier) = &self.plan.barrier {
                tokio::select! {
                    biased;
                    () = self.interrupt.triggered() => return Ok(()),
                    passed = barrier.pass(number, self.clock) => passed.map_err(NotHeld::Barrier)?,
                }
                // What went on while others were waited for is nobody's storm.
                self.take_counts();
            }
            let began = self.begin(format!("storm {number}: {storm}"));
            if self.strike(storm).await? {
                self.until_live(|standing, apps| standing.obeyed >= apps)
                    .await;
            }
            self.end(began);
            hold_ends = self.clock.elapsed() + self.plan.hold;
        }
        Ok(())
    }

    /// What the scope has said to all.
    pub(super) fn scope(&self) -> Scope {
        let mut all = Scope::default();
        for tally in self.tallies {
            all.add(&tally.scope());
        }
        all
    }

    /// Lets a storm break; says whether nobody interrupted it.
    async fn strike(&mut self, storm: Storm) -> Result<bool, NotHeld> {
        match storm {
            Storm::Sockets => self.order(Order::Cut),
            Storm::Restart => self.order(Order::Restart),
            Storm::Network => {
                self.order(Order::Offline);
                if !self.rest(self.plan.away).await {
                    return Ok(false);
                }
                self.order(Order::Online);
            }
            Storm::Maintenance => {
                self.set(&Change::Maintenance(true)).await?;
                let on = self.rest(self.plan.away).await;
                self.set(&Change::Maintenance(false)).await?;
                self.each(|tally| tally.all_wait(true));
                self.order(Order::Live);
                return Ok(on);
            }
            Storm::Drop => {
                self.each(|tally| tally.all_wait(false));
                self.set(&Change::DropSockets).await?;
                self.order(Order::Live);
            }
        }
        Ok(true)
    }

    async fn set(&self, change: &Change) -> Result<(), NotHeld> {
        let set = self.backend.set(change, std::iter::empty()).await;
        set.map(drop)
            .map_err(|error| NotHeld::Lever(error.to_string()))
    }

    fn order(&self, order: Order) {
        self.each(Tally::is_ordered);
        self.orders.send_replace(order);
    }

    fn each(&self, does: impl Fn(&Tally)) {
        self.tallies.iter().for_each(|tally| does(tally));
    }

    /// Waits, and says whether nobody interrupted.
    async fn rest(&self, time: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.interrupt.triggered() => false,
            () = tokio::time::sleep(time) => true,
        }
    }

    /// Waits until every app is live for which something else holds as well, at most as long as is allowed.
    async fn until_live(&mut self, also: impl Fn(Standing, u64) -> bool) {
        let limit = self.clock.elapsed() + self.plan.recover;
        loop {
            let all = self.standing();
            let apps = self.plan.apps;
            if also(all, apps) && all.live >= apps && all.waiting == 0 {
                return;
            }
            if self.clock.elapsed() >= limit || !self.rest(LOOK).await {
                return;
            }
        }
    }

    fn standing(&self) -> Standing {
        self.tallies
            .iter()
            .fold(Standing::default(), |mut all, tally| {
                let own = tally.standing();
                all.started += own.started;
                all.live += own.live;
                all.waiting += own.waiting;
                all.obeyed += own.obeyed;
                all
            })
    }

    fn take_counts(&self) -> Counts {
        let mut all = Counts::default();
        for tally in self.tallies {
            all.add(&tally.take_counts());
        }
        all
    }

    fn begin(&mut self, name: String) -> Began {
        (self.told)(Told::Begins(&name));
        Began {
            name,
            at: self.clock.elapsed(),
            processor: usage::processor(),
        }
    }

    fn end(&mut self, began: Began) {
        let stage = Stage {
            name: began.name,
            apps: self.plan.apps,
            live: self.standing().live,
            lasted: self.clock.elapsed().saturating_sub(began.at),
            processor: usage::processor().saturating_sub(began.processor),
            counts: self.take_counts(),
        };
        (self.told)(Told::Ended(&stage));
        self.stages.push(stage);
    }
}
