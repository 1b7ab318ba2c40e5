//! The text of one file, and places in it.

use std::fmt::Write as _;
use std::fs;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};

use super::problem::Problem;

/// Files beyond this are refused: nothing that people write by hand is so long.
const LARGEST: u64 = 4 * 1024 * 1024;

/// The text of one file.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    name: String,
    text: String,
}

impl Source {
    /// A text under the name that diagnostics show.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self {
            name: name.into(),
            text: text.into(),
        })
    }

    /// SHA-256 of the text, hex.
    pub(super) fn fingerprint(&self) -> String {
        let hash = digest(&SHA256, self.text.as_bytes());
        hash.as_ref().iter().fold(String::new(), |mut hex, byte| {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }

    /// Reads a file. `what` says what it is for: `a contract`.
    ///
    /// # Errors
    /// Says why it cannot be read and what to do.
    pub fn read(path: &Path, what: &str) -> Result<Arc<Self>, Problem> {
        let name = path.display().to_string();
        let refuse = |why: String, hint: &str| {
            Err(Problem::new(format!("{what} cannot be read from `{name}`: {why}")).hint(hint))
        };
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => {
                return refuse("it is a folder".to_owned(), "give the path of a file");
            }
            Ok(meta) if !meta.is_file() => {
                return refuse(
                    "it is not a regular file".to_owned(),
                    "give the path of a file",
                );
            }
            Ok(meta) if meta.len() > LARGEST => {
                return refuse(
                    format!(
                        "it has {} bytes, more than the {LARGEST} that are read",
                        meta.len()
                    ),
                    "is this the right file?",
                );
            }
            _ => {}
        }
        match fs::read(path) {
            Ok(bytes) => Self::from_bytes(name, &bytes),
            Err(error) => {
                let (why, hint) = explain(error.kind());
                refuse(why.unwrap_or_else(|| error.to_string()), hint)
            }
        }
    }

    /// Takes the bytes of a file, which must be UTF-8.
    ///
    /// # Errors
    /// Points at the first byte that is not.
    pub fn from_bytes(name: impl Into<String>, bytes: &[u8]) -> Result<Arc<Self>, Problem> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Self::new(
                name,
                text.strip_prefix('\u{feff}').unwrap_or(text),
            )),
            Err(error) => {
                let at = error.valid_up_to();
                let source = Self::new(name, String::from_utf8_lossy(bytes));
                Err(Problem::new("this is not UTF-8 text")
                    .at(&source, at..at + 1)
                    .hint("save the file as UTF-8"))
            }
        }
    }

    /// The name that diagnostics show.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Line and column of a byte, both from 1; columns count characters.
    #[must_use]
    pub fn line_and_column(&self, byte: usize) -> (usize, usize) {
        let before = self.text.get(..byte).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        (line, before[start..].chars().count() + 1)
    }

    /// A span cut down to its first line, so that a diagnostic points at one place, and never
    /// beyond the text.
    pub(crate) fn on_one_line(&self, span: Range<usize>) -> Range<usize> {
        let mut start = span.start.min(self.text.len());
        while !self.text.is_char_boundary(start) {
            start -= 1;
        }
        let mut end = span.end.clamp(start, self.text.len());
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        let first = self.text[start..end].split('\n').next().unwrap_or_default();
        start..start + first.trim_end().len()
    }
}

fn explain(kind: ErrorKind) -> (Option<String>, &'static str) {
    match kind {
        ErrorKind::NotFound => (Some("there is no such file".to_owned()), "check the path"),
        ErrorKind::PermissionDenied => (
            Some("permission denied".to_owned()),
            "give this user the right to read it",
        ),
        _ => (None, "check the path"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one_and_in_characters() {
        let source = Source::new("x", "ab\nçde\n");
        assert_eq!(source.line_and_column(0), (1, 1));
        assert_eq!(source.line_and_column(5), (2, 2));
        assert_eq!(source.line_and_column(999), (3, 1));
    }

    #[test]
    fn a_span_ends_with_its_first_line_and_inside_the_text() {
        let source = Source::new("x", "a: 1  \nb: 2\n");
        assert_eq!(source.on_one_line(0..9), 0..4);
        assert_eq!(source.on_one_line(50..90), 12..12);
    }

    #[test]
    fn a_missing_file_a_folder_and_bytes_that_are_no_text_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let message = |path: &Path| Source::read(path, "a contract").unwrap_err().message;
        assert!(message(&folder.path().join("gone.yaml")).contains("no such file"));
        assert!(message(folder.path()).contains("it is a folder"));
        let broken = folder.path().join("broken.yaml");
        fs::write(&broken, b"a: \xff\n").unwrap();
        assert_eq!(message(&broken), "this is not UTF-8 text");
    }
}
