//! Another world in the place of the one that is served, while it is served.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::backend::{Backend, Core, Person, states};
use super::resource_state::{Change, ResourceState};
use super::{StartError, feeds, readiness};
use crate::domain::contract::Apply;
use crate::domain::world::World;
use crate::protocol::server::PeerId;

impl Backend {
    /// Serves another world. What it says as the last one did stays as it has become; whoever is there in both
    /// stays signed in and connected.
    pub(super) fn reload(&self, world: Arc<World>) -> Result<Vec<String>, StartError> {
        readiness::check(&self.contract, &world)?;
        let now = self.clock.elapsed();
        let mut core = self.core();
        let core = &mut *core;
        let before = std::mem::replace(&mut core.world, Arc::clone(&world));
        let old = std::mem::take(&mut core.people);
        let place = |person: &Person| {
            let mut users = world.users.iter();
            users.position(|user| user.name == person.user.name)
        };
        let places: Vec<Option<usize>> = old.iter().map(place).collect();
        let mut old: BTreeMap<String, _> = old
            .into_iter()
            .map(|person| (person.user.name, person.data))
            .collect();
        let mut changed = BTreeSet::new();
        for user in &world.users {
            let mut person = Person::new(&self.contract, user);
            let said = before.users.iter().find(|own| own.name == user.name);
            if let Some((said, living)) = said.zip(old.remove(&user.name)) {
                let words = Words(&said.data, &user.data);
                changed.extend(words.go_on(&mut person.data, living, now));
            }
            core.people.push(person);
        }
        let shared = states(&self.contract, &world.shared);
        let living = std::mem::replace(&mut core.shared, shared);
        let words = Words(&before.shared, &world.shared);
        changed.extend(words.go_on(&mut core.shared, living, now));
        core.sessions.renumber(&places);
        self.renumber_sockets(core, &places);
        core.feeds = feeds::of(&self.contract, world.feeds.clone()).into();
        let listened = core.sockets.has_listener(None);
        let due = core.feeds.iter();
        core.sockets.feeds = due
            .map(|feed| listened.then_some(now + feed.every))
            .collect();
        core.begin_live(&self.contract, now);
        let changed: Vec<String> = changed.into_iter().collect();
        core.edits.clear("the world's file was read again");
        self.note("world", || json!({ "changed": changed }));
        self.tell_changed(core, &changed);
        self.wake_driver(core);
        Ok(changed)
    }

    /// Gives every socket the new place of its user, and closes those whose user is no more.
    fn renumber_sockets(&self, core: &mut Core, places: &[Option<usize>]) {
        let mut gone: Vec<PeerId> = Vec::new();
        for (id, peer) in &mut core.sockets.peers {
            match places.get(peer.user).copied().flatten() {
                Some(place) => peer.user = place,
                None => gone.push(*id),
            }
        }
        self.disconnect(core, gone);
    }

    /// Tells whoever listens of resources that have changed: by an event that brings all of one where the contract
    /// has such an event, else by another one that is about it. One that takes an item away says something else.
    pub(super) fn tell_changed(&self, core: &mut Core, changed: &[String]) {
        for name in changed {
            let about = || {
                let rules = self.contract.events();
                rules.filter(|rule| {
                    rule.updates.as_ref() == Some(name)
                        && rule.removed.is_none()
                        && rule.apply != Apply::Ignore
                })
            };
            let whole = about().find(|rule| rule.apply == Apply::Replace);
            if let Some(rule) = whole.or_else(|| about().next()) {
                self.emit_made_up(core, rule, Change::Anything);
            }
        }
    }
}

/// What a world has said of some resources, and what it says now.
struct Words<'a>(&'a BTreeMap<String, Value>, &'a BTreeMap<String, Value>);

impl Words<'_> {
    /// Lets resources live on of which the same is said as before. The others begin anew, and are numbered on, so
    /// that nobody takes them for old. Answers their names.
    fn go_on(
        &self,
        new: &mut BTreeMap<String, ResourceState>,
        living: BTreeMap<String, ResourceState>,
        now: Duration,
    ) -> Vec<String> {
        let Self(said, says) = self;
        let mut changed = Vec::new();
        for (name, old) in living {
            let Some(state) = new.get_mut(&name) else {
                continue;
            };
            if said.get(&name) == says.get(&name) {
                *state = old;
                continue;
            }
            state.sequence = state.sequence.max(old.sequence + 1);
            state.changed = now;
            changed.push(name);
        }
        changed
    }
}
