//! SCOPE-7: what a read says in its query.

use std::borrow::Cow;
use std::collections::VecDeque;

use crate::domain::contract::{NextPage, Operation, Queries, Role};
use crate::domain::journal::Request;
use crate::domain::verdict::Severity;
use crate::rules::context::Context;
use crate::rules::labels;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// A read says nothing in its query that was not agreed on, and never names another account
    ///
    /// # Why
    /// A parameter that nobody declared may widen what is read. The one that names a user is how
    /// data of others is asked for, also by a read-only app.
    ///
    /// # How it is judged
    /// The query keys of each declared read are compared with those that the contract writes for it,
    /// paging included. Another key is information, and a finding where the contract says
    /// `queries: declared`. A value that is the user name or the subject of another account than the
    /// request's own is a finding in any case, wherever in the query it stands.
    ///
    /// # How to keep it
    /// Declare the key with its operation, or remove it from the client; take the user from the
    /// token, not from a parameter.
    ///
    /// # Source
    /// runbook S8.1; OWASP API Security Top 10 2023, API1
    pub(super) QUERIES: "SCOPE-7", App, from [Wire],
        set by ["scope.queries"]
}

/// How many redirects are remembered.
const REDIRECTS: usize = 16;

#[derive(Default)]
pub(super) struct Queried {
    /// The queries to which the backend itself led.
    led_to: VecDeque<String>,
}

impl Rule for Queried {
    fn see(&mut self, context: &Context<'_>) {
        if let Some(location) = context.ended().and_then(|ended| ended.answer)
            && let Some(location) = location.headers.get("location")
            && let Some((_, query)) = location.split_once('?')
        {
            if self.led_to.len() == REDIRECTS {
                self.led_to.pop_front();
            }
            self.led_to.push_back(query.to_owned());
        }
        if let Some(request) = context.request()
            && let Some(role) = &request.role
            && let Some(operation) = context.contract.operation(role)
            && !operation.is_write()
        {
            context.exercised(&QUERIES);
            let by_backend = self.is_the_backends(request, role, context);
            let declared =
                |key: &str| by_backend || context.contract.declares_key(role, operation, key);
            for (key, value) in pairs(request) {
                if let Some(account) = other(&value, request, context)
                    && !is_fixed(operation, &key, &value)
                {
                    names_another(&key, account, request, context);
                } else if !declared(&key) && labels::first(&value).is_none() {
                    undeclared(&key, request, context);
                }
            }
        }
    }
}

impl Queried {
    /// Whether the backend may have written the query: by a redirect, or by the link to a later page.
    fn is_the_backends(&self, request: &Request, role: &Role, context: &Context<'_>) -> bool {
        let (_, query) = request.target.split_once('?').unwrap_or_default();
        let resource = match role {
            Role::Resource(name) => context.contract.resource(name),
            _ => None,
        };
        let paging = resource.and_then(|resource| resource.paging.as_ref());
        self.led_to.iter().any(|own| own == query)
            || paging.is_some_and(|paging| {
                matches!(paging.next, NextPage::Cursor { .. })
                    && request.query(paging.next.query()).is_some()
            })
    }
}

/// The account that a value names, if it is not the one whose request this is.
fn other<'a>(value: &str, request: &Request, context: &'a Context<'_>) -> Option<&'a str> {
    let own = context.account_of(context.credential(request.exchange)?)?;
    context.accounts.other(value, &own)
}

fn pairs(request: &Request) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    let query = request
        .target
        .split_once('?')
        .map_or("", |(_, query)| query);
    url::form_urlencoded::parse(query.as_bytes())
}

/// Whether the contract itself writes this value.
fn is_fixed(operation: &Operation, key: &str, value: &str) -> bool {
    let mut query = operation.query.iter();
    query.any(|(own, text)| own == key && text == value)
}

fn names_another(key: &str, account: &str, request: &Request, context: &Context<'_>) {
    context.violated(
        &QUERIES,
        Violation::new(format!(
            "a read names the account `{account}` in its query key `{key}`"
        ))
        .kind(format!("another account in {key}"))
        .expected("reads of the account whose token they carry")
        .observed(request.line())
        .evidence([context.entry.id])
        .exchanges([request.exchange]),
    );
}

/// Whether a key is a name that somebody has given, and no token, nor part of one, that stands there by
/// itself: such a thing is shown nowhere.
fn is_word(key: &str) -> bool {
    const LONGEST: usize = 40;
    const TELLING: usize = 16;
    let has = |kind: fn(&char) -> bool| key.chars().any(|sign| kind(&sign));
    let is_mixed =
        has(char::is_ascii_digit) && has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase);
    let is_named = |sign: char| sign.is_alphanumeric() || "-_.[]:$".contains(sign);
    key.len() <= LONGEST
        && key.chars().all(is_named)
        && !(is_mixed && key.len() >= TELLING)
        && !key.starts_with("eyJ")
}

fn undeclared(key: &str, request: &Request, context: &Context<'_>) {
    let severity = match context.contract.scope.queries {
        Queries::Declared => Severity::Violation,
        Queries::Any => Severity::Information,
    };
    context.violated(
        &QUERIES,
        Violation::new(match is_word(key) {
            true => format!("a read has the query key `{key}`, which is not declared"),
            false => "a read has something in its query that is no key".to_owned(),
        })
        .expected("the query keys that the contract writes for it")
        .observed(match is_word(key) {
            true => request.line(),
            false => format!(
                "{} {} {}",
                request.method,
                request.service,
                request.bare_target()
            ),
        })
        .evidence([context.entry.id])
        .exchanges([request.exchange])
        .severity(severity),
    );
}
