//! SCOPE-8: what a declared request must say.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::Value;

use crate::domain::contract::{Body, Emit, Operation, Role};
use crate::domain::equal::is_equal;
use crate::domain::journal::{Fact, Frame, Request, TokenKind};
use crate::domain::selector::Template;
use crate::domain::verdict::Severity;
use crate::rules::context::Context;
use crate::rules::exchange::Opened;
use crate::rules::labels;
use crate::rules::moment::Moment;
use crate::rules::rule::{Rule, rule};
use crate::rules::template::{self, Part};
use crate::rules::violation::Violation;

rule! {
    /// A declared request says what the contract fixes for it, and each token stands in its place
    ///
    /// # Why
    /// A sign-out that sends the access token where the refresh token belongs is answered with 200
    /// and ends nothing (RFC 7009 §2.2). A hint or constant that is missing makes the backend guess.
    ///
    /// # How it is judged
    /// Query and body of each request that has a role are compared with those that the contract
    /// writes for it, and so is the token in a header or cookie. Where the refresh token belongs must be
    /// no access token, and the other way round, and in a sign-out none that was renewed before. A text that is fixed must be there as it is written; of numbers and switches, which
    /// clients may choose, a difference is information. The arguments of an emit that the contract declares are
    /// compared alike, and one with `ack: on` must ask for its acknowledgement.
    ///
    /// # How to keep it
    /// Build the request as the contract has it, or correct the contract.
    ///
    /// # Source
    /// RFC 6749 §4.3.2 and §6; RFC 7009 §2.1
    pub(super) FIXED: "SCOPE-8", App, from [Wire],
        set by ["session", "resources", "kill-switch", "realtime.subscribe"]
}

/// The placeholders of tokens.
const TOKENS: [&str; 2] = ["access-token", "refresh-token"];
/// How soon after a refresh token was renewed the one before may still stand in a request that was on its way.
const CROSSES: Duration = Duration::from_secs(2);
/// How many refresh tokens are remembered that were renewed.
const RENEWED: usize = 64;

#[derive(Default)]
pub(super) struct Fixed {
    /// Refresh tokens that were exchanged for another, and when that came.
    renewed: VecDeque<(String, Moment)>,
}

impl Rule for Fixed {
    fn see(&mut self, context: &Context<'_>) {
        self.follow(context);
        if let Some(request) = context.request()
            && let Some(role) = &request.role
            && let Some(operation) = context.contract.operation(role)
            && operation.method == request.method
        {
            context.exercised(&FIXED);
            query(operation, request, context);
            headers(operation, request, context);
            body(operation, request, context);
            if *role == Role::SignOut {
                self.ends_what_is_over(request, context);
            }
        }
        if let Some((_, packet)) = context.packet_up() {
            emitted(packet, context);
        }
    }
}

fn query(operation: &Operation, request: &Request, context: &Context<'_>) {
    let sent = template::query(&request.target);
    let own = template::of_pairs(&operation.query);
    template::walk(&own, Some(&sent), &mut |part| {
        let name = format!("query key `{}`", name(part.path));
        Place {
            name,
            carrier: Carrier::Request(request),
        }
        .compare(part, context);
    });
}

impl Fixed {
    /// Remembers which refresh token another one came for.
    fn follow(&mut self, context: &Context<'_>) {
        let Fact::TokenIssued(token) = &context.entry.fact else {
            return;
        };
        let asked = context.opened(token.exchange).and_then(Opened::request);
        let refreshed =
            asked.filter(|own| token.kind == TokenKind::Refresh && own.role == Some(Role::Refresh));
        let Some(sent) = refreshed.and_then(|own| refresh_token_in(own, context)) else {
            return;
        };
        if sent != labels::bare(&token.label) {
            if self.renewed.len() == RENEWED {
                self.renewed.pop_front();
            }
            self.renewed.push_back((sent, context.moment()));
        }
    }

    /// A sign-out by a refresh token that another one came for ends nothing: the session goes on.
    fn ends_what_is_over(&self, request: &Request, context: &Context<'_>) {
        let Some(sent) = refresh_token_in(request, context) else {
            return;
        };
        let mut renewed = self.renewed.iter();
        let Some((_, renewed)) = renewed.find(|(own, _)| *own == sent) else {
            return;
        };
        if context.now <= renewed.at + CROSSES {
            return;
        }
        context.violated(
            &FIXED,
            Violation::new("the app signs out by a refresh token that it had renewed")
                .kind("spent token")
                .expected("the refresh token that came last: the one before ends nothing")
                .observed(format!("{} with ‹{sent}›", request.line()))
                .evidence([renewed.id, context.entry.id])
                .exchanges([request.exchange]),
        );
    }
}

