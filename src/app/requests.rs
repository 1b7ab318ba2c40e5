//! Requests on their way: what each is for, and how the contract's operations become requests.
//!
//! An answer is only looked at while its request is listed here, so what was cancelled or comes
//! from an earlier session can never be applied.

use std::collections::BTreeMap;

use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::domain::contract::{Body, Operation};
use crate::domain::secret::Secret;
use crate::domain::selector::fill_text;

use super::answer::Reply;
use super::effect::{Effect, Request, RequestId};
use super::load::Load;
use super::{App, Quirk, retry};

/// How long a quirk waits for an answer.
const QUIRKY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(86_400);

/// What a request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Purpose {
    SignIn {
        username: String,
        /// Only a quirk keeps it.
        password: Option<Secret>,
    },
    Refresh,
    SignOut,
    Status,
    Load(Load),
    /// Sent by a quirk; its answer interests nobody.
    Stray,
}

/// A request on its way.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) purpose: Purpose,
    /// Which of the session's access tokens it carries.
    pub(super) tokens: u64,
}

/// All requests on their way.
#[derive(Debug, Default)]
pub(super) struct Requests {
    last: u64,
    pending: BTreeMap<RequestId, Pending>,
}

impl Requests {
    fn enlist(&mut self, pending: Pending) -> RequestId {
        self.last += 1;
        let id = RequestId(self.last);
        self.pending.insert(id, pending);
        id
    }
}

/// What the placeholders of a request stand for.
#[derive(Debug, Default, Clone)]
pub(crate) struct Filling {
    /// What the user signs in with.
    pub(crate) username: Option<String>,
    /// The password.
    pub(crate) password: Option<Secret>,
    /// The access token.
    pub(crate) access: Option<Secret>,
    /// The refresh token.
    pub(crate) refresh: Option<Secret>,
}

impl Filling {
    /// The value of a placeholder.
    pub(crate) fn get(&self, name: &str) -> Option<Value> {
        let secret = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.expose().into());
        match name {
            "username" => self.username.clone().map(Value::from),
            "password" => secret(&self.password),
            "access-token" => secret(&self.access),
            "refresh-token" => secret(&self.refresh),
            _ => None,
        }
    }

    /// A template with its placeholders filled.
    pub(crate) fn text(&self, template: &str) -> String {
        fill_text(template, &|name| self.get(name))
    }
}

/// Path and query of an operation, with `query` in addition to its own.
pub(crate) fn target(
    operation: &Operation,
    query: &[(String, String)],
    filling: &Filling,
) -> String {
    let escaped = |name: &str| {
        filling.get(name).map(|value| match value {
            Value::String(text) => Value::from(escape(&text)),
            other => other,
        })
    };
    let mut target = fill_text(&operation.path, &escaped);
    let own = operation
        .query
        .iter()
        .map(|(name, template)| (name.clone(), filling.text(template)));
    for (at, (name, value)) in own.chain(query.iter().cloned()).enumerate() {
        target.push(if at == 0 { '?' } else { '&' });
        target.push_str(&escape(&name));
        target.push('=');
        target.push_str(&escape(&value));
    }
    target
}

/// The content type and the bytes of an operation's body.
pub(crate) fn payload(operation: &Operation, filling: &Filling) -> Option<(&'static str, Bytes)> {
    match &operation.body {
        Body::Empty => None,
        Body::Json(template) => {
            let value = template.fill(&|name| filling.get(name));
            Some(("application/json", Bytes::from(value.to_string())))
        }
        Body::Form(fields) => {
            let pairs: Vec<String> = fields
                .iter()
                .map(|(name, template)| {
                    format!("{}={}", escape(name), escape(&filling.text(template)))
                })
                .collect();
            let kind = "application/x-www-form-urlencoded";
            Some((kind, Bytes::from(pairs.join("&"))))
        }
    }
}

