//! The report in the Common Test Report Format: one JSON for many dashboards.

use serde_json::{Map, Value, json};

use super::About;
use super::account::{Standing, account, cut, headline, standing};
use crate::domain::result::{RunResult, ScenarioResult};
use crate::domain::runbook::Status;

/// The version of the format that is written.
const SPECIFICATION: &str = "0.0.0";
/// The longest evidence of one scenario, in bytes.
const TRACE: usize = 256 * 1024;

/// The whole document, with a line break at its end.
#[must_use]
pub fn render(result: &RunResult, about: &About) -> Vec<u8> {
    let count = |wanted: &str| {
        let scenarios = result.scenarios.iter();
        scenarios.filter(|own| status(own) == wanted).count()
    };
    let (start, took) = (about.started.as_millis(), result.duration_wall.as_millis());
    let start = u64::try_from(start).unwrap_or(u64::MAX);
    let took = u64::try_from(took).unwrap_or(u64::MAX);
    let runbook = Status::ALL.map(|own| (own.name(), result.runbook.count(own)));
    let document = json!({
        "reportFormat": "CTRF",
        "specVersion": SPECIFICATION,
        "runId": about.id,
        "generatedBy": "rehearsal",
        "results": {
            "tool": {"name": "rehearsal", "version": env!("CARGO_PKG_VERSION")},
            "summary": {
                "tests": result.scenarios.len(),
                "passed": count("passed"),
                "failed": count("failed"),
                "skipped": count("skipped"),
                "pending": count("pending"),
                "other": count("other"),
                "start": start,
                "stop": start.saturating_add(took),
                "duration": took,
                "extra": {
                    "verdict": result.verdict.name(),
                    "reason": result.verdict.reason(),
                    "rollback": super::rollback::advice(&result.runbook),
                    "runbook": runbook.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
                },
            },
            "tests": result.scenarios.iter().map(test).collect::<Vec<_>>(),
            "environment": {
                "testEnvironment": result.target,
                "extra": {
                    "seed": result.seed.to_string(),
                    "virtual_time": result.virtual_time,
                    "quirks": result.quirks,
                    "defects": result.defects,
                },
            },
        },
    });
    // Every key is a text, so there is always a document.
    let mut bytes = serde_json::to_vec_pretty(&document).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

fn status(scenario: &ScenarioResult) -> &'static str {
    match standing(&scenario.outcome.verdict) {
        Standing::Passed | Standing::Flaky => "passed",
        Standing::Failed | Standing::Errored => "failed",
        Standing::Skipped => "skipped",
        Standing::Unproven | Standing::Announced => "other",
    }
}

fn test(scenario: &ScenarioResult) -> Value {
    let mut test = Map::new();
    let mut put = |key: &str, value: Value| test.insert(key.to_owned(), value);
    let took = u64::try_from(scenario.duration_wall.as_millis()).unwrap_or(u64::MAX);
    put("testId", json!(scenario.id));
    // A name must not be empty.
    put(
        "name",
        json!(if scenario.name.is_empty() {
            &scenario.id
        } else {
            &scenario.name
        }),
    );
    put("status", json!(status(scenario)));
    put("rawStatus", json!(scenario.outcome.verdict.name()));
    put("duration", json!(took));
    put("type", json!("conformance"));
    if scenario.attempts.len() > 1 {
        put("retries", json!(scenario.attempts.len() - 1));
        put(
            "flaky",
            json!(standing(&scenario.outcome.verdict) == Standing::Flaky),
        );
    }
    if let Some(file) = scenario.path() {
        put("filePath", json!(file));
    }
    if !scenario.runbook.is_empty() {
        put("labels", json!({"runbook": scenario.runbook}));
    }
    let message = headline(scenario);
    if !message.is_empty() {
        put("message", json!(message));
    }
    let trace = account(scenario);
    if !trace.is_empty() {
        put("trace", json!(cut(&trace, TRACE, char::len_utf8)));
    }
    Value::Object(test)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn the_formats_own_schema_takes_every_kind_of_scenario() {
        let schema = include_str!("../../fixtures/schemas/ctrf.json");
        let schema: Value = serde_json::from_str(schema).unwrap();
        let document = render(&samples::mixed(), &samples::about());
        samples::assert_valid(&schema, &serde_json::from_slice(&document).unwrap());
    }
}
