//! API-12: what the contract names is there.

use std::collections::BTreeMap;

use serde_json::Value;

use super::unpushed::Unpushed;
use crate::domain::contract::{EventRule, Expiry, NextPage, Resource, Role, SessionRequest};
use crate::domain::journal::{Answer, Content, EntryId, Request};
use crate::domain::schema;
use crate::domain::selector::Selector;
use crate::rules::context::{Context, Read};
use crate::rules::exchange::Ended;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// What the contract names in answers and events is there
    ///
    /// # Why
    /// A contract that says where a number, a key or an end stands makes an app look there. Where
    /// nothing stands, paging ends early, changes cannot be told from news, and sessions end by
    /// surprise; and whatever is judged by it would be judged by nothing.
    ///
    /// # How it is judged
    /// Judged on successful answers in JSON, whoever asked: a resource's `items` (a null is an empty
    /// list), the `key` and the `order` of each item, its `sequence`, its `as-of` and its `total`; of answers that
    /// hand tokens out, the access token, the refresh token of a sign-in, and the end; of a page that
    /// says by `more` that another follows, its cursor; of events, `items`, their `key`, `sequence` and
    /// `as-of`, the first 256 of each name; of answers for the kill-switch, what `blocked` looks for,
    /// unless the contract says what its absence means. A `sequence`, an `as-of`, a `total` or a word of the
    /// kill-switch that is there at times and missing at others is a finding; one that never is may be
    /// the contract's mistake, and is told as not judged. An event that the harness has the backend send
    /// is whatever the harness wants. What breaks a schema is SYNC-13's, and a resource that the harness
    /// spoils on purpose is not judged.
    ///
    /// # How to keep it
    /// Send the field, or take it out of the contract.
    ///
    /// # Source
    /// the contract itself
    pub(super) FIELDS: "API-12", Backend, from [Wire, Probe],
        set by ["resources[]", "realtime.events[]", "session.sign-in.answer", "session.refresh.answer"]
}

/// How many events of one name are looked at.
const EVENTS: u32 = 256;
/// How many events that lack something wait to be judged.

#[derive(Default)]
pub(super) struct Fields {
    events: BTreeMap<String, u32>,
    /// Numbers by what lacks them or has them: `the total of this`, `the sequence of that`.
    numbers: BTreeMap<String, Number>,
    /// Events that lacked something a moment ago.
    lacking: Unpushed<Lacking>,
}

/// An event that lacked something.
struct Lacking {
    event: String,
    id: EntryId,
    items: bool,
    key: bool,
    /// What may be missing at all times, and then by mistake of the contract.
    numbers: Vec<&'static str>,
}

/// Whether a number was ever there, and where it was first missing.
#[derive(Default)]
struct Number {
    is_there: bool,
    missing: Option<EntryId>,
}

impl Rule for Fields {
    fn see(&mut self, context: &Context<'_>) {
        if let Some(read) = context.read_by_anyone() {
            self.answer(&read, context);
        } else if let Some(ended) = context.ended_by_anyone()
            && let Some(answer) = ended.by_backend().filter(|answer| answer.is_success())
        {
            tokens(&ended, answer, context);
            self.switch(&ended, answer, context);
        }
        self.lacking.follow(context);
        for lacking in self.lacking.settled(context) {
            self.tell(lacking, context);
        }
        if let Some((_, name, args)) = context.event_down() {
            self.event(name, args, context);
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        for lacking in self.lacking.rest(context) {
            self.tell(lacking, context);
        }
        let mut numbers = self.numbers.iter();
        let never = numbers.find(|(_, number)| !number.is_there && number.missing.is_some());
        if let Some((name, _)) = never {
            context.unable(
                &FIELDS,
                format!("the contract names {name}, and it was never there: one of them is wrong"),
            );
        }
    }

    fn hears_routine(&self) -> bool {
        true
    }

    fn hears_probes(&self) -> bool {
        true
    }
}

impl Fields {
    fn event(&mut self, name: &str, args: &Content, context: &Context<'_>) {
        let Some(rule) = context.contract.event(name) else {
            return;
        };
        let as_of = rule.promise.as_of.as_ref().map(|own| &own.at);
        let named = [&rule.items, &rule.sequence, &rule.key];
        if as_of.is_none() && named.iter().all(|own| own.is_none()) {
            return;
        }
        match self.events.get_mut(name) {
            Some(seen) if *seen >= EVENTS => return,
            Some(seen) => *seen += 1,
            None => {
                self.events.insert(name.to_owned(), 1);
            }
        }
        let Some(first) = args.json().and_then(|args| args.get(0)) else {
            return;
        };
        context.exercised(&FIELDS);
        let is_lacking = |selector: &Selector| is_absent(selector.in_body(first));
        let numbers = [("sequence", rule.sequence.as_ref()), ("as-of", as_of)];
        let mut lacks_numbers = Vec::new();
        for (what, place) in numbers {
            match place.map(is_lacking) {
                Some(true) => lacks_numbers.push(what),
                Some(false) => {
                    self.number(&of_event(name), what, true, context.entry.id, context);
                }
                None => {}
            }
        }
        let lacks_items = rule.items.as_ref().is_some_and(is_lacking);
        let lacks_key = lacks_key(rule, first);
        let lacks = lacks_items || lacks_key || !lacks_numbers.is_empty();
        if lacks {
            let lacking = Lacking {
                event: name.to_owned(),
                id: context.entry.id,
                items: lacks_items,
                key: lacks_key,
                numbers: lacks_numbers,
            };
            self.lacking.add(name, lacking, context);
        }
    }

