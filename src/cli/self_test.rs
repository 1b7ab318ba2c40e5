//! `rehearsal self-test`: whether the harness notices what it must, and nothing else.

mod runbook;

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Instant;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use super::arguments::SelfTestArguments;
use super::exit::Exit;
use super::problem::Problem;
use super::{console, interrupt, settings};
use crate::domain::verdict::Finding;
use crate::run::{self, Interrupt, Matrix, Misbehaviour, Trial};
use crate::suite::Suite;

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const FAINT: Style = Style::new().dimmed();

/// Plays the matrix and says what was caught.
pub(super) fn self_test(arguments: &SelfTestArguments) -> Result<Exit, Problem> {
    let suite = Suite::with_stages().map_err(Problem::Suite)?;
    let matrix = Matrix {
        suite: Arc::new(suite),
        seed: arguments.seed.unwrap_or_else(settings::chance),
        jobs: arguments
            .jobs
            .map_or_else(settings::processors, usize::from),
    };
    let interrupt = Interrupt::new();
    let handle = interrupt.clone();
    interrupt::forward(move || handle.trigger(), || {})?;
    let began = Instant::now();
    let trials = run::self_test(&matrix, &interrupt, &mut |_| {}).map_err(Problem::Unplayable)?;
    let summary = Summary::of(&matrix, &trials);
    let mut out = console::out();
    if arguments.json {
        let items = arguments
            .runbook
            .then(|| runbook::turned(&matrix.suite.runbook, &trials));
        let document = Document {
            runbook: items,
            ..Document::of(&summary, &trials)
        };
        serde_json::to_writer_pretty(&mut out, &document).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        tell(&mut out, &trials, &summary)?;
        if arguments.runbook {
            runbook::tell(&mut out, &matrix.suite.runbook, &trials)?;
        }
        writeln!(
            out,
            "{FAINT}seed {}, {:.1} s{FAINT:#}",
            matrix.seed,
            began.elapsed().as_secs_f64()
        )?;
    }
    Ok(if summary.is_right() {
        Exit::Passed
    } else {
        Exit::Broken
    })
}

/// The matrix in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Summary {
    seed: u64,
    misbehaviours: usize,
    caught: usize,
    clean_plays: usize,
    clean_passed: usize,
    false_findings: usize,
}

impl Summary {
    fn of(matrix: &Matrix, trials: &[Trial]) -> Self {
        let right = |wrong: bool| {
            let trials = trials.iter();
            trials
                .filter(|trial| trial.misbehaviour.is_some() == wrong && trial.is_right())
                .count()
        };
        Self {
            seed: matrix.seed,
            misbehaviours: Misbehaviour::all().count(),
            caught: right(true),
            clean_plays: matrix.suite.usual().len(),
            clean_passed: right(false),
            false_findings: trials.iter().flat_map(Trial::false_findings).count(),
        }
    }

    /// Also an interrupted matrix is not right: what was not played was not caught.
    fn is_right(&self) -> bool {
        self.caught == self.misbehaviours
            && self.clean_passed == self.clean_plays
            && self.false_findings == 0
    }
}

fn tell(out: &mut impl Write, trials: &[Trial], summary: &Summary) -> io::Result<()> {
    let names = Misbehaviour::all().map(|one| one.name().len());
    let column = names.max().unwrap_or(0);
    for trial in trials {
        let name = trial.misbehaviour.map_or("(nobody)", Misbehaviour::name);
        let right = trial.is_right() && trial.false_findings().next().is_none();
        let (style, mark) = if right { (GOOD, '✓') } else { (BAD, '✗') };
        let tripped: Vec<&str> = trial.tripped().into_iter().collect();
        let (stage, rules) = (&trial.stage, tripped.join(" "));
        writeln!(
            out,
            "  {style}{mark}{style:#} {name:<column$}  {FAINT}{stage:<18}{FAINT:#} {rules}"
        )?;
        for rule in trial.missed() {
            writeln!(out, "      {BAD}missed by {rule}{BAD:#}")?;
        }
        if !trial.is_right() && trial.missed().is_empty() {
            writeln!(out, "      {BAD}ended as {}{BAD:#}", trial.verdict.name())?;
        }
        for finding in trial.false_findings() {
            let Finding { rule, message, .. } = finding;
            let blamed = finding.subject.name();
            writeln!(
                out,
                "      {BAD}false finding{BAD:#} {rule} blames the {blamed}: {message}"
            )?;
        }
    }
    let style = if summary.is_right() { GOOD } else { BAD };
    writeln!(
        out,
        "\n{style}{} of {} caught, by the right rule, {} false findings{style:#}; {} of {} clean plays passed",
        summary.caught,
        summary.misbehaviours,
        summary.false_findings,
        summary.clean_passed,
        summary.clean_plays,
    )
}

