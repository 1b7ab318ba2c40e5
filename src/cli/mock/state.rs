//! `--state FILE`: what a restart would lose, written down while the mock runs and when it ends.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};

use super::whole;
use crate::cli::console;
use crate::cli::problem::Problem;
use crate::mock::{Mock, State, Unusable};

/// A file that follows a mock.
pub(super) struct StateFile {
    path: PathBuf,
    /// What the mock has answered when it was last asked.
    seen: u64,
    /// What tells the text that stands there from another one.
    written: Option<u64>,
    /// What was last said about a file that cannot be written.
    told: Option<String>,
}

impl StateFile {
    /// Has the mock go on from the file, if there is one already.
    pub(super) fn resume(path: &Path, mock: &Mock) -> Result<Self, Problem> {
        let unusable = |why: Unusable| Problem::State {
            path: path.to_owned(),
            why,
        };
        match fs::read(path) {
            Ok(text) => {
                let state = State::read(&text).map_err(unusable)?;
                mock.resume(state).map_err(unusable)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(Problem::File {
                    verb: "read the state from",
                    path: path.to_owned(),
                    error,
                });
            }
        }
        let mut file = Self {
            path: path.to_owned(),
            seen: 0,
            written: None,
            told: None,
        };
        // What cannot be written is told before anything is served.
        file.save(mock)?;
        Ok(file)
    }

    /// Writes what has changed; a failure is told once, and tried again later.
    pub(super) fn follow(&mut self, mock: &Mock) {
        let failed = self.save(mock).err().map(|problem| problem.to_string());
        if failed != self.told
            && let Some(why) = &failed
        {
            console::tell(&format!(
                "{why}; what has changed is kept in memory until it can be\n"
            ));
        }
        self.told = failed;
    }

    /// Writes what has changed.
    pub(super) fn save(&mut self, mock: &Mock) -> Result<(), Problem> {
        let Some((seen, state)) = mock.state_since(self.seen) else {
            return Ok(());
        };
        let mut text = serde_json::to_vec(&state).map_err(io::Error::from)?;
        text.push(b'\n');
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let hash = hasher.finish();
        if self.written != Some(hash) {
            whole::replace(&self.path, &text).map_err(|error| Problem::File {
                verb: "write the state into",
                path: self.path.clone(),
                error,
            })?;
        }
        self.written = Some(hash);
        self.seen = seen;
        Ok(())
    }
}