/// The refresh token that a request carries, wherever it does, as a bare label.
fn refresh_token_in(request: &Request, context: &Context<'_>) -> Option<String> {
    let headers = request.headers.iter().map(|(_, value)| value);
    let in_text = headers
        .chain([request.target.as_str()])
        .find_map(|text| labels::first(text).filter(|label| context.session.is_refresh(label)));
    let in_body = || labels::in_content(&request.body);
    let label = in_text.or_else(in_body)?;
    context
        .session
        .is_refresh(label)
        .then(|| labels::bare(label).to_owned())
}

/// Headers that hold a token: a refresh token in a cookie, for one. Other headers are the client's.
fn headers(operation: &Operation, request: &Request, context: &Context<'_>) {
    for (header, template) in &operation.headers {
        let Some((before, rest)) = template.split_once('{') else {
            continue;
        };
        let Some(wanted) = TOKENS
            .iter()
            .find(|own| rest.starts_with(&format!("{own}}}")))
        else {
            continue;
        };
        let text = request.header(header).and_then(|sent| {
            let at = sent.find(before)?;
            sent.get(at + before.len()..)
        });
        let sent = text.map(Value::from);
        let name = format!("header `{header}`");
        Place {
            name,
            carrier: Carrier::Request(request),
        }
        .compare_token(wanted, sent.as_ref(), context);
    }
}

fn body(operation: &Operation, request: &Request, context: &Context<'_>) {
    let Some(own) = template::of_body(&operation.body) else {
        return;
    };
    let Some(sent) = template::sent(&request.body) else {
        let why = format!("the body of {} was not read whole", request.line());
        context.unable(&FIXED, why);
        return;
    };
    let is_form = matches!(operation.body, Body::Form(_));
    form_of_body(is_form, request, context);
    template::walk(&own, Some(&sent), &mut |part| {
        let name = match is_form {
            true => format!("form field `{}`", name(part.path)),
            false => format!("field `{}` of the body", part.path),
        };
        Place {
            name,
            carrier: Carrier::Request(request),
        }
        .compare(part, context);
    });
}

/// Whether a body is sent in the form that the contract has for it: the same fields as JSON are no form to
/// a server that reads one, and the other way round.
fn form_of_body(is_form: bool, request: &Request, context: &Context<'_>) {
    let media = request.header("content-type").unwrap_or_default();
    let media = media
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let sent = match &*media {
        "application/x-www-form-urlencoded" => "a form",
        json if json == "application/json" || json.ends_with("+json") => "JSON",
        _ => return,
    };
    let declared = if is_form { "a form" } else { "JSON" };
    if sent != declared {
        let name = "body".to_owned();
        Place {
            name,
            carrier: Carrier::Request(request),
        }
        .tell(
            format!("the body is {sent}"),
            format!("{declared}, as the contract has it"),
            Severity::Violation,
            context,
        );
    }
}

/// The name of a query key or form field.
fn name(path: &str) -> &str {
    path.strip_prefix('/').unwrap_or(path)
}

/// A place in a request or an emit for which the contract has a template.
struct Place<'a> {
    name: String,
    carrier: Carrier<'a>,
}

