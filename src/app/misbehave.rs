//! What only quirks send: requests and frames that no careful app would ever make.
//!
//! They are made of the contract's own lists, so no path or event of any app stands here.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::bindings::Bindings;
use crate::domain::contract::{Body, Operation, Realtime, RequestPattern, is_safe};
use crate::domain::secret::Secret;
use crate::domain::selector::Template;

use super::answer::Reply;
use super::effect::{Channel, Effect, OpenSocket, SocketId};
use super::requests::Purpose;
use super::timers::Timer;
use super::{App, Quirk};

mod inheritance;
mod pollers;
mod wasteful;

/// How long after sign-out the last request is sent.
const REST: Duration = Duration::from_secs(6);
/// How often a socket that was sent away comes back at once, and after what time.
const RETURNS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(20);
/// How long a feed has brought changes when one of them cannot be handled.
const UNHANDLED: Duration = Duration::from_secs(150);

/// How often a sign-in that was refused is sent again.
const REPETITIONS: u32 = 2;

/// What only quirks remember.
#[derive(Debug, Default)]
pub(super) struct QuirkState {
    /// Whether what is done once a process was done.
    done: bool,
    /// What the requests of the session that was signed out were made with.
    leftover: Option<Bindings>,
    /// The users that signed in, for as long as they are two at most.
    users: Vec<Arc<str>>,
    /// The second socket.
    twin: Option<SocketId>,
    /// Whether the socket is not wanted any more.
    gave_up: bool,
    /// How often a sign-in that was refused was sent again.
    repeated: u32,
    /// The page of a list that was asked for last.
    page: Option<String>,
    pollers: pollers::Pollers,
    inheritance: inheritance::Inheritance,
}

/// A path in a form that servers may take for the same one: a doubled slash, and the first letter
/// of the last segment escaped without need.
fn disguise(path: &str) -> String {
    let (folder, last) = path.rsplit_once('/').unwrap_or(("", path));
    let mut letters = last.chars();
    let last = match letters.next() {
        Some(first) if first.is_ascii_alphanumeric() => {
            format!("%{:02X}{}", first as u32, letters.as_str())
        }
        _ => last.to_owned(),
    };
    format!("/{folder}//{last}")
}

impl App {
    /// Once a process, when data flows for the first time.
    pub(super) fn misbehave(&mut self) {
        if std::mem::replace(&mut self.quirk_state.done, true) {
            return;
        }
        let contract = Arc::clone(&self.contract);
        let forbidden = contract.scope.forbid.first().map(|own| self.call(own));
        let read = contract.resources.first().map(|own| own.operation.clone());
        if self.quirks.has(Quirk::CallsForbidden)
            && let Some(operation) = &forbidden
        {
            self.send_stray(operation);
        }
        if self.quirks.has(Quirk::DisguisedWrite)
            && let Some(operation) = &forbidden
        {
            self.send_stray(&Operation {
                path: disguise(&operation.path),
                ..operation.clone()
            });
        }
        if self.quirks.has(Quirk::UndeclaredWrite)
            && let Some(read) = &read
            && let Some(method) = self.undeclared_method(read)
        {
            self.send_stray(&Operation {
                method: method.into(),
                body: Body::Json(Template(serde_json::json!({}))),
                ..read.clone()
            });
        }
        if self.quirks.has(Quirk::DisguisedRead)
            && let Some(read) = &read
        {
            self.send_stray(&Operation {
                path: disguise(&read.path),
                ..read.clone()
            });
        }
        self.send_undefined();
        self.spread_refresh_token();
    }

    /// A quirk: a read whose token was not there when its header was written.
    fn send_undefined(&mut self) {
        let contract = Arc::clone(&self.contract);
        let mut resources = contract.resources.iter();
        if self.quirks.has(Quirk::SendsUndefined)
            && let Some(read) = resources.find(|own| own.operation.authorized)
        {
            let bindings = Bindings {
                access: Some(Secret::new("undefined")),
                ..self.bindings()
            };
            self.send(&read.operation, &[], &bindings, Purpose::Stray);
        }
    }

    /// A quirk: a read whose headers hold more of the session than it needs.
    fn spread_refresh_token(&mut self) {
        let contract = Arc::clone(&self.contract);
        let mut resources = contract.resources.iter();
        if self.quirks.has(Quirk::SpreadsRefreshToken)
            && let Some(read) = resources.find(|own| own.operation.authorized)
        {
            let mut read = read.operation.clone();
            let header = ("x-renewal".to_owned(), "{refresh-token}".to_owned());
            read.headers.push(header);
            self.send_stray(&read);
        }
    }

