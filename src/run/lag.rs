//! How late the harness itself is in real time: a ticker's own timers say so.
//!
//! App, gateway and judge of a scenario share one thread. When the machine keeps that thread from running,
//! whatever is measured by its clock seems late, and nobody but the machine is to blame. What was lost
//! stands in the journal, second by second, so that whoever judges knows it.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::domain::journal::{Fact, HarnessFact};
use crate::net::Recorder;

/// How often it looks.
const TICK: Duration = Duration::from_millis(20);
/// Over how long what was lost is summed up.
const SPAN: Duration = Duration::from_secs(1);
/// Less in one span is what every machine does.
const NOTABLE: Duration = Duration::from_millis(50);

/// Looks as long as it lives.
pub(super) struct Ticker(JoinHandle<()>);

impl Ticker {
    /// Begins to look, on the runtime that it measures. What else is to be done often is done with each look.
    pub(super) fn start(recorder: &Recorder, mut beside: impl FnMut() + Send + 'static) -> Self {
        let recorder = recorder.clone();
        Self(tokio::spawn(async move {
            let mut span = Span::new();
            let mut due = Instant::now() + TICK;
            let mut began = Instant::now();
            loop {
                tokio::time::sleep_until(due).await;
                let now = Instant::now();
                span.add(now - due);
                beside();
                due = now + TICK;
                if now - began >= SPAN {
                    if let Some(lost) = span.end() {
                        let fact = HarnessFact::Lagged {
                            by_ms: millis(lost),
                            over_ms: millis(now - began),
                        };
                        recorder.record(Fact::Harness(fact));
                    }
                    began = now;
                }
            }
        }))
    }
}

impl Ticker {
    /// Looks no more.
    pub(super) fn stop(&self) {
        self.0.abort();
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop();
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// What one span has lost so far.
struct Span(Duration);

impl Span {
    fn new() -> Self {
        Self(Duration::ZERO)
    }

    /// A timer has fired so much too late. What a clock cannot resolve is none of it.
    fn add(&mut self, late: Duration) {
        const RESOLUTION: Duration = Duration::from_millis(2);
        self.0 += late.saturating_sub(RESOLUTION);
    }

    /// What was lost in all, if that is notable; the next span begins.
    fn end(&mut self) -> Option<Duration> {
        let lost = std::mem::take(&mut self.0);
        (lost >= NOTABLE).then_some(lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_tells_what_was_lost_in_it_and_nothing_of_what_every_machine_loses() {
        let mut span = Span::new();
        (0..50).for_each(|_| span.add(Duration::from_millis(1)));
        assert_eq!(span.end(), None);
        (0..10).for_each(|_| span.add(Duration::from_millis(12)));
        assert_eq!(span.end(), Some(Duration::from_millis(100)));
        assert_eq!(span.end(), None);
    }

    /// What is said in the journal to have been lost.
    fn told(recorder: &Recorder) -> Option<u64> {
        let journal = recorder.journal();
        journal.entries().find_map(|entry| match entry.fact {
            Fact::Harness(HarnessFact::Lagged { by_ms, .. }) => Some(by_ms),
            _ => None,
        })
    }

    #[tokio::test]
    async fn a_thread_that_is_kept_from_running_is_told_of_by_at_least_as_much() {
        let recorder = Recorder::new(crate::net::Clock::real_time());
        let _ticker = Ticker::start(&recorder, || {});
        tokio::task::yield_now().await;
        // Nothing else can run on this thread meanwhile.
        let kept = std::time::Instant::now();
        while kept.elapsed() < Duration::from_millis(1_200) {
            std::hint::spin_loop();
        }
        let mut lost = None;
        while lost.is_none() {
            let grown = recorder.grown();
            lost = told(&recorder);
            if lost.is_none() {
                grown.await;
            }
        }
        assert!(lost.is_some_and(|lost| lost >= 1_000), "{lost:?}");
    }
}
