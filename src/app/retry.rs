//! How long to wait before something is tried again: pure arithmetic.

use std::time::Duration;

use fastrand::Rng;
use jiff::fmt::rfc2822::DateTimeParser;

use crate::domain::contract::Retry;

/// However wrong a contract is, nothing is repeated faster than this.
const FLOOR: Duration = Duration::from_millis(50);

/// The longest time that a backend can tell the app to stay away.
pub(super) const RETRY_AFTER_CAP: Duration = Duration::from_secs(15 * 60);

/// The delay before the attempt that follows attempt number `attempt` (from 1): doubling, capped,
/// and varied after the cap so that many apps never fall into step.
pub(super) fn backoff(retry: &Retry, attempt: u32, rng: &mut Rng) -> Duration {
    let doubled = retry
        .delay
        .saturating_mul(1 << attempt.saturating_sub(1).min(16));
    spread(doubled.min(retry.delay_max), retry.jitter, rng).max(FLOOR)
}

/// A duration varied by up to `share` in both directions.
pub(super) fn spread(duration: Duration, share: f64, rng: &mut Rng) -> Duration {
    let share = share.clamp(0.0, 1.0);
    duration.mul_f64(1.0 - share + 2.0 * share * rng.f64())
}

/// A duration made longer by up to `share`.
pub(super) fn lengthen(duration: Duration, share: f64, rng: &mut Rng) -> Duration {
    duration.mul_f64(1.0 + share * rng.f64())
}

/// What `Retry-After` (RFC 9110 §10.2.3) asks for, in seconds or as a date, capped.
pub(super) fn retry_after<'h>(
    headers: impl IntoIterator<Item = (&'h str, &'h str)>,
    unix: Duration,
) -> Option<Duration> {
    let value = headers
        .into_iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("retry-after"))?
        .1
        .trim();
    let wanted = if value.bytes().all(|byte| byte.is_ascii_digit()) && !value.is_empty() {
        Duration::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        let date = DateTimeParser::new().parse_timestamp(value).ok()?;
        Duration::try_from(date.as_duration())
            .unwrap_or_default()
            .saturating_sub(unix)
    };
    Some(wanted.min(RETRY_AFTER_CAP))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retry() -> Retry {
        Retry {
            attempts: 3,
            delay: Duration::from_secs(1),
            delay_max: Duration::from_secs(8),
            jitter: 0.25,
        }
    }

    #[test]
    fn delays_double_up_to_the_cap_and_still_vary_there() {
        let mut rng = Rng::with_seed(1);
        for (attempt, middle) in [(1, 1.0), (2, 2.0), (4, 8.0), (9, 8.0), (4_000, 8.0)] {
            let delay = backoff(&retry(), attempt, &mut rng).as_secs_f64();
            assert!((middle * 0.75..=middle * 1.25).contains(&delay), "{delay}");
        }
        let capped: Vec<_> = (0..5).map(|_| backoff(&retry(), 9, &mut rng)).collect();
        assert!(capped.windows(2).any(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn a_contract_without_delay_does_not_make_a_storm() {
        let mut retry = retry();
        retry.delay = Duration::ZERO;
        assert!(backoff(&retry, 1, &mut Rng::with_seed(1)) >= FLOOR);
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date_and_absurd_values_are_capped() {
        let unix = Duration::from_secs(784_111_777);
        let read = |value| retry_after([("Retry-After", value)], unix);
        assert_eq!(read("120"), Some(Duration::from_secs(120)));
        assert_eq!(
            read("Sun, 06 Nov 1994 08:50:37 GMT"),
            Some(Duration::from_secs(60))
        );
        assert_eq!(read("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(read("99999999999999999999999"), Some(RETRY_AFTER_CAP));
        assert_eq!(read("soon"), None);
        assert_eq!(read(""), None);
    }
}
