//! SYNC-18: what the backend changes by itself is told by the events that were promised for it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::push::WRITTEN;
use super::subscribed::{Subscribed, are_owed};
use super::unconfirmed::Unconfirmed;
use crate::domain::change::Change;
use crate::domain::contract::Contract;
use crate::domain::duration::show;
use crate::rules::context::Context;
use crate::rules::moment::Moment;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// A change of the backend's own is followed by the events that are promised for it
    ///
    /// # Why
    /// While its feed is live an app asks for nothing. A change of which no event tells is on screen
    /// only when the user happens to look elsewhere and come back.
    ///
    /// # How it is judged
    /// Judged for each event with `after`, when the lever that it names is moved while a socket is
    /// joined and what the contract has the app subscribe to is acknowledged, or was emitted a second
    /// before: the event comes within the promised time to any of the sockets. One that comes a moment
    /// before the lever is written down is taken for its work. Nothing is judged while a fault or the
    /// kill-switch is on or a service is stopped, or when the app goes offline or to the background, or
    /// its feed ends or falls silent meanwhile. What stayed away while the kill-switch turns out to be on
    /// is nobody's fault.
    ///
    /// # How to keep it
    /// Emit from where the change is made, in the same transaction or from its log, whoever made it.
    ///
    /// # Source
    /// runbook S5.7, S6.3; the contract itself
    pub(super) FOLLOWED: "SYNC-18", Backend, from [Wire],
        needs [FollowingEvents],
        set by ["realtime.events[].after"]
}

pub(super) struct Followed {
    promised: Vec<Promised>,
    subscribed: Subscribed,
    /// When each promised event was last seen.
    seen: BTreeMap<String, Duration>,
    /// What is waited for, by its place in `promised`.
    waiting: Vec<(usize, Moment)>,
    unconfirmed: Unconfirmed,
}

/// An event that follows the move of a lever.
struct Promised {
    lever: String,
    event: String,
    within: Duration,
}

impl Followed {
    pub(super) fn new(contract: &Contract) -> Self {
        let promised = contract.events().flat_map(|event| {
            event.promise.after.iter().map(|after| Promised {
                lever: after.lever.clone(),
                event: event.name.clone(),
                within: after.within,
            })
        });
        Self {
            promised: promised.collect(),
            subscribed: Subscribed::default(),
            seen: BTreeMap::new(),
            waiting: Vec::new(),
            unconfirmed: Unconfirmed::default(),
        }
    }
}

impl Rule for Followed {
    fn see(&mut self, context: &Context<'_>) {
        self.unconfirmed.settle(&FOLLOWED, context);
        self.overdue(context);
        if let Some((_, name, _)) = context.event_down() {
            self.arrived(name, context);
            return;
        }
        self.subscribed.follow(context);
        if let Some(Change::Own(lever)) = context.entry.fact.change() {
            self.moved(lever, context);
        }
        if !are_owed(context) || !self.subscribed.is_anybody(context) {
            self.give_up(context);
        }
    }

    fn time_passes(&mut self, context: &Context<'_>) {
        self.overdue(context);
    }

    fn end(&mut self, context: &Context<'_>) {
        self.overdue(context);
        self.give_up(context);
        self.unconfirmed.end(&FOLLOWED, context);
    }

    fn hears_routine(&self) -> bool {
        true
    }
}

impl Followed {
    /// Waits no longer, and says how long it would have taken.
    fn give_up(&mut self, context: &Context<'_>) {
        for (at, moved) in self.waiting.drain(..) {
            let Promised { lever, within, .. } = &self.promised[at];
            let had = context.now.saturating_sub(moved.at);
            context.lacked(&FOLLOWED, &format!("`{lever}`"), had, *within);
        }
    }

    fn arrived(&mut self, name: &str, context: &Context<'_>) {
        if !self.promised.iter().any(|own| own.event == name) {
            return;
        }
        self.seen.insert(name.to_owned(), context.now);
        let promised = &self.promised;
        self.waiting.retain(|(at, _)| {
            let comes = promised[*at].event == name;
            if comes {
                context.exercised(&FOLLOWED);
            }
            !comes
        });
    }

    fn moved(&mut self, lever: &str, context: &Context<'_>) {
        for (at, promised) in self.promised.iter().enumerate() {
            if promised.lever != lever {
                continue;
            }
            let seen = self.seen.get(&promised.event);
            if seen.is_some_and(|seen| *seen + WRITTEN >= context.now) {
                context.exercised(&FOLLOWED);
            } else {
                self.waiting.push((at, context.moment()));
            }
        }
    }

    fn overdue(&mut self, context: &Context<'_>) {
        let promised = &self.promised;
        let unconfirmed = &mut self.unconfirmed;
        self.waiting.retain(|(at, moved)| {
            let Promised {
                lever,
                event,
                within,
            } = &promised[*at];
            let had = context.now.saturating_sub(moved.at);
            if had <= *within {
                return true;
            }
            let violation = Violation::new(format!("`{event}` does not follow `{lever}`"))
                .expected(format!("`{event}` within {} after it", show(*within)))
                .observed(format!("none for {}", show(had)))
                .evidence([moved.id, context.entry.id]);
            unconfirmed.add(violation, context);
            false
        });
    }
}
