//! What was recorded, asked again of the mock: one request after the other, in virtual time, with accounts of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use self::sessions::Sessions;
use super::call::{Call, CallFailed, Reply};
use crate::domain::bindings::{Bindings, escape};
use crate::domain::contract::{Body, Contract, NextPage, Operation, Resource, Role, TokenAnswer};
use crate::domain::secret::Secret;
use crate::domain::selector::Selector;
use crate::domain::world::World;
use crate::import::{Exchange, Recording};
use crate::mock::{Mock, Pages, Settings, StartError};
use crate::net::{Clock, Net};

mod feed;
mod headers;
mod sessions;
mod verdict;

pub(crate) use verdict::{Compared, compare, evidence};

/// What the mock answered to what was recorded.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    /// In the order of the recording.
    pub(crate) asked: Vec<Asked>,
    /// What cannot be asked again, and why: lines of requests.
    pub(crate) skipped: Vec<(String, String)>,
    /// What the mock emits, by the name of the event.
    pub(crate) heard: BTreeMap<String, Vec<Value>>,
}

/// One request that was asked again.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Its number in the recording.
    pub(crate) exchange: usize,
    pub(crate) role: Role,
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) answer: Option<Value>,
}

/// Why nothing could be asked.
#[derive(Debug, thiserror::Error)]
pub enum ReplayFailed {
    /// There is no runtime.
    #[error("nothing can be replayed: {0}")]
    Runtime(std::io::Error),
    /// The mock does not start.
    #[error(transparent)]
    Mock(#[from] StartError),
    /// The mock gives no answer.
    #[error(transparent)]
    Call(#[from] CallFailed),
}

/// Asks everything again.
///
/// # Errors
/// When the mock cannot be started or does not answer.
pub(crate) fn replay(
    contract: &Arc<Contract>,
    world: &Arc<World>,
    recording: &Recording,
) -> Result<Replay, ReplayFailed> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .map_err(ReplayFailed::Runtime)?;
    runtime.block_on(async {
        let mock = Mock::start(Settings {
            contract: Arc::clone(contract),
            world: Arc::clone(world),
            clock: Clock::virtual_time(),
            net: Net::Memory,
            listeners: BTreeMap::new(),
            pages: Pages::Ignored,
            secured: None,
            faults: None,
            seed: 1,
            defects: [].into_iter().collect(),
            live: false,
        })?;
        let mut player = Player {
            contract,
            world,
            mock: &mock,
            sessions: Sessions::default(),
            names: Vec::new(),
            cursors: BTreeMap::new(),
            replay: Replay::default(),
        };
        for (number, exchange) in recording.exchanges.iter().enumerate() {
            player.ask(number, exchange).await?;
        }
        player.ensure().await?;
        let mut replay = player.replay;
        replay.heard = feed::heard(contract, &mock, player.sessions.current(), recording).await;
        Ok(replay)
    })
}

/// Whoever asks.
struct Player<'a> {
    contract: &'a Contract,
    world: &'a World,
    mock: &'a Mock,
    sessions: Sessions,
    /// The names that were signed in with, in the order in which they were first seen.
    names: Vec<String>,
    /// The last cursor that the mock gave out, by resource.
    cursors: BTreeMap<String, String>,
    replay: Replay,
}

