//! SCOPE: nothing is asked for that the contract forbids or does not declare.
//!
//! The gateway has already judged each request and packet on its canonical form; these rules turn
//! its judgements into findings.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::contract::Role;
use crate::domain::journal::{
    Answer, Class, Direction, Entry, EntryId, Fact, Frame, Judgement, NonCanonical, Request,
    Spoken, Unreadable,
};
use crate::domain::verdict::Severity;
use crate::rules::context::Context;
use crate::rules::exchange::Ended;
use crate::rules::rule::{Registration, Rule, RuleInfo, rule};
use crate::rules::violation::Violation;

mod bodies;
mod fixed;
mod past;
mod queries;
mod redirect;
mod server;

use redirect::REDIRECT;

pub(super) const RULES: &[Registration] = &[
    (&[&server::SERVER], |_| Box::new(server::Server)),
    (&[&FORBIDDEN, &UNDECLARED, &NON_CANONICAL, &SOCKET], |_| {
        Box::new(Scope::default())
    }),
    (&[&REDIRECT], |_| Box::new(redirect::Redirects::default())),
    (&[&NON_CANONICAL, &REDIRECT], |_| {
        Box::new(past::Past::default())
    }),
    (&[&queries::QUERIES], |_| {
        Box::new(queries::Queried::default())
    }),
    (&[&fixed::FIXED], |_| Box::<fixed::Fixed>::default()),
    (&[&bodies::BODIES], |_| Box::new(bodies::Bodies::default())),
];

rule! {
    /// No forbidden request, in any form
    ///
    /// # Why
    /// A read-only client that calls a forbidden endpoint even once can move real money.
    ///
    /// # How it is judged
    /// Every request is reduced to its canonical form (effective method, decoded and resolved path)
    /// and compared with the contract's forbid list, so a disguise does not help. A request that
    /// falls under it is a finding whether or not the gateway kept it from the backend.
    ///
    /// # How to keep it
    /// Remove the call from the app's build, not only its button: generated API clients, retry
    /// queues and feature flags are where such calls survive.
    ///
    /// # Source
    /// runbook S8.1, S8.4; the contract's forbid list
    FORBIDDEN: "SCOPE-1", App, from [Wire],
        set by ["scope.forbid"]
}

rule! {
    /// No undeclared write
    ///
    /// # Why
    /// A forbid list cannot name what nobody thought of.
    ///
    /// # How it is judged
    /// Every request that may change something (any method but GET, HEAD, OPTIONS and TRACE, by
    /// override headers too) must be declared: as an operation of the contract or in its allow
    /// list.
    ///
    /// # How to keep it
    /// Declare the write in the contract if it belongs to the app (push registration, for
    /// instance); otherwise remove it.
    ///
    /// # Source
    /// runbook S8.1, S8.2; deny by default
    UNDECLARED: "SCOPE-2", App, from [Wire],
        set by ["scope.allow"]
}

rule! {
    /// No non-canonical request, even where its canonical form is allowed
    ///
    /// # Why
    /// Double slashes, dot segments, encoded letters or separators and method overrides are read
    /// differently by different servers, which is how filters are evaded. An app's HTTP stack sends
    /// none of them; where one appears, what reached the server is not what was judged.
    ///
    /// # How it is judged
    /// The form in which a request was sent is compared with its canonical form. A request that cannot
    /// be read well enough to be judged counts as well, and so does one that no HTTP parser here takes:
    /// with two lengths, a header folded over several lines, or a head beyond all limits. Another server
    /// may read it all the same. A `Host` by which the gateway is not known is remarked on once: whatever
    /// it says, the backend is called by its own name. TLS sent to a port in the clear, and HTTP/2 that
    /// nobody agreed on, say how the app was set up and are remarks as well.
    ///
    /// # How to keep it
    /// Build URLs with a URL type from validated parts, and encode each segment once.
    ///
    /// # Source
    /// RFC 3986 §6.2; RFC 9112 §5.2 and §6.3; path confusion between proxies and servers
    NON_CANONICAL: "SCOPE-3", App, from [Wire]
}

rule! {
    /// No undeclared namespace, emit or binary event on the socket
    ///
    /// # Why
    /// A socket event can close a position as well as a POST can.
    ///
    /// # How it is judged
    /// Every packet that the client sends on either transport is decoded and judged: namespaces it
    /// joins and events it emits must be declared; an emit that the contract forbids weighs as much
    /// as a forbidden request.
    ///
    /// # How to keep it
    /// Emit only what the contract lists under the feed's subscriptions and the scope's emits;
    /// clear buffered emits on sign-out.
    ///
    /// # Source
    /// runbook S8.1, S8.3; Socket.IO protocol v5
    SOCKET: "SCOPE-4", App, from [Wire],
        set by [
            "realtime.subscribe", "scope.allow-emits", "scope.forbid-emits",
            "scope.forbid-namespaces"
        ]
}

