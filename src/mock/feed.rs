//! Events: made up from the state that they change, and sent to those who listen.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::LeverError;
use super::backend::{Backend, Core};
use super::data;
use super::defect::Defect;
use super::resource_state::{self, Change};
use super::sockets::Peer;
use crate::domain::contract::{EventRule, Resource};
use crate::domain::world::Feed;
use crate::protocol::packet::Args;
use crate::protocol::server::{Delivery, Emit, Input, PeerId};

impl Backend {
    /// One tick of a feed.
    pub(super) fn emit_feed(&self, core: &mut Core, feed: &Feed) {
        let drift: &[_] = match self.has(Defect::FrozenValues) {
            true => &[],
            false => &feed.drift,
        };
        if let Ok(rule) = self.rule(&feed.event) {
            self.emit_made_up(core, rule, Change::Drift(drift));
        }
    }

    /// Emits an event with this payload, or with one made up from the state.
    pub(super) fn push(&self, event: &str, payload: Option<Value>) -> Result<usize, LeverError> {
        let rule = self.rule(event)?;
        let mut core = self.core();
        let core = &mut *core;
        let Some(payload) = payload else {
            let feeds = Arc::clone(&core.feeds);
            let drift = feeds.iter().find(|feed| feed.event == event);
            let change = drift.map_or(Change::Anything, |feed| Change::Drift(&feed.drift));
            return Ok(self.emit_made_up(core, rule, change));
        };
        let now = self.clock.elapsed();
        let Some(resource) = self.updated(rule) else {
            return Ok(self.emit(core, rule, |_, _| Some(payload.clone())));
        };
        // The next snapshot must hold what was pushed, for those who are away too.
        let mut said: Vec<Value> = Vec::new();
        for user in 0..core.people.len() {
            let own = core.people[user].data.get_mut(&resource.name);
            said.push(match own {
                Some(state) => {
                    state.changed = now;
                    state.absorb(resource, rule, payload.clone())
                }
                None => Value::Null,
            });
        }
        if let Some(state) = core.shared.get_mut(&resource.name) {
            state.changed = now;
            let shared = state.absorb(resource, rule, payload);
            said.iter_mut()
                .filter(|said| said.is_null())
                .for_each(|said| said.clone_from(&shared));
        }
        core.follow_pushed(&self.contract, &resource.name);
        Ok(self.emit(core, rule, |_, user| said.get_mut(user).map(Value::take)))
    }

    /// Sends an event to everybody who gets the feed. `payloads` makes it for one user; what it
    /// does not make is not sent. Answers how many sockets it went to.
    pub(super) fn emit(
        &self,
        core: &mut Core,
        rule: &EventRule,
        mut payloads: impl FnMut(&mut Core, usize) -> Option<Value>,
    ) -> usize {
        if self.withholds(core, rule) {
            return 0;
        }
        let shift = usize::from(self.has(Defect::ForeignEvents));
        let mut by_user: BTreeMap<usize, Vec<PeerId>> = BTreeMap::new();
        for (peer, Peer { user, listens, .. }) in &core.sockets.peers {
            let is_left_out = self.has(Defect::OneClientOnly) && !core.sockets.is_first(*peer);
            if *listens && !is_left_out {
                by_user.entry(*user).or_default().push(*peer);
            }
        }
        let now = self.clock.elapsed();
        let mut sent = 0;
        let mut shown = None;
        for (user, mut peers) in by_user {
            let made_for = (user + shift) % core.people.len();
            let Some(mut payload) = payloads(core, made_for) else {
                continue;
            };
            if made_for != user {
                self.renumber(core, rule, user, &mut payload);
            }
            if self.has(Defect::EverySocket) {
                self.send_to_others(core, rule, user, &payload, now);
            }
            if self.tape.get().is_some() {
                shown = Some(payload.clone());
            }
            let last = peers.pop();
            for peer in peers {
                self.send(core, peer, rule, payload.clone(), now);
                sent += 1;
            }
            if let Some(peer) = last {
                self.send(core, peer, rule, payload, now);
                sent += 1;
            }
        }
        if sent > 0 {
            self.note(
                "event",
                || json!({ "event": rule.name, "sockets": sent, "payload": shown }),
            );
            match core.emitted.get_mut(&rule.name) {
                Some(at) => *at = now,
                None => {
                    core.emitted.insert(rule.name.clone(), now);
                }
            }
            self.settle(core);
        }
        sent
    }

