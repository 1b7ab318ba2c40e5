//! A file of `NAME=value` lines, for values that should not stand in the environment.

use std::collections::BTreeMap;
use std::path::Path;

use crate::domain::secret::Secret;
use crate::suite::{Problem, Problems, Source};

/// Reads such a file; `what` says what it is for. Empty lines and lines that begin with `#` are skipped; `export ` before a
/// name and quotes around a value are taken off. Nothing is expanded.
///
/// # Errors
/// Names lines that cannot be read, and never shows them: they may hold a secret.
pub(super) fn read(path: &Path, what: &str) -> Result<BTreeMap<String, Secret>, Problems> {
    let source = Source::read(path, what)?;
    let mut secrets = BTreeMap::new();
    let mut problems = Problems::default();
    for (at, line) in source.text().lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        match line.split_once('=') {
            Some((name, value)) if is_name(name.trim()) => {
                secrets.insert(name.trim().to_owned(), Secret::new(unquote(value.trim())));
            }
            _ => {
                let message = format!("line {} of `{}` is not `NAME=value`", at + 1, source.name());
                problems
                    .push(Problem::new(message).hint("one variable a line; `#` begins a comment"));
            }
        }
    }
    problems.or(Some(secrets))
}

/// Whether this can name a variable of the environment.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|first: char| first.is_ascii_digit())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn unquote(value: &str) -> &str {
    ['"', '\'']
        .into_iter()
        .find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(value)
}
