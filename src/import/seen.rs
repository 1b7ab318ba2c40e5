//! What users did and had: accounts, their data, screens by what was read together, and the steps of a scenario.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::api::Left;
use super::draft::{Draft, Request, Resource, User};
use super::learn::{is_engine, without_labels};
use super::recording::{Exchange, Recording};
use super::{feed, lists};

/// What begins that long after what came before it belongs to another screen, in milliseconds.
const PAUSE: f64 = 1_000.0;

/// Completes a draft by what was recorded.
pub(super) fn complete(draft: &mut Draft, recording: &Recording) {
    secrets(draft);
    let signed_in: Vec<&Exchange> = recording
        .exchanges
        .iter()
        .filter(|own| own.succeeded() && asks(own, &draft.session.sign_in, draft))
        .collect();
    users(draft, recording, &signed_in);
    identity(draft);
    let order = screens(draft, recording);
    draft.realtime = feed::realtime(draft, recording);
    steps(draft, recording, &order, !signed_in.is_empty());
}

/// Takes out of the contract what was hidden in the recording.
fn secrets(draft: &mut Draft) {
    let session = &mut draft.session;
    let requests = std::iter::once(&mut session.sign_in)
        .chain(session.refresh.iter_mut().map(|(own, _)| own))
        .chain(&mut session.sign_out)
        .chain(draft.resources.iter_mut().map(|own| &mut own.request));
    for request in requests {
        let mut hidden = request.json.as_mut().is_some_and(without_labels);
        for (_, value) in request
            .form
            .iter_mut()
            .chain(&mut request.query)
            .chain(&mut request.headers)
        {
            hidden |= without_labels(value);
        }
        if hidden {
            let why =
                "what may be a secret was left out of it: say it as a constant, if it is none";
            request
                .why
                .push("What may be a secret was left out.".to_owned());
            draft.left.push(Left::new(request.line(), why));
        }
    }
}

/// Whether an exchange is this request.
pub(super) fn asks(own: &Exchange, request: &Request, draft: &Draft) -> bool {
    let base = draft
        .services
        .iter()
        .find(|service| service.name == request.service)
        .map_or("", |service| service.base_path.as_str());
    let path = own.path.strip_prefix(base).unwrap_or(&own.path);
    if own.method != request.method
        || (path != request.path && own.path != request.path)
        || is_engine(own)
    {
        return false;
    }
    let sent = own.body.as_ref().map(|body| &body.value);
    request.form.iter().all(|(name, value)| {
        let is_fixed = value.as_str().is_some_and(|text| !text.contains('{'));
        !is_fixed || sent.is_some_and(|sent| sent.get(name) == Some(value))
    })
}

/// Everybody who signed in, with what they read until the next one did.
fn users(draft: &mut Draft, recording: &Recording, signed_in: &[&Exchange]) {
    let pointer = draft
        .session
        .sign_in
        .json
        .as_ref()
        .and_then(|own| place_of(own, "{username}", ""));
    let field = draft
        .session
        .sign_in
        .form
        .iter()
        .find(|(_, own)| own.as_str() == Some("{username}"));
    let pointer =
        pointer.or_else(|| field.map(|(name, _)| format!("/{}", super::schemas::segment(name))));
    let mut users: Vec<User> = Vec::new();
    for (at, own) in signed_in.iter().enumerate() {
        let sent = own.body.as_ref().map(|body| &body.value);
        let name = pointer.as_ref().and_then(|at| sent?.pointer(at)?.as_str());
        let Some(username) = name else { continue };
        let until = signed_in.get(at + 1).map_or(f64::INFINITY, |next| next.at);
        if users.iter().any(|user| user.username == username) {
            continue;
        }
        let number = users.len() + 1;
        users.push(User {
            name: match number {
                1 => "tester".to_owned(),
                more => format!("tester-{more}"),
            },
            username: username.to_owned(),
            subject: None,
            data: data(draft, recording, (own.at, until)),
        });
    }
    if let Some(first) = users.first_mut() {
        // What was read before anybody signed in belongs to the session that was open then.
        for (name, value) in data(draft, recording, (0.0, f64::INFINITY)) {
            if !first.data.iter().any(|(own, _)| *own == name) {
                first.data.push((name, value));
            }
        }
    } else {
        draft.users[0].data = data(draft, recording, (0.0, f64::INFINITY));
        return;
    }
    // Whoever read too little would have another's data.
    let first: Vec<String> = users[0].data.iter().map(|(name, _)| name.clone()).collect();
    let has_all = |user: &User| {
        first
            .iter()
            .all(|name| user.data.iter().any(|(own, _)| own == name))
    };
    let lacking = users.iter().filter(|user| !has_all(user)).count();
    if lacking > 0 {
        let why = "they read less than the first one, and would have data of others";
        draft
            .left
            .push(Left::new(format!("further accounts: {lacking}"), why));
    }
    users.retain(has_all);
    draft.users = users;
}