/// What stands unescaped in a query or in a path segment: RFC 3986's unreserved characters.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Escapes a text for a query or for a path segment.
pub(crate) fn escape(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

impl App {
    /// Sends an operation, with `query` in addition to its own.
    pub(super) fn send(
        &mut self,
        operation: &Operation,
        query: &[(String, String)],
        filling: &Filling,
        purpose: Purpose,
    ) -> RequestId {
        let mut query = query.to_vec();
        if matches!(purpose, Purpose::Load(_))
            && self.quirks.has(Quirk::TokenInQuery)
            && let Some(access) = &filling.access
        {
            query.push(("access_token".into(), access.expose().into()));
        }
        let target = target(operation, &query, filling);
        let mut headers = vec![("accept".to_owned(), "application/json".to_owned())];
        let authorize = (operation.authorized && filling.access.is_some())
            .then_some(&self.contract.session.authorize);
        for (name, template) in authorize.into_iter().chain(&operation.headers) {
            headers.push((name.clone(), filling.text(template)));
        }
        let body = payload(operation, filling).map(|(kind, bytes)| {
            headers.push(("content-type".into(), kind.into()));
            bytes
        });
        let tokens = self.session.current.as_ref().map_or(0, |own| own.tokens);
        let id = self.requests.enlist(Pending { purpose, tokens });
        self.out.push(Effect::Request(Request {
            id,
            service: operation.service.clone(),
            method: operation.method.clone(),
            target,
            headers,
            body,
            timeout: if self.quirks.has(Quirk::NoTimeout) {
                QUIRKY_TIMEOUT
            } else {
                self.contract.request_timeout
            },
            channel: self.channel(),
        }));
        id
    }

    /// What the current session fills into a request.
    pub(super) fn filling(&self) -> Filling {
        self.session
            .current
            .as_ref()
            .map_or_else(Filling::default, |session| Filling {
                username: Some(session.username.to_string()),
                password: None,
                access: session.access.clone(),
                refresh: session.refresh.clone(),
            })
    }

    /// Gives a request up.
    pub(super) fn cancel(&mut self, id: RequestId) {
        if self.requests.pending.remove(&id).is_some() {
            self.out.push(Effect::Cancel(id));
        }
    }

    /// Gives up all requests of some purposes.
    pub(super) fn cancel_all(&mut self, of: impl Fn(&Purpose) -> bool) {
        let ids: Vec<RequestId> = self
            .requests
            .pending
            .iter()
            .filter(|(_, pending)| of(&pending.purpose))
            .map(|(id, _)| *id)
            .collect();
        for id in ids {
            self.cancel(id);
        }
    }

    /// Hands a reply to whoever asked; nobody did if the request was given up.
    pub(super) fn replied(&mut self, id: RequestId, reply: Reply) {
        let Some(pending) = self.requests.pending.remove(&id) else {
            return;
        };
        match pending.purpose {
            Purpose::SignIn { username, password } => {
                self.sign_in_replied(username, password, &reply);
            }
            Purpose::Refresh => {
                self.redirected_refresh(&reply);
                self.refresh_replied(&reply);
            }
            Purpose::Status => self.status_replied(&reply),
            Purpose::Load(load) => self.load_replied(load, pending.tokens, &reply),
            Purpose::SignOut | Purpose::Stray => {}
        }
    }

    /// Whether a request of some purpose is on its way.
    pub(super) fn in_flight(&self, of: impl Fn(&Purpose) -> bool) -> bool {
        self.requests
            .pending
            .values()
            .any(|pending| of(&pending.purpose))
    }

    /// Remembers how long the backend wants to be left alone, if a reply says so.
    pub(super) fn heed_retry_after(&mut self, who: &str, reply: &Reply) {
        let Reply::Answer(answer) = reply else { return };
        if !matches!(answer.status, 429 | 503) || self.quirks.has(Quirk::IgnoresRetryAfter) {
            return;
        }
        if let Some(wait) = retry::retry_after(answer.header_pairs(), self.now.unix) {
            let until = self.now.elapsed + wait;
            let own = self.holds.entry(who.to_owned()).or_default();
            *own = until.max(*own);
        }
    }

    /// How long somebody must still be left alone.
    pub(super) fn hold(&self, who: &str) -> std::time::Duration {
        self.holds
            .get(who)
            .map_or(std::time::Duration::ZERO, |until| {
                until.saturating_sub(self.now.elapsed)
            })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::app::Channel;
    use crate::domain::selector::Template;

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

    fn filling() -> Filling {
        Filling {
            username: Some("a/b?c=ü".into()),
            password: Some(Secret::new("p\"&=+ %")),
            ..Filling::default()
        }
    }

    #[test]
    fn whatever_the_user_types_stays_within_its_segment_and_its_parameter() {
        let query = [("after".to_owned(), "x&y=1#".to_owned())];
        assert_eq!(
            target(&operation(Body::Empty), &query, &filling()),
            "/users/a%2Fb%3Fc%3D%C3%BC/session?for=a%2Fb%3Fc%3D%C3%BC%20%26%20co&after=x%26y%3D1%23"
        );
    }

    #[test]
    fn a_body_is_json_or_a_form_as_the_contract_says() {
        let template = Template(json!({"p": "{password}", "none": "{refresh-token}"}));
        let (kind, bytes) = payload(&operation(Body::Json(template)), &filling()).unwrap();
        assert_eq!(kind, "application/json");
        let read: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(read, json!({"p": "p\"&=+ %", "none": null}));
        let form = Body::Form(vec![("p".into(), "{password}".into())]);
        let (kind, bytes) = payload(&operation(form), &filling()).unwrap();
        assert_eq!(kind, "application/x-www-form-urlencoded");
        assert_eq!(bytes, "p=p%22%26%3D%2B%20%25");
    }

    #[test]
    fn nothing_that_is_written_for_debugging_holds_a_secret() {
        let secrets = Filling {
            access: Some(Secret::new("tell-nobody")),
            refresh: Some(Secret::new("tell-nobody")),
            ..filling()
        };
        assert!(!format!("{secrets:?}").contains("tell-nobody"));
        let request = Request {
            id: RequestId(1),
            service: "s".into(),
            method: "GET".into(),
            target: "/a?t=tell-nobody".into(),
            headers: vec![("authorization".into(), "tell-nobody".into())],
            body: Some(Bytes::from("tell-nobody")),
            timeout: std::time::Duration::ZERO,
            channel: Channel::Verified,
        };
        assert!(!format!("{request:?}").contains("tell-nobody"));
    }
}
