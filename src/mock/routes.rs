//! From a request to its answer: dispatch by the contract's roles.

use http::Response;
use serde_json::json;

use super::backend::Backend;
use super::call::Call;
use super::defect::Defect;
use super::reply::{Body, Reply};
use super::sessions::Denied;
use super::target;
use crate::domain::contract::{Contract, Operation, Role};
use crate::domain::token;

/// Seconds after which a client that was refused for maintenance may ask again.
const RETRY_AFTER: &str = "5";

/// Nobody may keep an answer.
pub(super) const NOT_KEPT: &str = "no-store";

/// What a request turned out to be.
pub(super) enum Route {
    /// It is answered.
    Answer(Reply),
    /// It belongs to the realtime machine.
    Realtime,
}

impl Backend {
    /// Decides what a request is, and answers it unless it is for the realtime machine.
    pub(super) fn route(&self, service: &str, call: &Call) -> Route {
        let contract = &self.contract;
        if let Some(reply) = self.forbidden(service, call) {
            return Route::Answer(reply);
        }
        if let Some(reply) = self.other_client(service, call) {
            return Route::Answer(reply);
        }
        let Some(role) = call.role(contract, service) else {
            return Route::Answer(nothing(contract, service, call));
        };
        let open = role == Role::Realtime && self.has(Defect::SocketDuringMaintenance);
        if role.is_data()
            && !open
            && let Some(refusal) = self.refusal()
        {
            return Route::Answer(refusal);
        }
        let Some(operation) = contract.operation(&role) else {
            return if self.has(Defect::SocketsRefused) {
                Route::Answer(Reply::error(404, "not-found", "there is no such endpoint"))
            } else {
                Route::Realtime
            };
        };
        Route::Answer(match &role {
            Role::SignIn | Role::Refresh => self.for_all_hosts(self.tokens(call), call),
            Role::SignOut => self.sign_out(operation, call),
            Role::Status | Role::Health | Role::Keys => {
                if operation.authorized
                    && let Err(denied) = self.holder(call)
                {
                    return Route::Answer(self.unauthorized(denied));
                }
                self.validated(self.public(&role), &role, call)
            }
            Role::Resource(name) => self.resource(name, operation, call),
            Role::Realtime => return Route::Realtime,
        })
    }

