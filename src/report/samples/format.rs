//! What tests of formats need beside a result.

use std::time::Duration;

use crate::report::About;

/// What stands beside the results.
pub(in crate::report) fn about() -> About {
    let hash = |digit: &str| digit.repeat(64);
    About {
        id: "0123456789abcdef".to_owned(),
        started: Duration::from_secs(1_796_025_600),
        files: vec![("contract".to_owned(), hash("a"))],
        run_file: Some(("a.run.gz".to_owned(), hash("b"))),
        known: vec![("machine", "linux x86_64, 2 processors".to_owned())],
        again: Vec::new(),
    }
}

/// Holds a document against a schema; everything that is wrong is told.
pub(in crate::report) fn assert_valid(schema: &serde_json::Value, document: &serde_json::Value) {
    let validator = jsonschema::validator_for(schema).unwrap();
    let errors = validator.iter_errors(document);
    let errors: Vec<String> = errors
        .map(|error| format!("{} at {}", error, error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

/// A schema that takes no key which it does not name.
pub(in crate::report) fn closed(mut schema: serde_json::Value) -> serde_json::Value {
    match &mut schema {
        serde_json::Value::Object(map) => {
            if map.contains_key("properties") {
                map.insert("additionalProperties".to_owned(), false.into());
            }
            for value in map.values_mut() {
                *value = closed(value.take());
            }
        }
        serde_json::Value::Array(all) => {
            all.iter_mut()
                .for_each(|value| *value = closed(value.take()));
        }
        _ => {}
    }
    schema
}
