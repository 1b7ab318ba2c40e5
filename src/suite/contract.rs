//! `contract.yaml` into a [`Contract`].
//!
//! Names are collected first, so that every reference can be checked where it is written.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::fields::{Fields, Place};
use super::values::{Depth, Placeholders};
use crate::domain::contract::{Contract, Retry, Service};

mod operation;
mod realtime;
mod resource;
mod scope;
mod session;
mod switch;

/// What the parts of a contract need to know of its other parts.
pub(crate) struct Context<'a> {
    pub(crate) services: Vec<&'a str>,
    pub(crate) resources: Vec<&'a str>,
    pub(crate) constants: BTreeMap<String, Value>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) depth: Depth,
}

impl Context<'_> {
    /// The constants, and `live` placeholders that are filled at run time.
    fn placeholders<'p>(&'p self, live: &'p [&'p str]) -> Placeholders<'p> {
        Placeholders {
            live,
            constants: &self.constants,
        }
    }
}

/// Reads a contract. Whatever is wrong is noted on the place's sheet.
pub(crate) fn read(root: &Place<'_>, depth: Depth) -> Option<Contract> {
    let fields = root.fields("a contract")?;
    let mut context = Context {
        services: names(&fields, "services"),
        resources: names(&fields, "resources"),
        constants: BTreeMap::new(),
        headers: Vec::new(),
        depth,
    };
    context.constants = fields
        .or("constants", BTreeMap::new(), constants)
        .unwrap_or_default();
    context.headers = fields
        .or("headers", Vec::new(), |place| {
            context.placeholders(&[]).pairs(place)
        })
        .unwrap_or_default();
    let context = context;

    let name = fields.or("name", "app".to_owned(), Place::name_text);
    let services = fields.need("services").and_then(|place| services(&place));
    let request_id = fields.maybe("request-id", |place| {
        place.name_text().map(|name| name.to_ascii_lowercase())
    });
    let session = fields
        .need("session")
        .and_then(|place| session::read(&place, &context));
    let kill_switch = fields.maybe("kill-switch", |place| switch::read(place, &context));
    let health = fields.maybe("health", |place| {
        operation::read(place, &context, operation::Use::PUBLIC)
    });
    let resources = fields
        .need("resources")
        .and_then(|place| resource::read_all(&place, &context));
    let screens = fields
        .need("screens")
        .and_then(|place| resource::read_screens(&place, &context));
    let realtime = fields.maybe("realtime", |place| {
        realtime::read(place, &context, resources.as_deref())
    });
    let polling = fields.maybe("polling", |place| {
        realtime::read_polling(place, &context, screens.as_deref())
    });
    let retry = fields.or("retry", DEFAULT_RETRY, retry);
    let request_timeout = fields.or(
        "request-timeout",
        Duration::from_secs(10),
        Place::positive_duration,
    );
    let stale_after = fields.or(
        "stale-after",
        Duration::from_secs(30),
        Place::positive_duration,
    );
    let scope = scope::read(&fields, &context);

    let contract = Contract {
        name: name?,
        services: services?,
        request_id: request_id?,
        session: session?,
        kill_switch: kill_switch?,
        health: health?,
        resources: resources?,
        screens: screens?,
        realtime: realtime?,
        polling: polling?,
        retry: retry?,
        request_timeout: request_timeout?,
        stale_after: stale_after?,
        scope: scope?,
    };
    scope::check(&fields, &contract);
    Some(contract)
}

/// The keys of the map at `key`, before it is read.
fn names<'a>(fields: &Fields<'a>, key: &'static str) -> Vec<&'a str> {
    match fields.get(key).map(|place| &place.node.content) {
        Some(super::node::Content::Map(entries)) => {
            entries.iter().map(|entry| entry.key.as_str()).collect()
        }
        _ => Vec::new(),
    }
}

fn constants(place: &Place<'_>) -> Option<BTreeMap<String, Value>> {
    let mut constants = BTreeMap::new();
    for (entry, value) in place.entries()? {
        if value.node.scalar().is_none() {
            value.wrong::<()>("a text, a number or a boolean", "constants are scalars");
            continue;
        }
        constants.insert(entry.key.clone(), value.node.to_json());
    }
    Some(constants)
}

fn services(place: &Place<'_>) -> Option<Vec<Service>> {
    let entries = place.entries()?;
    if entries.is_empty() {
        return place.refuse(
            "a contract needs a service",
            "write `services: { api: {} }`",
        );
    }
    let services: Vec<Option<Service>> = entries
        .iter()
        .map(|(entry, place)| {
            if entry.key.contains(char::is_whitespace) || entry.key == "*" || entry.key.is_empty() {
                place.sheet.note(
                    &entry.key_span,
                    super::Problem::new(format!("`{}` cannot be a service's name", entry.key))
                        .hint("write one word: requests are written `METHOD service /path`"),
                );
            }
            if place.node.is_null() {
                return Some(Service {
                    name: entry.key.clone(),
                    variable: None,
                    base_path: String::new(),
                });
            }
            let fields = place.fields("a service")?;
            let variable = fields.maybe("variable", Place::name_text);
            let base_path = fields.or("base-path", String::new(), |place| {
                let text = place.text()?;
                let path = text.trim_end_matches('/');
                if path.is_empty() {
                    return Some(String::new());
                }
                place.path(path)
            });
            Some(Service {
                name: entry.key.clone(),
                variable: variable?,
                base_path: base_path?,
            })
        })
        .collect();
    services.into_iter().collect()
}

const DEFAULT_RETRY: Retry = Retry {
    attempts: 3,
    delay: Duration::from_millis(500),
    delay_max: Duration::from_secs(8),
    jitter: 0.5,
};

fn retry(place: &Place<'_>) -> Option<Retry> {
    let fields = place.fields("`retry`")?;
    let attempts = fields.or("attempts", DEFAULT_RETRY.attempts, |place| {
        place
            .whole(1)
            .and_then(|attempts| u32::try_from(attempts).ok())
    });
    let delay = fields.or("delay", DEFAULT_RETRY.delay, Place::positive_duration);
    let delay_max = fields.or(
        "delay-max",
        DEFAULT_RETRY.delay_max,
        Place::positive_duration,
    );
    let jitter = fields.or("jitter", DEFAULT_RETRY.jitter, |place| {
        place.number_between(0.0, 1.0)
    });
    let retry = Retry {
        attempts: attempts?,
        delay: delay?,
        delay_max: delay_max?,
        jitter: jitter?,
    };
    if retry.delay_max < retry.delay {
        return fields.refuse(
            "`delay-max` is shorter than `delay`",
            "the first delay is `delay`, and none is longer than `delay-max`",
        );
    }
    Some(retry)
}
