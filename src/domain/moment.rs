//! Seconds and moments as backends write them into answers.

use serde_json::Value;

/// Seconds since 1970 beyond which a number must be milliseconds: the year 5138.
const MILLISECONDS_FROM: f64 = 1e11;

/// A number, also one that is written as a text.
#[must_use]
pub fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
    .filter(|number: &f64| number.is_finite())
}

/// Seconds since 1970, from seconds, milliseconds or an RFC 3339 text.
#[must_use]
pub fn unix(value: &Value) -> Option<f64> {
    if let Some(number) = number(value) {
        return Some(if number >= MILLISECONDS_FROM {
            number / 1_000.0
        } else {
            number
        });
    }
    let timestamp: jiff::Timestamp = value.as_str()?.trim().parse().ok()?;
    Some(timestamp.as_duration().as_secs_f64())
}
