//! Whole answers where a condition would have brought a 304.

use std::collections::BTreeMap;

use super::{WASTED, Waste};
use crate::domain::contract::Role;
use crate::domain::journal::{EntryId, Request};
use crate::domain::verdict::Severity;
use crate::rules::context::{Context, Read};
use crate::rules::rule::Rule;

/// How many requests are told apart.
const LINES: usize = 128;

/// What the app holds of conditional resources, by the line of the request.
#[derive(Default)]
pub(in crate::rules::sync) struct Whole(BTreeMap<String, Held>);

/// The last whole answer.
struct Held {
    tag: String,
    /// What it was asked for with: another device of the same account has another.
    credential: Option<String>,
    answer: EntryId,
}

impl Rule for Whole {
    fn see(&mut self, context: &Context<'_>) {
        if let Some(request) = context.request()
            && matches!(request.role, Some(Role::SignIn | Role::SignOut))
        {
            self.0.clear();
        }
        if let Some(read) = context.read()
            && read.resource.conditional
        {
            self.answered(&read, context);
        }
    }
}

impl Whole {
    fn answered(&mut self, read: &Read<'_>, context: &Context<'_>) {
        let line = read.ended.request.line();
        let answer = read.answer;
        if is_conditional(read.ended.request) {
            context.exercised(&WASTED);
        }
        if answer.status == 304 {
            return;
        }
        let Some(tag) = answer.headers.get("etag").filter(|_| answer.status == 200) else {
            self.0.remove(&line);
            return;
        };
        if let Some(held) = self.0.get(&line)
            && held.tag == tag
            && held.is_there(read, context)
        {
            wasted(held, read, context);
        }
        let held = Held {
            tag: tag.to_owned(),
            credential: read.ended.opened.credential.clone(),
            answer: context.entry.id,
        };
        if self.0.len() >= LINES && !self.0.contains_key(&line) {
            self.0.pop_first();
        }
        self.0.insert(line, held);
    }
}

impl Held {
    /// Whether the app had it when it asked, and did not say so.
    fn is_there(&self, read: &Read<'_>, context: &Context<'_>) -> bool {
        let (opened, request) = (read.ended.opened, read.ended.request);
        opened.id() > self.answer
            && opened.credential.is_some()
            && opened.credential == self.credential
            && context.world.same_process_since(self.answer)
            && !is_conditional(request)
    }
}

/// Whether a request says what its sender has.
fn is_conditional(request: &Request) -> bool {
    let conditions = ["if-none-match", "if-modified-since"];
    conditions.iter().any(|name| request.header(name).is_some())
}

fn wasted(held: &Held, read: &Read<'_>, context: &Context<'_>) {
    let name = &read.resource.name;
    Waste {
        kind: format!("whole {name}"),
        message: format!("the app reads `{name}` whole although it has it"),
        expected: "If-None-Match with the entity tag of the last answer, as the contract has it `conditional`",
        observed: format!("{}, with the entity tag of the answer before", read.ended.words()),
        evidence: vec![held.answer, read.ended.opened.id(), context.entry.id],
        exchange: read.answer.exchange,
        // Whether the process is still the same nobody said.
        severity: match context.world.acts_marked {
            true => Severity::Violation,
            false => Severity::Information,
        },
    }
    .tell(context);
}
