//! NET-1, the numbers: what was agreed for one kind of attempt, and whether gaps keep to it.

use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::journal::Request;
use crate::rules::context::Context;

/// How many gaps make a series that can be judged.
pub(super) const GAPS: usize = 5;
/// How many gaps at the cap show that nothing varies there.
pub(super) const AT_CAP: usize = 4;

/// How many series of two gaps that do not grow are no chance.
pub(super) const FLAT: usize = 3;

/// What was agreed for one kind of attempt.
pub(super) struct Agreed {
    pub(super) socket: bool,
    pub(super) delay: Duration,
    pub(super) cap: Duration,
    pub(super) jitter: f64,
    /// The gap from which on an attempt is one of its own.
    pub(super) ceiling: Duration,
}

/// What the gaps of a series say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Growth {
    /// They grow, as far as they can be judged.
    BacksOff,
    /// They do not grow.
    Hammers,
    /// They stand at the cap, to the millisecond.
    StandsAtCap,
}

impl Agreed {
    /// What was agreed for attempts of this request; nothing if the contract has no such feed.
    pub(super) fn on(request: &Request, context: &Context<'_>) -> Option<Self> {
        let contract = &context.contract;
        if request.role == Some(Role::Realtime) {
            let client = &contract.realtime.as_ref()?.client;
            return Some(Self {
                socket: true,
                delay: client.delay,
                cap: client.delay_max,
                jitter: client.jitter,
                ceiling: client.delay_max * 4,
            });
        }
        let polled = context.polling_of(request.role.as_ref());
        let asked = contract.kill_switch.as_ref();
        let interval = match request.role {
            Some(Role::Status) => asked.map(|switch| switch.every),
            _ => polled.map(|polling| polling.every),
        };
        let retry = &contract.retry;
        let ceiling = retry.delay_max * 2;
        Some(Self {
            socket: false,
            delay: retry.delay,
            cap: retry.delay_max,
            jitter: retry.jitter,
            ceiling: interval.map_or(ceiling, |every| ceiling.min(every / 2)),
        })
    }

    /// Whether the first two gaps follow the agreed delays exactly.
    pub(super) fn is_followed_exactly(&self, first: Duration, second: Duration) -> bool {
        let delays = [(first, self.delay), (second, self.delay * 2)];
        delays
            .iter()
            .all(|(gap, delay)| near(*gap, *delay.min(&self.cap)))
    }

    /// Whether a request of its own may have begun with the attempt before such a gap, given all gaps
    /// of the series, this one the last.
    pub(super) fn may_begin_anew(&self, gaps: &[Duration]) -> bool {
        let [first, .., gap] = *gaps else {
            return false;
        };
        // The app's own first delay may be longer than the agreed one.
        let longest = self.delay.mul_f64(1.0 + self.jitter).max(first);
        // Far below the agreed delays another layer repeats, and no request begins.
        let least = self.shortest() / 2;
        // Delays grow: one of half the length of the one before begins anew, however late it comes.
        let shrank = match *gaps {
            [.., before, gap] => gap * 2 <= before,
            _ => false,
        };
        gap >= least && (gap <= longest.mul_f64(1.1) || shrank)
    }

    /// What the gaps of a series say.
    pub(super) fn growth(&self, gaps: &[Duration]) -> Growth {
        if self.is_undercut(gaps) || (self.socket && self.is_flat(gaps)) {
            Growth::Hammers
        } else if self.socket && self.is_at_cap(gaps) {
            Growth::StandsAtCap
        } else {
            Growth::BacksOff
        }
    }

    /// The shortest first delay to which jitter may lead.
    fn shortest(&self) -> Duration {
        self.delay.mul_f64((1.0 - self.jitter).max(0.0))
    }

    /// Whether the last gaps stay below the shortest delays that were agreed, a tenth less. Far
    /// below them no jitter leads; a little below them an app may have a faster schedule of its
    /// own, which grows all the same.
    fn is_undercut(&self, gaps: &[Duration]) -> bool {
        let least = self.shortest().mul_f64(0.9);
        let grown = (least * 2).min(self.cap.mul_f64(0.4));
        match gaps {
            [.., before, last] if *before < least / 3 && *last < grown / 2 => true,
            // Where few attempts are agreed on there is no third gap.
            [before, last] if *before < least / 2 && *last < before.mul_f64(1.5) => true,
            [.., first, before, last] => {
                *before < least && *last < least && *last < first.mul_f64(1.5)
            }
            _ => false,
        }
    }

    /// Whether both gaps of a series stay below the shortest delay that was agreed, a tenth less, and do not
    /// grow.
    pub(super) fn stands_short(&self, first: Duration, last: Duration) -> bool {
        let least = self.shortest().mul_f64(0.9);
        first < least && last < least && last < first.mul_f64(1.5)
    }

    /// Whether enough gaps are as short at the end as they were at the beginning. Of requests too
    /// many attempts are NET-2's to find.
    fn is_flat(&self, gaps: &[Duration]) -> bool {
        let [first, second, .., before, last] = gaps else {
            return false;
        };
        let late = *before + *last;
        gaps.len() >= GAPS
            && late < (*first + *second).mul_f64(1.5)
            && late / 2 < self.cap.mul_f64(0.45)
    }

    fn is_at_cap(&self, gaps: &[Duration]) -> bool {
        let last = gaps.last_chunk::<AT_CAP>();
        gaps.len() >= GAPS && last.is_some_and(|last| last.iter().all(|gap| near(*gap, self.cap)))
    }
}

/// Whether a gap is a delay, but for what wire and timers add: they are late, and hardly ever early.
fn near(gap: Duration, delay: Duration) -> bool {
    const EARLY: Duration = Duration::from_millis(2);
    let late = delay.mul_f64(0.02).max(Duration::from_millis(15));
    gap + EARLY >= delay && gap <= delay + late
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether retries after these gaps, in milliseconds, are found, where 500 ms ± 50 % is agreed.
    fn hammers(gaps: &[u64]) -> bool {
        let agreed = Agreed {
            socket: false,
            delay: Duration::from_millis(500),
            cap: Duration::from_secs(8),
            jitter: 0.5,
            ceiling: Duration::from_secs(16),
        };
        let gaps: Vec<Duration> = gaps.iter().copied().map(Duration::from_millis).collect();
        agreed.growth(&gaps) == Growth::Hammers
    }

    #[test]
    fn a_poll_that_begins_soon_after_the_last_retry_of_another_is_no_hammering() {
        assert!(!hammers(&[700, 100, 320]));
        assert!(!hammers(&[500, 900, 40, 300]));
        assert!(hammers(&[700, 100, 120]));
        assert!(hammers(&[10, 20]));
    }
}
