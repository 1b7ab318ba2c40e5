//! What the gateway itself says in the place of the backend.

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE, HeaderMap,
    HeaderName, HeaderValue, VARY,
};
use http::{Response, StatusCode};
use serde_json::{Value, json};

use crate::domain::journal::Class;

/// An answer of the gateway's own.
pub(super) use crate::domain::change::MadeUp as Reply;

impl Reply {
    /// The answer as it is sent. A text goes as it is, any other value as JSON; `asker` is the web page
    /// that asks, if one does: only with leave may it read what it is told.
    pub(super) fn into_response(self, asker: Option<&str>) -> Response<Bytes> {
        let (kind, body) = match self.body {
            None => (None, Vec::new()),
            Some(Value::String(text)) => (Some("text/plain; charset=utf-8"), text.into_bytes()),
            Some(value) => (Some("application/json"), value.to_string().into_bytes()),
        };
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        for (name, value) in &self.headers {
            if let (Ok(name), Ok(value)) = (
                HeaderName::from_bytes(name.as_bytes()),
                HeaderValue::from_str(value),
            ) {
                response.headers_mut().append(name, value);
            }
        }
        if let Some(asker) = asker {
            give_leave(response.headers_mut(), asker);
        }
        if let Some(kind) = kind {
            response
                .headers_mut()
                .entry(CONTENT_TYPE)
                .or_insert(HeaderValue::from_static(kind));
        }
        response
    }
}

/// What is said of a request or a packet that the scope denies.
pub(super) fn blocked(class: Class, reason: &str) -> Value {
    let mut body = json!({"error": "blocked by rehearsal", "class": class});
    if !reason.is_empty() {
        body["reason"] = reason.into();
    }
    body
}

/// Lets a web page read an answer of the gateway's own, as the backend would.
fn give_leave(headers: &mut HeaderMap, asker: &str) {
    if let Ok(asker) = HeaderValue::from_str(asker) {
        headers.entry(ACCESS_CONTROL_ALLOW_ORIGIN).or_insert(asker);
        let yes = HeaderValue::from_static("true");
        headers
            .entry(ACCESS_CONTROL_ALLOW_CREDENTIALS)
            .or_insert(yes);
        headers.append(VARY, HeaderValue::from_static("origin"));
    }
}
