//! Requests on their way: what each is for, and how operations of the contract are sent.
//!
//! An answer is only looked at while its request is listed here, so what was cancelled or comes
//! from an earlier session can never be applied.

use std::collections::BTreeMap;

use crate::domain::bindings::Bindings;
use crate::domain::contract::Operation;
use crate::domain::secret::Secret;

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
    fn take(&mut self, id: RequestId) -> Option<Pending> {
        let pending = self.pending.remove(&id);
        if self.pending.is_empty() {
            // An empty map keeps the room of several, which is much of what an idle app weighs.
            self.pending = BTreeMap::new();
        }
        pending
    }

    fn enlist(&mut self, pending: Pending) -> RequestId {
        self.last += 1;
        let id = RequestId(self.last);
        self.pending.insert(id, pending);
        id
    }
}

impl App {
    /// Sends an operation, with `query` in addition to its own.
    pub(super) fn send(
        &mut self,
        operation: &Operation,
        query: &[(String, String)],
        bindings: &Bindings,
        purpose: Purpose,
    ) -> RequestId {
        let mut query = query.to_vec();
        if matches!(purpose, Purpose::Load(_))
            && self.quirks.has(Quirk::TokenInQuery)
            && let Some(access) = &bindings.access
        {
            query.push(("access_token".into(), access.expose().into()));
        }
        if matches!(purpose, Purpose::Load(_)) {
            query.extend(self.user_before());
        }
        let target = bindings.target(operation, &query);
        let mut headers = vec![("accept".to_owned(), "application/json".to_owned())];
        let authorize = (operation.authorized && bindings.access.is_some())
            .then_some(&self.contract.session.authorize);
        for (name, template) in authorize.into_iter().chain(&operation.headers) {
            headers.push((name.clone(), bindings.text(template)));
        }
        let body = bindings.payload(operation).map(|(kind, bytes)| {
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

    /// What the current session binds in a request.
    pub(super) fn bindings(&self) -> Bindings {
        self.session
            .current
            .as_ref()
            .map_or_else(Bindings::default, |session| Bindings {
                username: Some(session.username.to_string()),
                password: None,
                access: session.access.clone(),
                refresh: session.refresh.clone(),
            })
    }

    /// Gives a request up.
    pub(super) fn cancel(&mut self, id: RequestId) {
        if self.requests.take(id).is_some() {
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
        let Some(pending) = self.requests.take(id) else {
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
            let own = self.pauses.entry(who.to_owned()).or_default();
            *own = until.max(*own);
        }
    }

    /// How long somebody must still be left alone.
    pub(super) fn pause_left(&self, who: &str) -> std::time::Duration {
        self.pauses
            .get(who)
            .map_or(std::time::Duration::ZERO, |until| {
                until.saturating_sub(self.now.elapsed)
            })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::app::Channel;

    #[test]
    fn nothing_that_is_written_for_debugging_holds_a_secret() {
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
