//! DATA-1 on answers: what a bad one may do to an app.

use std::collections::BTreeMap;
use std::time::Duration;

use super::quality::Quality;
use super::{STORM, SURVIVES, storm, violation};
use crate::domain::contract::Role;
use crate::domain::journal::{AppFact, DataSource, EntryId, Fact};
use crate::rules::context::Context;
use crate::rules::rule::Rule;

/// What the last answer for each resource was.
#[derive(Default)]
pub(super) struct Answers {
    last: BTreeMap<String, Came>,
}

/// A successful answer.
struct Came {
    entry: EntryId,
    exchange: u64,
    at: Duration,
    quality: Quality,
    /// How often the resource was asked for since what could not be read.
    repeats: u32,
}

impl Rule for Answers {
    fn see(&mut self, context: &Context<'_>) {
        match &context.entry.fact {
            Fact::Act(_) => self.last.values_mut().for_each(|came| came.repeats = 0),
            Fact::App(AppFact::Shown {
                resource,
                items,
                source,
                ..
            }) if *source == DataSource::Request => self.shown(resource, *items, context),
            Fact::Request(_) => self.asked(context),
            Fact::Answer(_) => self.answered(context),
            _ => {}
        }
    }
}

impl Answers {
    fn asked(&mut self, context: &Context<'_>) {
        let request = context.request();
        let Some(Role::Resource(name)) = request.and_then(|request| request.role.as_ref()) else {
            return;
        };
        if let Some(came) = self.last.get_mut(name)
            && came.quality == Quality::Unreadable
            && context.entry.at <= came.at + STORM
            && let Some(observed) = storm(&mut came.repeats, name)
        {
            came.violated("storm", observed, context);
        }
    }

    fn answered(&mut self, context: &Context<'_>) {
        let Some(read) = context.read().filter(|read| read.ended.succeeded()) else {
            return;
        };
        if matches!(read.answer.status, 204 | 205) {
            return;
        }
        let quality = Quality::of_answer(read.resource, read.answer);
        if quality != Quality::Good && context.world.simulated {
            context.exercised(&SURVIVES);
        }
        let name = &read.resource.name;
        let before = self.last.get(name).filter(|_| quality != Quality::Good);
        let came = Came {
            entry: context.entry.id,
            exchange: read.answer.exchange,
            at: context.entry.at,
            quality,
            repeats: before.map_or(0, |came| came.repeats),
        };
        self.last.insert(name.clone(), came);
    }

    fn shown(&self, resource: &str, items: usize, context: &Context<'_>) {
        let Some(came) = self.last.get(resource) else {
            return;
        };
        if came.quality == Quality::Unreadable {
            let observed = format!("{items} items of `{resource}` shown after it");
            came.violated("unreadable", observed, context);
        } else if let Some(good) = came.quality.thrown_away(items) {
            let observed = format!("0 items of `{resource}` shown, and {good} were good");
            came.violated("emptied", observed, context);
        }
    }
}

impl Came {
    fn violated(&self, kind: &str, observed: String, context: &Context<'_>) {
        let violation = violation(kind, observed)
            .evidence([self.entry, context.entry.id])
            .exchanges([self.exchange]);
        context.violated(&SURVIVES, violation);
    }
}
