//! SESSION-17: credentials that nobody issued, and requests that lack theirs.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::contract::{Body, Role};
use crate::domain::journal::{Act, Answer, Fact, Request, TokenIssued};
use crate::domain::secrets::{is_hollow, is_missing};
use crate::domain::verdict::Severity;
use crate::rules::context::{Connect, Context};
use crate::rules::exchange::Ended;
use crate::rules::labels;
use crate::rules::placeholders::{Sent, find_text, sent};
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// Every credential that is sent is one that an answer gave, and what needs one never goes
    /// without
    ///
    /// # Why
    /// `Bearer undefined` and `Bearer null` are what a header looks like when it is written before
    /// the token is there, or after it was cleared: the request fails, and often takes the session
    /// with it. A token that no answer gave was cut, escaped twice or mixed up on its way through
    /// the app's storage.
    ///
    /// # How it is judged
    /// The header that authorizes, the feed's CONNECT and the bodies of refresh and sign-out are
    /// looked at where the contract has a token. What programs write for a missing value (nothing,
    /// a scheme alone, `undefined`, `null`, `nil`, `[object Object]`) is found at once; on a request
    /// that needs no credential it is a remark. A value that no answer of the journal gave, first
    /// sent after tokens were handed out, is found when the backend refuses it; so is a request for
    /// an authorized resource without a credential while a session is open. It is not judged where
    /// the answer to a sign-in or refresh could not be read.
    ///
    /// # How to keep it
    /// Write the header in one place, and only when there is a token; hold requests until there is.
    /// Store tokens as they came.
    ///
    /// # Source
    /// RFC 6750 §2.1 and §3.1; RFC 6749 §6
    pub(super) UNISSUED: "SESSION-17", App, from [Wire],
        set by ["session.authorize", "session.refresh", "resources[].authorized", "realtime.auth"]
}

/// How many requests and labels are kept in mind.
const KEPT: usize = 64;
/// How many answers without a token are kept apart.
const UNREAD: usize = 8;

#[derive(Default)]
pub(super) struct Unissued {
    /// Whether a token was handed out in this journal.
    issued: bool,
    /// Labels of unknown credentials that may be older than the journal.
    older: BTreeSet<String>,
    /// Sign-ins and refreshes that were granted, and in whose answers no token was seen.
    unread: BTreeSet<u64>,
    /// Whether a page was the answer to the last sign-in or refresh: what is made of it NET-6 finds.
    paged: bool,
    /// Whether the user asked to sign in since a token was handed out: another account may be stored.
    switching: bool,
    /// Requests whose answers tell whether what they sent was issued by somebody.
    awaited: BTreeMap<u64, Awaited>,
}

/// What a request sent that only its answer can judge.
enum Awaited {
    /// No credential at all.
    Nothing,
    /// A credential that no answer gave.
    Stranger(String),
}

impl Rule for Unissued {
    fn see(&mut self, context: &Context<'_>) {
        match &context.entry.fact {
            Fact::TokenIssued(token) => self.token(token),
            Fact::Act(Act::SignIn { .. }) => self.switching = true,
            _ => {}
        }
        if let Some(request) = context.request() {
            self.header(request, context);
            self.body(request, context);
        }
        if let Some(connect) = context.feed_connect() {
            judge_connect(&connect, context);
        }
        if let Some(ended) = context.ended() {
            self.ended(&ended, context);
        }
    }
}

impl Unissued {
    fn token(&mut self, token: &TokenIssued) {
        self.issued = true;
        self.switching = false;
        self.paged = false;
        self.unread.remove(&token.exchange);
    }

    /// What stands in the header that authorizes.
    fn header(&mut self, request: &Request, context: &Context<'_>) {
        let needs_one = needs_credential(request, context);
        if needs_one {
            context.exercised(&UNISSUED);
        }
        let name = context.contract.session.authorize.0.to_ascii_lowercase();
        let Some(value) = request.header(&name) else {
            let has_cookie = request.header("cookie").is_some();
            if needs_one && !has_cookie && has_session(context) {
                self.awaits(request.exchange, Awaited::Nothing);
            }
            return;
        };
        if is_hollow(value) {
            if !self.paged {
                hollow(request, &name, value, needs_one, context);
            }
        } else if needs_one {
            self.value(request.exchange, labels::first(value));
        }
    }

    /// What a refresh or a sign-out presents in its body.
    fn body(&mut self, request: &Request, context: &Context<'_>) {
        let session = &context.contract.session;
        let template: &Body = match (&request.role, &session.refresh, &session.sign_out) {
            (Some(Role::Refresh), Some(refresh), _) => &refresh.operation.body,
            (Some(Role::SignOut), _, Some(sign_out)) => &sign_out.body,
            _ => return,
        };
        let is_refresh = request.role == Some(Role::Refresh);
        for name in ["refresh-token", "access-token"] {
            let text = match sent(template, name, &request.body) {
                Sent::Unknown => continue,
                Sent::Missing => String::new(),
                Sent::Text(text) => text,
            };
            context.exercised(&UNISSUED);
            if is_missing(&text) {
                let what = if text.is_empty() { "nothing" } else { &text };
                let words = format!("{} with {what} where its token stands", request.line());
                nothing_sent(words, request.exchange, context);
            } else if is_refresh {
                self.value(request.exchange, labels::first(&text));
            }
        }
    }

