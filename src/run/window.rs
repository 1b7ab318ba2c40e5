//! What expectations count, from the moment their window begins and while the journal grows.
//!
//! Nothing is read back, so a count is exact however long ago its window began: old routine entries
//! are not in memory any more.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::expect::{Watch, is_negative};
use crate::domain::journal::{AppFact, DataSource, Direction, Entry, Fact, Frame, Observer};
use crate::domain::scenario::{Expectation, Since, Step, StepKind};

/// The windows of a scenario's expectations. Clones are handles on the same ones.
///
/// Only those are open that count by now: whatever counts from the beginning, what follows the latest
/// change up to the next one, and the step that is played. So an entry costs the same in a scenario of
/// thousands of steps.
#[derive(Debug, Clone, Default)]
pub(crate) struct Windows(Arc<Mutex<Open>>);

#[derive(Debug, Default)]
struct Open {
    /// Those that count from the beginning, one for each step as written.
    whole: Vec<Window>,
    /// Those that count from the latest change, for the steps before the next one.
    recent: Vec<Window>,
    /// That of the step that is played, if it counts from its own beginning.
    now: Option<Window>,
    /// Each device, and what it has read.
    devices: Vec<(Option<String>, Connected)>,
}

/// What was read since the feed was connected last. The first thing that is read of a resource then is
/// the snapshot that follows a connect.
#[derive(Debug, Clone, Default)]
struct Connected {
    ever: bool,
    read: BTreeSet<String>,
}

impl Connected {
    /// Whether what an expectation waits for may still come as a part of the snapshot.
    fn is_snapshot_due(&self, expectation: &Expectation) -> bool {
        match expectation {
            Expectation::Updates(resource) => self.ever && !self.read.contains(resource),
            _ => self.ever,
        }
    }

    fn observe(&mut self, fact: &Fact) {
        match fact {
            Fact::Frame {
                direction: Direction::Down,
                packet: Frame::Connect { .. },
                ..
            } => {
                self.ever = true;
                self.read.clear();
            }
            Fact::App(AppFact::Shown {
                resource,
                source: DataSource::Request,
                ..
            }) => {
                self.read.insert(resource.clone());
            }
            _ => {}
        }
    }
}

/// The window of one step: all that it expects, counted since the same moment.
#[derive(Debug)]
struct Window {
    step: usize,
    /// The device that it is about, as a place among the scenario's.
    on: usize,
    watches: Vec<Watch>,
}

