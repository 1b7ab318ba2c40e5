//! Which requests open, renew and end a session: by what they are called, what they take and what they answer.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::api::{Api, Carrier, Known, Left, Operation, plain};
use super::draft::{Request, Session, Tokens};
use super::sample;
use super::schemas::{Definitions, Field, fields, is_of, whole};

mod credentials;

use credentials::{access, is_user, named, pair};
pub(super) use credentials::{is_access, is_password, is_refresh};

const EXPIRES_IN: [&str; 7] = [
    "expiresin",
    "expiresinseconds",
    "accesstokenexpiresin",
    "accessexpiresin",
    "expiresinsec",
    "ttl",
    "lifetime",
];
const EXPIRES_AT: [&str; 6] = [
    "expiresat",
    "accesstokenexpiresat",
    "expiry",
    "expiration",
    "expires",
    "validuntil",
];
const OPENS: [&str; 13] = [
    "login",
    "signin",
    "sign",
    "logon",
    "session",
    "sessions",
    "token",
    "tokens",
    "auth",
    "authenticate",
    "oauth",
    "oauth2",
    "authorize",
];
const OTHER: [&str; 18] = [
    "register",
    "signup",
    "up",
    "registration",
    "reset",
    "forgot",
    "forgotten",
    "change",
    "verify",
    "confirm",
    "invite",
    "refresh",
    "renew",
    "logout",
    "revoke",
    "out",
    "signout",
    "recover",
];
const CLOSES: [&str; 5] = ["logout", "signout", "logoff", "revoke", "revocation"];

/// The session of a backend, and which of its operations belong to it, by number.
pub(super) fn recognise(api: &mut Api) -> (Session, BTreeSet<usize>) {
    let mut taken = BTreeSet::new();
    let mut session = Session {
        name_field: "username".to_owned(),
        ..Session::default()
    };
    let mut left = Vec::new();
    let best = (0..api.operations.len())
        .map(|at| (score(&api.operations[at], &api.definitions), at))
        .filter(|(score, _)| *score >= 6)
        .max_by_key(|(score, at)| (*score, usize::MAX - at));
    match best {
        Some((_, at)) => {
            taken.insert(at);
            sign_in(api, at, &mut session, &mut left);
            if let Some(at) = refresh(api, &mut session, &mut left) {
                taken.insert(at);
            }
            if let Some(at) = sign_out(api, at, &mut session) {
                taken.insert(at);
            }
        }
        None => placeholder(api, &mut session, &mut left),
    }
    session.authorize = authorize(api.carrier.as_ref());
    keys(api, &mut session, &mut taken);
    api.left.extend(left);
    (session, taken)
}

/// How much an operation looks like a sign-in. Below 6 it is none.
fn score(operation: &Operation, all: &Definitions) -> i32 {
    if !["POST", "PUT"].contains(&operation.method.as_str()) || operation.path.contains('{') {
        return 0;
    }
    let Some(body) = &operation.body else {
        return 0;
    };
    let body = fields(&body.schema, all);
    if pair(&body, operation.traced.password.as_deref()).is_none() {
        return 0;
    }
    let words = operation.path_words();
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let answers = tokens(operation, all).is_some();
    let mut score = 3;
    score += if has(&OPENS) { 3 } else { 0 };
    score += if answers { 3 } else { 0 };
    score += if operation.traced.access.is_some() {
        3
    } else {
        0
    };
    score += i32::from(operation.is_open);
    score -= if has(&OTHER) { 6 } else { 0 };
    score
}

/// Where an answer has its tokens.
fn tokens(operation: &Operation, all: &Definitions) -> Option<Tokens> {
    let answer = operation.answer.as_ref()?;
    let schema = answer.schema.as_ref()?;
    let found = fields(schema, all);
    let traced = &operation.traced;
    let access = traced.access.clone();
    let access = access.or_else(|| Some(self::access(&found)?.pointer.clone()))?;
    let named_refresh = || Some(credentials::refresh(&found)?.pointer.clone());
    let numeric =
        |field: &&Field<'_>| is_of(field.schema, "integer") || is_of(field.schema, "number");
    let expires_in = named(&found, &EXPIRES_IN).filter(numeric);
    let expires_at = named(&found, &EXPIRES_AT);
    let expires_in = expires_in.map(|field| field.pointer.clone());
    Some(Tokens {
        access,
        refresh: traced.refresh.clone().or_else(named_refresh),
        expires_at: expires_at
            .filter(|_| expires_in.is_none())
            .map(|field| field.pointer.clone()),
        expires_in,
    })
}

