//! API-2: answers carry the headers that were agreed on, in their form.

use crate::domain::contract::HeaderPromise;
use crate::domain::journal::Answer;
use crate::rules::context::Context;
use crate::rules::exchange::Ended;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// Answers carry the headers that the contract names, and a Retry-After can be read
    ///
    /// # Why
    /// A client acts by headers: it waits as long as `Retry-After` says, signs in by what
    /// `WWW-Authenticate` says, and keeps what `Cache-Control` allows. One that is missing, or is
    /// not in a form that clients read, is a promise that nobody can act by.
    ///
    /// # How it is judged
    /// Every answer of the backend is held against the contract's `answer-headers`, whoever asked.
    /// A `Retry-After` is a whole number of seconds or an HTTP date, whether it was agreed on or
    /// not. Engine.IO's own answers are left out, and so are a proxy's while the backend behind it
    /// is stopped.
    ///
    /// # How to keep it
    /// Set the headers where the answer is made: in the middleware that refuses, and for errors too.
    ///
    /// # Source
    /// RFC 9110 §10.2.3 and §11.6.1; RFC 9111 §5.2
    pub(super) HEADERS: "API-2", Backend, from [Wire, Probe],
        set by ["answer-headers"]
}

pub(super) struct Carried;

impl Rule for Carried {
    fn see(&mut self, context: &Context<'_>) {
        let Some(ended) = context.ended_by_anyone() else {
            return;
        };
        let Some(answer) = ended.by_backend() else {
            return;
        };
        if super::is_of_the_feed(&ended) || super::is_of_a_proxy(&ended, context) {
            return;
        }
        let role = ended.request.role.as_ref();
        let promises = context.contract.promises.headers.iter();
        for promise in promises.filter(|promise| promise.is_about(answer.status, role)) {
            judge(promise, &ended, answer, context);
        }
        if let Some(value) = answer.headers.get("retry-after") {
            context.exercised(&HEADERS);
            if !names_a_time(value) {
                unreadable(value, &ended, context);
            }
        }
    }

    fn hears_probes(&self) -> bool {
        true
    }
}

fn judge(promise: &HeaderPromise, ended: &Ended<'_>, answer: &Answer, context: &Context<'_>) {
    context.exercised(&HEADERS);
    let name = promise.header.as_str();
    let mut values = answer.headers.all(name).peekable();
    let there = values.peek().copied();
    if values.any(|value| promise.is_kept_by(value)) {
        return;
    }
    let observed = match there {
        Some(value) => format!("{} and `{name}: {value}`", ended.words()),
        None => format!("{} and without it", ended.words()),
    };
    let expected = match &promise.holds[..] {
        [] => format!("the header `{name}`, as the contract says"),
        texts => format!("`{name}` with {}, as the contract says", texts.join(" or ")),
    };
    let what = match there {
        Some(_) => "another",
        None => "no",
    };
    context.violated(
        &HEADERS,
        Violation::new(format!(
            "the backend answers {} with {what} `{name}`",
            answer.status
        ))
        .expected(expected)
        .observed(observed)
        .evidence([ended.opened.id(), context.entry.id])
        .exchanges([answer.exchange]),
    );
}

/// Whether a value is what RFC 9110 §10.2.3 has: seconds, or a date.
fn names_a_time(value: &str) -> bool {
    let value = value.trim();
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    is_number || jiff::fmt::rfc2822::parse(value).is_ok()
}

fn unreadable(value: &str, ended: &Ended<'_>, context: &Context<'_>) {
    context.violated(
        &HEADERS,
        Violation::new("the backend sends a Retry-After that clients cannot read")
            .expected("a whole number of seconds, or a date like `Wed, 21 Oct 2026 07:28:00 GMT`")
            .observed(format!("{} and `retry-after: {value}`", ended.words()))
            .evidence([ended.opened.id(), context.entry.id])
            .exchanges([ended.request.exchange]),
    );
}
