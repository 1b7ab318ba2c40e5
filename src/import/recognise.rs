//! From what is known of a backend to a suite: which request plays which part, and what is left out.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::api::{Answer, Api, Left, Operation, kebab, plain, words};
use super::draft::{Draft, Identity, Resource, Switch, User};
use super::lists::{end, list};
use super::sample;
use super::schemas::{fields, is_of, judging, whole};
use super::session;
use crate::suite::is_reserved;

mod naming;
mod request;
mod scope;

use naming::{name, named_by};
use request::{plain_request, request_of};
use scope::forbid;

/// How many values a schema may have that is taken over.
const LARGEST_SCHEMA: usize = 4_000;
/// How many values the schemas and answers of all resources may have together: the reader of suites has a limit, too.
const MOST: usize = 120_000;

const HEALTH: [&str; 11] = [
    "health",
    "healthz",
    "healthcheck",
    "livez",
    "readyz",
    "live",
    "ready",
    "alive",
    "ping",
    "heartbeat",
    "liveness",
];
const SWITCHES: [&str; 7] = [
    "maintenance",
    "maintenancemode",
    "inmaintenance",
    "undermaintenance",
    "ismaintenance",
    "killswitch",
    "maintenanceenabled",
];
const SELVES: [&str; 6] = ["me", "profile", "userinfo", "whoami", "self", "account"];

/// A suite of what is known, without what was seen of users.
pub(super) fn draft(mut api: Api) -> Draft {
    let (session, mut taken) = session::recognise(&mut api);
    let mut draft = Draft {
        name: api.name.clone(),
        session,
        ..Draft::default()
    };
    health(&api, &mut draft, &mut taken);
    switch(&api, &mut draft, &mut taken);
    request_id(&api, &mut draft);
    resources(&mut api, &mut draft, &mut taken);
    identity(&mut draft);
    screens(&mut draft);
    forbid(&api, &mut draft, &taken);
    draft.users = vec![user(&draft)];
    let used: BTreeSet<&str> = used_services(&draft);
    let unused: Vec<String> = api
        .services
        .iter()
        .map(|own| own.name.clone())
        .filter(|name| !used.contains(name.as_str()))
        .collect();
    draft.services = api.services;
    draft.services.retain(|own| !unused.contains(&own.name));
    draft.left = std::mem::take(&mut api.left);
    draft
}

fn used_services(draft: &Draft) -> BTreeSet<&str> {
    let session = &draft.session;
    let requests = [&session.sign_in]
        .into_iter()
        .chain(session.refresh.iter().map(|(own, _)| own))
        .chain(&session.sign_out)
        .chain(&session.keys)
        .chain(&draft.health)
        .chain(draft.switch.iter().map(|own| &own.request))
        .chain(draft.resources.iter().map(|own| &own.request));
    let patterns = draft.forbid.iter().filter_map(|own| own.split(' ').nth(1));
    requests
        .map(|own| own.service.as_str())
        .chain(patterns)
        .collect()
}

/// What says that a service is alive: the first of each.
fn health(api: &Api, draft: &mut Draft, taken: &mut BTreeSet<usize>) {
    let mut services: BTreeSet<&str> = BTreeSet::new();
    for (at, operation) in api.operations.iter().enumerate() {
        let words = operation.path_words();
        let is_health = operation.is_read()
            && !operation.path.contains('{')
            && words
                .last()
                .is_some_and(|word| HEALTH.contains(&word.as_str()));
        if is_health {
            taken.insert(at);
            if services.insert(&operation.service) {
                draft.health.push(plain_request(operation));
            }
        }
    }
}

/// The kill-switch: a read that answers with a flag of that name.
fn switch(api: &Api, draft: &mut Draft, taken: &mut BTreeSet<usize>) {
    for (at, operation) in api.operations.iter().enumerate() {
        let answer = operation.answer.as_ref().filter(|own| own.is_json());
        let Some(schema) = answer.and_then(|own| own.schema.as_ref()) else {
            continue;
        };
        if taken.contains(&at) || !operation.is_read() || operation.path.contains('{') {
            continue;
        }
        let found = fields(schema, &api.definitions);
        let flag = found.iter().find(|field| {
            let parent = field.pointer.rsplit('/').nth(1).unwrap_or_default();
            let is_named = SWITCHES.contains(&plain(&field.name).as_str())
                || (SWITCHES.contains(&plain(parent).as_str())
                    && ["enabled", "active", "on"].contains(&plain(&field.name).as_str()));
            is_named && is_of(field.schema, "boolean")
        });
        let Some(flag) = flag else { continue };
        let schema = whole(schema, &api.definitions);
        let Ok(made) = sample::fitting(&schema, answer.and_then(|own| own.sample.as_ref())) else {
            continue;
        };
        let state = |on: bool| {
            let mut answer = made.value.clone();
            session::put(&mut answer, &flag.pointer, Value::from(on));
            answer
        };
        let mut request = plain_request(operation);
        request.why = vec![format!(
            "Taken for the kill-switch: it answers with the flag `{}`.",
            flag.pointer
        )];
        draft.switch = Some(Switch {
            request,
            at: flag.pointer.clone(),
            off: state(false),
            on: state(true),
        });
        taken.insert(at);
        return;
    }
}