    /// How long and by whom an answer to this may be kept.
    pub(super) fn caching(&self) -> &'static str {
        if self.has(Defect::CacheableData) {
            "public, max-age=60"
        } else {
            NOT_KEPT
        }
    }

    /// Who asks.
    pub(super) fn holder(&self, call: &Call) -> Result<super::sessions::Holder, Denied> {
        let token = call.access_token(&self.contract);
        let core = self.core();
        let checked = core.sessions.check(token.as_deref(), self.clock.unix());
        match (checked, token) {
            (Err(Denied::Unknown), Some(token)) => self
                .believed_holder(&core, &token)
                .ok_or_else(|| self.unknown(&token)),
            (checked, _) => checked,
        }
    }

    /// Why a token is refused that was never handed out: one that is over says so itself.
    fn unknown(&self, token: &str) -> Denied {
        let ends = token::read(token).and_then(|token| token.claims.get("exp")?.as_u64());
        match ends.is_some_and(|ends| ends < self.clock.unix().as_secs()) {
            true => Denied::Expired,
            false => Denied::Unknown,
        }
    }

    /// 401, as RFC 6750 has it.
    pub(super) fn unauthorized(&self, denied: Denied) -> Reply {
        let (_, template) = &self.contract.session.authorize;
        let scheme = template
            .split('{')
            .next()
            .map(str::trim)
            .filter(|scheme| {
                !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphabetic())
            })
            .unwrap_or("Bearer");
        if denied == Denied::Expired && self.has(Defect::ForbidsExpired) {
            return Reply::error(403, "forbidden", denied.reason());
        }
        let challenge = match denied {
            Denied::Missing => scheme.to_owned(),
            _ => format!(
                "{scheme} error=\"invalid_token\", error_description=\"{}\"",
                denied.reason()
            ),
        };
        Reply::error(401, "unauthorized", denied.reason()).with("www-authenticate", challenge)
    }

    /// The answer to something that the contract forbids, if this is that. It is counted, and
    /// refused to everybody but operators.
    fn forbidden(&self, service: &str, call: &Call) -> Option<Reply> {
        let lower = call.path.to_ascii_lowercase();
        let methods = target::methods(&call.method, &call.headers, &call.query);
        let hit = self.contract.scope.forbid.iter().any(|pattern| {
            methods.iter().any(|method| {
                pattern.matches(method, service, &call.path)
                    || pattern.matches(method, service, &lower)
            })
        });
        if !hit {
            return None;
        }
        self.core().forbidden += 1;
        let open = call.slashed && self.has(Defect::SlashWithoutGuard);
        if open || self.has(Defect::ForbiddenWritesAccepted) {
            return Some(Reply::json(200, json!({ "status": "accepted" })));
        }
        Some(match self.holder(call) {
            Err(denied) => self.unauthorized(denied),
            Ok(holder) if !self.core().people[holder.user].user.admin => {
                Reply::error(403, "forbidden", "this is not for testers")
            }
            Ok(_) => Reply::json(200, json!({ "status": "ok" })),
        })
    }

    /// The refusal of data while the kill-switch is on.
    fn refusal(&self) -> Option<Reply> {
        let status = self.contract.kill_switch.as_ref()?.data_refusal?;
        let core = self.core();
        let lingers = core.was_maintained && self.has(Defect::MaintenanceLingers);
        let refuses = core.maintenance || lingers;
        drop(core);
        (refuses && !self.has(Defect::DataDuringMaintenance)).then(|| {
            let status = match self.has(Defect::UnauthorizedInMaintenance) {
                true => 401,
                false => status,
            };
            Reply::error(status, "maintenance", "the service is being maintained")
                .with("retry-after", RETRY_AFTER)
        })
    }

    fn public(&self, role: &Role) -> Reply {
        match (role, &self.contract.kill_switch) {
            (Role::Status, Some(switch)) => {
                let on = self.core().maintenance && !self.has(Defect::StatusIgnoresSwitch);
                let reply = if on {
                    Reply::json(switch.status_on, switch.answer_on.clone())
                } else {
                    Reply::json(200, switch.answer_off.clone())
                };
                match self.has(Defect::CacheableSwitch) {
                    true => reply.with("cache-control", "max-age=300"),
                    false => reply,
                }
            }
            (Role::Keys, _) => Reply::json(200, self.signer.key_set().clone()),
            (Role::Health, _) if self.has(Defect::IllHealth) => {
                Reply::error(503, "unhealthy", "the service is not ready")
            }
            _ => Reply::json(200, json!({ "status": "ok" })),
        }
    }

    /// Signs in or refreshes. One path may serve both, so the body decides.
    fn tokens(&self, call: &Call) -> Reply {
        let session = &self.contract.session;
        let covers = |operation: &Operation| {
            [call.path.clone(), format!("{}/", call.path)]
                .iter()
                .any(|path| operation.method == call.method && operation.path == *path)
        };
        let refresh = session
            .refresh
            .as_ref()
            .filter(|refresh| covers(&refresh.operation));
        if covers(&session.sign_in.operation)
            && let Some(found) = call.captures(&session.sign_in.operation)
            && (refresh.is_none() || found.contains_key("username"))
        {
            return self.sign_in(&found, &session.sign_in.answer);
        }
        match refresh.and_then(|refresh| {
            let found = call.captures(&refresh.operation)?;
            Some(self.refresh(refresh, &found, call))
        }) {
            Some(reply) => reply,
            None => Reply::error(
                400,
                "bad-request",
                "the body is not what this endpoint takes",
            ),
        }
    }
}

/// What is said to a request that is for nothing: its path is unknown, or what it says there is.
fn nothing(contract: &Contract, service: &str, call: &Call) -> Reply {
    match call.is_known(contract, service) {
        true => Reply::error(
            400,
            "bad-request",
            "the body is not what this endpoint takes",
        ),
        false => Reply::error(404, "not-found", "there is no such endpoint"),
    }
}

/// The finished answer with its request id.
pub(super) fn finish(backend: &Backend, reply: Reply) -> Response<Body> {
    let mut response = backend.flawed(reply).finish(backend.caching());
    stamp(backend, response.headers_mut());
    response
}

/// Adds the request id that the contract promises.
pub(super) fn stamp(backend: &Backend, headers: &mut http::HeaderMap) {
    let mut id = backend.core().request_id();
    if backend.has(Defect::OneRequestId) {
        "req-000001".clone_into(&mut id);
    }
    if let Some(name) = &backend.contract.request_id
        && !backend.has(Defect::NoRequestId)
        && let (Ok(name), Ok(value)) = (
            http::HeaderName::try_from(name.as_str()),
            http::HeaderValue::try_from(id),
        )
    {
        headers.insert(name, value);
    }
}
