//! Durations as people write them: `500ms`, `20s`, `5m`, `2h`, `7d`.

use std::time::Duration;

/// Reads a whole number with a unit: `ms`, `s`, `m`, `h` or `d`.
///
/// # Errors
/// Says what was expected, for a diagnostic that points at `text`.
pub fn parse(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let millis_per_unit: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(explain(text)),
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(millis_per_unit))
        .map(Duration::from_millis)
        .ok_or_else(|| explain(text))
}

fn explain(text: &str) -> String {
    format!(
        "`{text}` is not a duration: write a whole number and a unit, like `500ms`, `20s`, `5m`, `2h` or `7d`"
    )
}

/// Writes a duration with the largest unit that keeps it short: `1.5s`, `250ms`, `5m`, `7d`.
#[must_use]
pub fn show(duration: Duration) -> String {
    let millis = duration.as_millis();
    for (unit, per_unit) in [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
    ] {
        if millis >= per_unit && millis.is_multiple_of(per_unit) {
            return format!("{}{unit}", millis / per_unit);
        }
    }
    match millis {
        0..1_000 => format!("{millis}ms"),
        1_000..120_000 => format!("{}s", trim(millis as f64 / 1_000.0)),
        120_000..7_200_000 => format!("{}m", trim(millis as f64 / 60_000.0)),
        7_200_000..172_800_000 => format!("{}h", trim(millis as f64 / 3_600_000.0)),
        _ => format!("{}d", trim(millis as f64 / 86_400_000.0)),
    }
}

fn trim(number: f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Durations as whole microseconds, for the journal.
pub(super) mod micros {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(in crate::domain) fn serialize<S: Serializer>(
        at: &Duration,
        out: S,
    ) -> Result<S::Ok, S::Error> {
        out.serialize_u64(u64::try_from(at.as_micros()).unwrap_or(u64::MAX))
    }

    pub(in crate::domain) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_the_same_words() {
        for text in ["500ms", "20s", "5m", "2h", "7d", "0ms"] {
            assert_eq!(show(parse(text).unwrap()), text);
        }
        assert_eq!(show(Duration::from_millis(1_500)), "1.5s");
    }

    #[test]
    fn refuses_what_has_no_unit_sign_or_room() {
        for text in [
            "20",
            "s",
            "-1s",
            "1.5s",
            "20 s",
            "99999999999999999999d",
            "",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
