//! One request and what came of it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::domain::journal::{
    Answer, Answerer, Entry, EntryId, Fact, LossReason, Question, Request,
};

/// A request that was seen, and what is known of it.
#[derive(Clone)]
pub(super) struct Opened {
    pub(super) entry: Arc<Entry>,
    /// What it sent under the header that authorizes, as a label where the journal knows one.
    pub(super) credential: Option<String>,
    /// What the harness asks by it, if it is one of its own.
    pub(super) question: Option<Question>,
    /// Whose credential it carries, by what they sign in with.
    pub(super) account: Option<Arc<str>>,
}

impl Opened {
    pub(super) fn id(&self) -> EntryId {
        self.entry.id
    }

    pub(super) fn at(&self) -> Duration {
        self.entry.at
    }

    pub(super) fn request(&self) -> Option<&Request> {
        match &self.entry.fact {
            Fact::Request(request) => Some(request),
            _ => None,
        }
    }
}

/// An exchange that has just ended.
pub(super) struct Ended<'a> {
    pub(super) opened: &'a Opened,
    pub(super) request: &'a Request,
    /// The answer, or nothing when the exchange was lost.
    pub(super) answer: Option<&'a Answer>,
    pub(super) lost: Option<&'a LossReason>,
}

/// Whether an answer of success says in its body that it is none: one path for many operations has one
/// status for all of them (GraphQL §7.1: `errors` and no `data`; JSON-RPC 2.0 §5: `error` and no `result`).
fn is_an_error(body: &Value) -> bool {
    let lacks = |member: &str| body.get(member).is_none_or(is_empty);
    let errors = body.get("errors").and_then(Value::as_array);
    let error = body.get("error").filter(|error| error.is_object());
    (errors.is_some_and(|errors| !errors.is_empty()) && lacks("data"))
        || (error.is_some() && lacks("result") && lacks("data"))
}

/// Whether there is nothing in a value: what GraphQL gives for each field that failed.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.values().all(Value::is_null),
        _ => false,
    }
}

/// What the backend makes of a request of the harness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reception {
    /// It does what was asked.
    Granted,
    /// It refuses.
    Refused,
    /// It cannot be told, and why.
    Unclear(String),
}

impl<'a> Ended<'a> {
    /// The answer, if it is the backend's own.
    pub(super) fn by_backend(&self) -> Option<&'a Answer> {
        let is_own = |answer: &&Answer| answer.from == Answerer::Backend;
        self.answer.filter(is_own)
    }

    pub(super) fn status(&self) -> Option<u16> {
        self.answer.map(|answer| answer.status)
    }

    pub(super) fn succeeded(&self) -> bool {
        self.answer.is_some_and(Answer::is_success)
    }

    /// What the backend makes of it, for a question that only a clear answer decides.
    pub(super) fn reception(&self) -> Reception {
        let line = || self.request.line();
        let Some(answer) = self.by_backend() else {
            return Reception::Unclear(format!("{}: the backend gave no answer", line()));
        };
        match answer.status {
            200..300 if answer.body.json().is_some_and(is_an_error) => Reception::Refused,
            200..300 => Reception::Granted,
            429 => Reception::Unclear(format!("{} was answered with 429", line())),
            400..500 => Reception::Refused,
            status => Reception::Unclear(format!("{} was answered with {status}", line())),
        }
    }

    /// The request and how it ended, in words.
    pub(super) fn words(&self) -> String {
        match self.status() {
            Some(status) => format!("{} was answered with {status}", self.request.line()),
            None => format!("{} was not answered", self.request.line()),
        }
    }

    /// Whether it ended as it does when the backend is not there or not well.
    pub(super) fn failed(&self) -> bool {
        self.status().is_none_or(|status| status >= 500)
    }
}
