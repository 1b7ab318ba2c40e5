//! Annotations for GitHub Actions: what failed beside the code, one a cause and ten at most, which is
//! all that GitHub shows of a step.

use std::collections::BTreeMap;

use super::account::{Standing, headline, standing};
use super::rollback::{advice, because, named};
use super::text::count;
use super::title;
use crate::domain::diagnosis;
use crate::domain::result::{RunResult, ScenarioResult};
use crate::domain::runbook::{Build, State};
use crate::domain::verdict::Severity;

/// How many annotations of one kind GitHub shows of a step.
const MOST: usize = 10;

struct Annotation {
    level: &'static str,
    title: String,
    file: String,
    message: String,
}

/// The annotations, as a step of a workflow prints them.
#[must_use]
pub fn render(result: &RunResult) -> Vec<u8> {
    let mut all: Vec<Annotation> = rollback(result).into_iter().collect();
    all.extend(by_cause(result));
    all.extend(without_finding(result));
    // What counts most comes first, and of equals what is in most scenarios.
    all.sort_by_key(|own| own.level != "error");
    let left_out = all.len().saturating_sub(MOST);
    if left_out > 0 {
        all.truncate(MOST - 1);
        all.push(Annotation {
            level: "error",
            title: count(left_out as u64 + 1, "further cause"),
            file: String::new(),
            message: "the report and the step's summary tell all of them".to_owned(),
        });
    }
    all.iter().map(line).collect::<String>().into_bytes()
}

/// That the build is pulled, before everything else.
fn rollback(result: &RunResult) -> Option<Annotation> {
    let answer = &result.runbook;
    let told = advice(answer).filter(|_| answer.build() == Some(Build::Pull))?;
    let fired = answer.triggers_in(State::Fired).map(|trigger| {
        let (actions, because) = (trigger.actions.join("; "), because(trigger));
        let why = because.first().map_or("", String::as_str);
        format!("{}. Do: {actions}. Because: {why}", named(trigger))
    });
    Some(Annotation {
        level: "error",
        title: told,
        file: String::new(),
        message: fired.collect::<Vec<_>>().join("\n"),
    })
}

fn by_cause(result: &RunResult) -> Vec<Annotation> {
    let causes = diagnosis::of_run(result).into_iter();
    let annotation = |cause: diagnosis::RunCause<'_>| {
        let mut scenarios = result.scenarios.iter();
        let first = scenarios.find(|own| Some(&own.id.as_str()) == cause.scenarios.first())?;
        let mut findings = first.outcome.findings.iter();
        let finding = findings.find(|own| {
            own.rule == cause.rule
                && own.subject == cause.subject
                && own.severity > Severity::Information
        })?;
        let told = title(cause.rule).unwrap_or_default();
        Some(Annotation {
            level: match standing(&first.outcome.verdict) {
                Standing::Announced => "notice",
                _ => "error",
            },
            title: format!("{} ({}): {told}", cause.rule, cause.subject.name()),
            file: first.path().unwrap_or_default().to_owned(),
            message: format!(
                "{}\nexpected: {}\nobserved: {}\nin {}",
                finding.message,
                finding.expected,
                finding.observed,
                cause.scenarios.join(", ")
            ),
        })
    };
    causes.filter_map(annotation).collect()
}

/// Scenarios that ended without a finding and did not pass, those of one reason together.
fn without_finding(result: &RunResult) -> Vec<Annotation> {
    let mut groups: BTreeMap<String, Vec<&ScenarioResult>> = BTreeMap::new();
    let mut order = Vec::new();
    for scenario in &result.scenarios {
        let counts = match standing(&scenario.outcome.verdict) {
            Standing::Errored | Standing::Unproven | Standing::Flaky => true,
            Standing::Failed => scenario.outcome.verdict.reason().is_some(),
            Standing::Passed | Standing::Skipped | Standing::Announced => false,
        };
        if counts {
            let why = headline(scenario);
            if !groups.contains_key(&why) {
                order.push(why.clone());
            }
            groups.entry(why).or_default().push(scenario);
        }
    }
    let annotation = |why: String| {
        let scenarios = groups.get(&why)?;
        let ids: Vec<&str> = scenarios.iter().map(|own| own.id.as_str()).collect();
        let first = scenarios.first()?;
        let verdict = &first.outcome.verdict;
        Some(Annotation {
            level: match standing(verdict) {
                Standing::Unproven | Standing::Flaky => "warning",
                _ => "error",
            },
            title: format!(
                "{}: {}",
                verdict.name(),
                count(ids.len() as u64, "scenario")
            ),
            file: first.path().unwrap_or_default().to_owned(),
            message: format!("{why}\nin {}", ids.join(", ")),
        })
    };
    order.into_iter().filter_map(annotation).collect()
}

/// A workflow command. What would end it, or begin another one, is written out.
fn line(annotation: &Annotation) -> String {
    let data = |text: &str| {
        text.replace('%', "%25")
            .replace('\r', "%0D")
            .replace('\n', "%0A")
    };
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    let mut properties = format!("title={}", property(&annotation.title));
    if !annotation.file.is_empty() {
        properties = format!("file={},{properties}", property(&annotation.file));
    }
    format!(
        "::{} {properties}::{}\n",
        annotation.level,
        data(&annotation.message)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::verdict::Verdict;
    use crate::report::samples;

    fn lines(result: &RunResult) -> Vec<String> {
        let text = String::from_utf8(render(result)).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn one_cause_is_one_annotation() {
        insta::assert_snapshot!(lines(&samples::mixed()).join("\n"));
        assert!(lines(&samples::passed()).is_empty());
    }

    #[test]
    fn there_are_ten_at_most_and_the_last_says_how_many_more() {
        let mut result = samples::mixed();
        let one = result.scenarios[0].clone();
        result.runbook.rollback.clear();
        result.scenarios = (0..30)
            .map(|number| {
                let mut scenario = one.clone();
                scenario.id = format!("s{number}");
                scenario.outcome.findings.clear();
                scenario.outcome.verdict = Verdict::Errored(format!("why {number}\n::error::no"));
                scenario
            })
            .collect();
        let lines = lines(&result);
        assert_eq!(lines.len(), 10);
        assert!(lines[9].contains("21 further causes"), "{}", lines[9]);
        assert!(
            lines.iter().all(|line| line.starts_with("::error ")),
            "{lines:?}"
        );
    }
}