fn request_id(api: &Api, draft: &mut Draft) {
    const NAMES: [&str; 5] = [
        "x-request-id",
        "x-correlation-id",
        "request-id",
        "x-trace-id",
        "x-amzn-requestid",
    ];
    let answers = api.operations.iter().filter_map(|own| own.answer.as_ref());
    let headers: Vec<&String> = answers.flat_map(|own| &own.headers).collect();
    let answers = api.operations.iter().filter(|own| own.answer.is_some());
    let all = answers.count();
    // A document says it once for all; of what was seen, a header that some lack is no promise.
    let is_there = |name: &&&str| {
        let times = headers.iter().filter(|own| own.as_str() == **name).count();
        times > 0 && (!api.concluded || times == all)
    };
    let found = NAMES.iter().find(is_there);
    draft.request_id = found.map(|name| super::api::Known {
        value: (*name).to_owned(),
        why: "answers have it".to_owned(),
    });
}

/// What the app reads.
fn resources(api: &mut Api, draft: &mut Draft, taken: &mut BTreeSet<usize>) {
    let mut left = Vec::new();
    let mut names: BTreeSet<String> = BTreeSet::new();
    let mut lines: BTreeSet<String> = BTreeSet::new();
    let mut size = 0;
    for at in 0..api.operations.len() {
        let operation = &api.operations[at];
        if taken.contains(&at) || !operation.is_read() {
            continue;
        }
        taken.insert(at);
        let leave = |why: &str| Left::new(operation.line(), why);
        match resource(api, operation, &mut left) {
            Err(why) => left.push(leave(&why)),
            Ok(mut own) => {
                if !lines.insert(own.request.line()) {
                    left.push(leave("another resource is read by the same request"));
                    continue;
                }
                let more = own.schema.as_ref().map_or(0, values) + values(&own.sample);
                size += more;
                if size > MOST {
                    size -= more;
                    left.push(leave(
                        "the contract would become larger than a suite's file may be",
                    ));
                    continue;
                }
                own.name = name(&named_by(operation), &names);
                names.insert(own.name.clone());
                draft.resources.push(own);
            }
        }
    }
    api.left.extend(left);
}

fn resource(api: &Api, operation: &Operation, left: &mut Vec<Left>) -> Result<Resource, String> {
    let answer = json_answer(operation)?;
    let mut request = request_of(operation)?;
    let mut note = |why: String| left.push(Left::new(operation.line(), why));
    let schema = answer
        .schema
        .as_ref()
        .map(|own| whole(own, &api.definitions));
    let schema = schema.filter(|own| {
        let count = values(own);
        if count > LARGEST_SCHEMA {
            note(format!(
                "its schema has {count} values, which is too much to read: it was left out"
            ));
        }
        count <= LARGEST_SCHEMA
    });
    let (mut made, mut kept) = fitted(schema.as_ref(), answer, &mut note);
    let found = answer
        .schema
        .as_ref()
        .and_then(|own| list(operation, own, &api.definitions));
    // What has no list in its example is none, whatever it is called.
    let found = found.filter(|own| made.pointer(&own.items.value).is_some_and(Value::is_array));
    let (mut items, mut key, mut paging) = (None, None, None);
    if let Some(own) = found {
        if let Some(why) = own.unpaged {
            note(why);
        }
        key = own
            .key
            .filter(|key| tell_apart(&mut made, &own.items.value, key));
        paging = own.paging.filter(|_| key.is_some());
        items = Some(own.items);
    }
    if let Some(own) = &paging {
        end(&mut made, &own.value, kept.as_mut(), api.concluded);
    }
    if let Some(own) = &paging {
        whole_list(
            &mut made,
            &own.value,
            items.as_ref().map(|own| own.value.as_str()),
        );
        let own = own.value.as_object().into_iter().flatten();
        let asked: Vec<&str> = own.filter_map(|(_, own)| own["query"].as_str()).collect();
        let is_asked = |name: &String| asked.contains(&name.as_str());
        request.query.retain(|(name, _)| !is_asked(name));
    }
    Ok(Resource {
        request,
        items,
        key,
        paging,
        schema: kept,
        sample: made,
        group: operation.group.clone(),
        ..Resource::default()
    })
}

/// The answer, if it is one that can be read.
fn json_answer(operation: &Operation) -> Result<&Answer, String> {
    let Some(answer) = &operation.answer else {
        return Err("no answer of success is described".to_owned());
    };
    if answer.kind.is_empty() {
        return Err("its answer has no body".to_owned());
    }
    if !answer.is_json() {
        return Err(format!("its answer is {}, not JSON", answer.kind));
    }
    Ok(answer)
}

