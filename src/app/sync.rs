//! Keeping what is shown in step with the backend: snapshots, changes, and their order.
//!
//! Changes that arrive while a resource is being read are remembered and applied once more on top
//! of the answer, so an answer never takes back what a newer change brought. After a connect they
//! are only remembered until the snapshot is there.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::domain::contract::{Apply, Contract, EventRule, Resource};
use crate::domain::journal::{AppFact, DataSource};
use crate::domain::selector::Selector;

use super::event::Answer;
use super::load::{Cause, Progress};
use super::timers::Timer;
use super::{App, Quirk, Shown};

mod age;
pub(super) mod merge;
mod pages;

use merge::Merged;

/// How many changes are remembered; a snapshot makes up for any that are dropped.
const REMEMBERED: usize = 1_000;

/// How long further events of one kind are waited for before a resource is read again.
const DEBOUNCE: Duration = Duration::from_millis(300);

/// The shortest time between two snapshots that gaps cause.
const GAP_PAUSE: Duration = Duration::from_secs(5);

/// One change that an event brought.
#[derive(Debug, Clone)]
struct Change {
    /// The event's place in the contract.
    rule: usize,
    payload: Arc<Value>,
    sequence: Option<i64>,
}

impl Change {
    fn merge_into(&self, shown: &mut Shown, resource: &Resource, rule: &EventRule) -> Merged {
        let value = Arc::make_mut(&mut shown.value);
        let merged = merge::apply(value, resource, rule, &self.payload);
        if merged != Merged::Unusable {
            shown.sequence = self.sequence.or(shown.sequence);
        }
        merged
    }
}

/// The stream of changes of one resource.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// Whether changes wait for a snapshot.
    pub(super) waits: bool,
    /// Changes since the read on its way began, or since the last connect.
    recent: VecDeque<Change>,
    /// The highest position among the changes applied since the last connect.
    position: Option<i64>,
    /// The highest position among the changes applied since the read on its way began. Neither a
    /// gap nor the loss of the connection makes an answer newer than it.
    floor: Option<i64>,
    /// When a gap last caused a snapshot.
    gap_at: Option<Duration>,
}

impl Stream {
    /// A read begins: from now on changes are remembered for its answer.
    pub(super) fn read_begins(&mut self) {
        self.floor = None;
        if !self.waits {
            self.recent.clear();
        }
    }

    /// A new connection begins a new stream.
    pub(super) fn restart(&mut self, waits: bool) {
        self.waits = waits;
        self.recent.clear();
        self.position = None;
    }

    fn remember(&mut self, change: Change) {
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(change);
    }
}

/// Where a change stands in relation to what is shown.
enum Order {
    /// It is contained already.
    Known,
    /// Nothing is missing before it.
    Next,
    /// Something between is missing.
    Gap,
}

fn order(rule: &EventRule, shown: Option<i64>, change: Option<i64>) -> Order {
    match (shown, change) {
        (Some(shown), Some(change)) if change <= shown => Order::Known,
        // A whole new state makes up for everything before it.
        (Some(shown), Some(change)) if change > shown + 1 && rule.apply == Apply::Merge => {
            Order::Gap
        }
        _ => Order::Next,
    }
}

fn rules(contract: &Contract) -> &[EventRule] {
    contract
        .realtime
        .as_ref()
        .map_or(&[], |realtime| &realtime.events)
}