#[derive(Default)]
struct Scope {
    /// Posts of long-polling that were denied, until one of their packets or their end is seen.
    denied: BTreeMap<u64, Arc<Entry>>,
}

impl Rule for Scope {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        match &entry.fact {
            Fact::Request(_) => {
                let Some(request) = context.request() else {
                    return;
                };
                // Packets are judged one by one as SCOPE-4.
                if !carries_packets(request) {
                    judge_request(entry.id, request, context);
                } else if !request.judgement.class.passes() {
                    self.denied.insert(request.exchange, Arc::clone(entry));
                }
            }
            Fact::Unreadable(unreadable) => judge_unreadable(entry.id, unreadable, context),
            Fact::Frame {
                direction: Direction::Up,
                packet,
                judgement: Some(judgement),
                ..
            } => {
                if !judgement.class.passes() {
                    self.denied.clear();
                }
                judge_packet(packet, judgement, context);
            }
            // What is wrong with the request itself, such as an act in its query, no packet tells.
            Fact::Answer(Answer { exchange, .. }) | Fact::Lost { exchange, .. } => {
                if let Some(denied) = self.denied.remove(exchange)
                    && let Fact::Request(request) = &denied.fact
                {
                    judge_request(denied.id, request, context);
                }
                if let Some(ended) = context.ended() {
                    tell_doubled_base(&ended, context);
                }
            }
            _ => {}
        }
    }
}

/// A read that nobody declared and nothing answers to is one that was declared, but for a base path that
/// stands in it twice.
fn tell_doubled_base(ended: &Ended<'_>, context: &Context<'_>) {
    let request = ended.request;
    if request.judgement.class != Class::UndeclaredRead || ended.status() != Some(404) {
        return;
    }
    let contract = &context.contract;
    let base = contract
        .service(&request.service)
        .map(|own| own.base_path.as_str());
    let Some(base) = base.filter(|base| !base.is_empty()) else {
        return;
    };
    let rest = request.path.strip_prefix(base);
    let meant = rest.filter(|rest| {
        let role = contract.role_of(&request.method, &request.service, rest);
        rest.starts_with('/') && role.is_some()
    });
    if let Some(meant) = meant {
        context.remark(
            &UNDECLARED,
            format!(
                "{} was answered with 404: the base path `{base}` stands in it twice, and `{meant}` was \
                 meant; a link that an answer names is not to be appended to the base path",
                request.line()
            ),
        );
    }
}

fn carries_packets(request: &Request) -> bool {
    request.role == Some(Role::Realtime)
        && request.method == "POST"
        && request.judgement.non_canonical.is_none()
}

/// What is wrong with a request.
struct Offence {
    rule: &'static RuleInfo,
    message: String,
    expected: String,
}

/// What an undeclared write is called. A read that opens a channel or names an act is none by its method.
fn undeclared(canonical: &str, reason: &str) -> String {
    let is_read = ["GET ", "HEAD ", "OPTIONS "]
        .iter()
        .any(|method| canonical.starts_with(method));
    if is_read {
        format!("the app sent {canonical}, which may change something: {reason}")
    } else {
        format!("the app sent a write that the contract does not declare: {canonical}")
    }
}

impl Offence {
    /// What the gateway's judgement of a request that becomes `canonical` comes to.
    fn of(judgement: &Judgement, canonical: &str) -> Option<Self> {
        let Judgement { class, reason, .. } = judgement;
        let (rule, message, expected) = match class {
            Class::Allowed | Class::UndeclaredRead => return None,
            Class::Forbidden => (
                &FORBIDDEN,
                format!("the app sent a forbidden request: {canonical}"),
                format!("no request that the contract forbids ({reason})"),
            ),
            Class::UndeclaredWrite => (
                &UNDECLARED,
                undeclared(canonical, reason),
                "only writes that the contract declares".to_owned(),
            ),
            Class::NotJudgeable => (
                &NON_CANONICAL,
                format!("the app sent a request that cannot be read unambiguously: {reason}"),
                "requests in canonical form".to_owned(),
            ),
        };
        Some(Self {
            rule,
            message,
            expected,
        })
    }

    /// The disguise is an offence of its own, whatever it hides.
    fn of_disguise(form: &NonCanonical) -> Self {
        Self {
            rule: &NON_CANONICAL,
            message: format!("the app sent {} in a disguised form", form.canonical),
            expected: format!("the canonical form {}", form.canonical),
        }
    }

    fn severity(&self) -> Severity {
        if self.rule == &FORBIDDEN {
            Severity::ForbiddenWrite
        } else {
            Severity::Violation
        }
    }
}

