//! Hostile documents and archives: whatever comes in, something is said, and soon.

use serde_json::{Value, json};

use super::*;

fn openapi(text: &str) -> Result<Made, Problems> {
    of_openapi(&Source::new("document", text))
}

fn har(text: &str) -> Result<Made, Problems> {
    of_har(&Source::new("archive", text), None)
}

/// A document with these schemas, whose one answer is the first of them.
fn with_schemas(schemas: &Value, first: &str) -> String {
    let schema = json!({"$ref": format!("#/components/schemas/{first}")});
    let answer = json!({"content": {"application/json": {"schema": schema}}});
    json!({
        "openapi": "3.1.0", "paths": {"/x": {"get": {"responses": {"200": answer}}}},
        "components": {"schemas": schemas},
    })
    .to_string()
}

#[test]
fn schemas_that_refer_to_one_another_without_end_are_cut_off() {
    let chain: serde_json::Map<String, Value> = (0..20_000)
        .map(|at| {
            let next = json!({"$ref": format!("#/components/schemas/S{}", at + 1)});
            (
                format!("S{at}"),
                json!({"type": "object", "properties": {"next": next}}),
            )
        })
        .collect();
    let made = openapi(&with_schemas(&Value::Object(chain), "S0")).unwrap();
    assert!(
        made.left
            .iter()
            .any(|own| own.why.contains("200 levels deep")),
        "{:?}",
        made.left
    );
    // Each alternative has as many of its own.
    let wide: serde_json::Map<String, Value> = (0..9)
        .map(|at| {
            let next: Vec<Value> = (0..60)
                .map(|_| json!({"$ref": format!("#/components/schemas/W{}", at + 1)}))
                .collect();
            (format!("W{at}"), json!({"oneOf": next, "allOf": next}))
        })
        .chain([("W9".to_owned(), json!({"type": "string"}))])
        .collect();
    let _ = openapi(&with_schemas(&Value::Object(wide), "W0"));
    let own =
        json!({"A": {"$ref": "#/components/schemas/B"}, "B": {"$ref": "#/components/schemas/A"}});
    let _ = openapi(&with_schemas(&own, "A"));
}

#[test]
fn any_value_in_the_place_of_another_is_borne() {
    let document: Value =
        serde_json::from_str(include_str!("../../fixtures/import/fleet.json")).unwrap();
    let archive: Value =
        serde_json::from_str(include_str!("../../fixtures/import/garden.har")).unwrap();
    let others = [
        json!(null),
        json!(7),
        json!("{x}"),
        json!([[]]),
        json!({"$ref": "#/paths"}),
        json!(true),
    ];
    let mut tried = 0;
    for (whole, read) in [
        (document, openapi as fn(&str) -> Result<Made, Problems>),
        (archive, har),
    ] {
        let places = places(&whole, "");
        // Every place of a document, and those of an archive now and then: they are all alike.
        let step = 1 + places.len() / 80;
        for (at, place) in places.iter().enumerate().step_by(step) {
            let mut other = whole.clone();
            if let Some(slot) = other.pointer_mut(place) {
                slot.clone_from(&others[at % others.len()]);
            }
            let _ = read(&other.to_string());
            tried += 1;
        }
    }
    assert!(tried > 100, "{tried}");
}

fn places(value: &Value, at: &str) -> Vec<String> {
    let mut all = vec![at.to_owned()];
    match value {
        Value::Array(items) => {
            for (number, own) in items.iter().enumerate() {
                all.extend(places(own, &format!("{at}/{number}")));
            }
        }
        Value::Object(fields) => {
            for (name, own) in fields {
                all.extend(places(own, &format!("{at}/{}", schemas::segment(name))));
            }
        }
        _ => {}
    }
    all
}
