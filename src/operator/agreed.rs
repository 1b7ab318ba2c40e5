//! What is agreed on, for whoever looks at traffic or pushes an event: names, addresses and schemas.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Refusal;
use crate::domain::contract::Contract;
use crate::domain::schema::{Fault, faults};

/// How many things that are wrong are told.
const TOLD: usize = 20;

/// What the contract is asked of: an answer for a resource, or what an event brings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default)]
    resource: Option<String>,
    #[serde(default)]
    event: Option<String>,
    value: Value,
}

/// What of a value does not keep its schema, with labels in place of secrets as in a journal. Whether there is a
/// schema at all is said beside it.
///
/// # Errors
/// When the body is not the question, or the schema is none.
pub(super) fn check(contract: &Contract, body: &[u8]) -> Result<Value, Refusal> {
    let bad = |why: String| {
        let takes = r#"POST /contract takes JSON like {"resource": "<name>", "value": "<any>"}, or with `event`"#;
        Refusal(400, "bad-body", format!("{why}. {takes}"))
    };
    let asked: Asked = serde_json::from_slice(body).map_err(|error| bad(error.to_string()))?;
    let schema = match (&asked.resource, &asked.event) {
        (Some(name), None) => {
            let mut all = contract.resources.iter();
            all.find(|own| own.name == *name)
                .and_then(|own| own.schema.as_ref())
        }
        (None, Some(name)) => {
            let mut all = contract.realtime.iter().flat_map(|feed| &feed.events);
            all.find(|own| own.name == *name)
                .and_then(|own| own.schema.as_ref())
        }
        _ => return Err(bad("name a resource or an event, and not both".to_owned())),
    };
    let Some(schema) = schema else {
        return Ok(json!({ "schema": false, "problems": [] }));
    };
    let validator = jsonschema::validator_for(schema)
        .map_err(|error| Refusal(422, "no-schema", format!("the schema is not one: {error}")))?;
    let problem = |Fault { place, text }| json!({ "at": place, "problem": text });
    let problems: Vec<Value> = faults(&validator, &asked.value)
        .take(TOLD)
        .map(problem)
        .collect();
    Ok(json!({ "schema": true, "problems": problems }))
}

/// The contract in so far as traffic is read by it.
pub(super) fn agreed(contract: &Contract) -> Value {
    let services = contract.services.iter().map(|service| &service.name);
    let operations = contract.operations().map(|(role, operation)| {
        json!({
            "role": role,
            "service": operation.service,
            "method": operation.method,
            "path": operation.path,
        })
    });
    let feed = contract.realtime.iter();
    let events = feed.flat_map(|feed| &feed.events).map(
        |event| json!({ "name": event.name, "updates": event.updates, "schema": event.schema }),
    );
    json!({
        "contract": contract.name,
        "services": services.collect::<Vec<_>>(),
        "operations": operations.collect::<Vec<_>>(),
        "events": events.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::contract::harbour::harbour;

    #[test]
    fn what_does_not_keep_its_schema_is_told_with_its_place_and_labels_are_let_be() {
        let mut contract = harbour();
        contract.resources[0].schema = Some(json!({
            "type": "object",
            "required": ["id"],
            "properties": { "id": { "type": "integer" }, "pin": { "type": "integer" } },
        }));
        let name = contract.resources[0].name.clone();
        let asked = |resource: &str, value: Value| {
            let body = json!({ "resource": resource, "value": value });
            check(&contract, body.to_string().as_bytes()).unwrap()
        };
        assert_eq!(
            asked(&name, json!({ "id": 1, "pin": "«secret-1»" })),
            json!({ "schema": true, "problems": [] })
        );
        let wrong = asked(&name, json!({ "id": "a", "pin": "b" }));
        let mut places: Vec<&str> = wrong["problems"]
            .as_array()
            .unwrap()
            .iter()
            .map(|own| own["at"].as_str().unwrap())
            .collect();
        places.sort_unstable();
        assert_eq!(places, ["/id", "/pin"]);
        assert_eq!(asked("nobody", json!(1))["schema"], false);
        for body in [
            "",
            "{}",
            r#"{"value": 1}"#,
            r#"{"resource": "a", "event": "b", "value": 1}"#,
        ] {
            let refusal = check(&contract, body.as_bytes()).unwrap_err();
            assert!(
                refusal.0 == 400 && refusal.2.contains("POST /contract takes"),
                "{refusal:?}"
            );
        }
    }
}