    /// Tells of an event that lacked something, which the harness is not behind.
    fn tell(&mut self, lacking: Lacking, context: &Context<'_>) {
        let of = of_event(&lacking.event);
        if lacking.items {
            context.violated(&FIELDS, missing(&of, "items").evidence([lacking.id]));
        }
        if lacking.key {
            context.violated(&FIELDS, missing(&of, "key").evidence([lacking.id]));
        }
        for what in lacking.numbers {
            self.number(&of, what, false, lacking.id, context);
        }
    }

    /// A number is there or not. Where it is there at times, it is missing at the others.
    fn number(&mut self, of: &str, what: &str, is_there: bool, id: EntryId, context: &Context<'_>) {
        let number = self
            .numbers
            .entry(format!("the `{what}` of {of}"))
            .or_default();
        number.is_there |= is_there;
        if !is_there {
            number.missing.get_or_insert(id);
        }
        if number.is_there
            && let Some(id) = number.missing.take()
        {
            context.violated(&FIELDS, missing(of, what).evidence([id]));
        }
    }

    /// Takes in whether an answer for the kill-switch says what the contract looks for.
    fn switch(&mut self, ended: &Ended<'_>, answer: &Answer, context: &Context<'_>) {
        let Some(switch) = &context.contract.kill_switch else {
            return;
        };
        let is_about_it = ended.request.role == Some(Role::Status) && answer.body.json().is_some();
        if is_about_it && !answer.is_page() {
            context.exercised(&FIELDS);
            let says = answer.blocks(switch).is_some();
            let of = "the answer for the kill-switch";
            self.number(of, "blocked", says, context.entry.id, context);
        }
    }

    fn answer(&mut self, read: &Read<'_>, context: &Context<'_>) {
        let resource = read.resource;
        let body = read.answer.body.json().filter(|_| read.answer.is_success());
        let Some(body) = body.filter(|_| !context.world.is_spoilt(&resource.name)) else {
            return;
        };
        let as_of = resource.as_of.as_ref().map(|own| &own.at);
        if resource.items.is_none() && resource.sequence.is_none() && as_of.is_none() {
            return;
        }
        context.exercised(&FIELDS);
        let of = format!("the resource `{}`", resource.name);
        for what in lacking(resource, body) {
            let violation = missing(&of, what)
                .evidence([read.ended.opened.id(), context.entry.id])
                .exchanges([read.answer.exchange]);
            context.violated(&FIELDS, violation);
        }
        let paging = resource.paging.as_ref();
        if let Some(paging) = paging
            && lacks_cursor(&paging.next, read.answer, body)
        {
            let violation = missing(&of, "cursor")
                .evidence([read.ended.opened.id(), context.entry.id])
                .exchanges([read.answer.exchange]);
            context.violated(&FIELDS, violation);
        }
        if let Some(total) = paging.and_then(|paging| paging.total.as_ref()) {
            self.number(
                &of,
                "total",
                !is_absent(total.in_body(body)),
                context.entry.id,
                context,
            );
        }
        for (what, place) in [("sequence", resource.sequence.as_ref()), ("as-of", as_of)] {
            let Some(place) = place else {
                continue;
            };
            let is_there = !is_absent(read.answer.find(place).as_ref());
            self.number(&of, what, is_there, context.entry.id, context);
        }
    }
}

/// What a list and its items lack, unless the schema says so.
fn lacking(resource: &Resource, body: &Value) -> Vec<&'static str> {
    let Some(items) = &resource.items else {
        return Vec::new();
    };
    let mut lacking = Vec::new();
    match items.in_body(body) {
        Some(Value::Array(items)) => {
            let by = resource.order.as_ref().map(|order| &order.by);
            for (what, selector) in [("key", resource.key.as_ref()), ("order", by)] {
                // What is null, or no object at all, is for a schema to say.
                let lacks = |item: &Value| {
                    item.is_object() && selector.is_some_and(|own| own.in_body(item).is_none())
                };
                if items.iter().any(lacks) {
                    lacking.push(what);
                }
            }
        }
        // An empty list is null in the habit of some languages.
        Some(Value::Null) => {}
        _ => lacking.push("items"),
    }
    let breaks = |schema: &Value| {
        let validator = jsonschema::validator_for(schema);
        validator.is_ok_and(|validator| schema::fault(&validator, body).is_some())
    };
    if !lacking.is_empty() && resource.schema.as_ref().is_some_and(breaks) {
        lacking.clear();
    }
    lacking
}

