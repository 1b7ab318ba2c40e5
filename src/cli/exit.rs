//! How the process ends: the one place that knows exit codes.

use std::process::ExitCode;

use crate::domain::result::RunResult;
use crate::domain::runbook::Check;
use crate::domain::verdict::{Severity, Verdict};

/// What the exit code says. Scripts rely on these numbers: they never change their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exit {
    /// 0: everything held, or the command did what it was asked.
    Passed,
    /// 1: the command line, the environment or the configuration is wrong.
    Usage,
    /// 2: a suite file is invalid.
    InvalidSuite,
    /// 3: the target cannot be reached, the harness failed, or a person stopped the run.
    Broken,
    /// 4: the app or the backend does not conform.
    NonConformance,
    /// 5: a forbidden write was attempted. It beats everything else.
    ForbiddenWrite,
    /// 6: nothing failed, but what was seen does not prove that nothing did.
    Inconclusive,
    /// 7: no scenario was selected.
    NothingSelected,
    /// 8: a sign-off is not complete.
    Incomplete,
}

impl Exit {
    /// Every code with what it says, for the help text.
    pub const ALL: [(Self, &'static str); 9] = [
        (Self::Passed, "passed"),
        (Self::Usage, "usage or configuration error"),
        (Self::InvalidSuite, "invalid suite file"),
        (
            Self::Broken,
            "target unreachable, harness error, or stopped by Ctrl-C",
        ),
        (Self::NonConformance, "non-conformance"),
        (
            Self::ForbiddenWrite,
            "forbidden write attempted (beats all others)",
        ),
        (Self::Inconclusive, "inconclusive"),
        (Self::NothingSelected, "no scenario selected"),
        (Self::Incomplete, "sign-off incomplete"),
    ];

    /// What a finished or interrupted run says. A failure that was seen before an interrupt stays
    /// a failure; a pass that was cut short is none.
    #[must_use]
    pub fn of(result: &RunResult) -> Self {
        let mut findings = result
            .scenarios
            .iter()
            .flat_map(|scenario| &scenario.outcome.findings);
        if findings.any(|finding| finding.severity == Severity::ForbiddenWrite) {
            return Self::ForbiddenWrite;
        }
        match &result.verdict {
            Verdict::Failed | Verdict::UnexpectedPass(_) | Verdict::Flaky(_) => {
                Self::NonConformance
            }
            _ if result.runbook.checks.iter().any(Check::is_red) => Self::NonConformance,
            Verdict::Errored(_) => Self::Broken,
            _ if result.runbook.checks.iter().any(Check::is_broken) => Self::Broken,
            Verdict::Misconfigured(_) => Self::Usage,
            _ if result.interrupted => Self::Broken,
            Verdict::Inconclusive(_) if result.scenarios.iter().any(|own| own.down.is_some()) => {
                Self::Broken
            }
            Verdict::Inconclusive(_) | Verdict::Skipped(_) => Self::Inconclusive,
            Verdict::Passed | Verdict::KnownFailure(_) => Self::Passed,
        }
    }

    /// The number that the process ends with.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Usage => 1,
            Self::InvalidSuite => 2,
            Self::Broken => 3,
            Self::NonConformance => 4,
            Self::ForbiddenWrite => 5,
            Self::Inconclusive => 6,
            Self::NothingSelected => 7,
            Self::Incomplete => 8,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::coverage::Coverage;
    use crate::domain::figures::Figures;
    use crate::domain::result::ScenarioResult;
    use crate::domain::runbook::{Answer, Shown};
    use crate::domain::verdict::{Finding, Outcome, ScopeTally, Subject};
    use std::time::Duration;

    fn result(verdict: Verdict, findings: Vec<Severity>) -> RunResult {
        let findings = findings.into_iter().map(|severity| Finding {
            rule: "X-1".to_owned(),
            subject: Subject::App,
            message: String::new(),
            expected: String::new(),
            observed: String::new(),
            evidence: Vec::new(),
            request_ids: Vec::new(),
            severity,
        });
        let scenario = ScenarioResult {
            id: "one".to_owned(),
            name: String::new(),
            file: String::new(),
            runbook: Vec::new(),
            shown: Shown::default(),
            outcome: Outcome {
                verdict: verdict.clone(),
                findings: findings.collect(),
                not_judged: Vec::new(),
                remarks: Vec::new(),
                scope: ScopeTally::default(),
                duration: Duration::ZERO,
            },
            duration_wall: Duration::ZERO,
            excerpt: Vec::new(),
            journal_entries: 0,
            levers: Vec::new(),
            figures: Figures::default(),
            coverage: Coverage::default(),
            attempts: Vec::new(),
            down: None,
        };
        RunResult {
            seed: 1,
            target: "mock".to_owned(),
            virtual_time: true,
            quirks: Vec::new(),
            defects: Vec::new(),
            scenarios: vec![scenario],
            runbook: Answer::default(),
            scope: ScopeTally::default(),
            figures: Figures::default(),
            coverage: Coverage::default(),
            verdict,
            interrupted: false,
            changes: None,
            duration_wall: Duration::ZERO,
        }
    }

    #[test]
    fn every_verdict_has_its_code() {
        let why = || "why".to_owned();
        for (verdict, code) in [
            (Verdict::Passed, 0),
            (Verdict::Failed, 4),
            (Verdict::UnexpectedPass(why()), 4),
            (Verdict::Flaky(why()), 4),
            (Verdict::Errored(why()), 3),
            (Verdict::Misconfigured(why()), 1),
            (Verdict::Inconclusive(why()), 6),
            (Verdict::KnownFailure(why()), 0),
        ] {
            let exit = Exit::of(&result(verdict.clone(), vec![Severity::Information]));
            assert_eq!(exit.code(), code, "{verdict:?}");
        }
    }

    #[test]
    fn a_forbidden_write_beats_every_other_code_even_an_announced_failure() {
        for verdict in [
            Verdict::Failed,
            Verdict::Errored("gone".to_owned()),
            Verdict::KnownFailure("announced".to_owned()),
        ] {
            let graves = vec![Severity::Violation, Severity::ForbiddenWrite];
            assert_eq!(Exit::of(&result(verdict, graves)), Exit::ForbiddenWrite);
        }
    }

    #[test]
    fn a_run_that_was_cut_short_never_counts_as_passed() {
        let mut cut = result(Verdict::Passed, Vec::new());
        cut.interrupted = true;
        assert_eq!(Exit::of(&cut), Exit::Broken);
        cut.verdict = Verdict::Failed;
        assert_eq!(Exit::of(&cut), Exit::NonConformance);
    }

    #[test]
    fn codes_count_up_in_the_order_in_which_they_are_listed() {
        for (number, (exit, _)) in Exit::ALL.iter().enumerate() {
            assert_eq!(usize::from(exit.code()), number);
        }
    }
}
