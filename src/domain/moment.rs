//! Seconds and moments as backends write them into answers.

use std::time::Duration;

use serde_json::Value;

/// Seconds since 1970 beyond which a number must be milliseconds, the year 5138, and milliseconds
/// and microseconds beyond which it must be the next smaller unit. None of them is a moment before
/// 1973 in its own unit.
const MILLISECONDS_FROM: f64 = 1e11;
const MICROSECONDS_FROM: f64 = 1e14;
const NANOSECONDS_FROM: f64 = 1e17;

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

/// Seconds since 1970, from a number or a text of digits in seconds, milliseconds, microseconds or
/// nanoseconds, from an RFC 3339 text, or from a date of HTTP (RFC 9110 §5.6.7).
#[must_use]
pub fn unix(value: &Value) -> Option<f64> {
    if let Some(number) = number(value) {
        return Some(match number {
            number if number >= NANOSECONDS_FROM => number / 1e9,
            number if number >= MICROSECONDS_FROM => number / 1e6,
            number if number >= MILLISECONDS_FROM => number / 1e3,
            number => number,
        });
    }
    let text = value.as_str()?.trim();
    let timestamp: Option<jiff::Timestamp> = text.parse().ok();
    let timestamp = timestamp.or_else(|| date(text))?;
    Some(timestamp.as_duration().as_secs_f64())
}

/// A date as HTTP writes it.
#[must_use]
pub fn date(text: &str) -> Option<jiff::Timestamp> {
    let zoned = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(zoned.timestamp())
}

/// The RFC 3339 text of a moment since 1970, to the millisecond.
#[must_use]
pub fn rfc3339(unix: Duration) -> Option<String> {
    let millis = i64::try_from(unix.as_millis()).ok()?;
    let moment = jiff::Timestamp::from_millisecond(millis).ok()?;
    Some(moment.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_moment_is_read_in_every_unit_and_form_that_backends_write() {
        for value in [
            json!(1_767_603_600),
            json!(1_767_603_600_000_u64),
            json!(1_767_603_600_000_000_u64),
            json!(1_767_603_600_000_000_000_u64),
            json!("1767603600"),
            json!(" 1767603600000 "),
            json!("2026-01-05T09:00:00Z"),
            json!("2026-01-05T10:00:00.000+01:00"),
            json!("Mon, 05 Jan 2026 09:00:00 GMT"),
        ] {
            assert_eq!(unix(&value), Some(1_767_603_600.0), "{value}");
        }
        for value in [
            json!("yesterday"),
            json!(null),
            json!("2026-01-05"),
            json!({}),
        ] {
            assert_eq!(unix(&value), None, "{value}");
        }
    }

    #[test]
    fn a_moment_is_written_so_that_it_is_read_again() {
        let moment = Duration::from_millis(1_767_603_600_250);
        let text = rfc3339(moment).unwrap();
        assert_eq!(
            unix(&text.clone().into()),
            Some(moment.as_secs_f64()),
            "{text}"
        );
    }
}
