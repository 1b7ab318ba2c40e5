//! API-13: conditional requests, of every route that may be kept: with the validator that an answer was
//! given with, at once and after what lives has moved.

use std::time::Duration;

use bytes::Bytes;

use super::not_asked::NotAsked;
use super::{OwnSession, Permission, Prober, RESOURCES};
use crate::domain::contract::{Operation, Role};
use crate::domain::journal::Question;
use crate::run::call::Reply;

/// How long what lives is given to move.
const MOVES: Duration = Duration::from_secs(2);

/// How often what has moved is asked for with the validator of what it was.
const TIMES: u32 = 3;

/// What an answer was given with, as the header that asks whether it is still so.
#[derive(Debug, Clone)]
pub(crate) struct Validator(String, String);

impl Validator {
    /// The validator of an answer: its entity tag, else its date of change.
    pub(super) fn of(reply: &Reply) -> Option<Self> {
        let find = |name: &str| reply.pairs().find(|(own, _)| *own == name);
        let asks = |asks: &str, (_, value): (&str, &str)| Self(asks.to_owned(), value.to_owned());
        find("etag")
            .map(|tag| asks("if-none-match", tag))
            .or_else(|| find("last-modified").map(|date| asks("if-modified-since", date)))
    }
}

impl Prober<'_> {
    /// Asks for everything that may be kept whether it has changed. `switched` is what the kill-switch
    /// was given with while it was on.
    pub(super) async fn conditionally(
        &mut self,
        permission: &Permission,
        switched: Option<Validator>,
    ) -> Result<(), NotAsked> {
        let first = permission.readers().first().ok_or(NotAsked::NoAccount)?;
        let own = self.sign_in(first).await?;
        if let Some(switched) = switched {
            self.is_off(&own, &switched).await;
        }
        let mut given = Vec::new();
        for operation in self.kept() {
            if let Some((validator, body)) = self.given(&operation, &own).await {
                self.is_unchanged(&operation, &validator, &own).await;
                given.push((operation, validator, body));
            }
        }
        if given.is_empty() {
            return Err(NotAsked::NoValidator);
        }
        tokio::time::sleep(MOVES).await;
        for (operation, validator, body) in given {
            let now = self.given(&operation, &own).await;
            if now.is_none_or(|(_, now)| now == body) {
                continue;
            }
            for _ in 0..TIMES {
                self.is_unchanged(&operation, &validator, &own).await;
                self.given(&operation, &own).await;
            }
        }
        Ok(())
    }

    /// Asks for the kill-switch alone, once it is off again.
    pub(super) async fn switch_is_off(
        &mut self,
        permission: &Permission,
        switched: &Validator,
    ) -> Result<(), NotAsked> {
        let first = permission.readers().first().ok_or(NotAsked::NoAccount)?;
        let own = self.sign_in(first).await?;
        self.is_off(&own, switched).await;
        Ok(())
    }

    /// Asks for the kill-switch, which is off again, with the validator that it had while it was on.
    async fn is_off(&mut self, own: &OwnSession, validator: &Validator) {
        let contract = self.environment.contract.clone();
        if let Some(switch) = &contract.kill_switch {
            self.given(&switch.operation, own).await;
            self.is_unchanged(&switch.operation, validator, own).await;
        }
    }

    /// Every route whose answers may be kept.
    fn kept(&self) -> Vec<Operation> {
        let contract = &self.environment.contract;
        let may_be_kept = |role: &Role, operation: &Operation| {
            operation.method == "GET"
                && matches!(
                    role,
                    Role::Resource(_) | Role::Status | Role::Keys | Role::Health
                )
        };
        contract
            .operations()
            .filter(|(role, operation)| may_be_kept(role, operation))
            .take(RESOURCES)
            .map(|(_, operation)| operation.clone())
            .collect()
    }

    /// Asks plainly. Answers what came, and its validator.
    pub(super) async fn given(
        &mut self,
        operation: &Operation,
        own: &OwnSession,
    ) -> Option<(Validator, Bytes)> {
        let question = Some(Question::Validator);
        let reply = self.perform(question, operation, &[], own.with()).await;
        let reply = reply.ok().filter(|reply| reply.status == 200)?;
        Some((Validator::of(&reply)?, reply.body))
    }

    /// Asks whether it is still what it was.
    pub(super) async fn is_unchanged(
        &mut self,
        operation: &Operation,
        Validator(header, value): &Validator,
        own: &OwnSession,
    ) {
        let mut with = own.with();
        with.headers.push((header.clone(), value.clone()));
        // What is not answered says nothing of it.
        let question = Some(Question::Unchanged);
        let _ = self.perform(question, operation, &[], with).await;
    }
}
