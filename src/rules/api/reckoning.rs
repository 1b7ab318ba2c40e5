//! What time it is where the backend is: by its own dates, or by the clock of this machine.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::moment;
use crate::rules::context::Context;
use crate::rules::exchange::Ended;

/// By how many seconds a time may lie in the future.
const TOLERATED: f64 = 60.0;

/// The time at one moment of the journal in seconds since 1970, by each clock that tells it.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Reckoned {
    date: Option<Span>,
    machine: Option<Span>,
}

/// The earliest and the latest that it can be.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: f64,
    to: f64,
}

/// What the dates of each service say.
#[derive(Default)]
pub(super) struct Clocks(BTreeMap<String, Span>);

/// What a time that data carries comes to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Finding {
    Fresh,
    /// It is older than agreed, and by how much at least it lies back.
    Old {
        by: Duration,
        whose: &'static str,
    },
    /// It lies in the future.
    Ahead {
        by: Duration,
        whose: &'static str,
    },
    /// One clock calls it old or yet to come, and another does not.
    Disputed {
        by: Duration,
    },
    /// No clock tells.
    Unknown,
}

impl Clocks {
    /// Takes in the date of an answer: the moment of the journal's zero by the service's clock.
    pub(super) fn answered(&mut self, ended: &Ended<'_>, context: &Context<'_>) {
        if let Some(date) = dated(ended) {
            let zero = Span {
                from: date - context.now.as_secs_f64(),
                to: date + 1.0 - ended.opened.at().as_secs_f64(),
            };
            self.0.insert(ended.request.service.clone(), zero);
        }
    }

    /// What time it was at the service at a moment of the journal.
    pub(super) fn at(&self, service: &str, at: Duration, context: &Context<'_>) -> Reckoned {
        let date = self
            .0
            .get(service)
            .map(|zero| zero.moved_on(at, context.now));
        Reckoned {
            date,
            machine: machine(at, context.now, context),
        }
    }

    /// What time it was at the service when it made an answer.
    pub(super) fn of_answer(&self, ended: &Ended<'_>, context: &Context<'_>) -> Reckoned {
        let own = dated(ended).map(|date| Span {
            from: date,
            to: date + 1.0,
        });
        Reckoned {
            date: own,
            machine: machine(ended.opened.at(), context.now, context),
        }
    }
}

impl Span {
    /// The time between two moments of the journal, where this is the time at its zero.
    fn moved_on(self, from: Duration, to: Duration) -> Self {
        Self {
            from: self.from + from.as_secs_f64(),
            to: self.to + to.as_secs_f64(),
        }
    }

    /// What a time comes to by this clock alone.
    fn finds(self, time: f64, at_most: Duration, whose: &'static str) -> Finding {
        let (old, ahead) = (self.from - time, time - self.to);
        let by = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        if old > at_most.as_secs_f64() {
            Finding::Old { by: by(old), whose }
        } else if ahead > TOLERATED {
            Finding::Ahead {
                by: by(ahead),
                whose,
            }
        } else {
            Finding::Fresh
        }
    }
}

/// Holds a time against the clocks. The backend's own counts; where only that one objects, it may be
/// the one that is wrong.
pub(super) fn compare(reckoned: &Reckoned, time: f64, at_most: Duration) -> Finding {
    let by = |clock: Option<Span>, whose| clock.map(|clock| clock.finds(time, at_most, whose));
    let machine = by(
        reckoned.machine,
        "the clock of this machine, for want of a `Date`",
    );
    match (by(reckoned.date, "the backend's own `Date`"), machine) {
        (Some(Finding::Old { by, .. } | Finding::Ahead { by, .. }), Some(Finding::Fresh)) => {
            Finding::Disputed { by }
        }
        (Some(own), _) => own,
        (None, Some(machine)) => machine,
        (None, None) => Finding::Unknown,
    }
}

/// The date of an answer that was made for this request.
fn dated(ended: &Ended<'_>) -> Option<f64> {
    let answer = ended.by_backend()?;
    let aged = answer.headers.get("age").is_some_and(|age| age != "0");
    let date = answer.headers.get("date").filter(|_| !aged)?;
    Some(moment::date(date)?.as_duration().as_secs_f64())
}

/// The time by the clock of this machine, between two moments of the journal.
fn machine(from: Duration, to: Duration, context: &Context<'_>) -> Option<Span> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "seconds since 1970 are far below what a double counts exactly"
    )]
    let epoch = context.epoch? as f64;
    let zero = Span {
        from: epoch,
        to: epoch + 1.0,
    };
    Some(zero.moved_on(from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);

    fn span(at: f64) -> Option<Span> {
        Some(Span {
            from: at,
            to: at + 1.0,
        })
    }

    fn found(date: Option<Span>, machine: Option<Span>, time: f64) -> Finding {
        compare(&Reckoned { date, machine }, time, LIMIT)
    }

    #[test]
    fn the_backends_own_clock_counts_and_this_machines_only_without_it() {
        assert_eq!(found(span(1000.0), span(1000.0), 996.0), Finding::Fresh);
        assert!(matches!(
            found(span(1000.0), span(1000.0), 900.0),
            Finding::Old { .. }
        ));
        // The machine is ten minutes ahead, and fresh data is fresh all the same.
        assert_eq!(found(span(1000.0), span(1600.0), 999.0), Finding::Fresh);
        // It is ten minutes behind, and what is old is old.
        assert!(matches!(
            found(span(1000.0), span(400.0), 900.0),
            Finding::Old { .. }
        ));
        assert!(matches!(
            found(None, span(1000.0), 900.0),
            Finding::Old { whose, .. } if whose.contains("this machine")
        ));
        assert_eq!(found(None, None, 900.0), Finding::Unknown);
    }

    #[test]
    fn a_date_that_is_alone_in_its_opinion_may_be_the_one_that_is_wrong() {
        let disputed = found(span(1600.0), span(1000.0), 999.0);
        assert!(matches!(disputed, Finding::Disputed { .. }), "{disputed:?}");
        let disputed = found(span(400.0), span(1000.0), 999.0);
        assert!(matches!(disputed, Finding::Disputed { .. }), "{disputed:?}");
    }

    #[test]
    fn a_time_that_is_yet_to_come_is_found_beyond_a_minute() {
        assert_eq!(found(span(1000.0), None, 1030.0), Finding::Fresh);
        assert!(matches!(
            found(span(1000.0), None, 1200.0),
            Finding::Ahead { .. }
        ));
    }
}