impl Player<'_> {
    async fn ask(&mut self, number: usize, own: &Exchange) -> Result<(), ReplayFailed> {
        let contract = self.contract;
        let Some((role, service, path)) = role_of(contract, own) else {
            if own.answer.is_some() {
                self.skip(own, "the contract does not declare it");
            }
            return Ok(());
        };
        if own.status >= 500 || own.status == 429 {
            self.skip(own, "what a backend does when it fails is no shape to keep");
            return Ok(());
        }
        let Some(operation) = contract.operation(&role) else {
            return Ok(());
        };
        let mut target = path.clone();
        self.sessions.turn_to(contract, &role, own);
        match &role {
            Role::Realtime => return Ok(()),
            Role::SignIn => self.account(own),
            Role::Resource(name) => {
                self.ensure().await?;
                let resource = contract.resource(name);
                match query(own, resource, self.cursors.get(name)) {
                    Some(query) => target.push_str(&query),
                    None => {
                        self.skip(own, "the mock gives out no further cursor");
                        return Ok(());
                    }
                }
            }
            Role::Refresh | Role::SignOut => self.ensure().await?,
            Role::Status | Role::Health | Role::Keys => {
                target = self.sessions.current().target(operation, &[]);
            }
        }
        if own.status == 401 && !matches!(role, Role::SignIn) {
            self.replay_refused(number, role, operation, (&service, &target))
                .await?;
            return Ok(());
        }
        let reply = self.send(operation, &service, &target, true).await?;
        self.learn(&role, &reply);
        let session = &contract.session;
        let renewal = session.refresh.as_ref().map(|refresh| &refresh.answer);
        match role {
            Role::SignIn => self.sessions.learn(&session.sign_in.answer, own),
            Role::Refresh => renewal
                .iter()
                .for_each(|answer| self.sessions.learn(answer, own)),
            _ => {}
        }
        self.note(number, role, &reply);
        Ok(())
    }

    /// What was refused is asked without a token.
    async fn replay_refused(
        &mut self,
        number: usize,
        role: Role,
        operation: &Operation,
        (service, target): (&str, &str),
    ) -> Result<(), ReplayFailed> {
        let stranger = Bindings {
            refresh: Some(Secret::new("a-token-that-nobody-has")),
            ..Bindings::default()
        };
        let kept = std::mem::replace(self.sessions.current(), stranger);
        let reply = self.send(operation, service, target, false).await?;
        *self.sessions.current() = kept;
        self.note(number, role, &reply);
        Ok(())
    }

    /// Signs in if nobody is.
    async fn ensure(&mut self) -> Result<(), ReplayFailed> {
        if self.sessions.current().access.is_some() {
            return Ok(());
        }
        if self.sessions.current().username.is_none() {
            self.bind(0, true);
        }
        let operation = &self.contract.session.sign_in.operation;
        let target = self.sessions.current().target(operation, &[]);
        let reply = self
            .send(operation, &operation.service, &target, false)
            .await?;
        self.learn(&Role::SignIn, &reply);
        Ok(())
    }

    /// Takes the account that stands for whoever signed in; with another password if that was refused.
    fn account(&mut self, own: &Exchange) {
        let sent = own.body.as_ref().map(|body| &body.value);
        let name = username_at(&self.contract.session.sign_in.operation)
            .and_then(|pointer| sent?.pointer(&pointer)?.as_str());
        let name = name.unwrap_or_default().to_owned();
        let at = self.names.iter().position(|known| *known == name);
        let at = at.unwrap_or_else(|| {
            self.names.push(name);
            self.names.len() - 1
        });
        self.bind(at, own.succeeded());
    }

    fn bind(&mut self, at: usize, is_right: bool) {
        let Some(user) = self.world.users.get(at % self.world.users.len().max(1)) else {
            return;
        };
        *self.sessions.current() = Bindings {
            username: Some(user.username.clone()),
            password: Some(match is_right {
                true => user.password.clone(),
                false => Secret::new("not-the-password"),
            }),
            ..Bindings::default()
        };
    }

    async fn send(
        &mut self,
        operation: &Operation,
        service: &str,
        target: &str,
        authorized: bool,
    ) -> Result<Reply, ReplayFailed> {
        let bindings = self.sessions.current();
        let base = self
            .contract
            .service(service)
            .map_or("", |own| own.base_path.as_str());
        let mut headers: Vec<(String, String)> = operation
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), bindings.text(value)))
            .collect();
        if authorized && operation.authorized && bindings.access.is_some() {
            let (name, template) = &self.contract.session.authorize;
            headers.push((name.clone(), bindings.text(template)));
        }
        let call = Call {
            method: &operation.method,
            target: &format!("{base}{target}"),
            mark: "replay".to_owned(),
            headers,
            body: bindings
                .payload(operation)
                .map(|(kind, body): (_, Bytes)| (kind, body)),
        };
        Ok(call.send(self.mock.endpoint(service)).await?)
    }

    /// Takes the tokens and the cursor of an answer.
    fn learn(&mut self, role: &Role, reply: &Reply) {
        let session = &self.contract.session;
        let body = reply.json();
        match role {
            Role::SignIn if reply.succeeded() => self.tokens(&session.sign_in.answer, reply),
            Role::Refresh if reply.succeeded() => {
                if let Some(refresh) = &session.refresh {
                    self.tokens(&refresh.answer, reply);
                }
            }
            Role::SignOut if reply.succeeded() => {
                let own = self.sessions.current();
                (own.access, own.refresh) = (None, None);
            }
            Role::Resource(name) => {
                let resource = self.contract.resource(name);
                let cursor = resource.and_then(cursor_of).and_then(|(_, from)| {
                    let value = from.in_answer(reply.pairs(), body.as_ref())?;
                    value.as_str().map(str::to_owned)
                });
                match cursor {
                    Some(cursor) => self.cursors.insert(name.clone(), cursor),
                    None => self.cursors.remove(name),
                };
            }
            _ => {}
        }
    }

    fn tokens(&mut self, answer: &TokenAnswer, reply: &Reply) {
        let body = reply.json();
        let find = |selector: &Selector| match selector.in_answer(reply.pairs(), body.as_ref())? {
            Value::String(text) => Some(Secret::new(text)),
            _ => None,
        };
        let access = find(&answer.access_token);
        let refresh = answer.refresh_token.as_ref().and_then(find);
        let own = self.sessions.current();
        own.access = access;
        own.refresh = refresh.or(own.refresh.take());
    }

    fn note(&mut self, exchange: usize, role: Role, reply: &Reply) {
        self.replay.asked.push(Asked {
            exchange,
            role,
            status: reply.status,
            headers: reply.headers.clone(),
            answer: reply.json(),
        });
    }

    fn skip(&mut self, own: &Exchange, why: &str) {
        let skipped = (own.line(), why.to_owned());
        if !self.replay.skipped.contains(&skipped) {
            self.replay.skipped.push(skipped);
        }
    }
}