fn sign_in(api: &Api, at: usize, session: &mut Session, left: &mut Vec<Left>) {
    let operation = &api.operations[at];
    let all = &api.definitions;
    let Some(body) = &operation.body else {
        return;
    };
    let found = fields(&body.schema, all);
    let password = operation.traced.password.as_deref();
    let Some((user, password)) = pair(&found, password) else {
        return;
    };
    session.name_field = user.name.clone();
    let fill = [
        (user.pointer.as_str(), "{username}"),
        (password.pointer.as_str(), "{password}"),
    ];
    let grant = named(&found, &["granttype"]).map(|field| (field.pointer.clone(), "password"));
    session.sign_in = filled(api, operation, &fill, grant.as_ref());
    let mut why = format!("it takes `{}` and `{}`", user.name, password.name);
    match tokens(operation, all) {
        Some(answer) => {
            why.push_str(&format!(", and answers with `{}`", answer.access));
            session.answer = answer;
        }
        None => match &api.carrier {
            Some(Known {
                value: Carrier::Cookie(name),
                why: by,
            }) => {
                session.answer.access = format!("cookie:{name}");
                why.push_str(&format!("; its session is a cookie, {by}"));
            }
            _ => {
                session.answer.access = "/access_token".to_owned();
                let reason = "where its answer has the access token is not said: `/access_token` stands there until you say it";
                why.push_str(&format!("; {reason}"));
                left.push(Left::new(operation.line(), reason));
            }
        },
    }
    session.sign_in.why = vec![format!("Taken for the sign-in: {why}.")];
    session.refused_by = operation
        .refusals
        .iter()
        .copied()
        .filter(|status| [400, 401, 403, 422].contains(status))
        .collect();
}

/// A request with what is known of its body, the roles filled in as placeholders.
fn filled(
    api: &Api,
    operation: &Operation,
    roles: &[(&str, &str)],
    grant: Option<&(String, &str)>,
) -> Request {
    let mut request = Request {
        method: operation.method.clone(),
        service: operation.service.clone(),
        path: operation.path.clone(),
        ..Request::default()
    };
    let Some(body) = &operation.body else {
        return request;
    };
    let schema = whole(&body.schema, &api.definitions);
    let made = body.sample.clone().filter(Value::is_object);
    let mut made = made.unwrap_or_else(|| sample::make(&schema));
    let found = fields(&body.schema, &api.definitions);
    let needed: Vec<&str> = found
        .iter()
        .filter(|field| field.required)
        .map(|field| field.pointer.as_str())
        .chain(roles.iter().map(|(pointer, _)| *pointer))
        .chain(grant.map(|(pointer, _)| pointer.as_str()))
        .collect();
    prune(&mut made, "", &needed);
    for (pointer, value) in roles {
        put(&mut made, pointer, Value::from(*value));
    }
    if let Some((pointer, value)) = grant {
        put(&mut made, pointer, Value::from(*value));
    }
    escape(&mut made);
    match body.form {
        true => {
            let fields = made.as_object().cloned().unwrap_or_default();
            request.form = fields.into_iter().collect();
        }
        false => request.json = Some(made),
    }
    request
}

/// Leaves away what need not be sent.
fn prune(value: &mut Value, base: &str, needed: &[&str]) {
    let Some(fields) = value.as_object_mut() else {
        return;
    };
    let own = std::mem::take(fields);
    for (name, mut value) in own {
        let pointer = format!("{base}/{}", super::schemas::segment(&name));
        let is_needed = needed.iter().any(|own| {
            *own == pointer
                || own
                    .strip_prefix(&pointer)
                    .is_some_and(|rest| rest.starts_with('/'))
        });
        if is_needed {
            prune(&mut value, &pointer, needed);
            fields.insert(name, value);
        }
    }
}