/// Where a text stands in a value.
fn place_of(value: &Value, wanted: &str, base: &str) -> Option<String> {
    match value {
        Value::String(text) if text == wanted => Some(base.to_owned()),
        Value::Object(fields) => fields.iter().find_map(|(name, own)| {
            place_of(
                own,
                wanted,
                &format!("{base}/{}", super::schemas::segment(name)),
            )
        }),
        _ => None,
    }
}

/// The data that was read in a time: the first answer of each resource, and all pages of a list.
fn data(draft: &Draft, recording: &Recording, (from, until): (f64, f64)) -> Vec<(String, Value)> {
    let mut data = Vec::new();
    for resource in &draft.resources {
        let answers: Vec<&Value> = recording
            .exchanges
            .iter()
            .filter(|own| own.at >= from && own.at < until && own.succeeded())
            .filter(|own| asks(own, &resource.request, draft))
            .filter_map(|own| own.answer.as_ref())
            .collect();
        let Some(first) = answers.first() else {
            continue;
        };
        let mut whole = (*first).clone();
        if let Some(paging) = &resource.paging {
            joined(&mut whole, &answers[1..], resource);
            let mut schema = resource.schema.clone();
            lists::end(&mut whole, &paging.value, schema.as_mut(), false);
        }
        let fits = resource
            .schema
            .as_ref()
            .is_none_or(|schema| jsonschema::is_valid(schema, &whole));
        let is_list = resource
            .items
            .as_ref()
            .is_none_or(|own| whole.pointer(&own.value).is_some_and(Value::is_array));
        if fits && is_list {
            data.push((resource.name.clone(), whole));
        }
    }
    data
}

/// Adds the items of further pages that are not there yet.
fn joined(whole: &mut Value, pages: &[&Value], resource: &Resource) {
    let (Some(items), Some(key)) = (&resource.items, &resource.key) else {
        return;
    };
    let Some(list) = whole
        .pointer_mut(&items.value)
        .and_then(Value::as_array_mut)
    else {
        return;
    };
    let mut seen: BTreeSet<String> = list
        .iter()
        .filter_map(|own| own.pointer(key))
        .map(Value::to_string)
        .collect();
    for page in pages {
        let more = page.pointer(&items.value).and_then(Value::as_array);
        for item in more.into_iter().flatten() {
            if item
                .pointer(key)
                .is_some_and(|own| seen.insert(own.to_string()))
            {
                list.push(item.clone());
            }
        }
    }
    let count = list.len();
    let paging = resource.paging.as_ref().map(|own| &own.value);
    let total = paging
        .and_then(|own| own.get("total"))
        .and_then(Value::as_str);
    if let Some(total) = total {
        super::session::put(whole, total, json!(count));
    }
}

