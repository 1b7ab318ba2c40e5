//! Changes that the world names: lists that gain an item, values that take turns.

use std::sync::Arc;

use serde_json::Value;

use super::LeverError;
use super::backend::{Backend, Core};
use super::data;
use super::defect::Defect;
use super::resource_state::Change;
use super::writing::{find_mut, put};
use crate::domain::contract::Resource;
use crate::domain::selector::Template;
use crate::domain::world::{Alteration, ItemMove, Recurring, Taken, Turn};

/// Of whom and of what a change is made.
#[derive(Clone, Copy)]
pub(super) enum Choice<'a> {
    /// Of every user's first item.
    First,
    /// Of any item, and where lists are not too short or too long for it.
    Any(&'a Recurring),
}

/// The letters of an id that is made up.
const ID: usize = 8;

impl Backend {
    /// Makes a change that the world names. Answers for how many users.
    pub(super) fn alter(&self, name: &str) -> Result<usize, LeverError> {
        self.make_change(&mut self.core(), name, Choice::First)
    }

    pub(super) fn make_change(
        &self,
        core: &mut Core,
        name: &str,
        choice: Choice<'_>,
    ) -> Result<usize, LeverError> {
        let nothing = |why: String| LeverError::Nothing {
            lever: name.to_owned(),
            why,
        };
        let world = Arc::clone(&core.world);
        let change = world.changes.get(name);
        let change = change.ok_or_else(|| nothing("the world names no such change".to_owned()))?;
        let (from, to) = match &change.what {
            Alteration::Move(ItemMove { from, to, .. }) => {
                let from = match from {
                    Taken::Of(name) => Some(self.known_resource(name)?),
                    Taken::OneOf(_) => None,
                };
                (from, Some(self.known_resource(to)?))
            }
            Alteration::Turn(_) => (None, None),
        };
        let made: Vec<Option<Value>> = match &change.what {
            Alteration::Move(change) => (0..core.people.len())
                .map(|user| self.move_one(core, user, change, (from, to?), choice))
                .collect(),
            Alteration::Turn(turn) => self.turn(core, turn),
        };
        let count = made.iter().flatten().count();
        if count == 0 {
            let place = from.map_or("this world", |from| from.name.as_str());
            return Err(nothing(format!("no user has anything left in `{place}`")));
        }
        let emits: &[String] = match self.has(Defect::SilentChanges) {
            true => &[],
            false => &change.emits,
        };
        for event in emits {
            let rule = self.rule(event)?;
            let about = |own: Option<&Resource>| {
                own.is_some_and(|own| rule.updates.as_ref() == Some(&own.name))
            };
            self.emit(core, rule, |core, user| {
                let taken = made[user].as_ref()?;
                let change = if about(to) {
                    Change::NewFirst
                } else if about(from) && rule.removed.is_some() {
                    Change::Lost(taken)
                } else {
                    Change::Anything
                };
                Some(self.make_up(core, user, rule, change))
            });
        }
        Ok(count)
    }

    /// Gives a user's list a new item. Answers what it was made of.
    fn move_one(
        &self,
        core: &mut Core,
        user: usize,
        change: &ItemMove,
        (from, to): (Option<&Resource>, &Resource),
        choice: Choice<'_>,
    ) -> Option<Value> {
        let now = self.clock.elapsed();
        if let Choice::Any(bounds) = choice {
            let gaining = data::find(core, Some(user), &to.name)?.items_mut(to)?;
            if gaining.len() >= bounds.up_to {
                return None;
            }
        }
        let taken = match &change.from {
            Taken::OneOf(values) => core.live.rng.choice(values).cloned(),
            Taken::Of(name) => {
                let mut rng = core.live.rng.clone();
                let state = data::find(core, Some(user), name)?;
                let items = state.items_mut(from?)?;
                let at = match choice {
                    Choice::First => (!items.is_empty()).then_some(0),
                    Choice::Any(bounds) => {
                        (items.len() > bounds.leaves).then(|| rng.usize(..items.len()))
                    }
                };
                let taken = at.map(|at| items.remove(at));
                state.changed = now;
                core.live.rng = rng;
                taken
            }
        };
        let taken = taken?;
        let item = self.new_item(core, &change.item, &taken);
        if let Some(state) = data::find(core, Some(user), &to.name) {
            state.changed = now;
            if let Some(items) = state.items_mut(to) {
                items.insert(0, item);
            }
        }
        for moved in from.into_iter().chain([to]) {
            core.follow(&self.contract, user, &moved.name);
        }
        let gaining = data::find(core, Some(user), &to.name);
        if let Some(most) = change.most
            && let Some(items) = gaining.and_then(|state| state.items_mut(to))
            && items.len() > most
        {
            items.truncate(most);
            // What is so old that it falls off moves no sum.
            core.follow_shortened(&self.contract, user, &to.name);
        }
        Some(taken)
    }

    fn new_item(&self, core: &mut Core, item: &Value, taken: &Value) -> Value {
        let unix = self.clock.unix();
        let moment =
            jiff::Timestamp::from_second(i64::try_from(unix.as_secs()).unwrap_or_default());
        let rng = &mut core.live.rng;
        let id: String = std::iter::repeat_with(|| rng.alphanumeric())
            .take(ID)
            .collect();
        Template(item.clone()).fill(&|name| match name {
            "now" => moment.as_ref().ok().map(|moment| moment.to_string().into()),
            "now-seconds" => Some(unix.as_secs().into()),
            "now-millis" => Some((unix.as_secs() * 1000).into()),
            "new-id" => Some(id.as_str().into()),
            pointer => taken.pointer(pointer).cloned(),
        })
    }

    /// Has the next values come for every user; what is shared takes its turn once.
    fn turn(&self, core: &mut Core, turn: &Turn) -> Vec<Option<Value>> {
        let now = self.clock.elapsed();
        let mut is_shared_done = false;
        let people = core.people.len();
        let turned = (0..people).map(|user| {
            let is_own = core.people[user].data.contains_key(&turn.resource);
            if is_own || !is_shared_done {
                is_shared_done |= !is_own;
                let state = data::find(core, Some(user), &turn.resource)?;
                let (first, values) = turn.values.first()?;
                let current = find_mut(first, &mut state.answer).cloned();
                let at = values.iter().position(|own| Some(own) == current.as_ref());
                let next = at.map_or(0, |at| (at + 1) % values.len());
                for (place, values) in &turn.values {
                    put(&mut state.answer, place, values.get(next)?.clone());
                }
                state.changed = now;
                core.follow(&self.contract, user, &turn.resource);
            }
            Some(Value::Null)
        });
        turned.collect()
    }
}
