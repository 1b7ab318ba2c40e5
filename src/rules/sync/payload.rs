//! SYNC-13: payloads keep the contract's schemas.

use std::collections::BTreeMap;

use jsonschema::Validator;
use serde_json::Value;

use crate::domain::contract::{Contract, Role};
use crate::domain::journal::{Answer, Content, Direction, Entry, Fact, Frame};
use crate::rules::context::Context;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// Payloads keep the contract's schemas
    ///
    /// # Why
    /// A field that is missing, or a number that became a text, shows as a blank or as 0 on a
    /// phone. Every successful answer for a resource with a schema is validated and must call
    /// itself JSON, and every event with one: the first 256 of each name, then each sixteenth,
    /// since feeds run for days.
    ///
    /// # How it is judged
    ///
    /// # How to keep it
    /// Correct the payload, or the contract if the change was agreed; generate both from one
    /// definition.
    ///
    /// # Source
    /// JSON Schema; runbook P.5, S5.6
    pub(super) SCHEMA: "SYNC-13", Backend, from [Wire],
        set by ["resources[].schema", "realtime.events[].schema"]
}

/// How many events of one name are all validated, and which of the later ones are.
const ALL: u64 = 256;
const THEN_EACH: u64 = 16;
/// How much of a fault is quoted.
const QUOTED: usize = 200;

pub(super) struct Payload {
    resources: BTreeMap<String, Validator>,
    events: Vec<Watched>,
    unusable: Vec<String>,
}

struct Watched {
    name: String,
    validator: Validator,
    seen: u64,
}

impl Payload {
    pub(super) fn new(contract: &Contract) -> Self {
        let mut unusable = Vec::new();
        let mut compile = |what: String, schema: &Value| {
            jsonschema::validator_for(schema)
                .map_err(|error| unusable.push(format!("the schema of {what} is not one: {error}")))
                .ok()
        };
        let resources = contract
            .resources
            .iter()
            .filter_map(|resource| {
                let schema = resource.schema.as_ref()?;
                let validator = compile(format!("the resource `{}`", resource.name), schema)?;
                Some((resource.name.clone(), validator))
            })
            .collect();
        let events = contract
            .realtime
            .iter()
            .flat_map(|feed| &feed.events)
            .filter_map(|event| {
                let schema = event.schema.as_ref()?;
                let validator = compile(format!("the event `{}`", event.name), schema)?;
                Some(Watched {
                    name: event.name.clone(),
                    validator,
                    seen: 0,
                })
            })
            .collect();
        Self {
            resources,
            events,
            unusable,
        }
    }
}

impl Rule for Payload {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        for why in self.unusable.drain(..) {
            context.unable(&SCHEMA, why);
        }
        match &entry.fact {
            Fact::Frame {
                direction: Direction::Down,
                packet:
                    Frame::Event {
                        namespace,
                        name,
                        args,
                        attachments: 0,
                        ..
                    },
                ..
            } if context
                .contract
                .realtime
                .as_ref()
                .is_some_and(|feed| feed.namespace == *namespace) =>
            {
                self.event(entry, name, args, context);
            }
            Fact::Answer(_) => self.answer(entry, context),
            _ => {}
        }
    }

    fn hears_routine(&self) -> bool {
        true
    }
}

impl Payload {
    fn event(&mut self, entry: &Entry, name: &str, args: &Content, context: &Context<'_>) {
        let Some(watched) = self.events.iter_mut().find(|watched| watched.name == name) else {
            return;
        };
        watched.seen += 1;
        if watched.seen > ALL && !watched.seen.is_multiple_of(THEN_EACH) {
            return;
        }
        let Some(args) = args.json() else {
            return;
        };
        context.exercised(&SCHEMA);
        let payload = args.get(0).unwrap_or(&Value::Null);
        if let Some(fault) = fault(&watched.validator, payload) {
            let what = format!("the event `{name}`");
            breach(entry, what, fault, None, context);
        }
    }

    fn answer(&self, entry: &Entry, context: &Context<'_>) {
        let Some(ended) = context.ended_by_anyone() else {
            return;
        };
        let (Some(answer), Some(Role::Resource(name))) = (ended.by_backend(), &ended.request.role)
        else {
            return;
        };
        let Some(validator) = self.resources.get(name) else {
            return;
        };
        let empty = matches!(answer.status, 204 | 205 | 304) || ended.request.method == "HEAD";
        if !ended.succeeded() || empty {
            return;
        }
        let fault = match &answer.body {
            Content::Json { value, .. } => match value.value() {
                Some(value) => fault(validator, value).or_else(|| mislabelled(answer)),
                None => Some("the body cannot be read".to_owned()),
            },
            Content::Truncated { .. } => {
                context.unable(
                    &SCHEMA,
                    format!("an answer for `{name}` is longer than the journal keeps"),
                );
                return;
            }
            Content::Empty => Some("the body is empty".to_owned()),
            Content::Text { .. } | Content::Binary { .. } => {
                Some("the body is not JSON".to_owned())
            }
        };
        context.exercised(&SCHEMA);
        if let Some(fault) = fault {
            let what = format!("the resource `{name}`");
            breach(entry, what, fault, Some(answer.exchange), context);
        }
    }
}

/// What an answer in JSON says that it is, if it says something else (RFC 8259 §11).
fn mislabelled(answer: &Answer) -> Option<String> {
    let kind = answer.headers.get("content-type")?;
    let json = kind.to_ascii_lowercase().contains("json");
    (!json).then(|| format!("JSON that is called `{kind}`"))
}

fn fault(validator: &Validator, payload: &Value) -> Option<String> {
    let error = validator.validate(payload).err()?;
    let place = error.instance_path().to_string();
    let place = if place.is_empty() {
        "the whole".to_owned()
    } else {
        format!("`{place}`")
    };
    let text: String = error.to_string().chars().take(QUOTED).collect();
    Some(format!("{place}: {text}"))
}

fn breach(
    entry: &Entry,
    what: String,
    fault: String,
    exchange: Option<u64>,
    context: &Context<'_>,
) {
    context.violated(
        &SCHEMA,
        Violation::new(format!("{what} does not keep its schema"))
            .kind(what.clone())
            .expected("a payload that keeps the contract's schema")
            .observed(fault)
            .evidence([entry.id])
            .exchanges(exchange),
    );
}
