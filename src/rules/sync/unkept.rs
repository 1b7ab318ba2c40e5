//! SYNC-13, what nobody looked into: bodies that are longer than the journal keeps.

use std::collections::BTreeMap;

use super::payload::SCHEMA;
use crate::domain::journal::{Answerer, Content, Fact, Frame};
use crate::rules::context::Context;
use crate::rules::rule::Rule;

/// How many kinds of bodies are told apart.
const KINDS: usize = 32;

/// How many bodies of each kind were too long.
#[derive(Default)]
pub(super) struct Unkept(BTreeMap<String, u64>);

impl Rule for Unkept {
    fn see(&mut self, context: &Context<'_>) {
        let is_too_long = |body: &Content| matches!(body, Content::Truncated { .. });
        let what = match &context.entry.fact {
            Fact::Answer(answer)
                if answer.from == Answerer::Backend && is_too_long(&answer.body) =>
            {
                let role = context
                    .ended_by_anyone()
                    .and_then(|ended| ended.request.role.as_ref());
                role.map(|role| format!("answers for `{role}`"))
            }
            Fact::Frame {
                packet: Frame::Event { name, args, .. },
                ..
            } if is_too_long(args) => {
                let event = context.contract.event(name);
                event.map(|event| format!("events `{}`", event.name))
            }
            _ => None,
        };
        if let Some(what) = what
            && (self.0.len() < KINDS || self.0.contains_key(&what))
        {
            *self.0.entry(what).or_default() += 1;
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        for (what, count) in &self.0 {
            context.remark(
                &SCHEMA,
                format!(
                    "{count} {what} were longer than the journal keeps (256 KiB), so no rule \
                     looked into them"
                ),
            );
        }
        self.0.clear();
    }

    fn hears_routine(&self) -> bool {
        true
    }

    fn hears_probes(&self) -> bool {
        true
    }
}