/// What an exchange is by the contract: its role, the service and the path below it.
fn role_of(contract: &Contract, own: &Exchange) -> Option<(Role, String, String)> {
    let found = contract.services.iter().find_map(|service| {
        let below = own.path.strip_prefix(service.base_path.as_str());
        [below, Some(own.path.as_str())]
            .into_iter()
            .flatten()
            .find_map(|path| {
                let role = contract.role_of(&own.method, &service.name, path)?;
                Some((role, service.name.clone(), path.to_owned()))
            })
    });
    let (role, service, path) = found?;
    // One path may serve both.
    let is_renewal = contract.session.refresh.as_ref().is_some_and(|refresh| {
        let sent = own.body.as_ref().map(|body| &body.value);
        refresh.operation.covers(&own.method, &service, &path)
            && place_of(&refresh.operation, "{refresh-token}")
                .is_some_and(|pointer| sent.is_some_and(|sent| sent.pointer(&pointer).is_some()))
    });
    match is_renewal {
        true => Some((Role::Refresh, service, path)),
        false => Some((role, service, path)),
    }
}

fn username_at(operation: &Operation) -> Option<String> {
    place_of(operation, "{username}")
}

/// Where a placeholder stands in a body, as a pointer.
fn place_of(operation: &Operation, wanted: &str) -> Option<String> {
    fn find(value: &Value, wanted: &str, base: &str) -> Option<String> {
        match value {
            Value::String(text) if text == wanted => Some(base.to_owned()),
            Value::Object(fields) => fields
                .iter()
                .find_map(|(name, own)| find(own, wanted, &format!("{base}/{name}"))),
            _ => None,
        }
    }
    match &operation.body {
        Body::Json(template) => find(&template.0, wanted, ""),
        Body::Form(fields) => {
            let field = fields.iter().find(|(_, value)| value == wanted);
            field.map(|(name, _)| format!("/{name}"))
        }
        Body::Empty => None,
    }
}

fn cursor_of(resource: &Resource) -> Option<(&str, &Selector)> {
    match &resource.paging.as_ref()?.next {
        NextPage::Cursor { query, from, .. } => Some((query, from)),
        _ => None,
    }
}

/// The query as it was sent, with the mock's own cursor in the place of another backend's. Nothing if it has none.
fn query(own: &Exchange, resource: Option<&Resource>, cursor: Option<&String>) -> Option<String> {
    let named = resource.and_then(cursor_of).map(|(query, _)| query);
    let mut text = String::new();
    for (name, value) in &own.query {
        let value = match named == Some(name.as_str()) {
            true => cursor?,
            false => value,
        };
        text.push(if text.is_empty() { '?' } else { '&' });
        text.push_str(&format!("{}={}", escape(name), escape(value)));
    }
    Some(text)
}
