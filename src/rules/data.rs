//! DATA: bad data stays bad data, and nothing else.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

mod events;

use crate::domain::contract::{Resource, Role};
use crate::domain::journal::{Answer, AppFact, Content, DataSource, Entry, EntryId, Fact};
use crate::rules::context::Context;
use crate::rules::rule::{Registration, Rule, rule};
use crate::rules::violation::Violation;

pub(super) const RULES: &[Registration] = &[
    (&[&SURVIVES], |_| Box::new(Survives::default())),
    (&[&SURVIVES], |_| Box::<events::Events>::default()),
];

rule! {
    /// Bad data is set aside: the last good data stays, a bad record takes no list with it, and
    /// nothing is asked in a storm
    ///
    /// # Why
    /// Truncated, mislabelled or half-wrong answers happen, by proxies, releases and one bad row in
    /// a table.
    ///
    /// # How it is judged
    /// Judged on answers of success for a resource that are no JSON, say that they are a page, or
    /// lack the contract's list, and on lists in which some records have no identity. What such an
    /// answer brought must not be shown as data: not at all when it cannot be read, and never as an
    /// empty list when good records stand beside the bad. More than five requests for the same
    /// resource within ten seconds of an unreadable answer, with no act of the user's between, are
    /// a storm. An event that cannot change its resource, because its list is missing or it is of
    /// another kind, is judged alike: it is not shown, takes no list with it, and causes no storm;
    /// and an app that leaves its feed just after each packet of no use to it, twice at least (such
    /// an event, one that the contract does not have, an acknowledgement that nobody asked for)
    /// does not survive them. Of each event's name the first 256 are looked into, then each
    /// sixteenth. That a session is kept is SESSION-7's to judge. Which values are on the screen no
    /// journal says.
    ///
    /// # How to keep it
    /// Parse into a checked type before anything is replaced; keep the last good value and mark it
    /// stale; drop single records with a log line; treat an unreadable answer as a failed one, with
    /// back-off.
    ///
    /// # Source
    /// RFC 8259 §8 and §9; crashes and emptied lists in public issue trackers
    SURVIVES: "DATA-1", App, from [Wire, Sim],
        set by ["resources[].items", "resources[].key", "realtime.events[].items"]
}

/// How many requests may follow an unreadable answer, and for how long they are counted.
const REPEATS: u32 = 5;
const STORM: Duration = Duration::from_secs(10);

/// What the last answer for each resource was.
#[derive(Default)]
struct Survives {
    last: BTreeMap<String, Came>,
}

/// An answer that was not all good.
struct Came {
    entry: EntryId,
    exchange: u64,
    at: Duration,
    kind: Kind,
    repeats: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Good,
    Unreadable,
    /// Some of its records are bad, and so many are not.
    Mixed(usize),
}

impl Rule for Survives {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        match &entry.fact {
            Fact::Act(_) => self.last.values_mut().for_each(|came| came.repeats = 0),
            Fact::App(AppFact::Shown {
                resource,
                items,
                source,
                ..
            }) if *source == DataSource::Request => self.shown(entry, resource, *items, context),
            _ => {}
        }
        if let Some(request) = context.request()
            && let Some(Role::Resource(name)) = &request.role
            && let Some(came) = self.last.get_mut(name)
            && came.kind == Kind::Unreadable
            && entry.at <= came.at + STORM
        {
            came.repeats += 1;
            if came.repeats == REPEATS + 1 {
                let observed = format!("{} requests for `{name}`", came.repeats);
                breach(
                    "storm",
                    observed,
                    [came.entry, entry.id],
                    Some(came.exchange),
                    context,
                );
            }
        }
        let Some(ended) = context.ended().filter(|own| own.succeeded()) else {
            return;
        };
        let (Some(answer), Some(Role::Resource(name))) = (ended.by_backend(), &ended.request.role)
        else {
            return;
        };
        let Some(resource) = context.contract.resource(name) else {
            return;
        };
        if matches!(answer.status, 204 | 205) {
            return;
        }
        let kind = kind(resource, answer);
        if kind != Kind::Good && context.world.simulated {
            context.exercised(&SURVIVES);
        }
        let repeats = self.last.get(name).map_or(0, |came| came.repeats);
        let came = Came {
            entry: entry.id,
            exchange: answer.exchange,
            at: entry.at,
            repeats: if kind == Kind::Good { 0 } else { repeats },
            kind,
        };
        self.last.insert(name.clone(), came);
    }
}

impl Survives {
    fn shown(&mut self, entry: &Entry, resource: &str, items: usize, context: &Context<'_>) {
        let Some(came) = self.last.get(resource) else {
            return;
        };
        let evidence = [came.entry, entry.id];
        let exchange = Some(came.exchange);
        match came.kind {
            Kind::Unreadable => {
                let observed = format!("{items} items of `{resource}` shown after it");
                breach("unreadable", observed, evidence, exchange, context);
            }
            Kind::Mixed(good) if good > 0 && items == 0 => {
                let observed = format!("0 items of `{resource}` shown, and {good} were good");
                breach("emptied", observed, evidence, exchange, context);
            }
            Kind::Mixed(_) | Kind::Good => {}
        }
    }
}

fn kind(resource: &Resource, answer: &Answer) -> Kind {
    let body = match (&answer.body, answer.body.json()) {
        (_, Some(value)) if !answer.is_page() => value,
        // The rest of it may be good.
        (Content::Truncated { .. }, _) if !answer.is_page() => return Kind::Good,
        _ => return Kind::Unreadable,
    };
    let Some(items) = &resource.items else {
        return Kind::Good;
    };
    let Some(list) = items.in_body(body).and_then(Value::as_array) else {
        return Kind::Unreadable;
    };
    records(resource, list)
}

/// What the records of a list are: those without their identity are bad.
fn records(resource: &Resource, list: &[Value]) -> Kind {
    let Some(key) = &resource.key else {
        return Kind::Good;
    };
    let good = list.iter().filter(|item| {
        key.in_body(item)
            .is_some_and(|key| key.is_string() || key.is_number())
    });
    match good.count() {
        good if good == list.len() => Kind::Good,
        good => Kind::Mixed(good),
    }
}

fn breach(
    kind: &str,
    observed: String,
    evidence: [EntryId; 2],
    exchange: Option<u64>,
    context: &Context<'_>,
) {
    context.violated(
        &SURVIVES,
        Violation::new("the app makes more of bad data than bad data")
            .kind(kind.to_owned())
            .expected("the last good data, and good records beside bad ones")
            .observed(observed)
            .evidence(evidence)
            .exchanges(exchange),
    );
}
