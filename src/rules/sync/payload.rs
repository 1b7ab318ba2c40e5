//! SYNC-13: payloads keep the contract's schemas.

use std::collections::BTreeMap;

use jsonschema::Validator;
use serde_json::Value;

use crate::domain::contract::Contract;
use crate::domain::journal::{Answer, Content, Frame, Question};
use crate::domain::schema::{self, Fault};
use crate::rules::context::{Context, Read};
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// Payloads keep the contract's schemas
    ///
    /// # Why
    /// A field that is missing, or a number that became a text, shows as a blank or as 0 on a
    /// phone.
    ///
    /// # How it is judged
    /// Every successful answer for a resource with a schema is validated and must call itself JSON,
    /// and every event with one: the first 256 of each name, then each sixteenth, since feeds run
    /// for days. Bodies that are longer than the journal keeps (256 KiB) are looked into by no rule,
    /// which is remarked on with their count.
    ///
    /// # How to keep it
    /// Correct the payload, or the contract if the change was agreed; generate both from one
    /// definition.
    ///
    /// # Source
    /// JSON Schema; runbook P.5, S5.6
    pub(super) SCHEMA: "SYNC-13", Backend, from [Wire, Probe],
        needs [Schema],
        set by ["resources[].schema", "realtime.events[].schema"]
}

/// How many events of one name are all validated, and which of the later ones are.
const ALL: u64 = 256;
const THEN_EACH: u64 = 16;
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
        for why in self.unusable.drain(..) {
            context.unable(&SCHEMA, why);
        }
        if let Some(read) = context.read_by_anyone()
            && read
                .ended
                .opened
                .question
                .as_ref()
                .is_none_or(Question::is_ordinary)
        {
            self.answer(&read, context);
        }
        if let Some((_, packet)) = context.packet_down()
            && let Frame::Event {
                namespace,
                name,
                args,
                attachments: 0,
                ..
            } = packet
            && context.is_feed(namespace)
        {
            self.event(name, args, context);
        }
    }

    fn hears_routine(&self) -> bool {
        true
    }

    fn hears_probes(&self) -> bool {
        true
    }
}

impl Payload {
    fn event(&mut self, name: &str, args: &Content, context: &Context<'_>) {
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
            context.violated(&SCHEMA, unkept(&what, fault, context));
        }
    }

    fn answer(&self, read: &Read<'_>, context: &Context<'_>) {
        let name = &read.resource.name;
        let Some(validator) = self.resources.get(name) else {
            return;
        };
        let answer = read.answer;
        let is_empty = matches!(answer.status, 204 | 205) || read.ended.request.method == "HEAD";
        if !answer.is_success() || is_empty {
            return;
        }
        if answer.body.unread().is_some() {
            // Said for every rule that would read it.
            return;
        }
        if matches!(answer.body, Content::Truncated { .. }) {
            let why = format!("an answer for `{name}` is longer than the journal keeps");
            context.unable(&SCHEMA, why);
            return;
        }
        context.exercised(&SCHEMA);
        if let Some(fault) = fault_of(answer, validator) {
            let what = format!("the resource `{name}`");
            let violation = unkept(&what, fault, context).exchanges([answer.exchange]);
            context.violated(&SCHEMA, violation);
        }
    }
}

fn unkept(what: &str, fault: String, context: &Context<'_>) -> Violation {
    Violation::new(format!("{what} does not keep its schema"))
        .expected("a payload that keeps the contract's schema")
        .observed(fault)
        .evidence([context.entry.id])
}

/// What is wrong with an answer, as far as the journal has it.
fn fault_of(answer: &Answer, validator: &Validator) -> Option<String> {
    let fault_is = |text: &str| Some(text.to_owned());
    match &answer.body {
        Content::Json { value, .. } => match value.value() {
            Some(value) => fault(validator, value).or_else(|| mislabelled(answer)),
            None => fault_is("the body cannot be read"),
        },
        Content::Empty => fault_is("the body is empty"),
        Content::Text { .. } | Content::Binary { .. } => {
            let coding = answer.headers.get("content-encoding");
            Some(coding.map_or_else(
                || "the body is not JSON".to_owned(),
                |coding| {
                    format!(
                        "the body is not JSON; it is said to be in the content coding `{coding}`"
                    )
                },
            ))
        }
        Content::Truncated { .. } | Content::Unread { .. } => None,
    }
}

/// What an answer in JSON says that it is, if it says something else (RFC 8259 §11).
fn mislabelled(answer: &Answer) -> Option<String> {
    let kind = answer.headers.get("content-type")?;
    let json = kind.to_ascii_lowercase().contains("json");
    (!json).then(|| format!("JSON that is called `{kind}`"))
}

fn fault(validator: &Validator, payload: &Value) -> Option<String> {
    let Fault { place, text } = schema::fault(validator, payload)?;
    Some(match place.is_empty() {
        true => format!("the whole: {text}"),
        false => format!("`{place}`: {text}"),
    })
}
