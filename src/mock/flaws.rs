//! What defects make of an answer that is otherwise finished.

use std::time::Duration;

use serde_json::json;

use super::backend::Backend;
use super::call::Call;
use super::defect::Defect;
use super::reply::Reply;
use crate::domain::contract::Role;

/// How long an answer waits that is slow.
const SLOW: Duration = Duration::from_millis(1_200);

/// By how much a clock is off that is off.
const OFF: Duration = Duration::from_secs(10 * 60);

/// What a program writes when it fails, and people should never see.
const TRACE: &str = "TypeError: Cannot read properties of undefined (reading 'id')\n    \
    at Guard.check (/srv/app/guard.js:41:17)\n    at Router.handle (/srv/app/router.js:7:3)";

impl Backend {
    /// An answer as the mock gives it, with whatever its defects make of it.
    pub(super) fn flawed(&self, mut reply: Reply) -> Reply {
        if self.has(Defect::BareRefusals) {
            reply = reply.without("www-authenticate");
        }
        if self.has(Defect::VagueRetryAfter) && reply.has_header("retry-after") {
            reply = reply.without("retry-after").with("retry-after", "soon");
        }
        if reply.status == 401
            && self.has(Defect::ShowsItsInside)
            && let Some(body) = reply.body_mut()
        {
            body["trace"] = TRACE.into();
        }
        if reply.status == 401
            && self.has(Defect::ErrorsInTwoForms)
            && let Some(body) = reply.body_mut()
        {
            *body = json!({ "detail": "Unauthorized" });
        }
        reply
    }

    /// What hands tokens out, with the session as a cookie for every host below the one that was asked,
    /// if the mock has that defect.
    pub(super) fn for_all_hosts(&self, mut reply: Reply, call: &Call) -> Reply {
        if !self.has(Defect::SessionForAllHosts) {
            return reply;
        }
        let place = &self.contract.session.sign_in.answer.access_token;
        let token = reply.body_mut().and_then(|body| {
            let token = place.in_body(body)?.as_str()?;
            Some(token.to_owned())
        });
        let host = call.header("host").and_then(|host| host.split(':').next());
        match token.zip(host) {
            Some((token, host)) => reply.with(
                "set-cookie",
                format!("session={token}; Domain={host}; Path=/; Secure; HttpOnly; SameSite=Lax"),
            ),
            None => reply,
        }
    }

    /// How long an answer waits that is ready, if it does.
    pub(super) fn pause(&self, service: &str, call: &Call) -> Option<Duration> {
        if !self.has(Defect::SlowAnswers) {
            return None;
        }
        let role = self.contract.role_of(&call.method, service, &call.path);
        matches!(role, Some(Role::Resource(_))).then_some(SLOW)
    }

    /// The moment that goes into `Date`.
    pub(super) fn dated(&self) -> Duration {
        match self.has(Defect::WrongClock) {
            true => self.clock.unix() + OFF,
            false => self.clock.unix(),
        }
    }
}
