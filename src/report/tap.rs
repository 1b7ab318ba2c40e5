//! The report in the Test Anything Protocol, version 14.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::About;
use super::account::{Standing, headline, said, standing};
use super::rollback::{advice, because, named};
use super::text::visible;
use crate::domain::result::{RunResult, ScenarioResult};
use crate::domain::runbook::State;

/// The whole document.
#[must_use]
pub fn render(result: &RunResult, about: &About) -> Vec<u8> {
    let mut text = String::from("TAP version 14\n");
    // Writing to a String cannot fail.
    let mut line = |said: &str| {
        let _ = writeln!(text, "{said}");
    };
    let comment = |text: &str| {
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        format!("# {}", visible(&line))
    };
    if let Some(told) = advice(&result.runbook) {
        line(&comment(&told));
    }
    for trigger in result.runbook.triggers_in(State::Fired) {
        let (id, actions) = (named(trigger), trigger.actions.join("; "));
        line(&comment(&format!("{id}. Do: {actions}")));
        for why in because(trigger) {
            line(&comment(&format!("because {why}")));
        }
    }
    let (version, target) = (env!("CARGO_PKG_VERSION"), visible(&result.target));
    line(&format!(
        "# rehearsal {version}, target {target}, seed {}, run {}",
        result.seed, about.id
    ));
    line(&format!("1..{}", result.scenarios.len()));
    for (at, scenario) in result.scenarios.iter().enumerate() {
        let (word, directive) = match standing(&scenario.outcome.verdict) {
            Standing::Passed => ("ok", None),
            Standing::Skipped => ("ok", Some("SKIP")),
            Standing::Announced => ("not ok", Some("TODO")),
            Standing::Failed | Standing::Errored | Standing::Unproven | Standing::Flaky => {
                ("not ok", None)
            }
        };
        let mut point = format!(
            "{word} {} - {}: {}",
            at + 1,
            scenario.id,
            plain(&scenario.name)
        );
        if let Some(directive) = directive {
            let _ = write!(point, " # {directive} {}", plain(&headline(scenario)));
        }
        line(&point);
        line("  ---");
        // JSON is YAML, and no text of a backend can leave it.
        for (key, value) in diagnostics(scenario) {
            line(&format!("  {key}: {value}"));
        }
        line("  ...");
    }
    if result.interrupted {
        line("Bail out! the run was interrupted");
    }
    line(&format!("# {}", result.verdict.name()));
    text.into_bytes()
}

fn diagnostics(scenario: &ScenarioResult) -> Vec<(&'static str, Value)> {
    let outcome = &scenario.outcome;
    let mut all = vec![
        ("verdict", json!(outcome.verdict.name())),
        (
            "duration_ms",
            json!(scenario.duration_wall.as_secs_f64() * 1_000.0),
        ),
    ];
    if let Some(reason) = outcome.verdict.reason() {
        all.push(("message", json!(reason)));
    }
    if let Some(file) = scenario.path() {
        all.push(("at", json!({"file": file})));
    }
    if !outcome.findings.is_empty() {
        let findings = outcome.findings.iter().map(|finding| {
            json!({
                "rule": finding.rule,
                "severity": finding.severity.name(),
                "message": said(finding),
                "wanted": finding.expected,
                "found": finding.observed,
                "entries": finding.evidence.iter().map(|id| id.0).collect::<Vec<_>>(),
                "request_ids": finding.request_ids,
            })
        });
        all.push(("findings", findings.collect()));
    }
    all
}

/// A description on one line, in which nothing begins a directive.
fn plain(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    visible(&line).replace('\\', "\\\\").replace('#', "\\#")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn a_run_with_every_kind_of_scenario_is_written_in_full() {
        let text = String::from_utf8(render(&samples::mixed(), &samples::about())).unwrap();
        insta::assert_snapshot!(text.replace(env!("CARGO_PKG_VERSION"), "its version"));
    }

    #[test]
    fn a_name_with_a_hash_or_line_breaks_is_no_directive_and_no_second_test() {
        let mut result = samples::passed();
        result.scenarios[0].name = "all is well # SKIP \\\nnot ok 9".to_owned();
        let text = String::from_utf8(render(&result, &samples::about())).unwrap();
        assert!(
            text.contains("all is well \\# SKIP \\\\ not ok 9\n"),
            "{text}"
        );
    }
}