    /// A quirk: a start that is told of a maintenance reads its first screen all the same.
    pub(super) fn load_into_maintenance(&mut self) {
        if !self.quirks.has(Quirk::LoadsIntoMaintenance) || self.session.current.is_none() {
            return;
        }
        let contract = Arc::clone(&self.contract);
        let home = contract.screens.first();
        let names = home.iter().flat_map(|screen| &screen.resources);
        for resource in names.filter_map(|name| contract.resource(name)) {
            self.send_stray(&resource.operation);
        }
    }

    /// A quirk: what a refused sign-in was made with is kept.
    pub(super) fn kept_to_repeat(&self, password: &Secret) -> Option<Secret> {
        let repeats = self.quirks.has(Quirk::RepeatsRefusedSignIn);
        repeats.then(|| password.clone())
    }

    /// A quirk: a sign-in that was refused is sent again.
    pub(super) fn repeat_refused(&mut self, username: String, password: Option<Secret>) {
        if self.quirks.has(Quirk::RepeatsRefusedSignIn)
            && self.quirk_state.repeated < REPETITIONS
            && let Some(password) = password
        {
            self.quirk_state.repeated += 1;
            self.sign_in(username, password);
        }
    }

    /// Somebody has signed in.
    pub(super) fn remember_user(&mut self, username: &Arc<str>) {
        let users = &mut self.quirk_state.users;
        if users.len() < 2 && !users.contains(username) {
            users.push(Arc::clone(username));
        }
    }

    /// A quirk: for the second user, what is somebody's own is not read.
    pub(super) fn reads_nothing_anew(&self, resource: usize) -> bool {
        let own = &self.contract.resources[resource];
        let identity = self.contract.session.identity.as_ref();
        let is_own = own.personal || identity.is_some_and(|id| id.resource == own.name);
        is_own && self.quirks.has(Quirk::ReadsNothingAnew) && self.quirk_state.users.len() > 1
    }

    /// A quirk: a second socket beside the first, once a process.
    pub(super) fn open_twin(&mut self, open: &OpenSocket) {
        if self.quirks.has(Quirk::TwoSockets) && self.quirk_state.twin.is_none() {
            let socket = self.next_socket();
            self.quirk_state.twin = Some(socket);
            self.out.push(Effect::OpenSocket(OpenSocket {
                socket,
                ..open.clone()
            }));
        }
    }

    /// Whether this is the second socket.
    pub(super) fn is_twin(&self, socket: SocketId) -> bool {
        self.quirk_state.twin == Some(socket)
    }

    /// A quirk: a new socket without a question and without a pause, a few times.
    pub(super) fn returns_at_once(&mut self) -> bool {
        let returns = self.quirks.has(Quirk::ReturnsAtOnce) && self.feed.reopens < RETURNS;
        if returns {
            self.close_socket();
            self.feed.reopens += 1;
            self.set_timer(Timer::Reopen, PAUSE);
            self.await_fallback();
        }
        returns
    }

    /// A quirk: the socket is not wanted any more.
    pub(super) fn give_socket_up(&mut self) {
        self.quirk_state.gave_up = true;
        self.close_socket();
    }

    /// Whether the socket is not wanted any more.
    pub(super) fn has_given_up(&self) -> bool {
        self.quirk_state.gave_up
    }

    /// A quirk: minutes into a feed, an error that nobody handles takes the screen away.
    pub(super) fn has_gone_blank(&self) -> bool {
        let lasts = self.now.elapsed.saturating_sub(self.feed.connected_at);
        self.quirks.has(Quirk::GoesBlank) && self.feed.connected && lasts >= UNHANDLED
    }

    /// A quirk: something is still to be asked with the session that was signed out.
    pub(super) fn keep_leftover(&mut self, bindings: &Bindings) {
        if self.quirks.has(Quirk::GoesOnAfterSignOut) {
            self.quirk_state.leftover = Some(bindings.clone());
            self.set_timer(Timer::Leftover, REST);
        }
    }

    /// A quirk: one more request for a session that is over.
    pub(super) fn send_leftover(&mut self) {
        let contract = Arc::clone(&self.contract);
        if let (Some(bindings), Some(resource)) = (
            self.quirk_state.leftover.take(),
            contract
                .resources
                .iter()
                .find(|own| own.operation.authorized),
        ) {
            self.send(&resource.operation, &[], &bindings, Purpose::Stray);
        }
    }

