//! What is played right now: which step each scenario is in, and since when.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Where whoever plays says what it is at, for whoever watches. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Board(Arc<Mutex<Vec<Doing>>>);

/// What a scenario is at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doing {
    /// The scenario's id.
    pub scenario: String,
    /// The step, as written.
    pub step: String,
    /// Where it is written.
    pub place: String,
    /// Whether the step waits for something to come true.
    pub waits: bool,
    since: Instant,
}

impl Doing {
    /// For how long the step lasts by now.
    #[must_use]
    pub fn lasts(&self) -> Duration {
        self.since.elapsed()
    }
}

impl Board {
    /// What is played now, in the order in which it began.
    #[must_use]
    pub fn now(&self) -> Vec<Doing> {
        self.lock().clone()
    }

    /// A scenario has come to a step.
    pub(super) fn at(&self, scenario: &str, step: &str, place: &str, waits: bool) {
        let mut all = self.lock();
        let doing = Doing {
            scenario: scenario.to_owned(),
            step: step.to_owned(),
            place: place.to_owned(),
            waits,
            since: Instant::now(),
        };
        match all.iter_mut().find(|own| own.scenario == scenario) {
            Some(own) => *own = doing,
            None => all.push(doing),
        }
    }

    /// A scenario is played no more.
    pub(super) fn off(&self, scenario: &str) {
        self.lock().retain(|own| own.scenario != scenario);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Doing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_stands_there_once_with_the_latest_step_until_they_are_off() {
        let board = Board::default();
        board.at("one", "do: launch", "line 3", false);
        board.at("two", "do: launch", "line 3", false);
        board.at("one", "expect: { screen: overview }", "line 4", true);
        let names = |all: Vec<Doing>| {
            let names = all.into_iter().map(|own| (own.scenario, own.place));
            names.collect::<Vec<_>>()
        };
        let pair = |id: &str, place: &str| (id.to_owned(), place.to_owned());
        assert_eq!(
            names(board.now()),
            [pair("one", "line 4"), pair("two", "line 3")]
        );
        board.off("one");
        assert_eq!(names(board.now()), [pair("two", "line 3")]);
    }
}
