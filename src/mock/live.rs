//! What goes on by itself while somebody develops against the world: numbers follow others, and changes happen
//! now and then.
//!
//! Numbers are worked out whenever something that they follow has moved, before anybody is told of it. So what an event
//! says, what a later read says and what sums come to agree at every moment.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Number, Value};

use super::backend::{Backend, Core, Person};
use super::changes::Choice;
use super::data;
use super::resource_state::ResourceState;
use super::writing::find_mut;
use crate::domain::contract::Contract;
use crate::domain::formula::{Given, number};
use crate::domain::world::{Follow, Live};

impl Backend {
    /// Has happen what is due. What was due several times while nobody looked happens once.
    pub(super) fn live_on(&self, core: &mut Core) {
        let now = self.clock.elapsed();
        if core.sockets.next_change.is_none_or(|due| due > now) {
            return;
        }
        let live = Arc::clone(&core.live.live);
        for (at, change) in live.changes.iter().enumerate() {
            if core.live.due[at] > now {
                continue;
            }
            core.live.due[at] = core.live.next(now, change.every);
            // Where lists are too short or too long for it nothing happens this time.
            let _ = self.make_change(core, &change.change, Choice::Any(change));
        }
        core.sockets.next_change = core.live.due.iter().min().copied();
    }
}

impl Core {
    /// Begins with the world as it is now.
    pub(super) fn begin_live(&mut self, contract: &Contract, now: Duration) {
        let live = match self.live.is_on {
            true => self.world.live.clone(),
            false => Live::default(),
        };
        self.live.due = Vec::new();
        for change in &live.changes {
            let due = self.live.next(now, change.every);
            self.live.due.push(due);
        }
        self.sockets.next_change = self.live.due.iter().min().copied();
        self.live.live = Arc::new(live);
        self.live.differences.clear();
        let live = Arc::clone(&self.live.live);
        for user in 0..self.people.len() {
            for (at, follow) in live.follows.iter().enumerate() {
                self.begin(contract, at, follow, user);
            }
        }
    }

    /// Works out what follows a resource that has moved for a user, or for all where it is everybody's.
    pub(super) fn follow(&mut self, contract: &Contract, user: usize, moved: &str) {
        if !self.live.live.follows.is_empty() {
            for user in self.concerned(user, moved) {
                self.follow_for(contract, user, moved, true);
            }
        }
    }

    /// Works out what follows a resource that an operator has written. A number that moves with others stays as it was
    /// written and moves from there; one that a formula says is what that comes to.
    pub(super) fn follow_edited(&mut self, contract: &Contract, user: usize, edited: &str) {
        let live = Arc::clone(&self.live.live);
        for user in self.concerned(user, edited) {
            for (at, follow) in live.follows.iter().enumerate() {
                if follow.resource == edited && follow.moves_with {
                    self.begin(contract, at, follow, user);
                }
            }
        }
        self.follow(contract, user, edited);
    }

    /// Works out what follows a resource of which everybody was told something. That stays as it was told.
    pub(super) fn follow_pushed(&mut self, contract: &Contract, moved: &str) {
        let live = Arc::clone(&self.live.live);
        for user in 0..self.people.len() {
            for (at, follow) in live.follows.iter().enumerate() {
                if follow.resource == moved && follow.moves_with {
                    self.begin(contract, at, follow, user);
                }
            }
            self.follow_for(contract, user, moved, false);
        }
    }

    /// Has every number be what it is, although a list that it moves with has become shorter.
    pub(super) fn follow_shortened(&mut self, contract: &Contract, user: usize, list: &str) {
        let live = Arc::clone(&self.live.live);
        for user in self.concerned(user, list) {
            for (at, follow) in live.follows.iter().enumerate() {
                let lists = follow.formula.lists();
                if follow.moves_with && lists.iter().any(|own| own == list) {
                    self.begin(contract, at, follow, user);
                }
            }
        }
    }

    /// Whom it concerns that a resource of this user has moved.
    fn concerned(&self, user: usize, moved: &str) -> std::ops::Range<usize> {
        match self.people.get(user) {
            Some(person) if person.data.contains_key(moved) => user..user + 1,
            _ => 0..self.people.len(),
        }
    }

