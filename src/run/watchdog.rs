//! How long a supervisor waits for its scenario.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// What a supervisor hears.
pub(super) enum News<T> {
    /// The scenario's thread has ended: with a result, or by a panic.
    Ended(Option<T>),
    /// The run was interrupted.
    Interrupted,
}

/// How long a scenario may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Until it counts as stuck.
    pub(super) limit: Duration,
    /// Once it was asked to stop.
    pub(super) grace: Duration,
}

/// How the waiting ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Waited<T> {
    /// The scenario's thread ended, soon enough.
    Ended(T),
    /// The limit passed. What the scenario came to when it was asked to stop is here, if it did.
    Stuck(Option<T>),
    /// The run was interrupted, and the scenario did not stop for it.
    Unresponsive,
    /// The scenario's thread panicked.
    Panicked,
}

/// Waits for a scenario's end: up to the limit, and from then on, or from the run's interruption,
/// only as long as putting a world back may take. `stop` asks it to stop.
pub(super) fn wait<T>(
    news: &Receiver<News<T>>,
    patience: Patience,
    stop: impl FnOnce(),
) -> Waited<T> {
    match news.recv_timeout(patience.limit) {
        Ok(News::Ended(result)) => result.map_or(Waited::Panicked, Waited::Ended),
        Ok(News::Interrupted) => match end_within(news, patience.grace) {
            Ok(result) => result.map_or(Waited::Panicked, Waited::Ended),
            Err(_) => Waited::Unresponsive,
        },
        Err(_) => {
            stop();
            Waited::Stuck(end_within(news, patience.grace).ok().flatten())
        }
    }
}

fn end_within<T>(news: &Receiver<News<T>>, grace: Duration) -> Result<Option<T>, RecvTimeoutError> {
    let due = Instant::now() + grace;
    loop {
        let left = due.saturating_duration_since(Instant::now());
        if let News::Ended(result) = news.recv_timeout(left)? {
            return Ok(result);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::mpsc;

    use super::*;

    /// A test that waits this long has failed.
    const NEVER: Duration = Duration::from_secs(3_600);

    fn patience(limit: Duration, grace: Duration) -> Patience {
        Patience { limit, grace }
    }

    #[test]
    fn an_interruption_leaves_a_scenario_that_never_ends_no_more_than_the_grace() {
        let (tell, news) = mpsc::channel::<News<u8>>();
        tell.send(News::Interrupted).unwrap();
        let waited = wait(&news, patience(NEVER, Duration::ZERO), || unreachable!());
        assert_eq!(waited, Waited::Unresponsive);
        drop(tell);
    }

    #[test]
    fn an_interrupted_scenario_that_stops_has_its_result() {
        let (tell, news) = mpsc::channel();
        for word in [News::Interrupted, News::Interrupted, News::Ended(Some(7))] {
            tell.send(word).unwrap();
        }
        let waited = wait(&news, patience(NEVER, NEVER), || unreachable!());
        assert_eq!(waited, Waited::Ended(7));
    }

    #[test]
    fn a_stuck_scenario_is_asked_to_stop_and_then_given_up() {
        let (tell, news) = mpsc::channel::<News<u8>>();
        let asked = Cell::new(false);
        let soon = patience(Duration::ZERO, Duration::ZERO);
        assert_eq!(wait(&news, soon, || asked.set(true)), Waited::Stuck(None));
        assert!(asked.get());
        let late = || tell.send(News::Ended(Some(7))).unwrap();
        let waited = wait(&news, patience(Duration::ZERO, NEVER), late);
        assert_eq!(waited, Waited::Stuck(Some(7)));
    }

    #[test]
    fn a_panic_ends_the_waiting() {
        let (tell, news) = mpsc::channel::<News<u8>>();
        tell.send(News::Ended(None)).unwrap();
        let waited = wait(&news, patience(NEVER, NEVER), || unreachable!());
        assert_eq!(waited, Waited::Panicked);
    }
}
