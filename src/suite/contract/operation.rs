//! Requests that a contract declares.

use super::context::Context;
use crate::domain::contract::{Body, Operation};
use crate::suite::cursor::{Cursor, Fields};
use crate::suite::node::Content;
use crate::suite::trace::Seen;

/// What a request is used for: who it is sent as, and what its templates may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Use {
    /// Whether the session's authorization is sent along, unless said otherwise.
    pub(super) authorized: bool,
    /// Placeholders that are filled at run time.
    pub(super) placeholders: &'static [&'static str],
}

impl Use {
    /// Sent without a session.
    pub(super) const PUBLIC: Self = Self {
        authorized: false,
        placeholders: &[],
    };
    /// Sent with the session's authorization.
    pub(super) const DATA: Self = Self {
        authorized: true,
        placeholders: &["access-token"],
    };
    /// Opens a session.
    pub(super) const SIGN_IN: Self = Self {
        authorized: false,
        placeholders: &["username", "password"],
    };
    /// Renews a session.
    pub(super) const REFRESH: Self = Self {
        authorized: false,
        placeholders: &["refresh-token", "access-token"],
    };
    /// Ends a session.
    pub(super) const SIGN_OUT: Self = Self {
        authorized: true,
        placeholders: &["refresh-token", "access-token"],
    };
}

/// Reads a request: `GET trading /api/x`, or a map whose `request` says that, with more keys.
pub(super) fn read(cursor: &Cursor<'_>, context: &Context<'_>, purpose: Use) -> Option<Operation> {
    cursor.takes(|| Seen::Shared("request"));
    match &cursor.node.content {
        Content::Map(_) => from_fields(&cursor.fields("a request")?, context, purpose),
        Content::List(_) => cursor.wrong("a request", "write it like `GET trading /api/orders`"),
        _ => build(
            line(cursor, context, purpose),
            Parts::none(context, purpose),
        ),
    }
}

/// Reads a request whose keys stand among others in one map.
pub(super) fn from_fields(
    fields: &Fields<'_>,
    context: &Context<'_>,
    purpose: Use,
) -> Option<Operation> {
    let placeholders = context.placeholders(purpose.placeholders);
    let line = fields
        .need("request")
        .and_then(|cursor| line(&cursor, context, purpose));
    let query = fields.or("query", Vec::new(), |cursor| placeholders.pairs(cursor));
    let headers = fields.or("headers", Vec::new(), |cursor| {
        let pairs = placeholders.pairs(cursor)?;
        for (name, _) in &pairs {
            header_name(cursor, name)?;
        }
        Some(pairs)
    });
    let json = fields.maybe("json", |cursor| placeholders.template(cursor));
    let form = fields.maybe("form", |cursor| placeholders.pairs(cursor));
    let authorized = fields.or("authorized", purpose.authorized, Cursor::switch);
    let body = match (json?, form?) {
        (Some(_), Some(_)) => fields.refuse(
            "a request has `json` or `form`, not both",
            "a request has one body",
        ),
        (Some(template), None) => Some(Body::Json(template)),
        (None, Some(pairs)) => Some(Body::Form(pairs)),
        (None, None) => Some(Body::Empty),
    };
    build(
        line,
        Parts {
            query: query?,
            headers: with_common(headers?, context),
            body: body?,
            authorized: authorized?,
        },
    )
}

/// A header's name, which is a token (RFC 9110 §5.6.2).
pub(super) fn header_name(cursor: &Cursor<'_>, name: &str) -> Option<()> {
    if http::HeaderName::from_bytes(name.as_bytes()).is_ok() {
        return Some(());
    }
    cursor.refuse(
        format!("`{name}` cannot be a header's name"),
        "letters, digits and `-`",
    )
}

struct Parts {
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    body: Body,
    authorized: bool,
}

impl Parts {
    fn none(context: &Context<'_>, purpose: Use) -> Self {
        Self {
            query: Vec::new(),
            headers: with_common(Vec::new(), context),
            body: Body::Empty,
            authorized: purpose.authorized,
        }
    }
}

/// The contract's common headers, unless the request has its own, then the request's.
fn with_common(own: Vec<(String, String)>, context: &Context<'_>) -> Vec<(String, String)> {
    let mut headers: Vec<_> = context
        .headers
        .iter()
        .filter(|(name, _)| {
            !own.iter()
                .any(|(other, _)| other.eq_ignore_ascii_case(name))
        })
        .cloned()
        .collect();
    headers.extend(own);
    headers
}

struct Line {
    method: String,
    service: String,
    path: String,
}

fn build(line: Option<Line>, parts: Parts) -> Option<Operation> {
    let line = line?;
    Some(Operation {
        method: line.method,
        service: line.service,
        path: line.path,
        query: parts.query,
        headers: parts.headers,
        body: parts.body,
        authorized: parts.authorized,
    })
}

/// `METHOD service /path`, or `METHOD /path` where there is only one service.
fn line(cursor: &Cursor<'_>, context: &Context<'_>, purpose: Use) -> Option<Line> {
    const FORM: &str = "write `METHOD service /path`, like `GET trading /api/orders`";
    let text = context.placeholders(purpose.placeholders).text(cursor)?;
    let words: Vec<&str> = text.split_whitespace().collect();
    let (method, service, path) = match (&words[..], &context.services[..]) {
        ([method, service, path], _) => (*method, *service, *path),
        ([method, path], [only]) if path.starts_with('/') => (*method, *only, *path),
        ([_, path], _) if path.starts_with('/') => {
            return cursor.refuse(format!("`{text}` does not say which service it asks"), FORM);
        }
        _ => return cursor.refuse(format!("`{text}` is not a request"), FORM),
    };
    if !method.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return cursor.refuse(format!("`{method}` is not an HTTP method"), FORM);
    }
    let (method, path) = (cursor.method(method), cursor.path(path));
    cursor.known("service", service, &context.services)?;
    Some(Line {
        method: method?,
        service: service.to_owned(),
        path: path?,
    })
}
