//! What expectations count, from the moment their window begins and while the journal grows.
//!
//! Nothing is read back, so a count is exact however long ago its window began: old routine entries
//! are not in memory any more.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::expect::{Watch, is_negative};
use crate::domain::journal::{Entry, Observer};
use crate::domain::scenario::{Since, Step, StepKind};

/// The windows of a scenario's expectations. Clones are handles on the same ones.
#[derive(Debug, Clone)]
pub(crate) struct Windows(Arc<Mutex<Vec<Window>>>);

/// The window of one step: all that it expects, counted since the same moment.
#[derive(Debug)]
struct Window {
    step: usize,
    since: Since,
    watches: Vec<Watch>,
}

impl Windows {
    /// The windows of these steps, all of them open.
    pub(crate) fn of<'s>(steps: impl Iterator<Item = &'s Step>) -> Self {
        let windows = steps.filter_map(|step| match &step.kind {
            StepKind::Expect { all, since, .. } => Some(Window {
                step: step.number,
                since: *since,
                watches: all.iter().cloned().map(Watch::new).collect(),
            }),
            StepKind::Do(_) | StepKind::Set(_) => None,
        });
        Self(Arc::new(Mutex::new(windows.collect())))
    }

    /// Begins anew what counts since the latest change: there is a later one.
    pub(crate) fn change(&self) {
        for window in self.lock().iter_mut() {
            if window.since == Since::Change {
                window.watches.iter_mut().for_each(Watch::reset);
            }
        }
    }

    /// The latest change is in force: what must not be seen from then on begins anew. What the app
    /// sent before, it may have sent before it could know.
    pub(crate) fn in_force(&self) {
        for window in self.lock().iter_mut() {
            if window.since == Since::Change {
                let negative = |watch: &&mut Watch| is_negative(watch.expectation());
                let watches = window.watches.iter_mut();
                watches.filter(negative).for_each(Watch::reset);
            }
        }
    }

    /// Begins a step: what it counts from now on begins anew.
    pub(crate) fn begin(&self, step: usize) {
        for window in self.lock().iter_mut() {
            if window.step == step && window.since == Since::Now {
                window.watches.iter_mut().for_each(Watch::reset);
            }
        }
    }

    /// Shows what a step has counted so far.
    pub(crate) fn look<T>(&self, step: usize, at: impl FnOnce(&[Watch]) -> T) -> T {
        let windows = self.lock();
        let own = windows.iter().find(|window| window.step == step);
        at(own.map_or(&[], |window| &window.watches))
    }

    /// Ends a step's window: nobody asks for it any more.
    pub(crate) fn end(&self, step: usize) {
        self.lock().retain(|window| window.step != step);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Window>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Windows {
    fn observe(&mut self, entry: &Arc<Entry>) {
        for window in self.lock().iter_mut() {
            for watch in &mut window.watches {
                watch.observe(entry);
            }
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
    use crate::domain::scenario::{Action, Expectation, RequestMatch, Timing};

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
            line: number,
            text: String::new(),
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
        let windows = Windows::of(steps.iter());
        let mut journal = Journal::new();
        journal.watch(Box::new(windows.clone()));
        let mut exchanges = 0..;
        let mut polls = |journal: &mut Journal| {
            let next = exchanges.by_ref().take(MANY as usize);
            next.for_each(|exchange| poll(journal, exchange));
        };
        polls(&mut journal);
        windows.change();
        polls(&mut journal);
        windows.begin(4);
        polls(&mut journal);
        let seen = |step| windows.look(step, |watches| watches[0].seen());
        assert_eq!([seen(2), seen(3), seen(4)], [3 * MANY, 2 * MANY, MANY]);
        // None of them has to be seen, so what was sent while the change was made does not count.
        windows.in_force();
        assert_eq!([seen(2), seen(3), seen(4)], [3 * MANY, 0, MANY]);
        assert!(journal.entries().count() < 5_000);
        windows.end(2);
        assert_eq!(windows.look(2, <[Watch]>::len), 0);
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
            let mut watch = Watch::new(updates.clone());
            for (at, fact) in facts.into_iter().enumerate() {
                watch.observe(&Entry {
                    id: crate::domain::journal::EntryId(at as u64 + 1),
                    at: Duration::ZERO,
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