    fn follow_for(&mut self, contract: &Contract, user: usize, moved: &str, own: bool) {
        let live = Arc::clone(&self.live.live);
        let mut moved = vec![moved];
        for (at, follow) in live.follows.iter().enumerate() {
            let is_own = moved.contains(&follow.resource.as_str());
            let lists = follow.formula.lists();
            let follows = is_own || lists.iter().any(|name| moved.contains(&name.as_str()));
            let is_left = !own && follow.resource == moved[0];
            if !follows || is_left {
                continue;
            }
            let difference = self.live.differences.get(&(at, user));
            let difference = difference.copied().unwrap_or_default();
            let values = self.worked_out(contract, follow, user);
            let values = values.into_iter().map(|value| Some(value? + difference));
            if self.write(contract, follow, user, values.collect()) {
                moved.push(&follow.resource);
            }
        }
    }

    /// A number begins to follow: it is what its formula comes to, or from now on differs from that by as much as it does.
    fn begin(&mut self, contract: &Contract, at: usize, follow: &Follow, user: usize) {
        let values = self.worked_out(contract, follow, user);
        if !follow.moves_with {
            self.write(contract, follow, user, values);
            return;
        }
        let state = data::find(self, Some(user), &follow.resource);
        let is = state.and_then(|state| find_mut(&follow.number, &mut state.answer));
        let is = is.and_then(|own| number(own, &follow.words));
        if let (Some(is), Some(Some(comes_to))) = (is, values.first()) {
            let difference = (at, user);
            self.live.differences.insert(difference, is - comes_to);
        }
    }

    /// What a formula comes to for each item of its resource, or for the whole.
    fn worked_out(&self, contract: &Contract, follow: &Follow, user: usize) -> Vec<Option<f64>> {
        let Some(Person { data, .. }) = self.people.get(user) else {
            return Vec::new();
        };
        let state = |name: &str| data.get(name).or_else(|| self.shared.get(name));
        let list = |name: &str| items(contract, name, state(name)?);
        let value = |at: &Value| {
            let words = &follow.words;
            let list = &list;
            follow.formula.value(&Given { at, words, list })
        };
        match (list(&follow.resource), state(&follow.resource)) {
            (Some(items), _) => items.iter().map(value).collect(),
            (None, Some(state)) => vec![value(&state.answer)],
            (None, None) => Vec::new(),
        }
    }

    /// Writes numbers where some stand already. Answers whether any is another one than before.
    fn write(
        &mut self,
        contract: &Contract,
        follow: &Follow,
        user: usize,
        values: Vec<Option<f64>>,
    ) -> bool {
        let resource = contract.resource(&follow.resource);
        let state = data::find(self, Some(user), &follow.resource);
        let (Some(resource), Some(state)) = (resource, state) else {
            return false;
        };
        let mut has_moved = false;
        let mut write = |at: &mut Value, value: Option<f64>| {
            if let (Some(slot), Some(value)) = (find_mut(&follow.number, at), value) {
                has_moved |= put_number(slot, value, follow.decimals);
            }
        };
        match resource.items {
            Some(_) => {
                let items = state.items_mut(resource).into_iter().flatten();
                items
                    .zip(values)
                    .for_each(|(item, value)| write(item, value));
            }
            None => write(&mut state.answer, values.first().copied().flatten()),
        }
        has_moved
    }
}

/// The items of a list.
fn items<'a>(contract: &Contract, name: &str, state: &'a ResourceState) -> Option<&'a [Value]> {
    let place = contract.resource(name)?.items.as_ref()?;
    Some(place.in_body(&state.answer)?.as_array()?)
}

/// Puts a number of so many decimals in the place of one, as a text where a text stands there. Answers whether it is
/// another one.
fn put_number(slot: &mut Value, value: f64, decimals: u8) -> bool {
    let scale = 10_f64.powi(decimals.into());
    // Never the zero that is written with a sign.
    let value = (value * scale).round() / scale + 0.0;
    let new = match slot {
        Value::String(_) => format!("{value:.*}", usize::from(decimals)).into(),
        Value::Number(_) if decimals == 0 => Value::from(value as i64),
        Value::Number(_) => match Number::from_f64(value) {
            Some(number) => number.into(),
            None => return false,
        },
        _ => return false,
    };
    let is_new = *slot != new;
    if is_new {
        *slot = new;
    }
    is_new
}
