//! When a world believes that it begins.

use std::fmt;
use std::time::Duration;

use super::{duration, moment};

/// A moment, or how far from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beginning {
    /// This long after 1970.
    At(Duration),
    /// This long from now.
    Ahead(Duration),
    /// This long ago.
    Ago(Duration),
}

impl fmt::Display for Beginning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(at) => out.write_str(&moment::rfc3339(*at).unwrap_or_default()),
            Self::Ahead(by) => write!(out, "+{}", duration::show(*by)),
            Self::Ago(by) => write!(out, "-{}", duration::show(*by)),
        }
    }
}

impl Beginning {
    /// Reads a moment of RFC 3339, or a duration with its sign: `+2h`, `-7d`.
    ///
    /// # Errors
    /// Says what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(ahead) = text.strip_prefix('+') {
            return duration::parse(ahead).map(Self::Ahead);
        }
        if let Some(ago) = text.strip_prefix('-') {
            return duration::parse(ago).map(Self::Ago);
        }
        let moment: Option<jiff::Timestamp> = text.parse().ok();
        let since = moment.and_then(|moment| Duration::try_from(moment.as_duration()).ok());
        since.map(Self::At).ok_or_else(|| {
            format!("`{text}` is no moment since 1970: write one like `2026-03-29T00:59:30Z`, or how far from now, like `+2h` or `-7d`")
        })
    }

    /// The moment since 1970, where it is now this one. Nothing begins before 1970, or after the last day that has a date.
    #[must_use]
    pub fn from(self, now: Duration) -> Option<Duration> {
        let begins = match self {
            Self::At(at) => Some(at),
            Self::Ahead(by) => now.checked_add(by),
            Self::Ago(by) => now.checked_sub(by),
        };
        begins.filter(|at| *at <= LAST)
    }
}

/// The beginning of the year 9000: who goes on from there for a lifetime still has dates of four digits.
const LAST: Duration = Duration::from_secs(221_845_392_000);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_or_how_far_from_now_is_read_and_nothing_else() {
        let now = Duration::from_secs(1_000_000);
        let from = |text: &str| Beginning::parse(text).unwrap().from(now);
        let seconds = |count| Some(Duration::from_secs(count));
        assert_eq!(from("2026-01-05T09:00:00Z"), seconds(1_767_603_600));
        assert_eq!(from("2026-01-05T10:00:00+01:00"), seconds(1_767_603_600));
        assert_eq!(from("+2h"), seconds(1_007_200));
        assert_eq!(from("-1d"), seconds(913_600));
        assert_eq!(from("-100d"), None, "before 1970");
        assert_eq!(from("9500-01-01T00:00:00Z"), None, "after the last date");
        for text in [
            "",
            "2h",
            "yesterday",
            "2026-01-05",
            "1969-12-31T00:00:00Z",
            "+",
            "-7",
            "2026-02-30T00:00:00Z",
        ] {
            assert!(Beginning::parse(text).is_err(), "{text}");
        }
    }
}
