//! `--data FOLDER`: the world is read from a folder, and again whenever it is saved.
//!
//! The file is looked at a few times a second instead of being watched by the system: that costs two calls, needs
//! no crate, and sees what editors do that write another file and move it there, and what happens in folders
//! that are mounted from elsewhere, of which systems tell nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::pace::Pace;
use crate::cli::console;
use crate::cli::files;
use crate::cli::problem::Problem;
use crate::domain::contract::Contract;
use crate::mock::Mock;
use crate::suite::{Choice, Source, read_world, world_source};

/// The file in the folder.
const FILE: &str = "world.yaml";

/// A file that is looked at.
pub(super) struct Data {
    path: PathBuf,
    contract: Arc<Contract>,
    pace: Pace,
    /// What it was like when it was last read, and when it was last looked at.
    read: Option<Stamp>,
    looked: Option<Stamp>,
    text: Option<Arc<Source>>,
}

/// By what a file is known to have been saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
}

/// Where the world is read from. A folder without one is given that of the suite, to begin with.
pub(super) fn place(folder: &Path, choice: &Choice) -> Result<PathBuf, Problem> {
    let path = folder.join(FILE);
    if path.exists() {
        return Ok(path);
    }
    let failed = |error| Problem::File {
        verb: "write a world to begin with into",
        path: path.clone(),
        error,
    };
    if let Some(source) = world_source(choice).map_err(Problem::Suite)? {
        fs::create_dir_all(folder).map_err(failed)?;
        fs::write(&path, source.text()).map_err(failed)?;
        let shown = path.display();
        console::tell(&format!("{shown}: begun with the world of the suite\n"));
    }
    Ok(path)
}

impl Data {
    pub(super) fn new(path: PathBuf, contract: &Arc<Contract>, pace: Pace) -> Self {
        let stamp = stamp(&path);
        Self {
            text: Source::read(&path, "the world").ok(),
            path,
            contract: Arc::clone(contract),
            pace,
            read: stamp,
            looked: stamp,
        }
    }

    /// Looks at the file, and has the mock serve what it says if it was saved. What cannot be read is told, and the
    /// world stays as it was.
    pub(super) fn look(&mut self, mock: &Mock) {
        let now = stamp(&self.path);
        // Whoever is still writing is left alone until the file has stayed the same for a while.
        let rests = now == self.looked;
        self.looked = now;
        if !rests || now == self.read {
            return;
        }
        self.read = now;
        let shown = self.path.display().to_string();
        match self.reload(mock) {
            Ok(None) => {}
            Ok(Some(changed)) if changed.is_empty() => {
                console::tell(&format!("{shown}: read again\n"));
            }
            Ok(Some(changed)) => {
                let changed = changed.join(", ");
                console::tell(&format!("{shown}: read again, with new {changed}\n"));
            }
            Err(problem) => {
                console::tell(&problem.message(console::rendering()));
                console::tell(&format!("{shown}: the world stays as it was\n"));
            }
        }
    }

    /// The names of the resources that have changed; nothing where the text is the same.
    fn reload(&mut self, mock: &Mock) -> Result<Option<Vec<String>>, Problem> {
        let source = Source::read(&self.path, "the world").map_err(files::one)?;
        if self
            .text
            .as_ref()
            .is_some_and(|own| own.text() == source.text())
        {
            return Ok(None);
        }
        let world = read_world(&source, &self.contract).map_err(Problem::Suite)?;
        let world = self.pace.set(world, &self.contract);
        let changed = mock.reload(Arc::new(world))?;
        self.text = Some(source);
        Ok(Some(changed))
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let found = fs::metadata(path).ok()?;
    Some(Stamp {
        modified: found.modified().ok(),
        length: found.len(),
    })
}
