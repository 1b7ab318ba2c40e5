//! The one change that is made to bodies: a link to a list's next page, where the contract says that it
//! stands, leads back to the gateway. Followed as it came, it would lead past it.

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Response, StatusCode, response};
use hyper::body::Incoming;

use super::arrival::Arrived;
use super::ending::Severed;
use super::passing::{Passing, Watched};
use super::{AnswerBody, is_plain};
use crate::domain::contract::{NextPage, Role};
use crate::domain::selector::Selector;
use crate::gateway::body::{Payload, read_ahead};
use crate::gateway::headers;
use crate::gateway::observe::{Captured, KEPT};
use crate::gateway::upstream::describe;

/// Headers that vouch for the bytes of a body (RFC 9530, RFC 9421): what they vouch for stays as it is.
const SEALS: [&str; 5] = [
    "content-digest",
    "repr-digest",
    "digest",
    "content-md5",
    "signature",
];

/// Where the link to the next page stands in the body of an answer, if one may stand there.
pub(super) fn next_link(arrived: &Arrived, head: &response::Parts) -> Option<Selector> {
    let Some(Role::Resource(name)) = &arrived.judged.role else {
        return None;
    };
    let sealed = SEALS.iter().any(|seal| head.headers.contains_key(*seal));
    let plain = is_plain(&headers::as_text(&head.headers));
    if head.status != StatusCode::OK || arrived.parts.method != "GET" || sealed || !plain {
        return None;
    }
    let contract = &arrived.service.state.scribe.contract;
    match &contract.resource(name)?.paging.as_ref()?.next {
        NextPage::Cursor { from, .. } => match from {
            Selector::Pointer(_) | Selector::Path(_) => Some(from.clone()),
            Selector::Header(_) | Selector::Cookie(_) => None,
        },
        NextPage::Page { .. } | NextPage::Offset { .. } => None,
    }
}

/// Passes an answer on whose link to the next page leads back. One that is too long to be held passes
/// as it comes.
pub(super) async fn lead_back(
    mut head: response::Parts,
    incoming: Incoming,
    passing: Passing,
    next: &Selector,
    named: &str,
) -> Result<Response<AnswerBody>, Severed> {
    let mut read = Vec::new();
    match read_ahead(incoming, KEPT, &mut read).await {
        Err(error) => {
            passing.broken(describe(&error));
            return Err(Severed);
        }
        Ok(Some(rest)) => {
            let watched = Watched::resumed(read, rest, KEPT, passing);
            let body = Payload::Streamed(Box::new(watched));
            return Ok(Response::from_parts(head, body));
        }
        Ok(None) => {}
    }
    let moved = moved(&read, &passing, next, named);
    if let Some(moved) = moved {
        set_length(&mut head.headers, moved.len());
        read = moved;
    }
    passing.complete(Captured::ahead(&read, None));
    let body = Payload::Whole(Bytes::from(read));
    Ok(Response::from_parts(head, body))
}

fn set_length(headers: &mut HeaderMap, length: usize) {
    if headers.contains_key(CONTENT_LENGTH) {
        headers.insert(CONTENT_LENGTH, length.into());
    }
}

/// The body with the link changed, and nothing else of it.
fn moved(body: &[u8], passing: &Passing, next: &Selector, named: &str) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(body).ok()?;
    let json = text.strip_prefix('\u{feff}').unwrap_or(text);
    let value = serde_json::from_str(json).ok()?;
    let link = next.in_body(&value)?.as_str()?;
    let service = &passing.service;
    let own = service.names.expected(named);
    let moved = service.origins.moved(link, &service.name, own)?;
    let quoted = serde_json::to_string(link).ok()?;
    // The slashes of a JSON text may be escaped, and some encoders do it.
    let written = [quoted.clone(), quoted.replace('/', "\\/")];
    let written = written.iter().find(|form| text.contains(form.as_str()))?;
    let new = serde_json::to_string(&moved).ok()?;
    Some(text.replace(written.as_str(), &new).into_bytes())
}
