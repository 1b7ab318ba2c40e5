//! The summary of a step of GitHub Actions, in Markdown: what release owners and engineers look at
//! first. GitHub refuses summaries of more than one mebibyte.

use std::fmt::Write as _;

use super::account::{Standing, account, cut, headline, standing};
use super::changes;
use super::document::markdown::escaped;
use super::rollback::{advice, because, named};
use super::text::{count, took};
use super::{About, title};
use crate::domain::diagnosis;
use crate::domain::result::{RunResult, ScenarioResult};
use crate::domain::runbook::{Answer, Build, State, Status};

/// The longest document, in bytes.
const ALL: usize = 900 * 1024;
/// The longest account of one scenario, in bytes.
const EACH: usize = 16 * 1024;

/// The whole document.
#[must_use]
pub fn render(result: &RunResult, about: &About) -> Vec<u8> {
    let mut text = String::new();
    rollback(&mut text, &result.runbook);
    head(&mut text, result, about);
    causes(&mut text, result);
    scenarios(&mut text, result);
    runbook(&mut text, result);
    for scenario in result.scenarios.iter().filter(|own| is_open(own)) {
        if text.len() > ALL - 2 * EACH {
            text.push_str("\nFurther scenarios are left out here; the run file has all of them.\n");
            break;
        }
        details(&mut text, scenario);
    }
    cut(&text, ALL, char::len_utf8).into_bytes()
}

// Writing to a String cannot fail, so what `writeln!` says is passed over below.

/// Whether the build is pulled: what a release owner needs before anything else.
fn rollback(text: &mut String, answer: &Answer) {
    let Some(told) = advice(answer) else {
        return;
    };
    if answer.build() != Some(Build::Pull) {
        let _ = writeln!(text, "{}.\n", escaped(&told));
        return;
    }
    text.push_str("## ⛔ Pull the build\n\n");
    for trigger in answer.triggers_in(State::Fired) {
        let _ = writeln!(text, "**{}**\n", escaped(&named(trigger)));
        for (at, action) in trigger.actions.iter().enumerate() {
            let _ = writeln!(text, "{}. {}", at + 1, escaped(action));
        }
        text.push('\n');
        for why in because(trigger).iter().take(20) {
            let why = cut(why, 300, char::len_utf8);
            let _ = writeln!(text, "- because {}", escaped(&why));
        }
        text.push('\n');
    }
}

fn head(text: &mut String, result: &RunResult, about: &About) {
    let verdict = &result.verdict;
    let sign = match standing(verdict) {
        Standing::Passed => "✅",
        Standing::Failed | Standing::Errored => "❌",
        _ => "❔",
    };
    let _ = writeln!(
        text,
        "## {sign} rehearsal: {} on {}\n",
        verdict.name(),
        escaped(&result.target)
    );
    if let Some(reason) = verdict.reason() {
        let _ = writeln!(text, "{}\n", escaped(reason));
    }
    let scope = result.scope;
    let _ = writeln!(
        text,
        "{} and {} judged, **{} forbidden**, {} undeclared; canaries {} of {} caught. Seed {}, {}, run {}.\n",
        count(scope.requests_judged, "request"),
        count(scope.frames_judged, "packet"),
        scope.forbidden,
        scope.undeclared,
        scope.canaries_caught,
        scope.canaries_sent,
        result.seed,
        took(result.duration_wall),
        about.id,
    );
    for (word, told) in result.changes.iter().flat_map(changes::lines) {
        let _ = writeln!(text, "- **{word}**: {}", escaped(&told));
    }
    if result.changes.is_some() {
        text.push('\n');
    }
}

fn causes(text: &mut String, result: &RunResult) {
    let causes = diagnosis::of_run(result);
    if causes.is_empty() {
        return;
    }
    text.push_str("| likely cause | who | scenarios |\n|---|---|---|\n");
    for cause in causes.iter().take(50) {
        let told = title(cause.rule).unwrap_or_default();
        let (rule, subject) = (cause.rule, cause.subject.name());
        let ids = escaped(&cause.scenarios.join(", "));
        let _ = writeln!(text, "| {rule}: {} | {subject} | {ids} |", escaped(&told));
    }
    text.push('\n');
}

