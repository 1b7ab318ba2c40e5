//! SYNC-11, served: what changes while a socket has subscribed is emitted to it.
//!
//! An app that reads a list again while its feed is live shows by the list's own number whether the feed
//! has told of all that changed.

use std::collections::BTreeMap;
use std::time::Duration;

use super::numbers;
use super::push::ARRIVES;
use super::subscribed::{Subscribed, are_owed};
use crate::domain::contract::Contract;
use crate::domain::duration::show;
use crate::domain::journal::EntryId;
use crate::rules::context::{Context, Read};
use crate::rules::rule::Rule;
use crate::rules::violation::Violation;

/// How often a change must be missing until that is no accident.
const TIMES: u32 = 2;

/// The resources whose changes are numbered in answers and in events, by name.
pub(super) struct Unserved {
    subscribed: Subscribed,
    lists: BTreeMap<String, List>,
}

#[derive(Default)]
struct List {
    /// The number at which the app's last answer stood that was asked for on this feed, and where.
    last: Option<(i64, EntryId)>,
    /// The greatest number that an event brought on this feed.
    heard: Option<i64>,
    /// A number that an event has yet to bring.
    owed: Option<Owed>,
    /// How many in a row were never brought.
    missed: u32,
}

#[derive(Clone, Copy)]
struct Owed {
    number: i64,
    at: Duration,
    evidence: [EntryId; 2],
}

impl Unserved {
    pub(super) fn new(contract: &Contract) -> Self {
        let events = contract.events();
        let numbered = events.filter(|event| event.sequence.is_some());
        let lists = numbered.filter_map(|event| event.updates.clone());
        Self {
            subscribed: Subscribed::default(),
            lists: lists.map(|name| (name, List::default())).collect(),
        }
    }
}

impl Rule for Unserved {
    fn see(&mut self, context: &Context<'_>) {
        if self.lists.is_empty() {
            return;
        }
        if let Some((_, name, args)) = context.event_down()
            && let Some(rule) = context.contract.event(name)
            && let (Some(resource), Some(sequence)) = (&rule.updates, &rule.sequence)
            && let Some(list) = self.lists.get_mut(resource)
        {
            list.heard = list.heard.max(numbers::in_event(sequence, args));
            if list
                .owed
                .take_if(|own| Some(own.number) <= list.heard)
                .is_some()
            {
                list.missed = 0;
            }
            return;
        }
        self.subscribed.follow(context);
        if !are_owed(context) || !self.subscribed.is_anybody(context) || context.sockets.live() != 1
        {
            self.lists
                .values_mut()
                .for_each(|list| *list = List::default());
            return;
        }
        if context.is_provoked_since(context.now) {
            self.lists.values_mut().for_each(|list| list.owed = None);
        }
        for (name, list) in &mut self.lists {
            list.overdue(name, context);
        }
        if let Some(read) = context.read().filter(|read| read.answer.is_success())
            && let Some(list) = self.lists.get_mut(&read.resource.name)
        {
            list.answered(&read, context);
        }
    }

    fn hears_routine(&self) -> bool {
        true
    }
}

impl List {
    fn answered(&mut self, read: &Read<'_>, context: &Context<'_>) {
        let Some(number) = numbers::in_answer(read.resource, read.answer) else {
            return;
        };
        let since = context.sockets.live_since().map(|since| since.id);
        let id = read.ended.opened.id();
        if since.is_none_or(|since| id < since) {
            return;
        }
        let before = self.last.replace((number, context.entry.id));
        let Some((before, told)) = before else {
            return;
        };
        let is_told = self.heard.is_some_and(|heard| heard >= number);
        if number > before && is_told {
            context.exercised(&ARRIVES);
            self.missed = 0;
        } else if number > before && self.owed.is_none() {
            self.owed = Some(Owed {
                number,
                at: context.now,
                evidence: [told, context.entry.id],
            });
        }
    }

    fn overdue(&mut self, name: &str, context: &Context<'_>) {
        let Some(feed) = &context.contract.realtime else {
            return;
        };
        let is_over = |own: &mut Owed| context.now > own.at + feed.live_within;
        let Some(owed) = self.owed.take_if(is_over) else {
            return;
        };
        self.missed += 1;
        if self.missed < TIMES {
            return;
        }
        context.violated(
            &ARRIVES,
            Violation::new(format!("`{name}` changes, and no event tells of it"))
                .expected(format!(
                    "an event with the number {} within {}, on the socket that has subscribed",
                    owed.number,
                    show(feed.live_within)
                ))
                .observed(format!(
                    "none, although an answer stands at {}; that was so {} times in a row",
                    owed.number, self.missed
                ))
                .evidence(owed.evidence)
                .evidence([context.entry.id]),
        );
    }
}