/// Braces in texts that are no placeholders.
fn escape(value: &mut Value) {
    match value {
        Value::String(text) if !text.starts_with('{') || !text.ends_with('}') => {
            *text = text.replace('{', "{{").replace('}', "}}");
        }
        Value::Array(items) => items.iter_mut().for_each(escape),
        Value::Object(fields) => fields.values_mut().for_each(escape),
        _ => {}
    }
}

/// Puts a value where a pointer leads, through objects.
pub(super) fn put(whole: &mut Value, pointer: &str, value: Value) {
    let mut here = whole;
    let mut segments = pointer.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let name = segment.replace("~1", "/").replace("~0", "~");
        if !here.is_object() {
            *here = Value::Object(Map::new());
        }
        let Some(fields) = here.as_object_mut() else {
            return;
        };
        if segments.peek().is_none() {
            fields.insert(name, value);
            return;
        }
        here = fields.entry(name).or_insert_with(|| json!({}));
    }
}

/// Where a request takes a refresh token, and where the kind of grant.
type Renewal = (String, Option<(String, &'static str)>);

fn renewal(operation: &Operation, handed_out: Option<&str>, all: &Definitions) -> Option<Renewal> {
    let words = operation.path_words();
    let closes = words.iter().any(|word| CLOSES.contains(&word.as_str()));
    if operation.method != "POST" || operation.path.contains('{') || closes {
        return None;
    }
    let body = operation.body.as_ref()?;
    let found = fields(&body.schema, all);
    // What was handed out before, or is called as the sign-in calls it, or as it is usually called.
    let traced = operation.traced.brings.as_deref();
    let brought = found.iter().find(|own| Some(&*own.pointer) == traced);
    let last = handed_out.and_then(|pointer| pointer.rsplit('/').next());
    let same = last.and_then(|last| named(&found, &[plain(last).as_str()]));
    let usual = || credentials::refresh(&found);
    let field = brought.or(same).or_else(usual)?;
    let grant = named(&found, &["granttype"]);
    let grant = grant.map(|own| (own.pointer.clone(), "refresh_token"));
    Some((field.pointer.clone(), grant))
}

fn refresh(api: &Api, session: &mut Session, left: &mut Vec<Left>) -> Option<usize> {
    let all = &api.definitions;
    let answers = |operation: &Operation| {
        tokens(operation, all).is_some()
            || operation
                .path_words()
                .iter()
                .any(|word| ["refresh", "renew", "renewal"].contains(&word.as_str()))
    };
    let handed_out = session.answer.refresh.as_deref();
    let (at, (field, grant)) = api
        .operations
        .iter()
        .enumerate()
        .filter(|(_, operation)| answers(operation))
        .find_map(|(at, operation)| Some((at, renewal(operation, handed_out, all)?)))?;
    let operation = &api.operations[at];
    if session.answer.refresh.is_none() {
        let why = "it renews a session, but the sign-in answers with no refresh token that could be found";
        left.push(Left::new(operation.line(), why));
        return None;
    }
    let mut request = filled(
        api,
        operation,
        &[(&field, "{refresh-token}")],
        grant.as_ref(),
    );
    if request.path == session.sign_in.path {
        // One path for both: each sends its own fields alone.
        request
            .form
            .retain(|(name, _)| !is_user(name) && !is_password(name));
        session.sign_in.form.retain(|(name, _)| !is_refresh(name));
    }
    let name = field.trim_start_matches('/');
    request.why = vec![format!("Taken for the renewal: it takes `{name}`.")];
    let answer = tokens(operation, all).unwrap_or_else(|| session.answer.clone());
    session.ended_by = operation
        .refusals
        .iter()
        .copied()
        .filter(|status| [400, 401, 403].contains(status))
        .collect();
    session.refresh = Some((request, answer));
    Some(at)
}

fn sign_out(api: &Api, sign_in: usize, session: &mut Session) -> Option<usize> {
    let sign_in = &api.operations[sign_in];
    let closes = |operation: &Operation| {
        if operation.is_read() || operation.path.contains('{') {
            return None;
        }
        let words = operation.path_words();
        let last = words.last().map(String::as_str).unwrap_or_default();
        if words.iter().any(|word| CLOSES.contains(&word.as_str())) {
            return Some("by what it is called");
        }
        let pair = words.len() >= 2 && words[words.len() - 2] == "sign" && last == "out";
        if pair
            || (["end", "close"].contains(&last)
                && words.iter().any(|word| word.starts_with("session")))
        {
            return Some("by what it is called");
        }
        let is_same = operation.path == sign_in.path;
        let is_delete = operation.method == "DELETE" && (is_same || last.starts_with("session"));
        is_delete.then_some("because it deletes what the sign-in makes")
    };
    let (at, why) = api
        .operations
        .iter()
        .enumerate()
        .find_map(|(at, operation)| Some((at, closes(operation)?)))?;
    let operation = &api.operations[at];
    let body = operation.body.as_ref();
    let found = body.map(|body| fields(&body.schema, &api.definitions));
    let field = found.as_ref().and_then(|found| {
        let traced = operation.traced.brings.as_deref();
        let brought = found.iter().find(|own| Some(&*own.pointer) == traced);
        let refresh = brought.or_else(|| credentials::refresh(found));
        let refresh = refresh.map(|own| (own.pointer.clone(), "{refresh-token}"));
        refresh.or_else(|| access(found).map(|own| (own.pointer.clone(), "{access-token}")))
    });
    let field =
        field.filter(|(_, role)| *role != "{refresh-token}" || session.answer.refresh.is_some());
    let roles: Vec<(&str, &str)> = field
        .iter()
        .map(|(pointer, role)| (pointer.as_str(), *role))
        .collect();
    let mut request = filled(api, operation, &roles, None);
    request.why = vec![format!("Taken for the sign-out {why}.")];
    session.sign_out = Some(request);
    Some(at)
}

/// What stands where no sign-in could be found: a contract needs one.
fn placeholder(api: &Api, session: &mut Session, left: &mut Vec<Left>) {
    let why = "no request takes a name and a password and opens a session";
    session.sign_in = Request {
        method: "POST".to_owned(),
        service: api
            .services
            .first()
            .map(|own| own.name.clone())
            .unwrap_or_default(),
        path: "/session".to_owned(),
        json: Some(json!({"username": "{username}", "password": "{password}"})),
        why: vec![format!(
            "A PLACEHOLDER: {why}. A contract needs a sign-in, so say how your app gets its access token."
        )],
        ..Request::default()
    };
    session.answer.access = "/access_token".to_owned();
    left.push(Left::new(
        "sign-in",
        format!("{why}: `POST /session` stands in its place, for the mock only"),
    ));
}

/// How requests carry the token, if not as a bearer token.
fn authorize(carrier: Option<&Known<Carrier>>) -> Option<Known<(String, String)>> {
    let known = carrier?;
    let pair = match &known.value {
        Carrier::Header(name, template) => (name.clone(), template.clone()),
        Carrier::Cookie(name) => ("cookie".to_owned(), format!("{name}={{access-token}}")),
    };
    Some(Known {
        value: pair,
        why: known.why.clone(),
    })
}

fn keys(api: &Api, session: &mut Session, taken: &mut BTreeSet<usize>) {
    let is_keys = |operation: &Operation| {
        let path = operation.path.to_ascii_lowercase();
        operation.is_read() && (path.ends_with("/jwks.json") || path.ends_with("/jwks"))
    };
    if let Some(at) = api.operations.iter().position(is_keys) {
        taken.insert(at);
        let operation = &api.operations[at];
        session.keys = Some(Request {
            method: "GET".to_owned(),
            service: operation.service.clone(),
            path: operation.path.clone(),
            why: vec!["A JSON Web Token, because there is a set of keys.".to_owned()],
            ..Request::default()
        });
    }
}
