//! The harness's own sessions.

use serde_json::Value;

use super::not_asked::NotAsked;
use super::{Prober, With};
use crate::domain::bindings::Bindings;
use crate::domain::contract::{Expiry, SessionRequest, TokenAnswer};
use crate::domain::journal::Question;
use crate::domain::secret::{Account, Secret};
use crate::domain::selector::Selector;
use crate::domain::{moment, token};
use crate::run::call::Reply;

/// A session that the harness opened.
#[derive(Debug, Clone)]
pub(crate) struct OwnSession {
    /// What its account signs in with.
    pub(super) username: String,
    /// Its tokens, to fill requests with.
    pub(super) bindings: Bindings,
    /// When its access token ends, in seconds since 1970, as far as that can be read.
    pub(super) ends: Option<u64>,
    /// Whether that was past when it was handed out.
    pub(super) is_stillborn: bool,
}

impl OwnSession {
    pub(super) fn with(&self) -> With<'_> {
        With::of(&self.bindings)
    }

    /// As `with`, on a connection on which nobody is known.
    pub(super) fn unknown(&self) -> With<'_> {
        With {
            connection: "nobody",
            ..self.with()
        }
    }

    /// The same session with another token in the place of the access token.
    pub(super) fn bearing(&self, token: Option<String>) -> Self {
        let mut other = self.clone();
        other.bindings.access = token.map(Secret::new);
        other
    }

    pub(super) fn access(&self) -> &str {
        self.bindings.access.as_ref().map_or("", Secret::expose)
    }
}

impl Prober<'_> {
    /// By what a backend may know a session's account: what it signs in with, and the subject of its
    /// token and of its profile, where the contract says how they are found.
    pub(super) async fn names(&mut self, own: &OwnSession) -> Vec<String> {
        let contract = self.environment.contract.clone();
        let identity = contract.session.identity.as_ref();
        let claim = identity.map_or("/sub", |identity| &identity.claim);
        let token = token::read(own.access());
        let claimed = token.and_then(|token| token.claims.pointer(claim).cloned());
        let profile = identity.and_then(|own| contract.resource(&own.resource));
        let said = match identity.and_then(|own| own.subject.as_ref()).zip(profile) {
            Some((subject, profile)) => {
                let operation = &profile.operation;
                let reply = self.perform(None, operation, &[], own.with()).await.ok();
                reply.and_then(|reply| subject.in_answer(reply.pairs(), reply.json().as_ref()))
            }
            None => None,
        };
        let mut names = vec![own.username.clone()];
        for subject in [claimed, said].into_iter().flatten() {
            let name = match subject {
                Value::String(text) => text,
                Value::Number(number) => number.to_string(),
                _ => continue,
            };
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Opens a session as this account, as the contract says.
    pub(in crate::run) async fn sign_in(
        &mut self,
        account: &Account,
    ) -> Result<OwnSession, NotAsked> {
        let contract = self.environment.contract.clone();
        self.sign_in_by(None, &contract.session.sign_in, account)
            .await
    }

    /// Opens a session as this account, by this sign-in.
    pub(super) async fn sign_in_by(
        &mut self,
        question: Option<Question>,
        request: &SessionRequest,
        account: &Account,
    ) -> Result<OwnSession, NotAsked> {
        let bindings = Bindings {
            username: Some(account.username.clone()),
            password: Some(account.password.clone()),
            ..Bindings::default()
        };
        let reply = self
            .perform(question, &request.operation, &[], With::of(&bindings))
            .await?;
        let tokens = tokens(&request.answer, &reply, None);
        let now = self.environment.client.recorder.clock().unix().as_secs();
        tokens
            .map(|(access, refresh)| (ends(&request.answer, &reply, &access, now), access, refresh))
            .map(|(ends, access, refresh)| OwnSession {
                ends,
                is_stillborn: ends.is_some_and(|ends| ends <= now),
                username: account.username.clone(),
                bindings: Bindings {
                    username: Some(account.username.clone()),
                    password: None,
                    access: Some(access),
                    refresh,
                },
            })
            .ok_or_else(|| NotAsked::NotSignedIn {
                account: account.name.clone(),
                status: reply.status,
            })
    }

    /// Exchanges a session's refresh token; nothing when it is refused.
    pub(super) async fn refresh(
        &mut self,
        question: Option<Question>,
        own: &OwnSession,
    ) -> Result<Option<OwnSession>, NotAsked> {
        let contract = self.environment.contract.clone();
        let Some(request) = &contract.session.refresh else {
            return Err(NotAsked::NoPart("refresh"));
        };
        let reply = self
            .perform(question, &request.operation, &[], own.with())
            .await?;
        let kept = own.bindings.refresh.clone();
        Ok(
            tokens(&request.answer, &reply, kept).map(|(access, refresh)| OwnSession {
                ends: None,
                is_stillborn: false,
                username: own.username.clone(),
                bindings: Bindings {
                    access: Some(access),
                    refresh,
                    ..own.bindings.clone()
                },
            }),
        )
    }
}

/// When an access token ends: as its own `exp` says, else as the answer beside it does.
fn ends(answer: &TokenAnswer, reply: &Reply, access: &Secret, now: u64) -> Option<u64> {
    let own = token::read(access.expose()).and_then(|token| token.claims.get("exp")?.as_u64());
    let said = || {
        let body = reply.json();
        let find = |selector: &Selector| selector.in_answer(reply.pairs(), body.as_ref());
        match answer.expiry.as_ref()? {
            Expiry::In(selector) => Some(moment::number(&find(selector)?)? as u64 + now),
            Expiry::At(selector) => Some(moment::unix(&find(selector)?)? as u64),
        }
    };
    own.or_else(said)
}

/// The tokens in an answer.
fn tokens(
    answer: &TokenAnswer,
    reply: &Reply,
    kept: Option<Secret>,
) -> Option<(Secret, Option<Secret>)> {
    if !reply.succeeded() {
        return None;
    }
    let body = reply.json();
    let find = |selector: &Selector| match selector.in_answer(reply.pairs(), body.as_ref())? {
        Value::String(text) if !text.is_empty() => Some(Secret::new(text)),
        _ => None,
    };
    let access = find(&answer.access_token)?;
    let refresh = answer.refresh_token.as_ref().and_then(find).or(kept);
    Some((access, refresh))
}