fn scenarios(text: &mut String, result: &RunResult) {
    text.push_str("| | scenario | verdict | why |\n|---|---|---|---|\n");
    let open = result.scenarios.iter().filter(|own| is_open(own));
    for scenario in open.take(500) {
        let why = cut(&headline(scenario), 300, char::len_utf8);
        let verdict = scenario.outcome.verdict.name();
        let _ = writeln!(
            text,
            "| {} | {} | {verdict} | {} |",
            sign(scenario),
            scenario.id,
            escaped(&why)
        );
    }
    let passed = result.scenarios.iter().filter(|own| !is_open(own)).count();
    let _ = writeln!(
        text,
        "| ✅ | {} | passed | |\n",
        count(passed as u64, "scenario")
    );
}

fn runbook(text: &mut String, result: &RunResult) {
    let book = &result.runbook;
    if book.items.is_empty() {
        return;
    }
    let counts = Status::ALL.iter().map(|own| (book.count(*own), own.name()));
    let counts = counts.filter(|(number, _)| *number > 0);
    let counts: Vec<String> = counts
        .map(|(number, name)| format!("{number} {name}"))
        .collect();
    let draft = if book.published { "" } else { ", a draft" };
    let (name, version) = (escaped(&book.name), escaped(&book.version));
    let _ = writeln!(
        text,
        "**{name}**, version {version}{draft}: {}\n",
        counts.join(", ")
    );
    let violated = book
        .items
        .iter()
        .filter(|item| item.status == Status::Violated);
    for item in violated.take(100) {
        let why = cut(&item.reason().unwrap_or_default(), 300, char::len_utf8);
        let _ = writeln!(
            text,
            "- **{}** {}: {}",
            escaped(&item.id),
            escaped(&item.title),
            escaped(&why)
        );
    }
    text.push('\n');
}

fn details(text: &mut String, scenario: &ScenarioResult) {
    let told = cut(&account(scenario), EACH, char::len_utf8);
    if told.is_empty() {
        return;
    }
    // A fence that is longer than any in the text cannot be ended by it.
    let longest = told
        .split(|char| char != '`')
        .map(str::len)
        .max()
        .unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let (id, name) = (&scenario.id, escaped(&scenario.name));
    let _ = writeln!(
        text,
        "<details><summary>{} {id}: {name}</summary>\n\n{fence}text\n{told}{fence}\n\n</details>\n",
        sign(scenario)
    );
}

/// Whether a scenario did not simply pass.
fn is_open(scenario: &ScenarioResult) -> bool {
    standing(&scenario.outcome.verdict) != Standing::Passed
}

fn sign(scenario: &ScenarioResult) -> &'static str {
    match standing(&scenario.outcome.verdict) {
        Standing::Passed => "✅",
        Standing::Failed | Standing::Errored => "❌",
        Standing::Unproven => "❔",
        Standing::Skipped => "⏭️",
        Standing::Announced => "🟡",
        Standing::Flaky => "🔁",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::verdict::Verdict;
    use crate::report::samples;

    fn text(result: &RunResult) -> String {
        String::from_utf8(render(result, &samples::about())).unwrap()
    }

    #[test]
    fn a_run_with_every_kind_of_scenario_is_told() {
        insta::assert_snapshot!(text(&samples::mixed()));
    }

    #[test]
    fn hostile_text_is_no_markup_and_ends_no_fence() {
        let mut result = samples::mixed();
        let scenario = result
            .scenarios
            .iter_mut()
            .find(|own| own.outcome.verdict == Verdict::Failed)
            .unwrap();
        scenario.name = "<img src=x> | [a](b) @team".to_owned();
        scenario.outcome.findings[0].observed = "````\n# mine".to_owned();
        let text = text(&result);
        assert!(
            text.contains("&lt;img src=x&gt; \\| \\[a\\](b) &#64;team"),
            "{text}"
        );
        assert!(text.contains("`````text\n"), "{text}");
    }

    #[test]
    fn a_thousand_long_failures_stay_below_a_mebibyte() {
        let mut result = samples::mixed();
        let mut failed = result
            .scenarios
            .iter()
            .find(|own| own.outcome.verdict == Verdict::Failed)
            .unwrap()
            .clone();
        failed.outcome.findings[0].observed = "long ".repeat(10_000);
        result.scenarios = vec![failed; 1_000];
        assert!(text(&result).len() < 1024 * 1024);
    }
}
