//! Numbers that move by themselves.

use fastrand::Rng;
use serde_json::Value;

use super::writing::find_mut;
use crate::domain::selector::Selector;

/// Moves some numbers of a value by a little.
pub(super) fn drift_numbers(value: &mut Value, drift: &[Selector], rng: &mut Rng) {
    for selector in drift {
        if let Some(number) = find_mut(selector, value) {
            nudge(number, rng);
        }
    }
}

/// Changes a number, or a text that is one, by a little, and never to itself.
fn nudge(value: &mut Value, rng: &mut Rng) {
    let sign = if rng.bool() { 1.0 } else { -1.0 };
    match value {
        Value::Number(number) if number.is_f64() => {
            let (new, decimals) = step(number.as_f64().unwrap_or(0.0), sign);
            // The nearest number of so many decimals, so that it is written with no more.
            let scale = 10_f64.powi(decimals);
            if let Some(new) = serde_json::Number::from_f64((new * scale).round() / scale) {
                *number = new;
            }
        }
        Value::Number(number) => {
            let old = number.as_i64().unwrap_or(0);
            *value = (old + if old > 1 && sign < 0.0 { -1 } else { 1 }).into();
        }
        Value::String(text) => {
            if let Ok(old) = text.parse::<f64>() {
                let (new, decimals) = step(old, sign);
                *text = format!("{new:.*}", usize::try_from(decimals).unwrap_or_default());
            }
        }
        _ => {}
    }
}

/// A step of half a per mille, at least one in the last of the decimals that this size of number
/// is written with, and how many those are.
fn step(old: f64, sign: f64) -> (f64, i32) {
    let (decimals, unit) = match old.abs() {
        size if size >= 100.0 => (2, 0.01),
        size if size >= 1.0 => (4, 0.0001),
        _ => (6, 0.000_001),
    };
    (old + sign * (old.abs() * 0.0005).max(unit), decimals)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_drifting_number_always_changes_and_stays_close() {
        let mut rng = Rng::with_seed(7);
        for start in [
            json!(64_231.5),
            json!(1.0842),
            json!(0.000_01),
            json!(-3.5),
            json!(7),
            json!("12.50"),
        ] {
            let mut value = start.clone();
            for _ in 0..200 {
                let before = value.clone();
                nudge(&mut value, &mut rng);
                assert_ne!(before, value);
                assert_eq!(before.is_string(), value.is_string());
                assert_eq!(before.is_i64(), value.is_i64());
            }
        }
    }
}
