//! The files of a suite on disk: which folder it is, and which scenarios stand in and below it.

use std::collections::BTreeMap;
use std::fs::{self, DirEntry};
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::{CONTRACT_FILE, FLOWS, Problem, Problems, SHARED_FILES, Source};
use crate::suite::scenario::id_of;

/// A folder of installed packages, which may bring YAML of any kind.
const PACKAGES: &str = "node_modules";

/// What stands at the path of a suite.
pub(super) struct Found {
    path: PathBuf,
    is_folder: bool,
    /// Where what belongs to its scenarios may stand, the nearest first.
    folders: Vec<PathBuf>,
}

impl Found {
    pub(super) fn look(path: &Path) -> Result<Self, Problem> {
        let meta = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
        if !meta.is_dir() && SHARED_FILES.iter().any(|own| path.ends_with(own)) {
            let message = format!("`{}` holds no scenarios", path.display());
            return Err(Problem::new(message).hint(
                "name the folder that it stands in; `--contract FILE` takes a contract alone",
            ));
        }
        if is_flow(path) {
            let message = format!("`{}` holds flows, and no scenarios", path.display());
            let hint =
                "name the folder that it stands in: flows are played where scenarios use them";
            return Err(Problem::new(message).hint(hint));
        }
        let nearest = match meta.is_dir() {
            true => path,
            false => path.parent().unwrap_or(Path::new("")),
        };
        let mut folders = vec![nearest.to_owned()];
        folders.extend(suite_around(nearest).filter(|suite| suite != nearest));
        Ok(Self {
            path: path.to_owned(),
            is_folder: meta.is_dir(),
            folders,
        })
    }

    /// Where what belongs to the scenarios may stand, the nearest first: their own folder, and that of
    /// the suite which they are a part of.
    pub(super) fn folders(&self) -> impl Iterator<Item = &Path> {
        self.folders.iter().map(PathBuf::as_path)
    }

    /// The nearest file of this name that belongs to the scenarios.
    pub(super) fn beside(&self, name: &str) -> Option<PathBuf> {
        let mut places = self.folders().map(|folder| folder.join(name));
        places.find(|path| path.exists())
    }

    /// The folder, if it is one that was named and not a file.
    pub(super) fn folder(&self) -> Option<&Path> {
        self.is_folder.then_some(&self.path)
    }

    /// The scenario files, in the order of their paths.
    pub(super) fn scenarios(&self, problems: &mut Problems) -> Vec<Arc<Source>> {
        let paths = if self.is_folder {
            let mut own = Problems::default();
            let paths = Walk::through(&self.path, &mut own);
            if paths.is_empty() && own.is_empty() {
                own.push(no_scenarios(&self.path));
            }
            problems.extend(own);
            paths
        } else {
            vec![self.path.clone()]
        };
        refuse_namesakes(&paths, problems);
        let mut sources = Vec::new();
        for path in &paths {
            match Source::read(path, "a scenario") {
                Ok(source) => sources.push(source),
                Err(problem) => problems.push(problem),
            }
        }
        sources
    }
}

/// Whether a suite in this folder would have scenarios of its own.
pub(crate) fn has_scenarios(folder: &Path) -> bool {
    !Walk::through(folder, &mut Problems::default()).is_empty()
}

/// The nearest folder with a contract, from this one upwards: the suite that it is a part of.
fn suite_around(folder: &Path) -> Option<PathBuf> {
    let has_contract = |folder: &&Path| folder.join(CONTRACT_FILE).is_file();
    // As it was written, as far as that goes: so it stands in messages.
    let is_plain = !folder
        .components()
        .any(|part| matches!(part, Component::ParentDir | Component::CurDir));
    let levels = if is_plain { usize::MAX } else { 1 };
    let mut written = folder.ancestors().take(levels);
    if let Some(suite) = written.find(has_contract) {
        return Some(suite.to_owned());
    }
    let whole = Path::new(".").join(folder).canonicalize().ok()?;
    whole.ancestors().find(has_contract).map(Path::to_owned)
}

/// Whether a path leads to the flows of a suite.
fn is_flow(path: &Path) -> bool {
    let Ok(whole) = path.canonicalize() else {
        return false;
    };
    let suite = whole.parent().and_then(suite_around);
    suite.is_some_and(|suite| whole.starts_with(suite.join(FLOWS)))
}

/// The way through a folder and those below it.
struct Walk<'p> {
    paths: Vec<PathBuf>,
    problems: &'p mut Problems,
}

impl<'p> Walk<'p> {
    /// Every scenario file in a folder and below it, in the order of their paths.
    fn through(folder: &Path, problems: &'p mut Problems) -> Vec<PathBuf> {
        let mut walk = Walk {
            paths: Vec::new(),
            problems,
        };
        walk.folder(folder);
        walk.paths.sort();
        walk.paths
    }

    fn folder(&mut self, folder: &Path) {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return self.problems.push(unreadable(folder, &error)),
        };
        for entry in entries {
            if let Err(error) = entry.and_then(|entry| self.entry(&entry)) {
                self.problems.push(unreadable(folder, &error));
            }
        }
    }

    fn entry(&mut self, entry: &DirEntry) -> io::Result<()> {
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') {
            return Ok(());
        }
        // A link to a folder is not followed: it may lead in a circle.
        if entry.file_type()?.is_dir() {
            let is_apart = *name == *PACKAGES || *name == *FLOWS;
            if !is_apart && !path.join(CONTRACT_FILE).exists() {
                self.folder(&path);
            }
            return Ok(());
        }
        let kind = path.extension();
        let is_yaml = kind.is_some_and(|kind| kind == "yaml" || kind == "yml");
        if is_yaml && !SHARED_FILES.contains(&&*name) {
            self.paths.push(path);
        }
        Ok(())
    }
}

/// Two scenarios of one name could not be told apart: in reports, in the runbook, on the command line.
fn refuse_namesakes(paths: &[PathBuf], problems: &mut Problems) {
    let mut first: BTreeMap<String, &Path> = BTreeMap::new();
    for path in paths {
        let id = id_of(&path.to_string_lossy());
        if let Some(other) = first.get(&id) {
            let (other, path) = (other.display(), path.display());
            let message = format!("`{path}` has the name of `{other}`");
            let hint = format!("both are the scenario `{id}`: give one of them another name");
            problems.push(Problem::new(message).hint(hint));
        } else {
            first.insert(id, path);
        }
    }
}

fn no_scenarios(folder: &Path) -> Problem {
    let message = format!("there are no scenarios in `{}`", folder.display());
    Problem::new(message).hint(
        "a suite is a folder with `contract.yaml` and one `.yaml` file for each scenario, in it or \
         in folders below it",
    )
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    let (why, hint) = match error.kind() {
        ErrorKind::NotFound => (
            "there is no such folder or file".to_owned(),
            "check the path; without one, the shipped suite is played",
        ),
        ErrorKind::PermissionDenied => (
            "permission denied".to_owned(),
            "give this user the right to read it",
        ),
        _ => (error.to_string(), "check the path"),
    };
    Problem::new(format!(
        "the suite `{}` cannot be read: {why}",
        path.display()
    ))
    .hint(hint)
}
