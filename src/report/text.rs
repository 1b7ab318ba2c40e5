//! Text for a terminal: made harmless, wrapped and clipped.
//!
//! Messages quote what a backend or a client sent. Such text may hold escape sequences, so nothing
//! reaches a terminal before [`visible`] has seen it.

use std::borrow::Cow;
use std::time::Duration;

/// The text with every control character, and every character that reorders text, written out.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_dangerous) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for char in text.chars() {
        if is_dangerous(char) {
            safe.extend(char.escape_default());
        } else {
            safe.push(char);
        }
    }
    Cow::Owned(safe)
}

fn is_dangerous(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Lines of at most `width` characters, broken between words; a word longer than a line is broken.
/// The text's own line breaks are kept.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(8);
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let safe = visible(paragraph);
        let mut line = String::new();
        let mut used = 0;
        for word in safe.split_whitespace() {
            let mut word: Vec<char> = word.chars().collect();
            if used > 0 && used + 1 + word.len() > width {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            if used > 0 {
                line.push(' ');
                used += 1;
            }
            while used + word.len() > width {
                let rest = word.split_off(width - used);
                line.extend(word);
                lines.push(std::mem::take(&mut line));
                used = 0;
                word = rest;
            }
            used += word.len();
            line.extend(word);
        }
        lines.push(line);
    }
    if lines.is_empty() {
        lines.push(String::new());
    }
    lines
}

/// At most `width` characters of one harmless line, the last one `…` if something was cut off.
pub(crate) fn clip(text: &str, width: usize) -> String {
    let safe = visible(text);
    if safe.chars().count() <= width {
        return safe.into_owned();
    }
    let mut short: String = safe.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// A moment since the start: `00:03.120`, `1:02:03.000`, `2d 01:00:00.000`.
pub(crate) fn moment(at: Duration) -> String {
    let (seconds, millis) = (at.as_secs(), at.subsec_millis());
    let (minutes, hours, days) = (seconds / 60 % 60, seconds / 3_600 % 24, seconds / 86_400);
    let seconds = seconds % 60;
    match (days, hours) {
        (0, 0) => format!("{minutes:02}:{seconds:02}.{millis:03}"),
        (0, _) => format!("{hours}:{minutes:02}:{seconds:02}.{millis:03}"),
        _ => format!("{days}d {hours:02}:{minutes:02}:{seconds:02}.{millis:03}"),
    }
}

/// How long something took, in its two largest units at most: `38ms`, `12.4s`, `2m05s`, `7d`.
pub(crate) fn took(duration: Duration) -> String {
    let two = |large: u64, unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{large}{unit}"),
        _ => format!("{large}{unit}{small:02}{small_unit}"),
    };
    let (seconds, millis) = (duration.as_secs(), duration.as_millis());
    match seconds {
        0 if millis == 0 && !duration.is_zero() => "<1ms".to_owned(),
        0 => format!("{millis}ms"),
        1..60 => {
            let tenths = duration.subsec_millis() / 100;
            if tenths == 0 {
                format!("{seconds}s")
            } else {
                format!("{seconds}.{tenths}s")
            }
        }
        60..3_600 => two(seconds / 60, "m", seconds % 60, "s"),
        3_600..86_400 => two(seconds / 3_600, "h", seconds / 60 % 60, "m"),
        _ => two(seconds / 86_400, "d", seconds / 3_600 % 24, "h"),
    }
}

/// `1 request`, `2 requests`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// A word as a shell reads it back.
pub(crate) fn shell_word(word: &str) -> Cow<'_, str> {
    let plain = |char: char| char.is_ascii_alphanumeric() || "-_./=:@,+".contains(char);
    if !word.is_empty() && word.chars().all(plain) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_are_written_out() {
        assert_eq!(visible("a\u{1b}[2Jb\u{202e}"), "a\\u{1b}[2Jb\\u{202e}");
    }

    #[test]
    fn lines_break_between_words_and_inside_words_that_are_too_long() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(
            wrap("0123456789abcdef xyz", 8),
            ["01234567", "89abcdef", "xyz"]
        );
        assert_eq!(wrap("one\ntwo", 20), ["one", "two"]);
    }

    #[test]
    fn moments_grow_by_the_units_they_need() {
        assert_eq!(moment(Duration::from_millis(3_120)), "00:03.120");
        assert_eq!(moment(Duration::from_secs(3_723)), "1:02:03.000");
        assert_eq!(moment(Duration::from_secs(176_400)), "2d 01:00:00.000");
    }

    #[test]
    fn durations_are_short_at_every_size() {
        for (millis, told) in [
            (0, "0ms"),
            (38, "38ms"),
            (12_440, "12.4s"),
            (60_000, "1m"),
            (125_300, "2m05s"),
            (7_500_000, "2h05m"),
            (604_800_000, "7d"),
        ] {
            assert_eq!(took(Duration::from_millis(millis)), told);
        }
        assert_eq!(took(Duration::from_micros(20)), "<1ms");
    }

    #[test]
    fn words_that_a_shell_would_split_are_quoted() {
        assert_eq!(shell_word("a b'c"), r"'a b'\''c'");
        assert_eq!(shell_word("./suite-1"), "./suite-1");
    }
}
