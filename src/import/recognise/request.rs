//! A read as it is sent: its parameters filled with what is known of them.

use serde_json::Value;

use crate::import::api::{Operation, Parameter, Place};
use crate::import::draft::Request;
use crate::import::sample;

/// Method, service and path.
pub(super) fn plain_request(operation: &Operation) -> Request {
    Request {
        method: operation.method.clone(),
        service: operation.service.clone(),
        path: operation.path.clone(),
        ..Request::default()
    }
}

/// The request as it is sent, or why it cannot be.
pub(super) fn request_of(operation: &Operation) -> Result<Request, String> {
    let mut request = plain_request(operation);
    let of = |place: Place| {
        operation
            .parameters
            .iter()
            .filter(move |own| own.place == place)
    };
    fill(&mut request, of(Place::Path))?;
    for parameter in of(Place::Query).filter(|own| own.required) {
        let (value, made) = value_of(parameter);
        let Some(value) = text(&value) else {
            return Err(format!("which `{}` is meant is not said", parameter.name));
        };
        if made {
            request.why.push(format!(
                "`{}` must be given and has no example: this value is made up.",
                parameter.name
            ));
        }
        request
            .query
            .push((parameter.name.clone(), Value::from(escaped(&value))));
    }
    for parameter in of(Place::Header).filter(|own| own.required) {
        let name = parameter.name.to_ascii_lowercase();
        if ["accept", "content-type", "authorization", "cookie", "host"].contains(&name.as_str()) {
            continue;
        }
        let (value, made) = value_of(parameter);
        let Some(value) = text(&value) else { continue };
        if made {
            request.why.push(format!(
                "`{name}` must be given and has no example: this value is made up."
            ));
        }
        request.headers.push((name, Value::from(escaped(&value))));
    }
    Ok(request)
}

/// Fills the holes of its path.
fn fill<'p>(
    request: &mut Request,
    parameters: impl Iterator<Item = &'p Parameter>,
) -> Result<(), String> {
    for parameter in parameters {
        let hole = format!("{{{}}}", parameter.name);
        if !request.path.contains(&hole) {
            continue;
        }
        let Some(value) = parameter.sample.as_ref().and_then(text) else {
            return Err(format!(
                "which `{}` is meant is not said: it has no example",
                parameter.name
            ));
        };
        let value =
            percent_encoding::utf8_percent_encode(&value, percent_encoding::NON_ALPHANUMERIC)
                .to_string();
        let value = value
            .replace("%2D", "-")
            .replace("%5F", "_")
            .replace("%2E", ".");
        request.path = request.path.replace(&hole, &value);
        request
            .why
            .push(format!("`{value}` is the example of `{}`.", parameter.name));
    }
    if request.path.contains(['{', '}']) {
        return Err("a parameter of its path is not described".to_owned());
    }
    if request.path.contains(['*', ' ', ';']) {
        return Err("its path cannot be asked for as it is written".to_owned());
    }
    Ok(())
}

fn escaped(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

fn value_of(parameter: &Parameter) -> (Value, bool) {
    match &parameter.sample {
        Some(own) => (own.clone(), false),
        None => (sample::make(&parameter.schema), true),
    }
}

/// A scalar as it stands in a URL.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Array(items) => items.first().and_then(text),
        _ => None,
    }
}