    /// A value was sent as a credential.
    fn value(&mut self, exchange: u64, label: Option<&str>) {
        let Some(label) = label.map(labels::bare).filter(|label| is_stranger(label)) else {
            return;
        };
        if !self.issued {
            // A session from before the journal.
            if self.older.len() < KEPT {
                self.older.insert(label.to_owned());
            }
        } else if !self.older.contains(label) && !self.switching {
            self.awaits(exchange, Awaited::Stranger(label.to_owned()));
        }
    }

    fn awaits(&mut self, exchange: u64, what: Awaited) {
        if self.awaited.len() >= KEPT {
            self.awaited.pop_first();
        }
        self.awaited.insert(exchange, what);
    }

    fn ended(&mut self, ended: &Ended<'_>, context: &Context<'_>) {
        let exchange = ended.request.exchange;
        let opens = matches!(ended.request.role, Some(Role::SignIn | Role::Refresh));
        if opens && ended.succeeded() {
            self.paged = ended.answer.is_some_and(Answer::is_page);
            if !context.session.was_issued_by(exchange) && self.unread.len() < UNREAD {
                self.unread.insert(exchange);
            }
        }
        let Some(awaited) = self.awaited.remove(&exchange) else {
            return;
        };
        let Some(answer) = ended.by_backend() else {
            return;
        };
        let refused = match ended.request.role {
            Some(Role::Refresh) => context.contract.session.ended_by.contains(&answer.status),
            _ => matches!(answer.status, 401 | 403),
        };
        match awaited {
            Awaited::Nothing if refused => without(ended, context),
            Awaited::Nothing if answer.is_success() => context.unable(
                &UNISSUED,
                format!(
                    "{} without a credential, although the contract calls it authorized",
                    ended.words()
                ),
            ),
            Awaited::Stranger(label) if refused => self.stranger(&label, ended, context),
            Awaited::Nothing | Awaited::Stranger(_) => {}
        }
    }

    fn stranger(&self, label: &str, ended: &Ended<'_>, context: &Context<'_>) {
        if !self.unread.is_empty() {
            context.unable(
                &UNISSUED,
                "an answer that opened or renewed a session brought no token that could be read, so \
                 nobody knows what it gave",
            );
            return;
        }
        context.violated(
            &UNISSUED,
            Violation::new("the app sends a credential that no answer gave it")
                .expected("a token as it was handed out")
                .observed(format!("{}: it carries ‹{label}›", ended.words()))
                .evidence([ended.opened.id(), context.entry.id])
                .exchanges([ended.request.exchange]),
        );
    }
}

/// Whether a label stands for a credential that was never seen being handed out.
fn is_stranger(label: &str) -> bool {
    label.starts_with("unknown-credential")
}

/// Whether a request cannot do without a credential.
fn needs_credential(request: &Request, context: &Context<'_>) -> bool {
    let contract = &context.contract;
    match &request.role {
        Some(Role::Resource(name)) => contract
            .resource(name)
            .is_some_and(|own| own.operation.authorized),
        Some(Role::SignOut) => {
            let sign_out = contract.session.sign_out.as_ref();
            sign_out.is_some_and(|own| own.authorized)
        }
        _ => false,
    }
}

/// Whether the app has a session whose token it was seen to get.
fn has_session(context: &Context<'_>) -> bool {
    context.session.is_wanted() && context.session.current().is_some()
}

fn hollow(request: &Request, name: &str, value: &str, needed: bool, context: &Context<'_>) {
    let shown = value.trim();
    let observed = format!("{} with `{name}: {shown}`", request.line());
    if needed {
        nothing_sent(observed, request.exchange, context);
        return;
    }
    context.violated(
        &UNISSUED,
        Violation::new("the app sends an empty credential with a request that needs none")
            .expected("no header that authorizes while there is no token")
            .observed(observed)
            .evidence([context.entry.id])
            .exchanges([request.exchange])
            .severity(Severity::Information),
    );
}

fn nothing_sent(observed: String, exchange: u64, context: &Context<'_>) {
    context.violated(
        &UNISSUED,
        Violation::new(
            "the app sends what stands for a missing value in the place of a credential",
        )
        .expected("a token that an answer gave, or no request until there is one")
        .observed(observed)
        .evidence([context.entry.id])
        .exchanges([exchange]),
    );
}

fn without(ended: &Ended<'_>, context: &Context<'_>) {
    context.violated(
        &UNISSUED,
        Violation::new("the app asks without a credential although a session is open")
            .expected("the session's access token with each request for an authorized resource")
            .observed(format!("{}, and carried none", ended.words()))
            .evidence([ended.opened.id(), context.entry.id])
            .exchanges([ended.request.exchange]),
    );
}

/// What stands in CONNECT where the contract has the token.
fn judge_connect(connect: &Connect<'_>, context: &Context<'_>) {
    let Some(feed) = &context.contract.realtime else {
        return;
    };
    let found = connect
        .payload
        .json()
        .map(|payload| find_text(&feed.auth.0, "access-token", payload));
    // Where nothing stands at all SESSION-2 says so.
    if let Some(Sent::Text(text)) = found
        && !text.is_empty()
        && is_hollow(&text)
    {
        context.violated(
            &UNISSUED,
            Violation::new(
                "the app sends what stands for a missing value in the place of a credential",
            )
            .expected("a token that an answer gave, or no connect until there is one")
            .observed(format!(
                "CONNECT to {} with {text} as its token",
                connect.namespace
            ))
            .evidence([context.entry.id]),
        );
    }
}
