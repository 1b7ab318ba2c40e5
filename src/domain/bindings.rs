//! Values for the contract's templates, and what they make of an operation: its target and its body.
//!
//! Whoever speaks for an account fills templates here, the simulated app and the harness alike.

use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::contract::{Body, Operation};
use super::secret::Secret;
use super::selector::{Template, fill_text};

/// What stands unescaped in a query or in a path segment: RFC 3986's unreserved characters.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What the placeholders of a request stand for.
#[derive(Debug, Default, Clone)]
pub struct Bindings {
    /// What the user signs in with.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Secret>,
    /// The access token.
    pub access: Option<Secret>,
    /// The refresh token.
    pub refresh: Option<Secret>,
}

impl Bindings {
    /// The value of a placeholder.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Value> {
        let secret = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.expose().into());
        match name {
            "username" => self.username.clone().map(Value::from),
            "password" => secret(&self.password),
            "access-token" => secret(&self.access),
            "refresh-token" => secret(&self.refresh),
            _ => None,
        }
    }

    /// A text with its placeholders filled.
    #[must_use]
    pub fn text(&self, template: &str) -> String {
        fill_text(template, &|name| self.get(name))
    }

    /// A JSON value with its placeholders filled.
    #[must_use]
    pub fn value(&self, template: &Template) -> Value {
        template.fill(&|name| self.get(name))
    }

    /// Path and query of an operation, with `query` in addition to its own.
    #[must_use]
    pub fn target(&self, operation: &Operation, query: &[(String, String)]) -> String {
        let escaped = |name: &str| {
            self.get(name).map(|value| match value {
                Value::String(text) => Value::from(escape(&text)),
                other => other,
            })
        };
        let mut target = fill_text(&operation.path, &escaped);
        let own = operation
            .query
            .iter()
            .map(|(name, template)| (name.clone(), self.text(template)));
        for (at, (name, value)) in own.chain(query.iter().cloned()).enumerate() {
            target.push(if at == 0 { '?' } else { '&' });
            target.push_str(&escape(&name));
            target.push('=');
            target.push_str(&escape(&value));
        }
        target
    }

    /// The content type and the bytes of an operation's body.
    #[must_use]
    pub fn payload(&self, operation: &Operation) -> Option<(&'static str, Bytes)> {
        match &operation.body {
            Body::Empty => None,
            Body::Json(template) => {
                let value = self.value(template);
                Some(("application/json", Bytes::from(value.to_string())))
            }
            Body::Form(fields) => {
                let pairs: Vec<String> = fields
                    .iter()
                    .map(|(name, template)| {
                        format!("{}={}", escape(name), escape(&self.text(template)))
                    })
                    .collect();
                let kind = "application/x-www-form-urlencoded";
                Some((kind, Bytes::from(pairs.join("&"))))
            }
        }
    }
}

/// Escapes a text for a query or for a path segment.
#[must_use]
pub fn escape(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn operation(body: Body) -> Operation {
        Operation {
            method: "POST".into(),
            service: "platform".into(),
            path: "/users/{username}/session".into(),
            query: vec![("for".into(), "{username} & co".into())],
            headers: vec![],
            body,
            authorized: false,
        }
    }

    fn bindings() -> Bindings {
        Bindings {
            username: Some("a/b?c=ü".into()),
            password: Some(Secret::new("p\"&=+ %")),
            ..Bindings::default()
        }
    }

    #[test]
    fn whatever_the_user_types_stays_within_its_segment_and_its_parameter() {
        let query = [("after".to_owned(), "x&y=1#".to_owned())];
        assert_eq!(
            bindings().target(&operation(Body::Empty), &query),
            "/users/a%2Fb%3Fc%3D%C3%BC/session?for=a%2Fb%3Fc%3D%C3%BC%20%26%20co&after=x%26y%3D1%23"
        );
    }

    #[test]
    fn a_body_is_json_or_a_form_as_the_contract_says() {
        let template = Template(json!({"p": "{password}", "none": "{refresh-token}"}));
        let (kind, bytes) = bindings()
            .payload(&operation(Body::Json(template)))
            .unwrap();
        assert_eq!(kind, "application/json");
        let read: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(read, json!({"p": "p\"&=+ %", "none": null}));
        let form = Body::Form(vec![("p".into(), "{password}".into())]);
        let (kind, bytes) = bindings().payload(&operation(form)).unwrap();
        assert_eq!(kind, "application/x-www-form-urlencoded");
        assert_eq!(bytes, "p=p%22%26%3D%2B%20%25");
    }

    #[test]
    fn nothing_that_is_written_for_debugging_holds_a_secret() {
        let secrets = Bindings {
            access: Some(Secret::new("tell-nobody")),
            refresh: Some(Secret::new("tell-nobody")),
            ..bindings()
        };
        assert!(!format!("{secrets:?}").contains("tell-nobody"));
    }
}
