//! Failures that somebody knows of and answers for: they do not fail a run, until their time is over or
//! they fail no more.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::diagnosis;
use super::result::ScenarioResult;
use super::verdict::{Finding, Outcome, PROOF, Severity, Verdict};
use super::wildcard::matches;

/// A failure that somebody knows of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownFailure {
    /// The rule that is broken, or `STEP`.
    pub rule: String,
    /// In which scenarios: an id, or a pattern of ids.
    pub scenario: String,
    /// At which targets: a name or a pattern; everywhere without one.
    pub target: Option<String>,
    /// Why it is known.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The last day on which it is excused.
    pub until: Date,
    /// How many findings of the rule are excused in one scenario; any number without it.
    pub at_most: Option<usize>,
}

/// Whether what breaks this rule is never excused: a write, a foreign account's data, or a proof that is
/// none is no state that anybody can live with.
#[must_use]
pub fn is_beyond_excuse(rule: &str) -> bool {
    rule.starts_with("SCOPE-") || rule.starts_with("TENANT-") || rule == PROOF
}

impl KnownFailure {
    /// Whether it is about this scenario at this target.
    #[must_use]
    pub fn concerns(&self, scenario: &str, target: &str) -> bool {
        let own = self.target.as_ref();
        matches(&self.scenario, scenario) && own.is_none_or(|own| matches(own, target))
    }

    /// Whether it names one scenario.
    fn is_of_one(&self) -> bool {
        !self.scenario.contains(['*', '?'])
    }

    fn why(&self) -> String {
        let (rule, reason, owner, until) = (&self.rule, &self.reason, &self.owner, self.until);
        format!("{rule}: {reason} ({owner}, until {until})")
    }
}

/// What is known to fail, where and when.
#[derive(Debug, Clone, Copy)]
pub struct Known<'k> {
    /// All that is known.
    pub failures: &'k [KnownFailure],
    /// The target.
    pub target: &'k str,
    /// The day.
    pub today: Date,
}

impl<'k> Known<'k> {
    fn of(self, scenario: &'k str) -> impl Iterator<Item = &'k KnownFailure> {
        let failures = self.failures.iter();
        failures.filter(move |own| own.concerns(scenario, self.target))
    }

    /// Excuses a scenario that failed in no other way than is known.
    pub fn excuse(self, id: &str, outcome: &mut Outcome) {
        if outcome.verdict != Verdict::Failed {
            return;
        }
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for finding in violations(&outcome.findings) {
            *counts.entry(&finding.rule).or_default() += 1;
        }
        let by = |finding: &Finding| {
            self.of(id).find(|own| {
                let count = counts.get(own.rule.as_str()).copied().unwrap_or_default();
                own.rule == finding.rule
                    && own.until >= self.today
                    && own.at_most.is_none_or(|most| count <= most)
            })
        };
        let mut excused: Vec<bool> = outcome
            .findings
            .iter()
            .map(|finding| finding.severity == Severity::Information || by(finding).is_some())
            .collect();
        // What only follows from something that is known is known as well.
        for cause in diagnosis::causes(&outcome.findings) {
            if by(&outcome.findings[cause.root]).is_some() {
                for symptom in cause.symptoms {
                    excused[symptom] |= !is_beyond_excuse(&outcome.findings[symptom].rule);
                }
            }
        }
        let mut reasons: Vec<String> = Vec::new();
        for finding in violations(&outcome.findings) {
            let why = by(finding).map(KnownFailure::why);
            reasons.extend(why.filter(|why| !reasons.contains(why)));
        }
        if excused.into_iter().all(|excused| excused) {
            outcome.verdict = Verdict::KnownFailure(reasons.join("; "));
        }
    }

    /// Says of one scenario that it passes although a failure of its own was known.
    pub fn notice(self, scenario: &mut ScenarioResult) {
        let own = self.failures.iter().filter(|own| own.is_of_one());
        for known in own {
            self.miss(known, std::slice::from_mut(scenario));
        }
    }

    /// Says of all scenarios which pass although their failure was known.
    pub fn notice_all(self, scenarios: &mut [ScenarioResult]) {
        for known in self.failures {
            self.miss(known, scenarios);
        }
    }

    fn miss(self, known: &KnownFailure, scenarios: &mut [ScenarioResult]) {
        let concerned = |own: &&mut ScenarioResult| known.concerns(&own.id, self.target);
        let fails = |own: &ScenarioResult| {
            let mut attempts = own.attempts.iter();
            violations(&own.outcome.findings).any(|finding| finding.rule == known.rule)
                || attempts
                    .any(|own| violations(&own.findings).any(|finding| finding.rule == known.rule))
        };
        if scenarios.iter_mut().filter(concerned).any(|own| fails(own)) {
            return;
        }
        for scenario in scenarios.iter_mut().filter(concerned) {
            if scenario.outcome.verdict == Verdict::Passed {
                let why = known.why();
                let over = match known.until < self.today {
                    true => ", and its time is over",
                    false => "",
                };
                let why = format!("known to fail, and it does not{over}: {why}");
                scenario.outcome.verdict = Verdict::UnexpectedPass(why);
            }
        }
    }
}

fn violations(findings: &[Finding]) -> impl Iterator<Item = &Finding> {
    let findings = findings.iter();
    findings.filter(|finding| finding.severity > Severity::Information)
}

#[cfg(test)]
mod tests;
