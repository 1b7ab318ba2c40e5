//! The harness's own sessions.

use serde_json::Value;

use super::not_asked::NotAsked;
use super::{Prober, With};
use crate::domain::bindings::Bindings;
use crate::domain::contract::TokenAnswer;
use crate::domain::journal::Question;
use crate::domain::secret::{Account, Secret};
use crate::domain::selector::Selector;
use crate::run::call::Reply;

/// A session that the harness opened.
#[derive(Debug, Clone)]
pub(crate) struct OwnSession {
    /// What its account signs in with.
    pub(super) username: String,
    /// Its tokens, to fill requests with.
    pub(super) bindings: Bindings,
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
    /// Opens a session as this account, as the contract says.
    pub(super) async fn sign_in(&mut self, account: &Account) -> Result<OwnSession, NotAsked> {
        let contract = self.environment.contract.clone();
        let request = &contract.session.sign_in;
        let bindings = Bindings {
            username: Some(account.username.clone()),
            password: Some(account.password.clone()),
            ..Bindings::default()
        };
        let reply = self
            .perform(None, &request.operation, &[], With::of(&bindings))
            .await?;
        let tokens = tokens(&request.answer, &reply, None);
        tokens
            .map(|(access, refresh)| OwnSession {
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