/// What no parser takes is judged by what it was meant to be.
fn judge_unreadable(id: EntryId, unreadable: &Unreadable, context: &Context<'_>) {
    let Unreadable {
        service,
        speaks,
        why,
        beginning,
    } = unreadable;
    match speaks {
        Spoken::Http => context.violated(
            &NON_CANONICAL,
            Violation::new(format!(
                "the app sent {service} a request that cannot be read: {why}"
            ))
            .expected("requests that every HTTP parser reads alike")
            .observed(format!("it begins: {beginning}"))
            .evidence([id]),
        ),
        Spoken::Http2 => context.doubtful(
            &NON_CANONICAL,
            format!("the app spoke HTTP/2 to {service} without having agreed on it, and only HTTP/1.1 is spoken there"),
        ),
        Spoken::Tls => context.remark(
            &NON_CANONICAL,
            format!("the app spoke TLS to {service}, which is served in the clear here: give it the URL with http://, or serve it over TLS by --tls-cert and --tls-key"),
        ),
    }
}

fn judge_request(id: EntryId, request: &Request, context: &Context<'_>) {
    for rule in [&FORBIDDEN, &UNDECLARED, &NON_CANONICAL] {
        context.exercised(rule);
    }
    let judgement = &request.judgement;
    if request.role == Some(Role::Realtime) && judgement.class == Class::NotJudgeable {
        let why = format!(
            "packets of the live feed cannot be read: {}",
            judgement.reason
        );
        context.unable(&SOCKET, why);
    }
    let form = judgement.non_canonical.as_ref();
    let canonical = form.map_or_else(
        || format!("{} {}", request.method, request.bare_target()),
        |form| form.canonical.clone(),
    );
    let canonical = match mutation(request) {
        Some(name) => format!("{canonical} (the mutation `{name}`)"),
        None => canonical,
    };
    let steps = form.map_or(String::new(), |form| {
        format!(", which becomes {canonical} by: {}", form.steps.join(", "))
    });
    let is_readable = judgement.class != Class::NotJudgeable;
    let disguise = form.filter(|_| is_readable).map(Offence::of_disguise);
    let offence = Offence::of(judgement, &canonical);
    for offence in disguise.into_iter().chain(offence) {
        let severity = offence.severity();
        context.violated(
            offence.rule,
            Violation::new(offence.message)
                .kind(format!("{} {canonical}", request.service))
                .expected(offence.expected)
                .observed(format!("{}{steps} ({})", request.line(), judgement.reason))
                .evidence([id])
                .exchanges([request.exchange])
                .severity(severity),
        );
    }
}

/// What a GraphQL mutation is called: one path stands for all of them.
fn mutation(request: &Request) -> Option<String> {
    let body = request.body.json()?;
    let document = body.get("query")?.as_str()?.trim_start();
    let rest = document.strip_prefix("mutation")?;
    let named = body.get("operationName").and_then(|name| name.as_str());
    let first = rest.split(|sign: char| !sign.is_alphanumeric() && sign != '_');
    let mut words = first.filter(|word| !word.is_empty());
    let name = named.or_else(|| words.next())?;
    Some(name.chars().take(64).collect())
}

fn judge_packet(packet: &Frame, judgement: &Judgement, context: &Context<'_>) {
    context.exercised(&SOCKET);
    let (did, severity) = match (judgement.class, packet) {
        (Class::Allowed | Class::UndeclaredRead, _) => return,
        (Class::Forbidden, Frame::Event { .. }) => {
            ("emitted what it must never emit", Severity::ForbiddenWrite)
        }
        (Class::Forbidden, _) => ("sent what it must never send", Severity::Violation),
        (Class::UndeclaredWrite, _) => (
            "sent what the contract does not declare",
            Severity::Violation,
        ),
        (Class::NotJudgeable, _) => ("sent what cannot be judged", Severity::Violation),
    };
    let what = described(packet);
    context.violated(
        &SOCKET,
        Violation::new(format!("the app {did}: {what}"))
            .kind(&*what)
            .expected("only namespaces and events that the contract declares")
            .observed(format!("{what} ({})", judgement.reason))
            .evidence([context.entry.id])
            .severity(severity),
    );
}

fn described(packet: &Frame) -> String {
    match packet {
        Frame::Event {
            namespace,
            name,
            attachments,
            ..
        } => {
            let binary = if *attachments > 0 { "binary " } else { "" };
            format!("the {binary}event `{name}` in {namespace}")
        }
        Frame::Connect { namespace, .. } => format!("CONNECT to {namespace}"),
        Frame::Unreadable { why } => format!("a packet that cannot be read ({why})"),
        other => format!("{other:?}"),
    }
}
