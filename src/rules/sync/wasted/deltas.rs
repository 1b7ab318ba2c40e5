//! Reads that follow every change although the change was sent.

use std::collections::BTreeMap;

use super::{Waste, severity};
use crate::domain::contract::{Apply, EventRule, Role};
use crate::domain::journal::{Content, EntryId, Request};
use crate::rules::context::Context;
use crate::rules::moment::Moment;
use crate::rules::rule::Rule;
use crate::rules::state::CAUSE;
use crate::rules::sync::numbers;
use crate::rules::sync::told::because;

/// How many changes in a row are each followed by a read.
const ROW: usize = 5;

/// The resources whose changes are sent, by name.
#[derive(Default)]
pub(in crate::rules::sync) struct Deltas(BTreeMap<String, Changes>);

#[derive(Default)]
struct Changes {
    /// The first change that was not followed by a read.
    last: Option<Moment>,
    /// Its number.
    number: Option<i64>,
    /// The reads that each followed a change of its own.
    row: Vec<EntryId>,
}

impl Rule for Deltas {
    fn see(&mut self, context: &Context<'_>) {
        if let Some((_, name, args)) = context.event_down()
            && let Some(rule) = context.contract.event(name)
            && let Some(resource) = &rule.updates
        {
            let changes = self.0.entry(resource.clone()).or_default();
            changes.changed(resource, rule, args, context);
        }
        if let Some(request) = context.request()
            && let Some(Role::Resource(name)) = &request.role
            && let Some(changes) = self.0.get_mut(name)
        {
            changes.read(name, request, context);
        }
    }

    fn hears_routine(&self) -> bool {
        true
    }
}

impl Changes {
    fn changed(&mut self, name: &str, rule: &EventRule, args: &Content, context: &Context<'_>) {
        let number = rule
            .sequence
            .as_ref()
            .and_then(|at| numbers::in_event(at, args));
        let before = std::mem::replace(&mut self.number, number);
        // A gap in the numbers, and what carries nothing, is a reason to read.
        let is_next = match (before, number) {
            (Some(before), Some(number)) => number == before + 1,
            _ => rule.sequence.is_none(),
        };
        let carries = matches!(rule.apply, Apply::Merge | Apply::Replace)
            && !context.world.is_disturbed()
            && is_next;
        // Some read once for changes that come together.
        let last = self.last.take();
        let together = last.filter(|last| context.now <= last.at + because(name, context));
        if !carries || together.is_some() != last.is_some() {
            self.row.clear();
        }
        self.last = carries.then(|| together.unwrap_or_else(|| context.moment()));
    }

    fn read(&mut self, name: &str, request: &Request, context: &Context<'_>) {
        let paging = context.contract.resource(name);
        let paging = paging.and_then(|own| own.paging.as_ref());
        if paging.is_some_and(|own| request.query(own.next.query()).is_some()) {
            return;
        }
        let Some(last) = self.last.take() else {
            return;
        };
        if context.now > last.at + because(name, context) || is_explained(context) {
            self.row.clear();
            return;
        }
        self.row.push(context.entry.id);
        if self.row.len() < ROW {
            return;
        }
        let mut evidence = std::mem::take(&mut self.row);
        evidence.insert(evidence.len() - 1, last.id);
        Waste {
            kind: format!("deltas {name}"),
            message: format!("the app reads `{name}` again for every change that it is sent"),
            expected: "what an event carries is applied, without a read",
            observed: format!("{ROW} events in a row, each followed by {}", request.line()),
            evidence,
            exchange: request.exchange,
            severity: severity(context),
        }
        .tell(context);
    }
}

/// Whether the user, a session that was renewed or a feed that has just been joined may have made the
/// app ask.
fn is_explained(context: &Context<'_>) -> bool {
    let is_recent = |moment: Moment| moment.at + CAUSE >= context.now;
    context.was_caused()
        || context.sockets.live_since().is_none_or(is_recent)
        // Of several devices nobody knows whose reads these are.
        || context.sockets.live() != 1
}
