//! Sign-in, refresh, sign-out: tokens handed out and taken back.

use std::time::Duration;

use serde_json::{Value, json};

use super::backend::{Backend, Core, Person};
use super::call::{Call, text};
use super::capture::{self, Captures};
use super::defect::Defect;
use super::keys::Signature;
use super::reply::Reply;
use super::sessions::{Denied, Holder};
use crate::domain::contract::{Expiry, JwtPolicy, Operation, SessionRequest, Token, TokenAnswer};
use crate::domain::journal::{Flaw, SignatureCheck};
use crate::domain::secrets::SecretKind;
use crate::domain::selector::Selector;
use crate::domain::token;

/// The issuer where the contract names none.
const ISSUER: &str = "rehearsal-mock";

/// How long a token that has ended is over: more than any leeway.
const LONG_AGO: Duration = Duration::from_secs(24 * 3600);

/// Characters of a token that only the mock can read.
const OPAQUE_LENGTH: usize = 43;

/// How much longer a defect promises that tokens live.
const PROMISE: Duration = Duration::from_secs(24 * 3600);

/// What tokens are handed out for, and where they stand in the answer.
#[derive(Clone, Copy)]
enum Grant<'a> {
    /// A new session.
    New(&'a TokenAnswer),
    /// One that goes on.
    Renewed(&'a TokenAnswer),
}

impl Backend {
    pub(super) fn sign_in(&self, found: &Captures, answer: &TokenAnswer) -> Reply {
        if self.has(Defect::SignInBroken) {
            return Reply::error(500, "internal", "something went wrong");
        }
        let session = &self.contract.session;
        let (username, password) = (text(found, "username"), text(found, "password"));
        let mut core = self.core();
        let user = core.people.iter().position(|person| {
            Some(&person.user.username) == username.as_ref()
                && Some(person.user.password.expose()) == password.as_deref()
        });
        let Some(user) = user else {
            let known = |person: &Person| Some(&person.user.username) == username.as_ref();
            if self.has(Defect::NamesUnknownUsers) && !core.people.iter().any(known) {
                return Reply::error(404, "unknown-user", "nobody has this name");
            }
            let status = session.refused_by.first().copied().unwrap_or(401);
            return Reply::error(status, "invalid-credentials", "the credentials are wrong");
        };
        let family = core.sessions.begin(user);
        self.issue(&mut core, user, family, Grant::New(answer))
    }

    pub(super) fn refresh(&self, refresh: &SessionRequest, found: &Captures, call: &Call) -> Reply {
        if self.has(Defect::RefreshBroken) {
            return Reply::error(500, "internal", "something went wrong");
        }
        let token = text(found, "refresh-token").or_else(|| self.refresh_cookie(call));
        let mut core = self.core();
        let now = self.clock.unix();
        let grace = match self.has(Defect::ForgetsGrace) {
            true => Duration::ZERO,
            false => self.contract.session.reuse_grace,
        };
        let checked = core.sessions.check_refresh(token.as_deref(), now, grace);
        if let (Err(Denied::Reused(family)), true) =
            (checked, self.has(Defect::FamilySurvivesReuse))
        {
            core.sessions.restore(family);
        }
        match checked {
            Ok(holder) => {
                if refresh.answer.refresh_token.is_some() && !self.has(Defect::RefreshReuse) {
                    core.sessions
                        .spend(token.as_deref().unwrap_or_default(), now);
                }
                let grant = Grant::Renewed(&refresh.answer);
                self.issue(&mut core, holder.user, holder.family, grant)
            }
            Err(denied) => {
                if let Denied::Reused(family) = denied {
                    self.close_sockets_of(&mut core, family);
                }
                let status = self
                    .contract
                    .session
                    .ended_by
                    .first()
                    .copied()
                    .unwrap_or(401);
                Reply::error(status, "invalid_grant", denied.reason())
            }
        }
    }

    pub(super) fn sign_out(&self, operation: &Operation, call: &Call) -> Reply {
        let now = self.clock.unix();
        let mut core = self.core();
        let access = call.access_token(&self.contract);
        let by_access = core.sessions.check(access.as_deref(), now);
        let refresh = call
            .captures(operation)
            .and_then(|found| text(&found, "refresh-token"))
            .or_else(|| self.refresh_cookie(call));
        let by_refresh = core
            .sessions
            .check_refresh(refresh.as_deref(), now, Duration::ZERO);
        let holder = match (by_access, by_refresh) {
            (Ok(holder), _) | (_, Ok(holder)) => holder,
            // RFC 7009 §2.2: a token that is no longer good is as revoked as it can be.
            (Err(_), Err(_)) if !operation.authorized => return self.signed_out(),
            (Err(denied), Err(_)) => return self.unauthorized(denied),
        };
        if !self.has(Defect::SignOutKeepsSession) {
            core.sessions.revoke(holder.family);
            self.close_sockets_of(&mut core, holder.family);
        }
        drop(core);
        self.signed_out()
    }

    fn signed_out(&self) -> Reply {
        let session = &self.contract.session;
        let mut reply = Reply::empty(204);
        let answers = std::iter::once(&session.sign_in).chain(&session.refresh);
        let mut cookies: Vec<&Selector> = answers
            .flat_map(|request| {
                let answer = &request.answer;
                std::iter::once(&answer.access_token).chain(&answer.refresh_token)
            })
            .filter(|selector| matches!(selector, Selector::Cookie(_)))
            .collect();
        cookies.dedup();
        for cookie in cookies {
            reply.put(cookie, Value::Null);
        }
        reply
    }

    /// The refresh token that came as the cookie it was set as.
    fn refresh_cookie(&self, call: &Call) -> Option<String> {
        match &self.contract.session.sign_in.answer.refresh_token {
            Some(Selector::Cookie(name)) => capture::cookie(name, &call.headers),
            _ => None,
        }
    }

    /// Hands out tokens, where the answer's selectors want them.
    fn issue(&self, core: &mut Core, user: usize, family: u64, grant: Grant<'_>) -> Reply {
        let (Grant::New(answer) | Grant::Renewed(answer)) = grant;
        let now = self.clock.unix();
        let expires = now + core.world.access_token_lifetime;
        let access = match &self.contract.session.token {
            Token::Opaque => core.opaque(OPAQUE_LENGTH),
            Token::Jwt(policy) => match self.jwt(core, user, policy, grant) {
                Ok(token) => token,
                Err(_) => return Reply::error(500, "internal", "the token could not be signed"),
            },
        };
        let mut reply = Reply::json(200, json!({}));
        let good_for = match self.has(Defect::TokensEndEarly) {
            true => core.world.access_token_lifetime / 2,
            false => core.world.access_token_lifetime,
        };
        if self.tape.get().is_some() {
            self.shown.learn(SecretKind::Access, &access);
        }
        core.sessions
            .add_access(family, access.clone(), now + good_for, now);
        if self.has(Defect::SessionInCookie) {
            reply = reply.with("set-cookie", format!("session={access}; Path=/"));
        }
        reply.put(&answer.access_token, access.into());
        if let Some(selector) = &answer.refresh_token {
            let refresh = core.opaque(OPAQUE_LENGTH);
            let ends = now + core.world.refresh_token_lifetime;
            if self.tape.get().is_some() {
                self.shown.learn(SecretKind::Refresh, &refresh);
            }
            core.sessions.add_refresh(family, refresh.clone(), ends);
            reply.put(selector, refresh.into());
        }
        let more = match self.has(Defect::LongPromise) {
            true => PROMISE,
            false => Duration::ZERO,
        };
        match &answer.expiry {
            Some(_) if self.has(Defect::NoEnd) => {}
            Some(Expiry::In(selector)) => reply.put(
                selector,
                (core.world.access_token_lifetime + more).as_secs().into(),
            ),
            Some(Expiry::At(selector)) => reply.put(selector, (expires + more).as_secs().into()),
            None => {}
        }
        reply
    }

    /// Who is believed to ask with a token that was never handed out. Only defects believe it.
    pub(super) fn believed_holder(&self, core: &Core, token: &str) -> Option<Holder> {
        let expires = Duration::MAX;
        if self.has(Defect::RefreshTokenAsAccess)
            && let Some(holder) = core.sessions.refresh_holder(token)
        {
            return Some(holder);
        }
        let (Token::Jwt(policy), Some(jwt)) = (&self.contract.session.token, token::read(token))
        else {
            return None;
        };
        let signature = token
            .rsplit_once('.')
            .map_or("", |(_, signature)| signature);
        let keys = self.signer.key_set();
        let checked = token::check(token, Some(keys), &policy.algorithms);
        let believed = match checked {
            SignatureCheck::Verified => self.has(Defect::ClaimsIgnored),
            _ if signature.is_empty() => self.has(Defect::UnsignedTokens),
            _ => self.has(Defect::SignatureIgnored),
        };
        let mut people = core.people.iter();
        let user = people.position(|person| jwt.claims["sub"] == *person.user.subject)?;
        believed.then_some(Holder {
            user,
            family: 0,
            expires,
        })
    }

    /// A token with one flaw, signed with the genuine key.
    pub(super) fn mint(&self, username: &str, flaw: Flaw) -> Option<String> {
        let Token::Jwt(policy) = &self.contract.session.token else {
            return None;
        };
        let mut core = self.core();
        let mut people = core.people.iter();
        let user = people.position(|person| person.user.username == username)?;
        let mut claims = self.claims(&mut core, user, policy, self.clock.unix());
        match flaw {
            Flaw::WrongAudience => claims["aud"] = "somebody-else".into(),
            Flaw::WrongIssuer => claims["iss"] = "https://somebody.else.example".into(),
            Flaw::Expired => {
                let ended = self
                    .clock
                    .unix()
                    .as_secs()
                    .saturating_sub(LONG_AGO.as_secs());
                claims["exp"] = ended.into();
            }
            Flaw::AlgNone
            | Flaw::NoSignature
            | Flaw::ForeignSignature
            | Flaw::RefreshToken
            | Flaw::Altered
            | Flaw::CutShort => {
                return None;
            }
        }
        self.signer.sign(&claims, Signature::Genuine).ok()
    }

    fn jwt(
        &self,
        core: &mut Core,
        user: usize,
        policy: &JwtPolicy,
        grant: Grant<'_>,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let mut claims = self.claims(core, user, policy, self.clock.unix());
        if matches!(grant, Grant::Renewed(_)) && self.has(Defect::SubjectLost) {
            claims["sub"] = Value::Null;
        }
        if self.has(Defect::ScopeNarrows) {
            claims["scope"] = match grant {
                Grant::New(_) => "read export".into(),
                Grant::Renewed(_) => "read".into(),
            };
        }
        let signature = if self.has(Defect::ForeignKey) {
            Signature::Forged
        } else {
            Signature::Genuine
        };
        self.signer.sign(&claims, signature)
    }

    fn claims(&self, core: &mut Core, user: usize, policy: &JwtPolicy, now: Duration) -> Value {
        let person = &core.people[user].user;
        let mut claims = match &person.claims {
            Value::Object(_) => person.claims.clone(),
            _ => json!({}),
        };
        let lifetime = core.world.access_token_lifetime.as_secs();
        let issued = if self.has(Defect::ExpiredAtIssue) {
            now.as_secs().saturating_sub(2 * lifetime + 3600)
        } else {
            now.as_secs()
        };
        for (claim, value) in &policy.claims {
            Selector::Pointer(claim.clone()).write(&mut claims, value.clone());
        }
        if let Some(identity) = &self.contract.session.identity {
            let subject = Selector::Pointer(identity.claim.clone());
            subject.write(&mut claims, person.subject.as_str().into());
        }
        claims["sub"] = person.subject.as_str().into();
        claims["iss"] = policy.issuer.as_deref().unwrap_or(ISSUER).into();
        if let Some(audience) = &policy.audience {
            claims["aud"] = if self.has(Defect::WrongAudience) {
                format!("not-{audience}").into()
            } else {
                audience.as_str().into()
            };
        }
        claims["iat"] = issued.into();
        claims["nbf"] = issued.into();
        claims["exp"] = (issued + lifetime).into();
        claims["jti"] = core.opaque(16).into();
        claims
    }
}
