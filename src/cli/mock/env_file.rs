//! The variables by which an app is built, in the file that its tools read: `.env`, `.env.local`.
//!
//! The file is somebody else's. What is not one of the variables stays to the letter: comments, order, quotes,
//! line endings.

use std::fs;
use std::io;
use std::ops::Range;
use std::path::Path;

use super::whole;

/// What became of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// It said all that already, so nothing that watches it is woken.
    Unchanged,
    /// It says it now.
    Changed,
}

/// Has a file say these variables. It is replaced as a whole, so nobody ever reads half of it, and keeps its
/// permissions; where the path is a link, the file that it leads to is meant.
///
/// # Errors
/// When the file cannot be read or is no text, or cannot be written.
pub(super) fn write(path: &Path, variables: &[(&str, &str)]) -> io::Result<Written> {
    let (path, old) = match fs::read(path) {
        Ok(bytes) => (fs::canonicalize(path)?, Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => (path.to_owned(), None),
        Err(error) => return Err(error),
    };
    let text = String::from_utf8(old.clone().unwrap_or_default()).map_err(|_| {
        let why = "it is not text in UTF-8, and is left as it is";
        io::Error::new(io::ErrorKind::InvalidData, why)
    })?;
    let new = with(&text, variables);
    if old.is_some() && new == text {
        return Ok(Written::Unchanged);
    }
    whole::replace(&path, new.as_bytes())?;
    Ok(Written::Changed)
}

/// A text that says these variables: their values are replaced where they stand, and what is missing comes at
/// the end.
fn with(text: &str, variables: &[(&str, &str)]) -> String {
    let mut new = String::with_capacity(text.len());
    let mut from = 0;
    let mut missing = variables.to_vec();
    for Assignment { name, value } in assignments(text) {
        let wanted = variables.iter().find(|(own, _)| *own == name);
        let Some((own, wanted)) = wanted else {
            continue;
        };
        missing.retain(|(name, _)| name != own);
        let old = &text[value.clone()];
        let first = old.chars().next();
        let quote = first.filter(|own| is_quote(*own) && old.len() > 1 && old.ends_with(*own));
        new.push_str(&text[from..value.start]);
        new.extend(quote);
        new.push_str(wanted);
        new.extend(quote);
        if text[value.end..].starts_with('#') {
            new.push(' ');
        }
        from = value.end;
    }
    new.push_str(&text[from..]);
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    for (name, value) in missing {
        if !new.is_empty() && !new.ends_with('\n') {
            new.push_str(end);
        }
        new.push_str(&format!("{name}={value}{end}"));
    }
    new
}

/// A variable that a file sets, and where the value stands, with its quotes.
struct Assignment<'t> {
    name: &'t str,
    value: Range<usize>,
}

/// Every assignment, as the readers of such files see them: a value in quotes may go on over lines, and what
/// looks like an assignment within it is none.
fn assignments(text: &str) -> Vec<Assignment<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let end = line_end(text, at);
        let mut next = end + 1;
        if let Some((name, start)) = assigned(text, at..end) {
            let value = match quoted(text, start) {
                Some(value) => {
                    next = line_end(text, value.end) + 1;
                    value
                }
                None => start..start + bare(&text[start..end]).len(),
            };
            found.push(Assignment { name, value });
        }
        at = next;
    }
    found
}

fn line_end(text: &str, from: usize) -> usize {
    text[from..].find('\n').map_or(text.len(), |at| from + at)
}

/// The name that a line assigns to, and where the value begins.
fn assigned(text: &str, line: Range<usize>) -> Option<(&str, usize)> {
    let words = &text[line.clone()];
    let equals = words.find('=')?;
    let name = words[..equals].trim_start_matches('\u{feff}').trim();
    let name = name.strip_prefix("export ").unwrap_or(name).trim();
    let sound = |char: char| char.is_ascii_alphanumeric() || "_.-".contains(char);
    if name.is_empty() || !name.chars().all(sound) {
        return None;
    }
    let value = &words[equals + 1..];
    let space = value.len() - value.trim_start_matches([' ', '\t']).len();
    Some((name, line.start + equals + 1 + space))
}

