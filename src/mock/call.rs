//! A request as it reached the mock, and what the contract's templates find in it.

use std::sync::{Arc, OnceLock};

use http::HeaderMap;
use serde_json::Value;

use super::capture::{self, Captures};
use crate::domain::contract::{Body, Contract, Operation, Role};
use crate::domain::scope::canonical::pairs;

/// A request, its body read.
pub(super) struct Call {
    pub(super) method: String,
    /// The canonical path below the service's URL.
    pub(super) path: String,
    /// Whether a slash stood at the path's end. Only a defect looks at it.
    pub(super) slashed: bool,
    /// The query as sent, without the question mark.
    pub(super) raw_query: String,
    /// The query, decoded.
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    pub(super) connection: Connection,
}

/// What the mock remembers of a connection: who asked first. Only a defect looks at it.
#[derive(Debug, Clone, Default)]
pub(super) struct Connection(Arc<OnceLock<usize>>);

impl Connection {
    /// Who asked first on it: `user`, if nobody has yet.
    pub(super) fn first(&self, user: usize) -> usize {
        *self.0.get_or_init(|| user)
    }
}

impl Call {
    /// What it is for: by its path, which is the same with and without a slash at its end, and where several
    /// operations share one by what its body and query say.
    pub(super) fn role(&self, contract: &Contract, service: &str) -> Option<Role> {
        self.at_either(|path| {
            let body = Some(&self.body[..]);
            contract.role_of_call(self.read_as(), service, path, &self.raw_query, body)
        })
    }

    /// Whether its path is one of the contract's, whatever it says there.
    pub(super) fn is_known(&self, contract: &Contract, service: &str) -> bool {
        let found = self.at_either(|path| contract.role_of(self.read_as(), service, path));
        found.is_some()
    }

    /// The method by which it is looked up: whoever asks for the head alone asks for the same.
    fn read_as(&self) -> &str {
        match &*self.method {
            "HEAD" => "GET",
            method => method,
        }
    }

    /// What is found at its path, or at the same with a slash at its end.
    fn at_either<T>(&self, find: impl Fn(&str) -> Option<T>) -> Option<T> {
        find(&self.path).or_else(|| find(&format!("{}/", self.path)))
    }

    /// What was filled into the operation's templates, if this request was made from them.
    pub(super) fn captures(&self, operation: &Operation) -> Option<Captures> {
        let mut found = Captures::new();
        let fits = match &operation.body {
            Body::Empty => true,
            Body::Json(template) => {
                let body: Option<Value> = serde_json::from_slice(&self.body).ok();
                capture::value(&template.0, body.as_ref(), &mut found)
            }
            Body::Form(fields) => {
                let form: Vec<_> = pairs(&String::from_utf8_lossy(&self.body)).collect();
                all_fit(fields, &form, &mut found)
            }
        };
        let sent = operation
            .query
            .iter()
            .filter(|(name, _)| self.query.iter().any(|(key, _)| key == name));
        let fits = fits && all_fit(sent, &self.query, &mut found);
        for (name, template) in &operation.headers {
            capture::header(name, template, &self.headers, &mut found);
        }
        fits.then_some(found)
    }

    /// The access token, from where the contract's authorization puts it.
    pub(super) fn access_token(&self, contract: &Contract) -> Option<String> {
        access_token(contract, &self.headers)
    }

    /// One header as text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// The access token in some headers.
pub(super) fn access_token(contract: &Contract, headers: &HeaderMap) -> Option<String> {
    let (name, template) = &contract.session.authorize;
    let mut found = Captures::new();
    capture::header(name, template, headers, &mut found)
        .then(|| text(&found, "access-token"))
        .flatten()
}

/// A captured value as text, if it is one.
pub(super) fn text(captures: &Captures, name: &str) -> Option<String> {
    captures
        .get(name)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

fn all_fit<'a>(
    templates: impl IntoIterator<Item = &'a (String, String)>,
    found: &[(String, String)],
    captures: &mut Captures,
) -> bool {
    templates.into_iter().all(|(name, template)| {
        found
            .iter()
            .any(|(key, value)| key == name && capture::text(template, value, captures))
    })
}