    /// Sends what one user is told to everybody else who listens.
    fn send_to_others(
        &self,
        core: &mut Core,
        rule: &EventRule,
        user: usize,
        payload: &Value,
        now: Duration,
    ) {
        let peers = core.sockets.peers.iter();
        let others = peers.filter(|(_, peer)| peer.listens && peer.user != user);
        let others: Vec<(PeerId, usize)> = others.map(|(id, peer)| (*id, peer.user)).collect();
        for (peer, other) in others {
            let mut payload = payload.clone();
            self.renumber(core, rule, other, &mut payload);
            self.send(core, peer, rule, payload, now);
        }
    }

    /// Gives somebody else's change the number that the user's own would have had.
    fn renumber(&self, core: &mut Core, rule: &EventRule, user: usize, payload: &mut Value) {
        if let (Some(selector), Some(resource)) = (&rule.sequence, self.updated(rule))
            && let Some(own) = core.people[user].data.get_mut(&resource.name)
        {
            own.sequence += 1;
            selector.write(payload, own.sequence.into());
        }
    }

    fn send(&self, core: &mut Core, peer: PeerId, rule: &EventRule, payload: Value, now: Duration) {
        let emit = Emit {
            name: rule.name.clone(),
            args: Args::none().and(payload),
            ack: None,
            delivery: Delivery::Buffered,
        };
        if self.has(Defect::SendsTwice) {
            let emit = emit.clone();
            let server = &mut core.sockets.board.server;
            server.handle(Input::Emit { peer, emit }, now);
        }
        core.sockets
            .board
            .server
            .handle(Input::Emit { peer, emit }, now);
    }

    /// Emits an event whose payload is made up. What is shared moves once, what is a user's own
    /// once for each user who listens.
    pub(super) fn emit_made_up(
        &self,
        core: &mut Core,
        rule: &EventRule,
        change: Change<'_>,
    ) -> usize {
        let own = |core: &Core, user: usize| {
            let name = rule.updates.as_deref();
            name.is_some_and(|name| core.people[user].data.contains_key(name))
        };
        let mut shared: Option<Value> = None;
        self.emit(core, rule, |core, user| {
            if own(core, user) {
                return Some(self.make_up(core, user, rule, change));
            }
            if shared.is_none() {
                shared = Some(self.make_up(core, user, rule, change));
            }
            shared.clone()
        })
    }

    pub(super) fn make_up(
        &self,
        core: &mut Core,
        user: usize,
        rule: &EventRule,
        change: Change<'_>,
    ) -> Value {
        let mut payload = self.compose(core, user, rule, change);
        self.date_event(rule, &mut payload);
        payload
    }

    fn compose(&self, core: &mut Core, user: usize, rule: &EventRule, change: Change<'_>) -> Value {
        let now = self.clock.elapsed();
        let note = |sequence: u64| {
            resource_state::compose(
                rule,
                Value::Null,
                rule.sequence.as_ref().map(|selector| (selector, sequence)),
            )
        };
        let Some(resource) = self.updated(rule) else {
            // Nothing is shown that this could be compared with, so the moment is as good a position.
            return note(now.as_millis().try_into().unwrap_or(u64::MAX));
        };
        let Core {
            people,
            shared,
            rng,
            ..
        } = core;
        let own = people[user].data.get_mut(&resource.name);
        let Some(state) = own.or_else(|| shared.get_mut(&resource.name)) else {
            return json!({});
        };
        state.changed = now;
        state.sequence += u64::from(self.has(Defect::SkippedNumbers));
        let moved = state.step(resource, rule, change, rng);
        core.follow(&self.contract, user, &resource.name);
        match data::find(core, Some(user), &resource.name) {
            Some(state) => state.say(resource, rule, moved),
            None => json!({}),
        }
    }

    fn updated(&self, rule: &EventRule) -> Option<&Resource> {
        self.contract.resource(rule.updates.as_deref()?)
    }

    pub(super) fn known_resource(&self, name: &str) -> Result<&Resource, LeverError> {
        self.contract
            .resource(name)
            .ok_or_else(|| LeverError::Unknown {
                kind: "resource",
                name: name.to_owned(),
            })
    }

    pub(super) fn rule(&self, event: &str) -> Result<&EventRule, LeverError> {
        let mut rules = self
            .contract
            .realtime
            .iter()
            .flat_map(|realtime| &realtime.events);
        rules
            .find(|rule| rule.name == event)
            .ok_or_else(|| LeverError::Unknown {
                kind: "event",
                name: event.to_owned(),
            })
    }
}
