//! Tokens that must not be good: used, signed out, or never good at all.

use std::time::Duration;

use super::not_asked::NotAsked;
use super::{OwnSession, Permission, Prober, forge};
use crate::domain::contract::{Operation, Resource};
use crate::domain::journal::{Flaw, Question};
use crate::domain::token;

/// The shortest grace within which a token can be sent again for sure after a while.
const SHORTEST: Duration = Duration::from_secs(3);

/// How long the harness waits for a grace to pass in real time.
const PATIENCE: Duration = Duration::from_secs(30);

impl Prober<'_> {
    /// SESSION-6: a used refresh token comes again.
    pub(super) async fn used_refresh(&mut self, permission: &Permission) {
        if let Err(why) = self.replay(permission).await {
            self.skip("SESSION-6", &why);
        }
    }

    async fn replay(&mut self, permission: &Permission) -> Result<(), NotAsked> {
        if self.environment.contract.session.refresh.is_none() {
            return Err(NotAsked::NoPart("refresh"));
        }
        let account = permission.disposable()?;
        let grace = self.environment.contract.session.reuse_grace;
        let first = self.sign_in(account).await?;
        let Some(second) = self.refresh(None, &first).await? else {
            return Err(NotAsked::NotRefreshed);
        };
        if first.bindings.refresh.is_none() || first.bindings.refresh == second.bindings.refresh {
            return Err(NotAsked::NotRotated);
        }
        let outlasts = grace > PATIENCE && !matches!(permission, Permission::Everything(_));
        let mut left = grace;
        if !grace.is_zero() {
            // As an app does that lost the answer; late enough that a grace which begins anew with
            // each use is not over when it should be. A short one leaves no time to wait.
            let late = match outlasts || grace < SHORTEST {
                true => Duration::ZERO,
                false => grace / 2,
            };
            tokio::time::sleep(late).await;
            left -= late;
            self.refresh(Some(Question::RefreshInGrace), &first).await?;
        }
        if outlasts {
            return Err(NotAsked::LongGrace(PATIENCE));
        }
        if !left.is_zero() {
            tokio::time::sleep(left + Duration::from_secs(1)).await;
        }
        let again = self.refresh(Some(Question::UsedRefresh), &first).await?;
        if again.is_none() {
            self.refresh(Some(Question::SuccessorRefresh), &second)
                .await?;
        }
        Ok(())
    }

    /// SESSION-11: what a signed-out session's tokens are still good for.
    pub(super) async fn signed_out(&mut self, permission: &Permission) {
        if let Err(why) = self.sign_out(permission).await {
            self.skip("SESSION-11", &why);
        }
    }

    async fn sign_out(&mut self, permission: &Permission) -> Result<(), NotAsked> {
        let contract = self.environment.contract.clone();
        let Some(operation) = &contract.session.sign_out else {
            return Err(NotAsked::NoPart("sign-out request"));
        };
        let own = self.sign_in(permission.disposable()?).await?;
        let given = self.given_to(&own).await;
        let reply = self.perform(None, operation, &[], own.with()).await?;
        if !reply.succeeded() {
            return Err(NotAsked::NotSignedOut(reply.status));
        }
        // The access token first: some backends end a whole session once they see one of its spent
        // refresh tokens, and would hide that the sign-out had left the access token alive.
        if contract.session.sign_out_ends_access {
            // Guards are forgotten route by route.
            for resource in given {
                let question = Question::AccessAfterSignOut;
                self.perform(Some(question), &resource.operation, &[], own.with())
                    .await?;
            }
            // Where the feed is not to be asked, what was asked before stands.
            if let Err(why) = self.ask_feed(Question::AccessAfterSignOut, &own).await {
                self.skip("SESSION-11", &why);
            }
        }
        if contract.session.refresh.is_some() && own.bindings.refresh.is_some() {
            self.refresh(Some(Question::RefreshAfterSignOut), &own)
                .await?;
        }
        Ok(())
    }

    /// The resources that this session is given: what is refused to it anyway shows nothing.
    async fn given_to(&mut self, own: &OwnSession) -> Vec<Resource> {
        let mut given = Vec::new();
        for resource in self.readable() {
            let reply = self
                .perform(None, &resource.operation, &[], own.with())
                .await;
            if reply.is_ok_and(|reply| reply.succeeded()) {
                given.push(resource);
            }
        }
        given
    }

    /// SESSION-10: tokens that nobody should accept.
    pub(super) async fn bad_tokens(&mut self, permission: &Permission, own: &OwnSession) {
        if let Err(why) = self.forged(permission, own).await {
            self.skip("SESSION-10", &why);
        }
    }

    /// Each resource is asked on its own: a guard is forgotten route by route. What a token says is
    /// read in one place for all of them, so only the first is asked with every flaw.
    async fn forged(&mut self, permission: &Permission, own: &OwnSession) -> Result<(), NotAsked> {
        let mut bad = self.bad(permission, own);
        let other = self.for_others(permission, own).await;
        bad.extend(other.map(|token| (Flaw::WrongAudience, token)));
        let mut refused = Err(NotAsked::NothingGuarded);
        for resource in self.readable() {
            let nobody = own.bearing(None);
            let question = Some(Question::NoToken);
            let reply = self
                .perform(question, &resource.operation, &[], nobody.unknown())
                .await?;
            if !reply.is_refused() {
                continue;
            }
            let question = Some(Question::GenuineToken);
            let genuine = self
                .perform(question, &resource.operation, &[], own.with())
                .await?;
            if !genuine.is_given() {
                refused = refused.or(Err(NotAsked::NotGranted {
                    resource: resource.name.clone(),
                    status: genuine.status,
                }));
                continue;
            }
            if let Some(other) = with_other_slash(&resource.operation.path) {
                let operation = Operation {
                    path: other,
                    ..resource.operation.clone()
                };
                let question = Some(Question::OtherSlash);
                self.perform(question, &operation, &[], nobody.unknown())
                    .await?;
            }
            for (flaw, token) in &bad {
                let question = Some(Question::BadToken { flaw: *flaw });
                let bearer = own.bearing(Some(token.clone()));
                self.perform(question, &resource.operation, &[], bearer.unknown())
                    .await?;
            }
            bad.retain(|(flaw, _)| shows_no_guard(*flaw) || *flaw == Flaw::WrongAudience);
            refused = Ok(());
        }
        refused
    }

    /// A token that the backend itself made for another audience, where the contract says how to get
    /// one.
    pub(super) async fn for_others(
        &mut self,
        permission: &Permission,
        own: &OwnSession,
    ) -> Option<String> {
        let contract = self.environment.contract.clone();
        let request = contract.session.other_audience.as_ref()?;
        let mut accounts = permission.readers().iter();
        let account = accounts.find(|account| account.username == own.username)?;
        let question = Some(Question::OtherAudience);
        let signed = self.sign_in_by(question, request, account).await.ok()?;
        (signed.access() != own.access()).then(|| signed.access().to_owned())
    }

    /// The tokens that nobody should accept.
    pub(super) fn bad(&self, permission: &Permission, own: &OwnSession) -> Vec<(Flaw, String)> {
        let minted = |flaw| {
            self.environment
                .mint(&own.username, flaw)
                .filter(|_| matches!(permission, Permission::Everything(_)))
        };
        let refresh = own
            .bindings
            .refresh
            .as_ref()
            .map(|token| token.expose().to_owned());
        // Whatever the contract calls it, a token that can be read is forged as such.
        let opaque = token::read(own.access()).is_none();
        let altered = |forged: Option<String>| forged.filter(|_| opaque);
        let bad = [
            (Flaw::Altered, altered(forge::altered(own.access()))),
            (Flaw::CutShort, altered(forge::cut_short(own.access()))),
            (Flaw::AlgNone, forge::unsigned(own.access())),
            (Flaw::NoSignature, forge::stripped(own.access())),
            (Flaw::ForeignSignature, forge::foreign(own.access())),
            (Flaw::RefreshToken, refresh),
            (Flaw::WrongAudience, minted(Flaw::WrongAudience)),
            (Flaw::WrongIssuer, minted(Flaw::WrongIssuer)),
            (Flaw::Expired, minted(Flaw::Expired)),
        ];
        let made = bad
            .into_iter()
            .filter_map(|(flaw, token)| Some((flaw, token?)));
        made.collect()
    }
}

/// A path with a slash at its end, or without the one that it has.
pub(super) fn with_other_slash(path: &str) -> Option<String> {
    match path.strip_suffix('/') {
        Some("") => None,
        Some(bare) => Some(bare.to_owned()),
        None => Some(format!("{path}/")),
    }
}

/// Whether who accepts such a token does not look at it at all.
fn shows_no_guard(flaw: Flaw) -> bool {
    matches!(
        flaw,
        Flaw::Altered | Flaw::NoSignature | Flaw::ForeignSignature
    )
}