/// What the profile says of a user must be what they sign in with.
fn identity(draft: &mut Draft) {
    let users = &mut draft.users;
    let Some(identity) = &mut draft.session.identity else {
        return;
    };
    let sample = draft
        .resources
        .iter()
        .find(|own| own.name == identity.resource)
        .map(|own| &own.sample);
    let said = |user: &User, pointer: &str| {
        let own = user
            .data
            .iter()
            .find(|(name, _)| *name == identity.resource);
        let value = own.map(|(_, value)| value).or(sample)?.pointer(pointer)?;
        value.as_str().map(str::to_owned)
    };
    let is_right = |pointer: &String| {
        users
            .iter()
            .all(|user| said(user, pointer).as_ref() == Some(&user.username))
    };
    let username = identity.username.clone().filter(is_right);
    if let Some(pointer) = &identity.subject {
        let subjects: Vec<Option<String>> = users.iter().map(|user| said(user, pointer)).collect();
        for (user, subject) in users.iter_mut().zip(subjects) {
            user.subject = subject;
        }
    }
    identity.username = username;
    if identity.username.is_none() && identity.subject.is_none() {
        draft.session.identity = None;
    }
}

/// Screens by what was read together for the first time, and the order in which that was.
fn screens(draft: &mut Draft, recording: &Recording) -> Vec<usize> {
    let mut screens: Vec<(String, Vec<String>)> = Vec::new();
    let mut placed: BTreeSet<String> = BTreeSet::new();
    let mut last: Option<(f64, Option<&String>)> = None;
    let mut order = Vec::new();
    for own in recording.exchanges.iter().filter(|own| own.succeeded()) {
        let resource = draft
            .resources
            .iter()
            .find(|resource| asks(own, &resource.request, draft));
        let Some(resource) = resource else { continue };
        let is_new =
            last.is_none_or(|(end, page)| own.at - end > PAUSE || page != own.page.as_ref());
        last = Some((own.at + own.took, own.page.as_ref()));
        if !placed.insert(resource.name.clone()) {
            continue;
        }
        if is_new || screens.is_empty() {
            order.push(screens.len());
            screens.push((resource.name.clone(), Vec::new()));
        }
        if let Some((_, shown)) = screens.last_mut() {
            shown.push(resource.name.clone());
        }
    }
    // What only a document knows, or was never answered well.
    for (name, shown) in std::mem::take(&mut draft.screens) {
        let rest: Vec<String> = shown
            .into_iter()
            .filter(|own| !placed.contains(own))
            .collect();
        if rest.is_empty() {
            continue;
        }
        let name = match screens.iter().any(|(own, _)| *own == name) {
            true => format!("{name}-2"),
            false => name,
        };
        screens.push((name, rest));
    }
    draft.screens = screens;
    order
}

/// The steps of what was done, in order.
fn steps(draft: &mut Draft, recording: &Recording, order: &[usize], signed_in: bool) {
    if order.is_empty() {
        return;
    }
    let account = draft
        .users
        .first()
        .map_or("tester", |own| own.name.as_str());
    let mut steps = vec![
        json!({"do": "launch"}),
        json!({"expect": {"screen": "signed-out"}, "within": "5s"}),
        json!({"do": "sign-in", "as": account}),
        json!({"expect": {"screen": "home", "shows": "home"}, "within": "10s"}),
    ];
    if draft.realtime.is_some() {
        steps.push(json!({"expect": {"feed": "live"}, "within": "15s"}));
    }
    for at in &order[1..] {
        let (name, shown) = &draft.screens[*at];
        steps.push(json!({"do": {"open": name}}));
        steps.push(json!({"expect": {"screen": name, "shows": shown}, "within": "10s"}));
    }
    let signed_out = draft.session.sign_out.as_ref().is_some_and(|request| {
        signed_in
            && recording
                .exchanges
                .iter()
                .any(|own| asks(own, request, draft))
    });
    if signed_out {
        steps.push(json!({"do": "sign-out"}));
        steps.push(json!({"expect": {"screen": "signed-out", "session": "none"}, "within": "10s"}));
    }
    draft.steps = steps;
}
