//! The command that plays a scenario again, as it was played.

use crate::domain::result::{RunResult, ScenarioResult};

/// Its words after the program's name.
pub(super) fn replay(
    scenario: &ScenarioResult,
    result: &RunResult,
    beside: &[String],
) -> Vec<String> {
    let mut words = vec!["run".to_owned()];
    let mut flag = |name: &str, value: &str| {
        words.push(format!("--{name}"));
        words.push(value.to_owned());
    };
    if result.target != "mock" {
        flag("target", &result.target);
    }
    flag("scenario", &scenario.id);
    flag("seed", &result.seed.to_string());
    for quirk in &result.quirks {
        flag("quirk", quirk);
    }
    for defect in &result.defects {
        flag("defect", defect);
    }
    if result.target == "mock" && !result.virtual_time {
        words.push("--real-time".to_owned());
    }
    words.extend(beside.iter().cloned());
    words
}