    /// A quirk: a redirect is followed as if it were the backend's own.
    pub(super) fn follow_redirect(&mut self, operation: &Operation, reply: &Reply) {
        let Reply::Answer(answer) = reply else { return };
        let location = answer
            .header_pairs()
            .find(|(name, _)| name.eq_ignore_ascii_case("location"))
            .filter(|_| (300..400).contains(&answer.status));
        if let Some((_, location)) = location {
            let path = match location.split_once("://") {
                Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
                None => location,
            };
            let path = path.to_owned();
            self.send_stray(&Operation {
                path,
                ..operation.clone()
            });
        }
    }

    /// A quirk: data without a session, once a process.
    pub(super) fn ask_for_data_without_session(&mut self) {
        if !self.quirks.has(Quirk::DataBeforeSession)
            || self.session.current.is_some()
            || !self.life.online
            || self.is_loading()
            || self.status.blocked
            || std::mem::replace(&mut self.quirk_state.done, true)
        {
            return;
        }
        let contract = Arc::clone(&self.contract);
        let home = contract.screens.first();
        for name in home.iter().flat_map(|screen| &screen.resources) {
            if let Some(resource) = contract.resource(name) {
                self.send_stray(&resource.operation);
            }
        }
    }

    /// A quirk: a refresh that is redirected is sent again, refresh token included, to wherever the
    /// answer says.
    pub(super) fn redirected_refresh(&mut self, reply: &Reply) {
        let Reply::Answer(answer) = reply else {
            return;
        };
        let location = answer.headers.iter().find(|(name, _)| name == "location");
        let contract = Arc::clone(&self.contract);
        if self.quirks.has(Quirk::FollowsWithTheRefresh)
            && matches!(answer.status, 307 | 308)
            && let Some((_, location)) = location
            && let Some(refresh) = &contract.session.refresh
        {
            self.send_stray(&Operation {
                path: location.clone(),
                ..refresh.operation.clone()
            });
        }
    }

    /// What a request may be sent over.
    pub(super) fn channel(&self) -> Channel {
        if self.quirks.has(Quirk::FallsBackToClear) {
            Channel::OrClear
        } else if self.quirks.has(Quirk::TrustsAnyCertificate) {
            Channel::Unverified
        } else {
            Channel::Verified
        }
    }

    fn send_stray(&mut self, operation: &Operation) {
        let bindings = self.bindings();
        self.send(operation, &[], &bindings, Purpose::Stray);
    }

    /// A request that falls under a pattern; a write, if the pattern leaves it open.
    fn call(&self, pattern: &RequestPattern) -> Operation {
        let service = pattern
            .service
            .clone()
            .or_else(|| self.contract.services.first().map(|own| own.name.clone()));
        let method = pattern.method.clone().unwrap_or_else(|| "POST".into());
        Operation {
            body: if is_safe(&method) {
                Body::Empty
            } else {
                Body::Json(Template(serde_json::json!({})))
            },
            method,
            service: service.unwrap_or_default(),
            path: pattern.path.example(),
            query: vec![],
            headers: vec![],
            authorized: true,
        }
    }

    /// A writing method that nobody declared for this path, and that is not forbidden either.
    fn undeclared_method(&self, read: &Operation) -> Option<&'static str> {
        let scope = &self.contract.scope;
        ["PATCH", "PUT", "DELETE", "POST"]
            .into_iter()
            .find(|method| {
                let lists = scope.forbid.iter().chain(&scope.allow);
                let is_listed = lists
                    .into_iter()
                    .any(|pattern| pattern.matches(method, &read.service, &read.path));
                !is_listed
                    && self
                        .contract
                        .role_of(method, &read.service, &read.path)
                        .is_none()
            })
    }

    /// A namespace that the app must not join.
    pub(super) fn namespace_not_for_it(&self) -> String {
        let scope = &self.contract.scope;
        scope
            .forbid_namespaces
            .first()
            .map_or_else(|| "/not-for-this-app".into(), Clone::clone)
    }

    /// An event that nobody declared.
    pub(super) fn undeclared_event(&self) -> String {
        let realtime = self.contract.realtime.iter();
        let declared: Vec<&str> = realtime
            .flat_map(Realtime::emits)
            .map(|emit| emit.event.as_str())
            .chain(self.contract.scope.allow_emits.iter().map(String::as_str))
            .chain(self.contract.scope.forbid_emits.iter().map(String::as_str))
            .collect();
        let mut event = "undeclared".to_owned();
        while declared.contains(&event.as_str()) {
            event.push('_');
        }
        event
    }
}

#[cfg(test)]
mod tests {
    use super::disguise;

    #[test]
    fn a_disguised_path_differs_and_means_the_same() {
        assert_eq!(disguise("/api/trade"), "//api//%74rade");
        assert_eq!(disguise("/x"), "///%78");
    }
}
