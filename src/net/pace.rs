//! How fast and how much a target is asked: turns that are waited for, and a number of requests.
//!
//! All that ask one target share one of it, whatever threads and runtimes they are on.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What is to happen once the budget is spent.
type Stop = Box<dyn Fn() + Send + Sync>;

/// How fast and how much a target is asked. Cheap to clone; all clones count together. Without limits it
/// only counts.
#[derive(Debug, Clone)]
pub struct Pace(Arc<Shared>);

struct Shared {
    began: Instant,
    budget: Option<u64>,
    state: Mutex<State>,
    stop: Mutex<Option<Stop>>,
}

#[derive(Debug, Default)]
struct State {
    bucket: Option<Bucket>,
    used: Used,
    spent: bool,
}

/// What was asked so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Used {
    /// Requests that went to the target.
    pub requests: u64,
    /// How long all of them together waited for their turns.
    pub waited: Duration,
}

/// That no request is left. It stands for the budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent;

impl Pace {
    /// At most so many requests a second, and so many in all.
    #[must_use]
    pub fn new(rate: Option<u32>, budget: Option<u64>) -> Self {
        Self(Arc::new(Shared {
            began: Instant::now(),
            budget,
            state: Mutex::new(State {
                bucket: rate.map(Bucket::new),
                ..State::default()
            }),
            stop: Mutex::new(None),
        }))
    }

    /// Waits until a request may be made, and says how long that took.
    pub async fn turn(&self) -> Duration {
        let wait = {
            let mut state = self.state();
            let now = self.0.began.elapsed();
            let wait = state.bucket.as_mut().map(|bucket| bucket.turn(now));
            let wait = wait.unwrap_or_default();
            state.used.waited += wait;
            wait
        };
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        wait
    }

    /// Takes one of the requests that are allowed in all.
    ///
    /// # Errors
    /// That none is left; whoever wanted to know is told when that happens first.
    pub fn spend(&self) -> Result<(), Spent> {
        {
            let mut state = self.state();
            if self.0.budget.is_none_or(|most| state.used.requests < most) {
                state.used.requests += 1;
                return Ok(());
            }
            if std::mem::replace(&mut state.spent, true) {
                return Err(Spent);
            }
        }
        let stop = self.0.stop.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stop) = &*stop {
            stop();
        }
        Err(Spent)
    }

    /// Waits for a turn with a request that is made in any case, since it puts something back, and counts it.
    pub async fn turn_of_the_operator(&self) {
        self.turn().await;
        self.state().used.requests += 1;
    }

    /// Says who is to know when the budget is spent, in place of whoever was to know before.
    pub fn when_spent(&self, stop: impl Fn() + Send + Sync + 'static) {
        *self.0.stop.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(stop));
    }

    /// The budget, once it was not enough.
    #[must_use]
    pub fn overspent(&self) -> Option<u64> {
        self.0.budget.filter(|_| self.state().spent)
    }

    /// What was asked so far.
    #[must_use]
    pub fn used(&self) -> Used {
        self.state().used
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self::new(None, None)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Shared")
            .field("budget", &self.budget)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// Gives as many turns at once as there are in a second, and after that one by one: never more than twice the
/// rate within a second, and the rate over time.
#[derive(Debug)]
struct Bucket {
    /// The time from one turn to the next.
    every: Duration,
    /// How far turns may be ahead of that.
    ahead: Duration,
    /// When the turn after the last one would be due.
    due: Duration,
}

impl Bucket {
    fn new(rate: u32) -> Self {
        let every = Duration::from_secs(1) / rate.max(1);
        Self {
            every,
            ahead: Duration::from_secs(1) - every,
            due: Duration::ZERO,
        }
    }

    /// How long the next one waits that comes now.
    fn turn(&mut self, now: Duration) -> Duration {
        let due = self.due.max(now);
        self.due = due + self.every;
        (due - now).saturating_sub(self.ahead)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn a_second_s_turns_are_there_at_once_and_then_they_come_one_by_one() {
        let mut bucket = Bucket::new(4);
        let at = |bucket: &mut Bucket, millis| {
            let wait = bucket.turn(Duration::from_millis(millis));
            wait.as_millis()
        };
        assert_eq!([(); 6].map(|()| at(&mut bucket, 0)), [0, 0, 0, 0, 250, 500]);
        assert_eq!(at(&mut bucket, 750), 0);
        // Whoever was quiet for long has no more than a second's turns.
        assert_eq!([(); 5].map(|()| at(&mut bucket, 60_000)), [0, 0, 0, 0, 250]);
    }

    #[tokio::test(start_paused = true)]
    async fn all_clones_share_turns_and_say_what_was_used() {
        let pace = Pace::new(Some(2), None);
        let began = Instant::now();
        for _ in 0..3 {
            pace.clone().turn().await;
            pace.turn().await;
            assert_eq!(pace.spend(), Ok(()));
        }
        assert_eq!(began.elapsed(), Duration::from_secs(2));
        let used = pace.used();
        assert_eq!((used.requests, used.waited), (3, Duration::from_secs(2)));
    }

    #[tokio::test]
    async fn a_budget_that_is_spent_is_told_once_and_what_puts_back_is_asked_all_the_same() {
        let pace = Pace::new(None, Some(2));
        let told = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&told);
        pace.when_spent(move || {
            count.fetch_add(1, Ordering::SeqCst);
        });
        assert_eq!([(); 2].map(|()| pace.spend()), [Ok(()), Ok(())]);
        assert_eq!((pace.overspent(), told.load(Ordering::SeqCst)), (None, 0));
        assert_eq!([(); 2].map(|()| pace.spend()), [Err(Spent), Err(Spent)]);
        assert_eq!(
            (pace.overspent(), told.load(Ordering::SeqCst)),
            (Some(2), 1)
        );
        pace.turn_of_the_operator().await;
        assert_eq!(pace.used().requests, 3);
    }
}