/// An answer that fits its schema, and the schema as a contract says it.
fn fitted(
    schema: Option<&Value>,
    answer: &Answer,
    note: &mut dyn FnMut(String),
) -> (Value, Option<Value>) {
    let Some(schema) = schema else {
        return (answer.sample.clone().unwrap_or_else(|| json!({})), None);
    };
    match sample::fitting(schema, answer.sample.as_ref()) {
        Ok(own) => {
            if let Some(why) = own.note {
                note(why);
            }
            // An empty one says nothing.
            let kept = Some(judging(&own.schema)).filter(|own| *own != json!({}));
            (own.value, kept)
        }
        Err(why) => {
            note(format!("{why}: its schema was left out"));
            let known = answer.sample.clone();
            (known.unwrap_or_else(|| sample::make(schema)), None)
        }
    }
}

/// Says in an answer with all items how many there are.
fn whole_list(made: &mut Value, paging: &Value, items: Option<&str>) {
    let total = paging.get("total").and_then(Value::as_str);
    if let (Some(total), Some(items)) = (total, items) {
        let list = made.pointer(items).and_then(Value::as_array);
        let count = list.map_or(0, Vec::len);
        session::put(made, total, json!(count));
    }
}

/// Leaves away items whose key stands there already, and says whether all that are left have one.
fn tell_apart(made: &mut Value, items: &str, key: &str) -> bool {
    let Some(list) = made.pointer_mut(items).and_then(Value::as_array_mut) else {
        return false;
    };
    let mut seen = BTreeSet::new();
    list.retain(|item| match item.pointer(key) {
        Some(own) => seen.insert(own.to_string()),
        None => true,
    });
    list.iter()
        .all(|item| item.pointer(key).is_some_and(|own| !own.is_null()))
}

/// How many values there are in one.
fn values(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(values).sum::<usize>(),
        Value::Object(fields) => 1 + fields.values().map(|own| 1 + values(own)).sum::<usize>(),
        _ => 1,
    }
}

/// Whose session it is, by the resource that is about oneself.
fn identity(draft: &mut Draft) {
    let field = plain(&draft.session.name_field);
    let one = draft.resources.iter().find(|own| {
        let last = own
            .request
            .path
            .rsplit('/')
            .next()
            .map(words)
            .unwrap_or_default();
        own.items.is_none()
            && own.sample.is_object()
            && last
                .last()
                .is_some_and(|word| SELVES.contains(&word.as_str()))
    });
    let Some(own) = one else { return };
    let pointer = |names: &[&str]| {
        let holders = [
            own.sample.as_object(),
            own.sample.get("user").and_then(Value::as_object),
        ];
        let bases = ["", "/user"];
        holders.into_iter().zip(bases).find_map(|(holder, base)| {
            let mut fields = holder?.iter();
            let (name, _) = fields
                .find(|(name, own)| own.is_string() && names.contains(&plain(name).as_str()))?;
            Some(format!("{base}/{}", super::schemas::segment(name)))
        })
    };
    let username = pointer(&[field.as_str()]);
    let subject = pointer(&["id", "userid", "sub", "uuid"]);
    if username.is_none() && subject.is_none() {
        return;
    }
    draft.session.identity = Some(Identity {
        resource: own.name.clone(),
        subject,
        username,
        why: format!("`{}` is about whoever asks, by its name.", own.request.path),
    });
}

/// A screen for each group of resources, as the document groups them, or by the beginning of their paths.
fn screens(draft: &mut Draft) {
    let mut screens: Vec<(String, Vec<String>)> = Vec::new();
    for own in &draft.resources {
        let group = own
            .group
            .as_deref()
            .map(kebab)
            .filter(|name| !name.is_empty());
        let group = group.unwrap_or_else(|| own.name.clone());
        let group = match is_reserved(&group) && group != "home" {
            true => format!("{group}-screen"),
            false => group,
        };
        match screens.iter_mut().find(|(name, _)| *name == group) {
            Some((_, names)) => names.push(own.name.clone()),
            None => screens.push((group, vec![own.name.clone()])),
        }
    }
    draft.screens = screens;
}

/// Somebody who can sign in to the mock.
fn user(draft: &Draft) -> User {
    let identity = draft.session.identity.as_ref();
    let sample = identity.and_then(|own| {
        draft
            .resources
            .iter()
            .find(|other| other.name == own.resource)
    });
    let said = |pointer: Option<&String>| {
        let value = sample?.sample.pointer(pointer?)?;
        value.as_str().map(str::to_owned)
    };
    let default = match plain(&draft.session.name_field).contains("email") {
        true => "tester@example.com",
        false => "tester",
    };
    User {
        name: "tester".to_owned(),
        username: said(identity.and_then(|own| own.username.as_ref()))
            .unwrap_or_else(|| default.to_owned()),
        subject: said(identity.and_then(|own| own.subject.as_ref())),
        data: Vec::new(),
    }
}