/// The matrix for programs.
#[derive(Serialize)]
struct Document<'a> {
    summary: &'a Summary,
    trials: Vec<TrialDocument<'a>>,
    /// Which misbehaviours turn which items of the runbook, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    runbook: Option<Vec<runbook::Turned<'a>>>,
}

#[derive(Serialize)]
struct TrialDocument<'a> {
    misbehaviour: Option<&'static str>,
    culprit: Option<&'static str>,
    stage: &'a str,
    right: bool,
    trips: &'static [&'static str],
    tripped: Vec<&'a str>,
    missed: Vec<&'static str>,
    false_findings: Vec<String>,
}

impl<'a> Document<'a> {
    fn of(summary: &'a Summary, trials: &'a [Trial]) -> Self {
        let document = |trial: &'a Trial| TrialDocument {
            misbehaviour: trial.misbehaviour.map(Misbehaviour::name),
            culprit: trial.misbehaviour.map(|one| one.culprit().name()),
            stage: &trial.stage,
            right: trial.is_right(),
            trips: trial.misbehaviour.map_or(&[], Misbehaviour::trips),
            tripped: trial.tripped().into_iter().collect(),
            missed: trial.missed(),
            false_findings: trial
                .false_findings()
                .map(|finding| format!("{}: {}", finding.rule, finding.message))
                .collect(),
        };
        Self {
            summary,
            trials: trials.iter().map(document).collect(),
            runbook: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::verdict::{STEP, Severity, Subject, Verdict};

    fn matrix() -> Matrix {
        Matrix {
            suite: Arc::new(Suite::with_stages().unwrap()),
            seed: 1,
            jobs: 1,
        }
    }

    /// Every trial of a whole matrix as it should be.
    fn all_right(matrix: &Matrix) -> Vec<Trial> {
        let clean = matrix.suite.usual().into_iter().map(|scenario| Trial {
            misbehaviour: None,
            stage: scenario.id.clone(),
            verdict: Verdict::Passed,
            findings: Vec::new(),
            violated: Vec::new(),
        });
        let caught = Misbehaviour::all().map(|one| Trial {
            misbehaviour: Some(one),
            stage: one.stage().to_owned(),
            verdict: Verdict::Failed,
            // What only a step of its stage notices names no rule.
            findings: one
                .trips()
                .iter()
                .chain(one.trips().is_empty().then_some(&STEP))
                .map(|rule| finding(rule, one.culprit()))
                .collect(),
            violated: Vec::new(),
        });
        clean.chain(caught).collect()
    }

    fn finding(rule: &str, subject: Subject) -> Finding {
        Finding {
            rule: rule.to_owned(),
            subject,
            message: "something happened".to_owned(),
            expected: String::new(),
            observed: String::new(),
            evidence: Vec::new(),
            request_ids: Vec::new(),
            severity: Severity::Violation,
        }
    }

    #[test]
    fn only_a_whole_matrix_without_a_miss_is_right() {
        let matrix = matrix();
        let trials = all_right(&matrix);
        assert!(Summary::of(&matrix, &trials).is_right());
        for left_out in [0, trials.len() - 1] {
            let mut interrupted = trials.clone();
            interrupted.remove(left_out);
            assert!(!Summary::of(&matrix, &interrupted).is_right());
        }
    }

    #[test]
    fn a_miss_and_a_false_finding_are_told_where_they_happened() {
        let matrix = matrix();
        let mut trials = all_right(&matrix);
        let last = trials.len() - 1;
        trials[last].findings.clear();
        trials[0].findings.push(finding("NET-1", Subject::App));
        let summary = Summary::of(&matrix, &trials);
        assert!(!summary.is_right());
        let mut out = Vec::new();
        tell(&mut out, &trials, &summary).unwrap();
        let told = anstream::adapter::strip_str(std::str::from_utf8(&out).unwrap()).to_string();
        assert!(
            told.contains("false finding NET-1 blames the app: something happened"),
            "{told}"
        );
        assert!(told.contains("missed by"), "{told}");
        assert!(told.contains("1 false findings"), "{told}");
    }
}
