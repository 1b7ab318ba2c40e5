//! SCOPE: nothing is asked for that the contract forbids or does not declare.
//!
//! The gateway has already judged each request and packet on its canonical form; these rules turn
//! its judgements into findings.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::contract::Role;
use crate::domain::journal::{
    Answer, Class, Direction, Entry, EntryId, Fact, Frame, Judgement, Request,
};
use crate::domain::verdict::Severity;
use crate::rules::context::Context;
use crate::rules::rule::{Registration, Rule, rule};
use crate::rules::violation::Violation;

mod redirect;
mod server;

use redirect::REDIRECT;

pub(super) const RULES: &[Registration] = &[
    (&[&server::SERVER], |_| Box::new(server::Server)),
    (&[&FORBIDDEN, &UNDECLARED, &NON_CANONICAL, &SOCKET], |_| {
        Box::new(Scope::default())
    }),
    (&[&REDIRECT], |_| Box::new(redirect::Redirects::default())),
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
    /// override headers too) must be declared: as an operation of the contract or in its allow list.
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
    /// differently by different servers, which is how filters are evaded.
    ///
    /// # How it is judged
    /// An app's HTTP stack sends none of them; where one appears, what reached the server is not
    /// what was judged. A request that cannot be read well enough to be judged counts as well.
    ///
    /// # How to keep it
    /// Build URLs with a URL type from validated parts, and encode each segment once.
    ///
    /// # Source
    /// RFC 3986 §6.2; path confusion between proxies and servers
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
        set by ["realtime.subscribe", "scope.allow_emits", "scope.forbid_emits", "scope.forbid_namespaces"]
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
                } else if is_denied(&request.judgement) {
                    self.denied.insert(request.exchange, Arc::clone(entry));
                }
            }
            Fact::Frame {
                direction: Direction::Up,
                packet,
                judgement: Some(judgement),
                ..
            } => {
                if is_denied(judgement) {
                    self.denied.clear();
                }
                judge_packet(entry.id, packet, judgement, context);
            }
            // What is wrong with the request itself, such as an act in its query, no packet tells.
            Fact::Answer(Answer { exchange, .. }) | Fact::Lost { exchange, .. } => {
                if let Some(denied) = self.denied.remove(exchange)
                    && let Fact::Request(request) = &denied.fact
                {
                    judge_request(denied.id, request, context);
                }
            }
            _ => {}
        }
    }
}

fn carries_packets(request: &Request) -> bool {
    request.role == Some(Role::Realtime)
        && request.method == "POST"
        && request.judgement.non_canonical.is_none()
}

fn is_denied(judgement: &Judgement) -> bool {
    !matches!(judgement.class, Class::Allowed | Class::UndeclaredRead)
}

fn judge_request(id: EntryId, request: &Request, context: &Context<'_>) {
    for rule in [&FORBIDDEN, &UNDECLARED, &NON_CANONICAL] {
        context.exercised(rule);
    }
    let judgement = &request.judgement;
    let call = request.line();
    let disguise = judgement.non_canonical.as_ref();
    let canonical = disguise.map_or_else(
        || format!("{} {}", request.method, request.bare_target()),
        |form| form.canonical.clone(),
    );
    let (rule, message, expected, severity) = match (judgement.class, disguise) {
        (Class::Forbidden, _) => (
            &FORBIDDEN,
            format!("the app sent a forbidden request: {canonical}"),
            format!(
                "no request that the contract forbids ({})",
                judgement.reason
            ),
            Severity::ForbiddenWrite,
        ),
        (Class::UndeclaredWrite, _) => (
            &UNDECLARED,
            format!("the app sent a write that the contract does not declare: {canonical}"),
            "only writes that the contract declares".to_owned(),
            Severity::Violation,
        ),
        (Class::NotJudgeable, _) => (
            &NON_CANONICAL,
            format!(
                "the app sent a request that cannot be read unambiguously: {}",
                judgement.reason
            ),
            "requests in canonical form".to_owned(),
            Severity::Violation,
        ),
        (Class::Allowed | Class::UndeclaredRead, Some(form)) => (
            &NON_CANONICAL,
            format!("the app sent {} in a disguised form", form.canonical),
            format!("the canonical form {}", form.canonical),
            Severity::Violation,
        ),
        (Class::Allowed | Class::UndeclaredRead, None) => return,
    };
    let steps = disguise.map_or(String::new(), |form| {
        format!(
            ", which becomes {} by: {}",
            form.canonical,
            form.steps.join(", ")
        )
    });
    let breach = |rule, message, expected, severity, context: &Context<'_>| {
        context.violated(
            rule,
            Violation::new(message)
                .kind(format!("{} {canonical}", request.service))
                .expected(expected)
                .observed(format!("{call}{steps} ({})", judgement.reason))
                .evidence([id])
                .exchanges([request.exchange])
                .severity(severity),
        );
    };
    // The disguise is an offence of its own, whatever it hides.
    if let Some(form) = disguise.filter(|_| rule.id != NON_CANONICAL.id) {
        breach(
            &NON_CANONICAL,
            format!("the app sent {} in a disguised form", form.canonical),
            format!("the canonical form {}", form.canonical),
            Severity::Violation,
            context,
        );
    }
    breach(rule, message, expected, severity, context);
}

fn judge_packet(id: EntryId, packet: &Frame, judgement: &Judgement, context: &Context<'_>) {
    context.exercised(&SOCKET);
    let what = match packet {
        Frame::Event {
            namespace,
            name,
            attachments,
            ..
        } => {
            let binary = if *attachments > 0 {
                "binary event"
            } else {
                "event"
            };
            format!("the {binary} `{name}` in {namespace}")
        }
        Frame::Connect { namespace, .. } => format!("CONNECT to {namespace}"),
        Frame::Unreadable { why } => format!("a packet that cannot be read ({why})"),
        other => format!("{other:?}"),
    };
    let (message, severity) = match judgement.class {
        Class::Allowed | Class::UndeclaredRead => return,
        Class::Forbidden if matches!(packet, Frame::Event { .. }) => (
            format!("the app emitted what it must never emit: {what}"),
            Severity::ForbiddenWrite,
        ),
        Class::Forbidden => (
            format!("the app sent what it must never send: {what}"),
            Severity::Violation,
        ),
        Class::UndeclaredWrite => (
            format!("the app sent what the contract does not declare: {what}"),
            Severity::Violation,
        ),
        Class::NotJudgeable => (
            format!("the app sent what cannot be judged: {what}"),
            Severity::Violation,
        ),
    };
    context.violated(
        &SOCKET,
        Violation::new(message)
            .kind(what.clone())
            .expected("only namespaces and events that the contract declares")
            .observed(format!("{what} ({})", judgement.reason))
            .evidence([id])
            .severity(severity),
    );
}
