//! What a run or a judgement came to.

use std::fmt;

use serde_json::Value;

use crate::domain::result::RunResult;
use crate::domain::verdict::{Severity, Verdict};
use crate::report::json;
use crate::report::terminal::{Again, Detail, Look, Opening, Terminal};

/// The columns of a report in a failing test.
const WIDTH: usize = 100;

/// What a run or a judgement came to. It shows itself as the command does in the terminal.
#[derive(Clone)]
pub struct Report {
    result: RunResult,
    text: String,
}

/// One thing that went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The scenario's id.
    pub scenario: String,
    /// The rule, `STEP` for an expectation that did not come true, or `PROOF`.
    pub rule: String,
    /// Who broke it: `app`, `backend`, `harness` or `unclear`.
    pub subject: &'static str,
    /// What happened, in a sentence.
    pub message: String,
    /// What should have been.
    pub expected: String,
    /// What was.
    pub observed: String,
}

impl Report {
    pub(super) fn of(
        result: RunResult,
        opening: &Opening,
        again: Again,
        remarks: &[String],
    ) -> Self {
        let notes = remarks.iter().map(|remark| format!("note: {remark}\n"));
        let text = notes.collect::<String>() + &told(&result, opening, again);
        Self { result, text }
    }

    /// Whether everything held. What failed as its scenario announces does not count.
    #[must_use]
    pub fn conforms(&self) -> bool {
        let held = matches!(
            self.result.verdict,
            Verdict::Passed | Verdict::KnownFailure(_)
        );
        held && !self.result.interrupted
    }

    /// The verdict on everything: `passed`, `failed`, `inconclusive` or `errored`.
    #[must_use]
    pub fn verdict(&self) -> &'static str {
        self.result.verdict.name()
    }

    /// The verdict on one scenario by its id, if it was played: as [`Report::verdict`], or `skipped`,
    /// `known-failure`, `unexpected-pass` or `flaky`.
    #[must_use]
    pub fn verdict_on(&self, scenario: &str) -> Option<&'static str> {
        let mut scenarios = self.result.scenarios.iter();
        let found = scenarios.find(|own| own.id == scenario)?;
        Some(found.outcome.verdict.name())
    }

    /// Everything that went wrong, in the order of the scenarios. Mere remarks are left out.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let mut all = Vec::new();
        for scenario in &self.result.scenarios {
            let findings = scenario.outcome.findings.iter();
            let grave = findings.filter(|own| own.severity > Severity::Information);
            all.extend(grave.map(|own| Finding {
                scenario: scenario.id.clone(),
                rule: own.rule.clone(),
                subject: own.subject.name(),
                message: own.message.clone(),
                expected: own.expected.clone(),
                observed: own.observed.clone(),
            }));
        }
        all
    }

    /// The whole result for programs, as `--report-json` writes it: `docs/REPORT.md` describes it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        // What was just written as JSON is JSON.
        serde_json::from_slice(&json::render(&self.result)).unwrap_or_default()
    }

    /// Fails the test with this report unless everything held.
    ///
    /// # Panics
    /// With the report, when anything did not hold.
    #[track_caller]
    pub fn assert_conforms(&self) {
        assert!(self.conforms(), "it does not conform:\n{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "\n{self}")
    }
}

/// What the terminal shows of a result, without colours.
fn told(result: &RunResult, opening: &Opening, again: Again) -> String {
    let look = Look {
        detail: Detail::Normal,
        width: WIDTH,
        again,
    };
    let mut terminal = Terminal::new(anstream::StripStream::new(Vec::new()), look);
    // Writing into memory does not fail.
    let _ = terminal.begin(opening).and_then(|()| {
        for scenario in &result.scenarios {
            terminal.scenario(scenario)?;
        }
        terminal.end(result)
    });
    String::from_utf8_lossy(&terminal.into_inner().into_inner()).into_owned()
}
