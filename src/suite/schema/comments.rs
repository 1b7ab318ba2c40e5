//! What the comments of a reference file say of its keys.

use crate::suite::node::Entry;
use crate::suite::source::Source;

/// The comment of a key: behind it on its line, or else in the lines above it.
pub(super) fn of(source: &Source, entry: &Entry) -> Option<String> {
    let text = source.text();
    let start = entry.key_span.start;
    let before = text.get(..start)?;
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    // Of several keys on one line, the first has the comment.
    let lead = before.get(line_start..)?;
    if !lead
        .chars()
        .all(|char| matches!(char, ' ' | '-' | '[' | '"'))
    {
        return None;
    }
    let line = text.get(line_start..)?.lines().next()?;
    if let Some((_, comment)) = line.split_once(" # ") {
        return Some(comment.trim().to_owned());
    }
    let mut above: Vec<&str> = Vec::new();
    for line in text.get(..line_start)?.lines().rev() {
        match line.trim_start().strip_prefix("# ") {
            // The file's own header stands apart, by an empty line.
            Some(comment) => above.push(comment.trim()),
            None => break,
        }
    }
    above.reverse();
    (!above.is_empty()).then(|| above.join(" "))
}