/// Whether a page says that another follows, and not how it is asked for.
fn lacks_cursor(next: &NextPage, answer: &Answer, body: &Value) -> bool {
    let NextPage::Cursor {
        more: Some(more), ..
    } = next
    else {
        return false;
    };
    let said = answer.find(more);
    matches!(said, Some(said) if said == true || said == "true")
        && next.cursor(answer.headers.iter(), Some(body)).is_none()
}

/// Whether an item of an event lacks what says which item it is, where the contract has a place of its
/// own for that.
fn lacks_key(rule: &EventRule, first: &Value) -> bool {
    let (Some(key), Some(items)) = (&rule.key, &rule.items) else {
        return false;
    };
    let items = match items.in_body(first) {
        Some(Value::Array(items)) => items.as_slice(),
        Some(item @ Value::Object(_)) => std::slice::from_ref(item),
        _ => return false,
    };
    let lacks = |item: &Value| item.is_object() && is_absent(key.in_body(item));
    items.iter().any(lacks)
}

fn of_event(name: &str) -> String {
    format!("the event `{name}`")
}

fn is_absent(found: Option<&Value>) -> bool {
    found.is_none_or(Value::is_null)
}

/// Whether a sign-in is not the app's: one path may serve several, and then the answer decides.
fn is_of_another_client(ended: &Ended<'_>, answer: &Answer, context: &Context<'_>) -> bool {
    let Request {
        method,
        service,
        path,
        ..
    } = ended.request;
    let contract = &context.contract;
    let sign_ins = || contract.sign_ins_of(method, service, path);
    let has_token = |own: &&SessionRequest| answer.find(&own.answer.access_token).is_some();
    let found = sign_ins().find(has_token).or_else(|| sign_ins().next());
    found.is_some_and(|own| !std::ptr::eq(own, &contract.session.sign_in))
}

/// What an answer that hands tokens out lacks.
fn tokens(ended: &Ended<'_>, answer: &Answer, context: &Context<'_>) {
    let session = &context.contract.session;
    let (request, name) = match ended.request.role {
        Some(Role::SignIn) if is_of_another_client(ended, answer, context) => return,
        Some(Role::SignIn) => (&session.sign_in, "sign-in"),
        Some(Role::Refresh) => match &session.refresh {
            Some(refresh) => (refresh, "refresh"),
            None => return,
        },
        _ => return,
    };
    context.exercised(&FIELDS);
    let lacks = |selector: &Selector| {
        let found = answer.find(selector);
        found.is_none_or(|found| found.is_null() || found == "")
    };
    let expiry = request.answer.expiry.as_ref().map(|expiry| match expiry {
        Expiry::In(selector) => ("expires-in", selector),
        Expiry::At(selector) => ("expires-at", selector),
    });
    // A refresh that rotates nothing brings no refresh token.
    let refresh = request.answer.refresh_token.as_ref();
    let refresh = refresh.filter(|_| name == "sign-in" && session.refresh.is_some());
    let named = std::iter::once(("access-token", &request.answer.access_token))
        .chain(refresh.map(|own| ("refresh-token", own)))
        .chain(expiry);
    for (what, _) in named.filter(|(_, selector)| lacks(selector)) {
        let violation = missing(&format!("the answer of `{name}`"), what)
            .evidence([ended.opened.id(), context.entry.id])
            .exchanges([answer.exchange]);
        context.violated(&FIELDS, violation);
    }
}

fn missing(of: &str, what: &str) -> Violation {
    Violation::new(format!("{of} lacks its `{what}`"))
        .expected(format!(
            "something where the contract says that `{what}` stands"
        ))
        .observed("nothing there")
}