fn integer(selector: &Selector, body: &Value) -> Option<i64> {
    match selector.in_body(body)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

impl App {
    /// The server emitted an event.
    pub(super) fn event_received(&mut self, name: &str, args: Vec<Value>) {
        let contract = Arc::clone(&self.contract);
        let Some(realtime) = &contract.realtime else {
            return;
        };
        let Some(number) = realtime.events.iter().position(|rule| rule.name == name) else {
            self.unexpected("an event that the contract does not have");
            return;
        };
        let rule = &realtime.events[number];
        let Some(index) = rule
            .updates
            .as_deref()
            .and_then(|name| self.resource_named(name))
        else {
            return;
        };
        match rule.apply {
            Apply::Ignore => {}
            Apply::Refetch => {
                if self.flowing && !self.timers.runs(Timer::Refetch(index)) {
                    self.set_timer(Timer::Refetch(index), DEBOUNCE);
                }
            }
            Apply::Replace | Apply::Merge => match args.into_iter().next() {
                Some(payload) => {
                    let sequence = rule
                        .sequence
                        .as_ref()
                        .and_then(|selector| integer(selector, &payload));
                    let payload = Arc::new(payload);
                    self.changed(
                        index,
                        Change {
                            rule: number,
                            payload,
                            sequence,
                        },
                    );
                }
                None => self.unexpected("an event without its payload"),
            },
        }
    }

    fn changed(&mut self, index: usize, change: Change) {
        let contract = Arc::clone(&self.contract);
        let resource = &contract.resources[index];
        let state = &mut self.data[index];
        if state.stream.waits {
            state.stream.remember(change);
            return;
        }
        if matches!(state.progress, Progress::Flying) {
            state.stream.remember(change.clone());
        }
        // It is changed where it stands: a copy of everything shown would cost more than the change.
        let Some(shown) = self.view.shown.get_mut(resource.name.as_str()) else {
            return;
        };
        let rule = &rules(&contract)[change.rule];
        match order(rule, shown.sequence, change.sequence) {
            Order::Known => {}
            Order::Gap if !self.quirks.has(Quirk::IgnoresGaps) => self.gap(index, change),
            Order::Next | Order::Gap => {
                let merged = change.merge_into(shown, resource, rule);
                if merged == Merged::Unusable {
                    if self.quirks.has(Quirk::BadEventClearsList) {
                        self.show_nothing(index, DataSource::Event);
                    }
                    return self.complain(&merged);
                }
                shown.as_of = self.now.elapsed;
                shown.stale_since = None;
                self.complain(&merged);
                let stream = &mut self.data[index].stream;
                stream.position = change.sequence.or(stream.position);
                stream.floor = stream.position.max(stream.floor);
                self.tell_shown(index, DataSource::Event);
                self.read_what_was_sent(index);
            }
        }
    }

    /// Something was missed: changes wait for a new snapshot, which is taken at once or, if it was
    /// not the first gap of late, after a pause.
    fn gap(&mut self, index: usize, change: Change) {
        let stream = &mut self.data[index].stream;
        stream.waits = true;
        stream.recent.clear();
        stream.remember(change);
        let pause = stream.gap_at.map_or(Duration::ZERO, |at| {
            (at + GAP_PAUSE).saturating_sub(self.now.elapsed)
        });
        if pause.is_zero() {
            self.data[index].stream.gap_at = Some(self.now.elapsed);
            self.want(index, Cause::Snapshot);
        } else {
            self.data[index].stream.gap_at = Some(self.now.elapsed + pause);
            self.set_timer(Timer::Refetch(index), pause);
        }
    }

    fn complain(&mut self, merged: &Merged) {
        match merged {
            Merged::Applied { aside: 0 } => {}
            Merged::Applied { .. } => self.unexpected("records of an event that cannot be used"),
            Merged::Unusable => self.unexpected("an event that cannot be used"),
        }
    }

    fn show(&mut self, index: usize, mut shown: Shown, source: DataSource) {
        if let (Some(pool), DataSource::Request) = (&self.pool, source) {
            shown.value = pool.share(shown.value);
        }
        let name = self.contract.resources[index].name.as_str();
        match self.view.shown.get_mut(name) {
            Some(own) => *own = shown,
            None => {
                self.view.shown.insert(name.into(), shown);
            }
        }
        self.tell_shown(index, source);
    }

    /// Shows that there is nothing, which only a quirk does of its own accord.
    pub(super) fn show_nothing(&mut self, index: usize, source: DataSource) {
        let contract = Arc::clone(&self.contract);
        let resource = &contract.resources[index];
        if let Some(shown) = self.view.shown.get_mut(resource.name.as_str()) {
            merge::clear(resource, Arc::make_mut(&mut shown.value));
        }
        self.tell_shown(index, source);
    }

    /// What is shown of a resource has changed.
    pub(super) fn tell_shown(&mut self, index: usize, source: DataSource) {
        let contract = Arc::clone(&self.contract);
        let resource = &contract.resources[index];
        let Some(shown) = self.view.shown.get_mut(resource.name.as_str()) else {
            return;
        };
        shown.items = merge::count(resource, &shown.value);
        let fact = AppFact::Shown {
            resource: resource.name.clone(),
            items: shown.items,
            source,
            sequence: shown.sequence,
        };
        self.view.revision += 1;
        self.journal(fact);
        if !self.timers.runs(Timer::Age) {
            self.set_timer(Timer::Age, self.contract.stale_after);
        }
    }

    /// The resources that have to be read after a connect: those that events change, and those that
    /// events only announce, if they have been read before.
    pub(super) fn missed(&self) -> Vec<usize> {
        let is_changed = |index: &usize| {
            let name = self.contract.resources[*index].name.as_str();
            self.view.shown.contains_key(name)
                || rules(&self.contract).iter().any(|rule| {
                    matches!(rule.apply, Apply::Merge | Apply::Replace)
                        && rule.updates.as_deref() == Some(name)
                })
        };
        self.covered().into_iter().filter(is_changed).collect()
    }

    /// The resources that events keep up to date.
    pub(super) fn covered(&self) -> Vec<usize> {
        let found: BTreeSet<usize> = rules(&self.contract)
            .iter()
            .filter(|rule| rule.apply != Apply::Ignore)
            .filter_map(|rule| self.resource_named(rule.updates.as_deref()?))
            .collect();
        found.into_iter().collect()
    }
}