/// A value in quotes, if one begins here and ends anywhere.
fn quoted(text: &str, start: usize) -> Option<Range<usize>> {
    let quote = text[start..]
        .chars()
        .next()
        .filter(|first| is_quote(*first))?;
    let mut escaped = false;
    let mut rest = text[start + 1..].char_indices();
    let (close, _) = rest.find(|(_, char)| {
        let ends = *char == quote && !escaped;
        escaped = *char == '\\' && !escaped;
        ends
    })?;
    Some(start..start + 1 + close + 1)
}

fn is_quote(char: char) -> bool {
    matches!(char, '"' | '\'' | '`')
}

/// A value without quotes: up to a comment, or to the end.
fn bare(rest: &str) -> &str {
    let comment = rest.char_indices().find(|(at, char)| {
        *char == '#' && rest[..*at].chars().last().is_none_or(char::is_whitespace)
    });
    rest[..comment.map_or(rest.len(), |(at, _)| at)].trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "http://192.168.1.20:4010";

    fn written(text: &str) -> String {
        with(text, &[("APP_URL", URL)])
    }

    #[test]
    fn a_value_is_replaced_where_it_stands_and_all_else_stays_to_the_letter() {
        for (before, after) in [
            ("APP_URL=old\n", "APP_URL={}\n"),
            (
                "A=1\r\nAPP_URL=old\r\nB=2\r\n",
                "A=1\r\nAPP_URL={}\r\nB=2\r\n",
            ),
            (
                "# APP_URL=no\n\nexport APP_URL = old # why\n",
                "# APP_URL=no\n\nexport APP_URL = {} # why\n",
            ),
            ("APP_URL=\"old#1\" # x\nB='2'", "APP_URL=\"{}\" # x\nB='2'"),
            ("APP_URL='a\nb'\nB=2\n", "APP_URL='{}'\nB=2\n"),
            ("APP_URL=\nB=2\n", "APP_URL={}\nB=2\n"),
            ("APP_URL= # none yet\n", "APP_URL= {} # none yet\n"),
            ("APP_URL=1\nAPP_URL=2", "APP_URL={}\nAPP_URL={}"),
            ("APP_URL=\"open\nB=2\n", "APP_URL={}\nB=2\n"),
            ("\u{feff}APP_URL=old", "\u{feff}APP_URL={}"),
        ] {
            assert_eq!(written(before), after.replace("{}", URL), "{before:?}");
        }
    }

    #[test]
    fn what_is_missing_comes_at_the_end_in_the_file_s_own_line_endings() {
        for (before, after) in [
            ("", "APP_URL={}\n"),
            ("A=1", "A=1\nAPP_URL={}\n"),
            ("A=1\r\nB=2", "A=1\r\nB=2\r\nAPP_URL={}\r\n"),
            (
                "MY_APP_URL=1\nnot a line\n",
                "MY_APP_URL=1\nnot a line\nAPP_URL={}\n",
            ),
            (
                "KEY=\"begin\nAPP_URL=inside\nend\"\n",
                "KEY=\"begin\nAPP_URL=inside\nend\"\nAPP_URL={}\n",
            ),
        ] {
            assert_eq!(written(before), after.replace("{}", URL), "{before:?}");
        }
    }

    #[test]
    fn a_second_time_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        let variables = [("APP_URL", URL)];
        assert_eq!(write(&path, &variables).unwrap(), Written::Changed);
        assert_eq!(write(&path, &variables).unwrap(), Written::Unchanged);
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            format!("APP_URL={URL}\n")
        );
        fs::write(&path, b"A=\xff\n").unwrap();
        let refused = write(&path, &variables).unwrap_err().to_string();
        assert!(refused.contains("left as it is"), "{refused}");
        assert_eq!(fs::read(&path).unwrap(), b"A=\xff\n");
        assert!(write(folder.path(), &variables).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_file_keeps_its_permissions_and_a_link_leads_to_its_file() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("shared.env"), folder.path().join(".env"));
        fs::write(&file, "A=1\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&file, &link).unwrap();
        write(&link, &[("APP_URL", URL)]).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(fs::read_to_string(&file).unwrap().contains(URL));
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o640
        );
    }
}
