//! What the harness's own lag may explain of what was found.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::duration;
use crate::domain::journal::Entry;
use crate::domain::verdict::{Finding, Severity};
use crate::rules;

/// What may be lost in a window before it explains something: half of it. Times that a contract or a
/// scenario allows leave at least that much room.
const SHARE: u32 = 2;
/// Less than this explains nothing: what a network does to every client, and all rules leave room for.
const LEAST: Duration = Duration::from_millis(200);
/// The window of a finding that cites one moment only: rules wait for at least about as long.
const ASSUMED: Duration = Duration::from_secs(5);

/// What the harness lost, and when.
#[derive(Debug, Default)]
pub(super) struct Lags(Vec<Lag>);

#[derive(Debug)]
struct Lag {
    from: Duration,
    until: Duration,
    lost: Duration,
}

impl Lags {
    /// Takes down what was lost in the time before now.
    pub(super) fn add(&mut self, now: Duration, lost: Duration, over: Duration) {
        self.0.push(Lag {
            from: now.saturating_sub(over),
            until: now,
            lost,
        });
    }

    /// What was lost between two moments, if that may explain why something took too long or came too soon.
    pub(super) fn explains(&self, from: Duration, until: Duration) -> Option<Duration> {
        let within = self.0.iter();
        let within = within.filter(|lag| lag.until >= from && lag.from <= until);
        let lost: Duration = within.map(|lag| lag.lost).sum();
        let enough = LEAST.max(until.saturating_sub(from) / SHARE);
        (lost >= enough).then_some(lost)
    }

    /// Takes what it is about from each violation of a rule on times that may be explained so, and says of
    /// which rules that was.
    pub(super) fn forgive(
        &self,
        findings: &mut [Finding],
        cited: &[Arc<Entry>],
    ) -> Vec<(String, String)> {
        let mut doubts = Vec::new();
        if self.0.is_empty() {
            return doubts;
        }
        for finding in findings.iter_mut() {
            if finding.severity != Severity::Violation || !rules::is_timed(&finding.rule) {
                continue;
            }
            let times = cited
                .iter()
                .filter(|own| finding.evidence.contains(&own.id));
            let times = times.map(|own| own.at);
            let Some((from, until)) = times.fold(None, |span: Option<(Duration, Duration)>, at| {
                Some(span.map_or((at, at), |(from, until)| (from.min(at), until.max(at))))
            }) else {
                continue;
            };
            let from = match from == until {
                true => until.saturating_sub(ASSUMED),
                false => from,
            };
            if let Some(lost) = self.explains(from, until) {
                finding.severity = Severity::Information;
                doubts.push((finding.rule.clone(), why(&finding.rule, lost)));
            }
        }
        doubts
    }
}

/// Why nothing is said of what seemed to break a rule.
pub(super) fn why(rule: &str, lost: Duration) -> String {
    let lost = duration::show(Duration::from_millis(
        u64::try_from(lost.as_millis()).unwrap_or(u64::MAX),
    ));
    format!(
        "the harness itself lagged by {lost} while {rule} seemed to be broken, which may be why"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::journal::{EntryId, Fact, HarnessFact};
    use crate::domain::verdict::Subject;

    const SECOND: Duration = Duration::from_secs(1);

    fn finding(rule: &str, severity: Severity) -> Finding {
        Finding {
            rule: rule.to_owned(),
            subject: Subject::App,
            message: String::new(),
            expected: String::new(),
            observed: String::new(),
            evidence: vec![EntryId(1), EntryId(2)],
            request_ids: Vec::new(),
            severity,
        }
    }

    fn cited() -> Vec<Arc<Entry>> {
        cited_at(SECOND * 10, SECOND * 14)
    }

    fn cited_at(first: Duration, second: Duration) -> Vec<Arc<Entry>> {
        let entry = |id, at| {
            Arc::new(Entry {
                id: EntryId(id),
                at,
                device: None,
                fact: Fact::Harness(HarnessFact::Ended),
            })
        };
        vec![entry(1, first), entry(2, second)]
    }

    fn lags(at: Duration, lost: Duration) -> Lags {
        let mut lags = Lags::default();
        lags.add(at, lost, SECOND);
        lags
    }

    #[test]
    fn a_lag_explains_what_took_too_long_in_its_time_and_nothing_elsewhere() {
        let lost = Duration::from_millis(2_500);
        for (at, lost, explained) in [
            (SECOND * 12, lost, true),
            (SECOND * 12, lost / 5, false),
            (SECOND * 9, lost, false),
            (SECOND * 16, lost, false),
        ] {
            let mut findings = [finding("KILL-2", Severity::Violation)];
            let doubts = lags(at, lost).forgive(&mut findings, &cited());
            assert_eq!(doubts.len(), usize::from(explained), "{at:?} {lost:?}");
            let severity = findings[0].severity;
            assert_eq!(severity == Severity::Information, explained);
        }
    }

    #[test]
    fn what_every_network_loses_explains_nothing_however_near_the_entries_are() {
        let near = cited_at(SECOND * 12, SECOND * 12 + Duration::from_millis(68));
        for (lost, explained) in [(63, false), (250, true)] {
            let mut findings = [finding("KILL-3", Severity::Violation)];
            let lags = lags(SECOND * 12, Duration::from_millis(lost));
            let doubts = lags.forgive(&mut findings, &near);
            assert_eq!(doubts.len(), usize::from(explained), "{lost} ms");
        }
    }

    #[test]
    fn what_is_judged_by_order_and_every_forbidden_write_stands_whatever_lagged() {
        let mut findings = [
            finding("SYNC-7", Severity::Violation),
            finding("TENANT-1", Severity::Violation),
            finding("SCOPE-1", Severity::ForbiddenWrite),
        ];
        let before = findings.clone();
        let doubts = lags(SECOND * 12, SECOND).forgive(&mut findings, &cited());
        assert!(doubts.is_empty());
        assert_eq!(findings, before);
    }
}
