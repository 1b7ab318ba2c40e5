//! Numerals that a JSON number cannot hold as they are written.
//!
//! `1.10`, `0123` and `5319E7` look like numbers and are often something else: a version, a code,
//! a commit. Whoever wants text gets them as they are written; where the look decides, a file says
//! which of the two it means.

use serde_json::Value;

/// How strictly the writing of a numeral is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeping {
    /// The number alone counts: `1.50` is 1.5. For data that is compared as numbers.
    Value,
    /// Every character counts, because a backend gets to see it: only `1.5` is 1.5.
    Writing,
}

/// What a plain scalar would become, where that is not what stands there.
pub(crate) fn altered(written: &str, read: &Value, keeping: Keeping) -> Option<String> {
    let number = read.as_number()?;
    let shown = number.to_string();
    if shown == written || is_of_another_base(written) {
        return None;
    }
    if keeping == Keeping::Value
        && !has_leading_zero(written)
        && magnitude(written) == magnitude(&shown)
    {
        return None;
    }
    Some(shown)
}

/// `0x1f` and `0o17` are numbers by their look, and nothing else.
fn is_of_another_base(written: &str) -> bool {
    written.starts_with("0x") || written.starts_with("0o")
}

/// `007`: a code, or what YAML 1.1 read as another number than YAML 1.2 does.
fn has_leading_zero(written: &str) -> bool {
    let digits = written.trim_start_matches(['+', '-']).as_bytes();
    matches!(digits, [b'0', second, ..] if second.is_ascii_digit())
}

/// Sign, significant digits and the power of ten behind them: the same for every way in which a
/// decimal number is written.
fn magnitude(written: &str) -> Option<(bool, String, i64)> {
    let negative = written.starts_with('-');
    let unsigned = written.trim_start_matches(['+', '-']);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0');
    let kept = significant.trim_end_matches('0');
    if kept.is_empty() {
        return Some((false, String::new(), 0));
    }
    let shift = i64::try_from(significant.len() - kept.len()).ok()?;
    let behind = i64::try_from(fraction.len()).ok()?;
    Some((
        negative,
        kept.to_owned(),
        exponent.checked_add(shift)?.checked_sub(behind)?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::node::plain_value;

    #[test]
    fn a_numeral_is_kept_as_it_is_written_or_the_difference_is_told() {
        let told = |written: &str, keeping| altered(written, &plain_value(written), keeping);
        for same in [
            "1.5",
            "0",
            "-3",
            "12",
            "0.5",
            "10.0",
            "1e-7",
            "0x1f",
            "word",
            "true",
            "18446744073709551615",
        ] {
            assert_eq!(told(same, Keeping::Writing), None, "{same}");
            assert_eq!(told(same, Keeping::Value), None, "{same}");
        }
        for number in ["1.50", "+5", "1e3", "1E-8", ".5", "-0", "5319E7"] {
            assert!(told(number, Keeping::Writing).is_some(), "{number}");
            assert_eq!(told(number, Keeping::Value), None, "{number}");
        }
        for lost in [
            "0123",
            "-007",
            "12345678901234567890123",
            "0.12345678901234567890",
        ] {
            assert!(told(lost, Keeping::Value).is_some(), "{lost}");
        }
    }
}
