//! The report as JUnit XML, as Surefire extends it: what most continuous integrations show.

use std::time::Duration;

use quick_junit::{
    NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestRerun, TestSuite, XmlString,
};

use super::About;
use super::account::{Standing, account, cut, headline, said, standing};
use super::rollback::{advice, because, named};
use crate::domain::result::{Attempt, RunResult, ScenarioResult};
use crate::domain::runbook::{State, Triggered};

/// The longest that all evidence together may be, in bytes of XML: viewers refuse files of 30 MB.
const ALL: usize = 24 * 1024 * 1024;
/// The longest that the evidence of one scenario may be.
const EACH: usize = 512 * 1024;
/// The longest message.
const MESSAGE: usize = 1024;

/// The whole document.
#[must_use]
pub fn render(result: &RunResult, about: &About) -> Vec<u8> {
    let mut report = Report::new(format!("rehearsal {}", result.target));
    report.set_time(result.duration_wall);
    let mut suite = TestSuite::new(result.target.as_str());
    suite.set_time(result.duration_wall);
    let answer = &result.runbook;
    if let Some(told) = advice(answer) {
        suite.add_property(Property::new("rollback", cut(&told, MESSAGE, cost)));
    }
    for trigger in answer.triggers_in(State::Fired) {
        let name = format!("rollback.{}", trigger.id);
        suite.add_property(Property::new(name, cut(&pulled(trigger), MESSAGE, cost)));
    }
    let properties = [
        ("rehearsal", env!("CARGO_PKG_VERSION").to_owned()),
        ("seed", result.seed.to_string()),
        ("run", about.id.clone()),
        ("started", about.moment(Duration::ZERO)),
        ("verdict", result.verdict.name().to_owned()),
        ("quirks", result.quirks.join(" ")),
        ("defects", result.defects.join(" ")),
    ];
    for (name, value) in properties
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
    {
        suite.add_property(Property::new(name, value));
    }
    let most = EACH.min(ALL / result.scenarios.len().max(1));
    for scenario in &result.scenarios {
        suite.add_test_case(case(scenario, &result.target, most));
    }
    report.add_test_suite(suite);
    let mut bytes = Vec::new();
    // What is written to memory does not fail.
    let _ = report.serialize(&mut bytes);
    bytes
}

/// A trigger that fired: what is to be done, and why.
fn pulled(trigger: &Triggered) -> String {
    let (actions, because) = (trigger.actions.join("; "), because(trigger).join("; "));
    format!("{}. Do: {actions}. Because: {because}", named(trigger))
}

/// A scenario. Its name is its id: two of one id are refused, and a history goes by it.
fn case(scenario: &ScenarioResult, target: &str, most: usize) -> TestCase {
    let verdict = &scenario.outcome.verdict;
    let message = || XmlString::new(cut(&headline(scenario), MESSAGE, cost));
    let unlike = |kind: NonSuccessKind| {
        let mut status = TestCaseStatus::non_success(kind);
        status.set_message(message()).set_type(verdict.name());
        status
    };
    let mut status = match standing(verdict) {
        Standing::Passed | Standing::Flaky => TestCaseStatus::success(),
        Standing::Failed => unlike(NonSuccessKind::Failure),
        Standing::Errored | Standing::Unproven => unlike(NonSuccessKind::Error),
        Standing::Skipped | Standing::Announced => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(message()).set_type(verdict.name());
            status
        }
    };
    // What came before the attempt that decides: Surefire calls them flaky failures where that one passed.
    for before in scenario.attempts.iter().rev().skip(1).rev() {
        status.add_rerun(rerun(before));
    }
    let mut case = TestCase::new(scenario.id.as_str(), status);
    case.set_classname(format!("rehearsal.{target}"));
    case.set_time(scenario.duration_wall);
    let runbook = scenario.runbook.join(" ");
    let told = [
        ("name", &scenario.name),
        ("file", &scenario.file),
        ("runbook", &runbook),
    ];
    for (name, value) in told.into_iter().filter(|(_, value)| !value.is_empty()) {
        case.add_property(Property::new(name, value.as_str()));
    }
    let evidence = account(scenario);
    if !evidence.is_empty() {
        case.set_system_out(cut(&evidence, most, cost));
    }
    case
}

/// One of several attempts.
fn rerun(attempt: &Attempt) -> TestRerun {
    let kind = match standing(&attempt.verdict) {
        Standing::Failed => NonSuccessKind::Failure,
        _ => NonSuccessKind::Error,
    };
    let said: Vec<String> = attempt.findings.iter().map(said).collect();
    let reason = attempt.verdict.reason().map(str::to_owned);
    let message = reason.or_else(|| said.first().cloned()).unwrap_or_default();
    let mut rerun = TestRerun::new(kind);
    rerun
        .set_type(attempt.verdict.name())
        .set_message(cut(&message, MESSAGE, cost))
        .set_time(attempt.duration_wall)
        .set_system_out(cut(&said.join("\n"), MESSAGE * 16, cost));
    rerun
}

/// How many bytes a character becomes in XML, at the most.
fn cost(char: char) -> usize {
    match char {
        '<' | '>' | '&' | '"' | '\'' => 6,
        char => char.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::verdict::Verdict;
    use crate::report::samples;

    fn read(result: &RunResult) -> Report {
        let bytes = render(result, &samples::about());
        Report::deserialize(&bytes[..]).unwrap()
    }

    #[test]
    fn a_run_with_every_kind_of_scenario_is_written_in_full() {
        let text = String::from_utf8(render(&samples::mixed(), &samples::about())).unwrap();
        insta::assert_snapshot!(text.replace(env!("CARGO_PKG_VERSION"), "its version"));
    }

    #[test]
    fn the_format_reads_it_back_and_only_what_passed_is_green() {
        let result = samples::mixed();
        let suite = &read(&result).test_suites[0];
        assert_eq!(suite.test_cases.len(), result.scenarios.len());
        for (case, scenario) in suite.test_cases.iter().zip(&result.scenarios) {
            let green = matches!(case.status, TestCaseStatus::Success { .. });
            assert_eq!(case.name.as_str(), scenario.id);
            assert_eq!(
                green,
                scenario.outcome.verdict.name() == "passed",
                "{}",
                scenario.id
            );
        }
    }

    #[test]
    fn what_failed_and_then_passed_is_a_flaky_failure() {
        let mut result = samples::mixed();
        let scenarios = &mut result.scenarios;
        let failed = scenarios.iter_mut();
        let mut failed = failed.filter(|own| own.outcome.verdict == Verdict::Failed);
        let scenario = failed.next().unwrap();
        let first = Attempt::from(&*scenario);
        scenario.outcome.verdict = Verdict::Flaky("it passed alone".to_owned());
        scenario.attempts = vec![first, Attempt::from(&*scenario)];
        let text = String::from_utf8(render(&result, &samples::about())).unwrap();
        assert_eq!(text.matches("<flakyFailure").count(), 1, "{text}");
    }

    #[test]
    fn evidence_without_end_and_what_no_xml_may_hold_still_make_a_file_that_viewers_take() {
        let mut result = samples::mixed();
        let mut failed = result
            .scenarios
            .iter()
            .find(|own| own.outcome.verdict == Verdict::Failed)
            .unwrap()
            .clone();
        failed.outcome.findings[0].observed = "<&\u{0}\u{1b}]]>\u{ffff}".repeat(20_000);
        result.scenarios = vec![failed; 60];
        let bytes = render(&result, &samples::about());
        assert!(bytes.len() < 30_000_000, "{}", bytes.len());
        assert_eq!(read(&result).test_suites[0].test_cases.len(), 60);
    }
}
