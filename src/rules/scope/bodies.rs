//! SCOPE-9: what a declared write or emit says beside what was agreed.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::domain::contract::{Body, Operation, Queries, Role};
use crate::domain::journal::{Content, Fact, Frame, Request};
use crate::domain::verdict::Severity;
use crate::rules::context::Context;
use crate::rules::labels;
use crate::rules::rule::{Rule, rule};
use crate::rules::socket_owners::SocketOwners;
use crate::rules::template::{self, Part};
use crate::rules::violation::Violation;

rule! {
    /// A declared write or emit carries no field that was not agreed on, and never names another
    /// account
    ///
    /// # Why
    /// A backend that binds whole bodies takes every field that it knows (mass assignment): a role, an
    /// owner, an amount. What nobody declared, nobody has looked at.
    ///
    /// # How it is judged
    /// The body of each write that has a role, and the arguments of each declared emit, are held
    /// against what the contract writes for them. A field that is not in it is information, and a
    /// finding where the contract says `bodies: declared`. If it holds the user name or the subject of
    /// another account than the sender's own, it is a finding in any case; so is a query key of a write
    /// that does. What leaves with a connect, TENANT-6 judges. A body that fits no declaration of its path has no role, and is not compared; nor
    /// is one of another kind than declared, or one that was not read whole.
    ///
    /// # How to keep it
    /// Declare the field with its operation, or remove it from the client; send what is asked for, not
    /// the object that happens to hold it.
    ///
    /// # Source
    /// OWASP API Security Top 10 2023, API3: mass assignment; runbook S8.1
    pub(super) BODIES: "SCOPE-9", App, from [Wire],
        set by ["scope.bodies", "session", "realtime.subscribe"]
}

/// How long after a connect what was queued before it leaves: whom that names is TENANT-6's.
const QUEUED: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(super) struct Bodies {
    owners: SocketOwners,
}

impl Rule for Bodies {
    fn see(&mut self, context: &Context<'_>) {
        self.owners.follow(context);
        if let Some(request) = context.request()
            && let Some(role) = &request.role
            && let Some(operation) = context.contract.operation(role)
            && operation.is_write()
            && operation.method == request.method
        {
            written(role, operation, request, context);
        }
        if let Fact::Frame { socket, .. } = &context.entry.fact
            && let Some((_, packet)) = context.packet_up()
        {
            let joined = context.sockets.get(*socket).and_then(|own| own.connected);
            let is_queued = joined.is_none_or(|own| context.now <= own.at + QUEUED);
            let own = self.owners.of(*socket).filter(|_| !is_queued);
            emitted(packet, own.as_deref(), context);
        }
    }
}

/// What carries the fields, in words, and whose it is.
struct Carrier<'a> {
    what: String,
    own: Option<&'a str>,
    exchange: Option<u64>,
}

fn written(role: &Role, operation: &Operation, request: &Request, context: &Context<'_>) {
    context.exercised(&BODIES);
    let header = context.credential(request.exchange);
    let label = header.or_else(|| labels::in_content(&request.body));
    let own = label.and_then(|label| context.account_of(label));
    let carrier = Carrier {
        what: format!("a request declared as {role}"),
        own: own.as_deref(),
        exchange: Some(request.exchange),
    };
    let query = template::query(&request.target);
    let keys = template::of_pairs(&operation.query);
    // That a key is not declared at all is SCOPE-2's.
    template::walk(&keys, Some(&query), &mut |part| {
        if part.template.is_none() {
            carrier.names_another(part, context);
        }
    });
    let Some(own) = comparable(operation, request) else {
        return;
    };
    let Some(sent) = template::sent(&request.body) else {
        context.unable(
            &BODIES,
            format!("the body of {} was not read whole", request.line()),
        );
        return;
    };
    template::walk(&own, Some(&sent), &mut |part| carrier.judge(part, context));
}

/// The template of a body, if what was sent is of its kind.
fn comparable(operation: &Operation, request: &Request) -> Option<Value> {
    let kind = request.header("content-type").unwrap_or_default();
    let is_form = kind.starts_with("application/x-www-form-urlencoded");
    let fits = match (&operation.body, &request.body) {
        (Body::Json(_), Content::Text { .. }) | (Body::Form(_), Content::Json { .. }) => false,
        (Body::Empty, Content::Text { .. }) => is_form,
        (Body::Empty, Content::Binary { .. } | Content::Unread { .. }) => false,
        _ => true,
    };
    let nothing = || Value::Object(Map::new());
    fits.then(|| template::of_body(&operation.body).unwrap_or_else(nothing))
}

fn emitted(packet: &Frame, own: Option<&str>, context: &Context<'_>) {
    let Frame::Event {
        namespace,
        name,
        args,
        ..
    } = packet
    else {
        return;
    };
    let feed = context.contract.realtime.iter();
    let mut declared = feed.flat_map(|feed| feed.emits());
    let Some(emit) = declared.find(|emit| emit.event == *name && context.is_feed(namespace)) else {
        return;
    };
    let Some(args) = args.json().and_then(Value::as_array) else {
        return;
    };
    context.exercised(&BODIES);
    let carrier = Carrier {
        what: format!("the emit `{name}`"),
        own,
        exchange: None,
    };
    template::list(&emit.args, args, &mut |part| carrier.judge(part, context));
}

impl Carrier<'_> {
    fn judge(&self, part: &Part<'_>, context: &Context<'_>) {
        // What stands where the contract has something is SCOPE-8's.
        if part.template.is_none() && !self.names_another(part, context) {
            let severity = match context.contract.scope.bodies {
                Queries::Declared => Severity::Violation,
                Queries::Any => Severity::Information,
            };
            let what = &self.what;
            let message = format!("{what} carries `{}`, which is not declared", part.path);
            self.tell(message, part, severity, context);
        }
    }

    /// Whether a place of which the contract says nothing holds another account's name. It is told.
    fn names_another(&self, part: &Part<'_>, context: &Context<'_>) -> bool {
        let Some(own) = self.own else {
            return false;
        };
        let other = part.sent.and_then(|sent| another(sent, own, context));
        let Some(other) = other else {
            return false;
        };
        let message = format!(
            "{} names the account `{other}` at `{}`",
            self.what, part.path
        );
        self.tell(message, part, Severity::Violation, context);
        true
    }

    fn tell(&self, message: String, part: &Part<'_>, severity: Severity, context: &Context<'_>) {
        let is_grave = severity == Severity::Violation;
        context.violated(
            &BODIES,
            Violation::new(message)
                .kind(format!("{} {} {is_grave}", self.what, part.path))
                .expected("what the contract writes for it, of the sender's own account")
                .observed(format!("`{}` beside what is declared", part.path))
                .evidence([context.entry.id])
                .exchanges(self.exchange)
                .severity(severity),
        );
    }
}

/// The other account that a value names, anywhere in it.
fn another<'a>(sent: &Value, own: &str, context: &'a Context<'_>) -> Option<&'a str> {
    match sent {
        Value::String(text) => context.accounts.other(text, own),
        Value::Number(number) => context.accounts.other(&number.to_string(), own),
        Value::Array(items) => items.iter().find_map(|item| another(item, own, context)),
        Value::Object(fields) => fields
            .values()
            .find_map(|field| another(field, own, context)),
        Value::Null | Value::Bool(_) => None,
    }
}