/// What holds a place.
#[derive(Clone, Copy)]
enum Carrier<'a> {
    Request(&'a Request),
    Emit(&'a str),
}

impl Place<'_> {
    fn compare(&self, part: &Part<'_>, context: &Context<'_>) {
        let sent = part.sent;
        // What the contract says nothing of is SCOPE-9's.
        let Some(template) = part.template.cloned().map(Template) else {
            return;
        };
        match &template.names()[..] {
            [] => self.compare_fixed(&template.fill(&|_| None), sent, context),
            [name] if TOKENS.contains(&name.as_str()) => self.compare_token(name, sent, context),
            // What else is filled in is the user's, the device's or the list's.
            _ => {}
        }
    }

    fn compare_fixed(&self, fixed: &Value, sent: Option<&Value>, context: &Context<'_>) {
        if sent.is_some_and(|sent| says_the_same(fixed, sent)) {
            return;
        }
        // A label stands for a secret that happens to be the same text.
        if sent
            .and_then(Value::as_str)
            .is_some_and(|text| labels::first(text).is_some())
        {
            return;
        }
        let what = match sent {
            None | Some(Value::Null) => "is missing",
            Some(_) => "has another value",
        };
        let severity = match is_text(fixed) {
            true => Severity::Violation,
            false => Severity::Information,
        };
        self.tell(
            format!("the {} {what}", self.name),
            format!("{fixed}, as the contract fixes it"),
            severity,
            context,
        );
    }

    fn compare_token(&self, wanted: &str, sent: Option<&Value>, context: &Context<'_>) {
        let label = sent.and_then(Value::as_str).and_then(labels::first);
        let Some(token) = label.and_then(|label| context.session.token(label)) else {
            return;
        };
        let is_refresh = context.session.is_refresh(&token.label);
        let is_wanted = is_refresh == (wanted == "refresh-token");
        if !is_wanted {
            let other = if is_refresh { "refresh" } else { "access" };
            self.tell(
                format!("the {other} token stands in the {}", self.name),
                format!("the {}", wanted.replace('-', " ")),
                Severity::Violation,
                context,
            );
        }
    }

    fn tell(&self, what: String, expected: String, severity: Severity, context: &Context<'_>) {
        let (message, kind, observed, exchange) = match self.carrier {
            Carrier::Request(request) => (
                match &request.role {
                    Some(role) => format!("in a request declared as {role}, {what}"),
                    None => what,
                },
                &*request.path,
                request.line(),
                Some(request.exchange),
            ),
            Carrier::Emit(event) => (
                format!("in the emit `{event}`, {what}"),
                event,
                format!("EVENT `{event}`"),
                None,
            ),
        };
        context.violated(
            &FIXED,
            Violation::new(message)
                .kind(format!("{kind} {}", self.name))
                .expected(expected)
                .observed(observed)
                .evidence([context.entry.id])
                .exchanges(exchange)
                .severity(severity),
        );
    }
}

/// Whether a fixed value is a text with letters in it, or a list that has one: clients may choose numbers and
/// switches, and hardly words.
fn is_text(fixed: &Value) -> bool {
    match fixed {
        Value::String(text) => text.chars().any(char::is_alphabetic),
        Value::Array(items) => items.iter().any(is_text),
        _ => false,
    }
}

/// Whether a value is the fixed one; a form or query has numbers and switches as texts.
fn says_the_same(fixed: &Value, sent: &Value) -> bool {
    is_equal(fixed, sent)
        || match (fixed, sent) {
            (Value::Number(number), Value::String(text)) => number.to_string() == *text,
            (Value::Bool(own), Value::String(text)) => text.parse() == Ok(*own),
            _ => false,
        }
}

/// Holds an emit against what the contract writes for it. Where it has several of one name, the nearest is
/// meant.
fn emitted(packet: &Frame, context: &Context<'_>) {
    let Frame::Event {
        namespace,
        name,
        ack,
        args,
        ..
    } = packet
    else {
        return;
    };
    let sent = args.json().and_then(Value::as_array);
    let feed = context.contract.realtime.iter();
    let declared = feed.flat_map(|feed| feed.emits());
    let declared = declared.filter(|emit| emit.event == *name && context.is_feed(namespace));
    let Some(emit) = declared.min_by_key(|emit| sent.map_or(0, |sent| differences(emit, sent)))
    else {
        return;
    };
    context.exercised(&FIXED);
    if let Some(sent) = sent {
        template::list(&emit.args, sent, &mut |part| {
            let name = format!("argument `{}`", part.path);
            let carrier = Carrier::Emit(&emit.event);
            Place { name, carrier }.compare(part, context);
        });
    }
    if emit.ack && ack.is_none() {
        context.violated(
            &FIXED,
            Violation::new(format!(
                "`{name}` is emitted without asking for an acknowledgement"
            ))
            .kind(format!("ack {name}"))
            .expected("an acknowledgement id, as the contract has `ack: on`")
            .observed(format!("EVENT `{name}` without an id"))
            .evidence([context.entry.id]),
        );
    }
}

/// How many of the values that a contract fixes in an emit are others.
fn differences(emit: &Emit, sent: &[Value]) -> usize {
    let mut count = 0;
    template::list(&emit.args, sent, &mut |part| {
        let own = part.template.cloned().map(Template);
        let fixed = own.filter(|own| own.names().is_empty());
        let fixed = fixed.map(|own| own.fill(&|_| None));
        count += usize::from(
            fixed.is_some_and(|own| !part.sent.is_some_and(|sent| says_the_same(&own, sent))),
        );
    });
    count
}
