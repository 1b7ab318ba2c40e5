//! `retry`: how often and after which pauses the client tries again.

use std::time::Duration;

use crate::domain::contract::Retry;
use crate::suite::cursor::Cursor;

/// What holds where a contract says nothing.
pub(super) const DEFAULT: Retry = Retry {
    attempts: 3,
    delay: Duration::from_millis(500),
    delay_max: Duration::from_secs(8),
    jitter: 0.5,
};

/// Reads the agreed retries.
pub(super) fn read(cursor: &Cursor<'_>) -> Option<Retry> {
    let fields = cursor.fields("`retry`")?;
    let attempts = fields.or("attempts", DEFAULT.attempts, |cursor| {
        cursor
            .whole(1)
            .and_then(|attempts| u32::try_from(attempts).ok())
    });
    let delay = fields.or("delay", DEFAULT.delay, Cursor::positive_duration);
    let delay_max = fields.or("delay-max", DEFAULT.delay_max, Cursor::positive_duration);
    let jitter = fields.or("jitter", DEFAULT.jitter, |cursor| {
        cursor.number_between(0.0, 1.0)
    });
    let retry = Retry {
        attempts: attempts?,
        delay: delay?,
        delay_max: delay_max?,
        jitter: jitter?,
    };
    if retry.delay_max < retry.delay {
        return fields.refuse(
            "`delay-max` is shorter than `delay`",
            "the first delay is `delay`, and none is longer than `delay-max`",
        );
    }
    Some(retry)
}
