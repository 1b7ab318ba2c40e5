//! An HTTP answer in the making: values are put where the contract's selectors say.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response};
use http_body_util::Full;
use serde_json::{Value, json};

use super::malform::{Raw, Spoilt, spoil};
use super::writing::put;
use crate::domain::contract::Resource;
use crate::domain::malformed::Malformed;
use crate::domain::selector::Selector;

/// The body of every answer.
pub(super) type Body = Full<Bytes>;

/// An answer in the making.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    body: Option<Value>,
    /// Bytes in the place of the body.
    raw: Option<Box<Raw>>,
}

impl Reply {
    /// An answer with a JSON body.
    pub(super) fn json(status: u16, body: Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Some(body),
            raw: None,
        }
    }

    /// An answer without a body.
    pub(super) fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: None,
            raw: None,
        }
    }

    /// An error with a stable code and a sentence.
    pub(super) fn error(status: u16, code: &str, message: &str) -> Self {
        Self::json(status, json!({ "error": code, "message": message }))
    }

    /// Adds a header.
    #[must_use]
    pub(super) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Takes a header away.
    #[must_use]
    pub(super) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(own, _)| own != name);
        self
    }

    /// Whether a header is set.
    pub(super) fn has_header(&self, name: &str) -> bool {
        self.headers.iter().any(|(own, _)| own == name)
    }

    /// The answer with bad data of one class.
    pub(super) fn spoilt(mut self, class: Malformed, resource: &Resource) -> Self {
        match self.body.take().map(|body| spoil(class, resource, body)) {
            Some(Spoilt::Value(body)) => self.body = Some(body),
            Some(Spoilt::Raw(raw)) => self.raw = Some(Box::new(raw)),
            None => {}
        }
        self
    }

    /// The body, for changing it.
    pub(super) fn body_mut(&mut self) -> Option<&mut Value> {
        self.body.as_mut()
    }

    /// Puts a value where a selector will find it.
    pub(super) fn put(&mut self, selector: &Selector, value: Value) {
        match selector {
            Selector::Header(name) => self.headers.push((name.clone(), plain(&value))),
            Selector::Cookie(name) => {
                let age = if value.is_null() { "; Max-Age=0" } else { "" };
                let cookie = format!(
                    "{name}={}; Path=/; HttpOnly; SameSite=Lax{age}",
                    plain(&value)
                );
                self.headers.push(("set-cookie".to_owned(), cookie));
            }
            Selector::Pointer(_) | Selector::Path(_) => {
                put(self.body.get_or_insert(Value::Null), selector, value);
            }
        }
    }

    /// The finished answer. User data must not be kept by anybody, so nothing is unless `caching`
    /// says otherwise.
    pub(super) fn finish(self, caching: &'static str) -> Response<Body> {
        let text = self.body.map(|body| body.to_string());
        let mut response = Response::new(Full::new(Bytes::new()));
        *response.status_mut() = http::StatusCode::from_u16(self.status)
            .unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        let has = |own: &str| self.headers.iter().any(|(name, _)| name == own);
        if !has("cache-control") {
            headers.insert("cache-control", HeaderValue::from_static(caching));
        }
        let named = has("content-type");
        if text.is_some() && !named {
            headers.insert("content-type", HeaderValue::from_static("application/json"));
        }
        for (name, value) in self.headers {
            if let (Ok(name), Ok(value)) =
                (HeaderName::try_from(name), HeaderValue::try_from(value))
            {
                headers.append(name, value);
            }
        }
        let mut bytes = Bytes::from(text.unwrap_or_default());
        if let Some(raw) = self.raw {
            let headers = response.headers_mut();
            let kind = raw.kind.unwrap_or("application/json");
            headers.insert("content-type", HeaderValue::from_static(kind));
            if let Some(encoding) = raw.encoding {
                headers.insert("content-encoding", HeaderValue::from_static(encoding));
            }
            bytes = Bytes::from(raw.body);
        }
        *response.body_mut() = Full::new(bytes);
        response
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mock::writing::is_writable;

    #[test]
    fn a_value_put_by_any_selector_is_found_by_the_same_selector() {
        for text in [
            "/a/b",
            "$.data.token",
            "$['odd name'].x",
            "header:x-token",
            "cookie:sid",
        ] {
            let selector = Selector::parse(text).unwrap();
            assert!(is_writable(&selector), "{text}");
            let mut reply = Reply::json(200, json!({}));
            reply.put(&selector, json!("v"));
            let headers = reply
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()));
            assert_eq!(
                selector.in_answer(headers, reply.body.as_ref()),
                Some(json!("v")),
                "{text}"
            );
        }
        assert!(!is_writable(&Selector::Path("$.list[?@.k=='x'].v".into())));
    }
}
