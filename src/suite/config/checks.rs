//! `checks`: commands by which a team checks its own project; and where its app's variables stand.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Environment, secrets};
use crate::suite::cursor::Cursor;
use crate::suite::problem::{Problem, Problems};

/// The name of the check of the app's variables, which no command can have.
pub const VARIABLES: &str = "variables";

/// Where the variables stand by which an app is built for a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppVariables {
    /// In the environment of the run.
    Environment,
    /// In a file of `NAME=value` lines.
    File(PathBuf),
}

impl AppVariables {
    /// The values of these variables, as far as they are there.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn read(
        &self,
        names: &[&str],
        environment: Environment<'_>,
    ) -> Result<BTreeMap<String, String>, Problems> {
        let named = |value: &dyn Fn(&str) -> Option<String>| {
            let all = names.iter();
            all.filter_map(|name| Some(((*name).to_owned(), value(name)?)))
                .collect()
        };
        Ok(match self {
            Self::Environment => named(environment),
            Self::File(path) => {
                let values = secrets::read(path, "the app's variables")?;
                named(&|name| Some(values.get(name)?.expose().to_owned()))
            }
        })
    }
}

impl fmt::Display for AppVariables {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => out.write_str("environment"),
            Self::File(path) => write!(out, "{}", path.display()),
        }
    }
}

/// How long a check may take unless its configuration says otherwise.
const TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// A command by which a team checks its own project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckCommand {
    /// Its name.
    pub name: String,
    /// What a shell is given.
    pub command: String,
    /// How long it may take.
    pub timeout: Duration,
    /// Where it runs.
    pub folder: PathBuf,
}

/// Reads all of them; `path` understands paths, and `beside` is where the file stands.
pub(super) fn read(
    cursor: &Cursor<'_>,
    path: impl Fn(&Cursor<'_>) -> Option<PathBuf>,
    beside: &Path,
) -> Option<Vec<CheckCommand>> {
    // A file that is named without a folder stands in the working one.
    let beside = match beside.as_os_str().is_empty() {
        true => Path::new("."),
        false => beside,
    };
    let checks = cursor.entries()?.into_iter().map(|(entry, cursor)| {
        let is_taken = entry.key == VARIABLES || entry.key == "each";
        if is_taken
            || entry
                .key
                .contains(|char: char| char.is_whitespace() || char == ',')
        {
            let problem = Problem::new(format!("`{}` cannot name a check", entry.key));
            let hint = "write another word, like `verify`";
            cursor.diagnostics.note(&entry.key_span, problem.hint(hint));
        }
        let fields = cursor.fields("a check")?;
        let command = fields.need("command").and_then(|cursor| cursor.name_text());
        let timeout = fields.or("timeout", TIMEOUT, Cursor::positive_duration);
        let folder = fields.or("folder", beside.to_owned(), |cursor| path(cursor));
        Some(CheckCommand {
            name: entry.key.clone(),
            command: command?,
            timeout: timeout?,
            folder: folder?,
        })
    });
    // Each is read, whatever is wrong with the one before it.
    let checks: Vec<Option<CheckCommand>> = checks.collect();
    checks.into_iter().collect()
}
