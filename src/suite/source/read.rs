//! Files into sources, or into the problem that says why not.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use super::Source;
use crate::suite::problem::Problem;

/// Files beyond this are refused: nothing that people write by hand is so long.
const LARGEST: u64 = 4 * 1024 * 1024;

impl Source {
    /// Reads a file. `what` says what it is for: `a contract`.
    ///
    /// # Errors
    /// Says why it cannot be read and what to do.
    pub fn read(path: &Path, what: &str) -> Result<Arc<Self>, Problem> {
        Self::read_up_to(path, what, LARGEST)
    }

    /// Reads a file of so many bytes at most: what programs write is longer than what people do.
    ///
    /// # Errors
    /// As [`Source::read`].
    pub fn read_up_to(path: &Path, what: &str, most: u64) -> Result<Arc<Self>, Problem> {
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
            Ok(meta) if meta.len() > most => {
                return refuse(
                    format!(
                        "it has {} bytes, more than the {most} that are read",
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