impl Windows {
    /// The windows of a scenario with these devices that begins: of all these steps, those that count from
    /// the beginning.
    pub(crate) fn of<'s>(devices: &[String], steps: impl Iterator<Item = &'s Step>) -> Self {
        let windows = Self::default();
        {
            let mut open = windows.lock();
            let named = devices.iter().cloned().map(Some);
            let named = named.chain(devices.is_empty().then_some(None));
            open.devices = named.map(|name| (name, Connected::default())).collect();
            for step in steps {
                if !open.whole.iter().any(|own| own.step == step.number) {
                    let window = open.window(step, Since::Start);
                    open.whole.extend(window);
                }
            }
        }
        windows
    }

    /// What counts since the latest change begins anew: there is a later one, and these steps come after
    /// it, up to the next one.
    pub(crate) fn change<'s>(&self, next: impl Iterator<Item = &'s Step>) {
        let mut open = self.lock();
        open.recent.clear();
        for step in next {
            if !open.recent.iter().any(|own| own.step == step.number) {
                let window = open.window(step, Since::Change);
                open.recent.extend(window);
            }
        }
    }

    /// The latest change is in force: what must not be seen from then on begins anew. What the app
    /// sent before, it may have sent before it could know.
    pub(crate) fn in_force(&self) {
        for window in &mut self.lock().recent {
            let negative = |watch: &&mut Watch| is_negative(watch.expectation());
            let watches = window.watches.iter_mut();
            watches.filter(negative).for_each(Watch::reset);
        }
    }

    /// Begins a step: what it counts from now on begins anew.
    pub(crate) fn begin(&self, step: &Step) {
        let mut open = self.lock();
        open.now = open.window(step, Since::Now);
    }

    /// Shows what a step has counted so far.
    pub(crate) fn look<T>(&self, step: usize, at: impl FnOnce(&[Watch]) -> T) -> T {
        let open = self.lock();
        let mut all = open.now.iter().chain(&open.recent).chain(&open.whole);
        let own = all.find(|window| window.step == step);
        at(own.map_or(&[], |window| &window.watches))
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// The window of a step that counts from such a moment.
    fn window(&self, step: &Step, from: Since) -> Option<Window> {
        let StepKind::Expect { all, since, .. } = &step.kind else {
            return None;
        };
        let watches = all.iter().map(|expectation| {
            let device = self.devices.get(step.on);
            let is_snapshot_due = device.is_some_and(|(_, own)| own.is_snapshot_due(expectation));
            Watch::new(expectation.clone(), is_snapshot_due)
        });
        (*since == from).then(|| Window {
            step: step.number,
            on: step.on,
            watches: watches.collect(),
        })
    }
}
impl Observer for Windows {
    fn observe(&mut self, entry: &Arc<Entry>) {
        let mut open = self.lock();
        let Open {
            whole,
            recent,
            now,
            devices,
        } = &mut *open;
        for window in whole.iter_mut().chain(recent).chain(now) {
            let device = devices.get(window.on);
            if device.is_some_and(|(name, _)| entry.concerns(name.as_deref())) {
                for watch in &mut window.watches {
                    watch.observe(entry);
                }
            }
        }
        for (_, connected) in devices
            .iter_mut()
            .filter(|(name, _)| entry.concerns(name.as_deref()))
        {
            connected.observe(&entry.fact);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::contract::Role;
    use crate::domain::journal::{
        Answer, Answerer, Class, Content, Fact, Headers, Journal, Judgement, Request, Sender,
    };
    use crate::domain::scenario::{Action, RequestMatch, Timing};

    /// More polls than the journal keeps.
    const MANY: u64 = 6_000;

    fn poll(journal: &mut Journal, exchange: u64) {
        let request = Request {
            exchange,
            sender: Sender::Client,
            service: "trading".to_owned(),
            method: "GET".to_owned(),
            target: "/socket.io/?EIO=4&transport=polling&sid=S1".to_owned(),
            path: "/socket.io/".to_owned(),
            host: "gateway-trading".to_owned(),
            headers: Headers::default(),
            body: Content::Empty,
            role: Some(Role::Realtime),
            judgement: Judgement {
                class: Class::Allowed,
                reason: String::new(),
                non_canonical: None,
                unknown_name: false,
            },
            insecure: None,
        };
        let answer = Answer {
            exchange,
            status: 200,
            headers: Headers::default(),
            body: Content::Empty,
            from: Answerer::Backend,
            request_id: None,
            sent: Headers::default(),
            leads_past: Vec::new(),
        };
        journal.append(Duration::ZERO, Fact::Request(Box::new(request)));
        journal.append(Duration::ZERO, Fact::Answer(answer));
    }

    fn step(number: usize, since: Option<Since>) -> Step {
        let polls = Expectation::Requests {
            which: RequestMatch::Role(Role::Realtime),
            at_least: 0,
            at_most: None,
        };
        Step {
            number,
            place: format!("line {number}"),
            text: String::new(),
            on: 0,
            kind: match since {
                None => StepKind::Do(Action::Launch),
                Some(since) => StepKind::Expect {
                    all: vec![polls],
                    timing: Timing::Now,
                    since,
                },
            },
        }
    }

    #[test]
    fn every_poll_of_a_long_run_is_counted_from_where_its_window_began() {
        let steps = [
            step(1, None),
            step(2, Some(Since::Start)),
            step(3, Some(Since::Change)),
            step(4, Some(Since::Now)),
        ];
        let windows = Windows::of(&[], steps.iter());
        windows.change(steps[1..].iter());
        let mut journal = Journal::new();
        journal.watch(Box::new(windows.clone()));
        let mut exchanges = 0..;
        let mut polls = |journal: &mut Journal| {
            let next = exchanges.by_ref().take(MANY as usize);
            next.for_each(|exchange| poll(journal, exchange));
        };
        polls(&mut journal);
        windows.change(steps[1..].iter());
        polls(&mut journal);
        windows.begin(&steps[3]);
        polls(&mut journal);
        let seen = |step| windows.look(step, |watches| watches[0].seen());
        assert_eq!([seen(2), seen(3), seen(4)], [3 * MANY, 2 * MANY, MANY]);
        // None of them has to be seen, so what was sent while the change was made does not count.
        windows.in_force();
        assert_eq!([seen(2), seen(3), seen(4)], [3 * MANY, 0, MANY]);
        assert!(journal.entries().count() < 5_000);
        // The next change closes what comes before it.
        windows.change(std::iter::empty());
        windows.begin(&steps[0]);
        assert_eq!(
            [3, 4].map(|step| windows.look(step, <[Watch]>::len)),
            [0, 0]
        );
    }

    #[test]
    fn a_window_that_opens_after_a_connect_knows_what_was_read_since() {
        let fact = |fact: serde_json::Value| serde_json::from_value::<Fact>(fact).unwrap();
        let connected = fact(
            serde_json::json!({"frame": {"socket": 1, "direction": "down", "transport": "polling", "bytes": 2,
                "packet": {"connect": {"namespace": "/feed", "payload": "empty"}}}}),
        );
        let read = fact(
            serde_json::json!({"app": {"shown": {"resource": "watched", "source": "request", "items": 1}}}),
        );
        let steps = [Step {
            number: 1,
            place: "line 1".to_owned(),
            text: String::new(),
            on: 0,
            kind: StepKind::Expect {
                all: vec![Expectation::Updates("watched".to_owned())],
                timing: Timing::Now,
                since: Since::Change,
            },
        }];
        let seen = |before: &[&Fact]| {
            let windows = Windows::of(&[], steps.iter());
            let mut journal = Journal::new();
            journal.watch(Box::new(windows.clone()));
            for own in before {
                journal.append(Duration::ZERO, (*own).clone());
            }
            windows.change(steps.iter());
            journal.append(Duration::ZERO, read.clone());
            windows.look(1, |watches| watches[0].seen())
        };
        assert_eq!(seen(&[]), 1);
        assert_eq!(seen(&[&connected]), 0);
        assert_eq!(seen(&[&connected, &read]), 1);
    }

    #[test]
    fn what_is_read_because_the_feed_was_connected_is_no_update() {
        let updates = Expectation::Updates("watched".to_owned());
        let fact = |fact: serde_json::Value| serde_json::from_value::<Fact>(fact).unwrap();
        let connected = || {
            fact(
                serde_json::json!({"frame": {"socket": 1, "direction": "down", "transport": "polling", "bytes": 2,
                "packet": {"connect": {"namespace": "/feed", "payload": "empty"}}}}),
            )
        };
        let shown = |source: &str| {
            fact(
                serde_json::json!({"app": {"shown": {"resource": "watched", "source": source, "items": 1}}}),
            )
        };
        let seen = |facts: Vec<Fact>| {
            let mut watch = Watch::new(updates.clone(), false);
            for (at, fact) in facts.into_iter().enumerate() {
                watch.observe(&Entry {
                    id: crate::domain::journal::EntryId(at as u64 + 1),
                    at: Duration::ZERO,
                    device: None,
                    fact,
                });
            }
            watch.seen()
        };
        assert_eq!(seen(vec![connected(), shown("request")]), 0);
        assert_eq!(seen(vec![connected(), shown("request"), shown("event")]), 1);
        assert_eq!(
            seen(vec![connected(), shown("request"), shown("request")]),
            1
        );
        assert_eq!(seen(vec![shown("request")]), 1);
    }
}
