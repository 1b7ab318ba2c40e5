//! SYNC-13: payloads keep the contract's schemas.

use std::collections::BTreeMap;
use std::sync::Arc;

use jsonschema::Validator;
use serde_json::Value;

use crate::domain::contract::{Contract, Role};
use crate::domain::journal::{Answer, Content, Direction, Entry, Fact, Frame};
use crate::domain::verdict::Subject;
use crate::rules::ledger::{Breach, Ledger};
use crate::rules::scene::Scene;
use crate::rules::{JudgedFrom, Rule, RuleInfo};

pub(super) static SCHEMA: RuleInfo = RuleInfo {
    id: "SYNC-13",
    title: "Payloads keep the contract's schemas",
    subject: Subject::Backend,
    judged_from: &[JudgedFrom::Wire],
    source: "JSON Schema; runbook P.5, S5.6",
    explanation: "A field that is missing, or a number that became a text, shows as a blank or as 0 on a phone. Every successful answer for a resource with a schema is validated and must call itself JSON, and every event with one: the first 256 of each name, then each sixteenth, since feeds run for days.",
    fix: "Correct the payload, or the contract if the change was agreed; generate both from one definition.",
    parameters: &["resources[].schema", "realtime.events[].schema"],
};

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
    fn see(&mut self, entry: &Arc<Entry>, scene: &Scene, ledger: &mut Ledger) {
        for why in self.unusable.drain(..) {
            ledger.unable(&SCHEMA, why);
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
            } if scene
                .contract
                .realtime
                .as_ref()
                .is_some_and(|feed| feed.namespace == *namespace) =>
            {
                self.event(entry, name, args, ledger);
            }
            Fact::Answer(_) => self.answer(entry, scene, ledger),
            _ => {}
        }
    }

    fn hears_routine(&self) -> bool {
        true
    }
}

impl Payload {
    fn event(&mut self, entry: &Entry, name: &str, args: &Content, ledger: &mut Ledger) {
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
        ledger.occasion(&SCHEMA);
        let payload = args.get(0).unwrap_or(&Value::Null);
        if let Some(fault) = fault(&watched.validator, payload) {
            let what = format!("the event `{name}`");
            breach(entry, what, fault, None, ledger);
        }
    }

    fn answer(&self, entry: &Entry, scene: &Scene, ledger: &mut Ledger) {
        let Some(ended) = scene.ended(entry) else {
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
                ledger.unable(
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
        ledger.occasion(&SCHEMA);
        if let Some(fault) = fault {
            let what = format!("the resource `{name}`");
            breach(entry, what, fault, Some(answer.exchange), ledger);
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

fn breach(entry: &Entry, what: String, fault: String, exchange: Option<u64>, ledger: &mut Ledger) {
    ledger.breach(
        &SCHEMA,
        Breach {
            kind: what.clone(),
            message: format!("{what} does not keep its schema"),
            expected: "a payload that keeps the contract's schema".to_owned(),
            observed: fault,
            evidence: vec![entry.id],
            exchanges: exchange.into_iter().collect(),
            ..Breach::default()
        },
    );
}
