//! Whether two JSON values say the same: `9` and `9.0` are one number (RFC 8259 §6 knows one kind of
//! numbers), though serde_json tells them apart.

use serde_json::{Number, Value};

/// Whether two values say the same, however their numbers are written.
#[must_use]
pub fn is_equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => is_equal_number(one, other),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(other)
                    .all(|(one, other)| is_equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let stands = |(key, value): (&String, &Value)| {
                other.get(key).is_some_and(|other| is_equal(value, other))
            };
            one.len() == other.len() && one.iter().all(stands)
        }
        _ => one == other,
    }
}

/// Whether a value is one of these.
#[must_use]
pub fn is_among(value: &Value, values: &[Value]) -> bool {
    values.iter().any(|own| is_equal(own, value))
}

/// Whole numbers are compared as they are: beyond 2⁵³ two of them would be one as floats.
fn is_equal_number(one: &Number, other: &Number) -> bool {
    let whole = |number: &Number| number.is_i64() || number.is_u64();
    one == other || !(whole(one) && whole(other)) && one.as_f64() == other.as_f64()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_is_the_same_however_it_is_written() {
        for (one, other) in [
            (json!(9), json!(9.0)),
            (json!(-1), json!(-1.0)),
            (json!({"a": [1, {"b": 2.0}]}), json!({"a": [1.0, {"b": 2}]})),
        ] {
            assert!(is_equal(&one, &other), "{one} {other}");
            assert!(is_among(&one, &[json!("x"), other]));
        }
    }

    #[test]
    fn other_values_stay_others() {
        for (one, other) in [
            (json!(9), json!("9")),
            (json!(9), json!(9.5)),
            (
                json!(9_007_199_254_740_993_u64),
                json!(9_007_199_254_740_992_u64),
            ),
            (json!([1]), json!([1, 1])),
            (json!({"a": 1}), json!({"b": 1})),
            (json!(0), json!(false)),
            (json!(0), json!(null)),
        ] {
            assert!(!is_equal(&one, &other), "{one} {other}");
        }
    }
}
