//! The result as an in-toto statement with the predicate `test-result`, for whoever signs off: which
//! run file says so, under which contract, scenarios and runbook.

use serde_json::{Value, json};

use super::About;
use super::account::{Standing, standing};
use crate::domain::result::RunResult;
use crate::domain::runbook::Check;
use crate::domain::verdict::Verdict;

/// The whole statement, with a line break at its end. Unsigned: signing it is its reader's.
#[must_use]
pub fn render(result: &RunResult, about: &About) -> Vec<u8> {
    let described =
        |(name, sha256): &(String, String)| json!({"name": name, "digest": {"sha256": sha256}});
    let named = |wanted: &dyn Fn(Standing) -> bool| {
        let scenarios = result.scenarios.iter();
        let wanted = scenarios.filter(|own| wanted(standing(&own.outcome.verdict)));
        wanted.map(|own| own.id.clone()).collect::<Vec<_>>()
    };
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": about.run_file.iter().map(described).collect::<Vec<Value>>(),
        "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
        "predicate": {
            "result": outcome(result),
            "configuration": about.files.iter().map(described).collect::<Vec<Value>>(),
            "passedTests": named(&|own| own == Standing::Passed),
            "warnedTests": named(&|own| matches!(
                own,
                Standing::Unproven | Standing::Announced | Standing::Flaky
            )),
            "failedTests": named(&|own| matches!(own, Standing::Failed | Standing::Errored)),
        },
    });
    let mut bytes = serde_json::to_vec_pretty(&statement).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// What was not proven is never said to have passed.
fn outcome(result: &RunResult) -> &'static str {
    if result.runbook.checks.iter().any(Check::is_red) {
        return "FAILED";
    }
    match &result.verdict {
        Verdict::Passed if !result.interrupted => "PASSED",
        verdict => match standing(verdict) {
            Standing::Failed | Standing::Errored => "FAILED",
            _ => "WARNED",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    fn statement(result: &RunResult) -> Value {
        serde_json::from_slice(&render(result, &samples::about())).unwrap()
    }

    #[test]
    fn a_statement_names_what_it_vouches_for_and_under_what() {
        insta::assert_json_snapshot!(statement(&samples::mixed()));
        let schema = include_str!("../../fixtures/schemas/in-toto-test-result.json");
        let schema: Value = serde_json::from_str(schema).unwrap();
        samples::assert_valid(&schema, &statement(&samples::mixed()));
    }

    #[test]
    fn a_run_that_was_stopped_is_not_said_to_have_passed() {
        let mut result = samples::passed();
        assert_eq!(statement(&result)["predicate"]["result"], "PASSED");
        result.interrupted = true;
        assert_eq!(statement(&result)["predicate"]["result"], "WARNED");
    }
}
