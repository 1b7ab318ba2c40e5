//! SESSION-10 and API-9: a token that was good once, after its end.
//!
//! The mock makes such tokens when it is asked to. Of a deployment one is held until its end, if that
//! is near, or its tokens are declared over by the lever.

use std::time::Duration;

use super::maintenance::bystander;
use super::not_asked::NotAsked;
use super::{OwnSession, Permission, Prober};
use crate::domain::change::{Change, Lever};
use crate::domain::contract::Resource;
use crate::domain::journal::{Flaw, Question};
use crate::operator::Command;

/// How long the harness waits for a token's end when the app is gone.
pub(super) const PATIENCE: Duration = Duration::from_secs(45);

/// How much longer than its end and the leeway a token is held.
const SURELY: Duration = Duration::from_secs(5);

/// The leeway of a backend whose tokens nobody else can read.
const LEEWAY: Duration = Duration::from_secs(30);

impl Prober<'_> {
    /// Signs in before the app starts, as an account that it does not use, to hold a token until its
    /// end. Where that cannot be, one is asked for later.
    pub(crate) async fn hold(
        &mut self,
        permission: &Permission,
        in_use: &[String],
    ) -> Option<OwnSession> {
        match permission {
            Permission::Some { .. } => {
                let account = bystander(permission, in_use).ok()?;
                self.sign_in(account).await.ok()
            }
            Permission::Everything(_) | Permission::Nothing { .. } => None,
        }
    }

    /// Asks for data, and for the feed, with a token that is over.
    pub(super) async fn expired_token(
        &mut self,
        permission: &Permission,
        held: Option<OwnSession>,
    ) -> Result<(), NotAsked> {
        if !matches!(permission, Permission::Some { .. }) {
            return Ok(());
        }
        let (own, given) = match self.still_good(held).await? {
            Some(held) => held,
            None => {
                let first = permission.readers().first().ok_or(NotAsked::NoAccount)?;
                let own = self.sign_in(first).await?;
                let given = self.guarded(&own).await?;
                (own, given)
            }
        };
        self.outlive(&own).await?;
        for resource in &given {
            let flaw = Flaw::Expired;
            let question = Some(Question::BadToken { flaw });
            self.perform(question, &resource.operation, &[], own.unknown())
                .await?;
        }
        let question = Question::BadToken {
            flaw: Flaw::Expired,
        };
        self.ask_feed(question, &own).await
    }

    /// What was held, with what is given to it. The scenario's own lever may have ended it meanwhile: that
    /// nothing is given to it any more says nothing.
    async fn still_good(
        &mut self,
        held: Option<OwnSession>,
    ) -> Result<Option<(OwnSession, Vec<Resource>)>, NotAsked> {
        let Some(own) = held else { return Ok(None) };
        match self.guarded(&own).await {
            Ok(given) => Ok(Some((own, given))),
            Err(NotAsked::NothingGuarded) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// The resources that are refused without a token and given to this one.
    async fn guarded(&mut self, own: &OwnSession) -> Result<Vec<Resource>, NotAsked> {
        let nobody = own.bearing(None);
        let mut given = Vec::new();
        for resource in self.readable() {
            let operation = &resource.operation;
            let question = Some(Question::NoToken);
            let reply = self
                .perform(question, operation, &[], nobody.unknown())
                .await?;
            let question = Some(Question::GenuineToken);
            let genuine = self.perform(question, operation, &[], own.with()).await?;
            if reply.is_refused() && genuine.is_given() {
                given.push(resource);
            }
        }
        match given.is_empty() {
            true => Err(NotAsked::NothingGuarded),
            false => Ok(given),
        }
    }

    /// Waits until a token is over, or has the lever say so.
    async fn outlive(&self, own: &OwnSession) -> Result<(), NotAsked> {
        let token = &self.environment.contract.session.token;
        let leeway = token.leeway().unwrap_or(LEEWAY);
        let now = self.environment.client.recorder.clock().unix();
        let over = own
            .ends
            .map(|ends| Duration::from_secs(ends) + leeway + SURELY);
        // Where tokens are over when they are handed out, what is said of their end is wrong, and
        // nothing follows from it.
        if own.is_stillborn {
            return Err(NotAsked::NeverGood);
        }
        let left = over.map(|over| over.saturating_sub(now));
        if let Some(left) = left.filter(|left| *left <= PATIENCE) {
            tokio::time::sleep(left).await;
            return Ok(());
        }
        let lever = Command::Lever(Lever::ExpireTokens);
        if self.environment.lacks(&lever).is_some() {
            return Err(NotAsked::OutlivesRun);
        }
        let moved = self.environment.set(&Change::ExpireTokens).await;
        moved.map_err(|_| NotAsked::OutlivesRun)
    }
}
