//! Lease files: a folder, a line of JSON for each lever that moves, and a lock for as long as somebody lives.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Seek};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::LeaseError;
use super::holder::Holder;
use crate::domain::change::Change;

/// The form of a lease file's lines.
pub(super) const VERSION: u32 = 1;

/// A line of a lease file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Line {
    /// The first one.
    Lease { version: u32, by: Holder },
    /// A lever is about to move.
    Switched(Change),
    /// It is back.
    Back(Change),
}

/// What a process that is gone has left.
#[derive(Debug)]
pub struct Leftover {
    /// Who it was, if the file says.
    pub by: Option<Holder>,
    /// What it had switched and not put back, in the order in which it was switched.
    pub switched: Vec<Change>,
    pub(super) path: PathBuf,
    // Kept for its lock, so that nobody settles it twice.
    _file: File,
}

impl Leftover {
    /// Removes what says that something is switched. A file without that is removed at once.
    pub(super) fn forget(&self) {
        // One that stays is settled once more, which changes nothing.
        let _ = fs::remove_file(&self.path);
    }

    pub(super) fn settled_or_not(&self) -> bool {
        if self.switched.is_empty() {
            self.forget();
        }
        !self.switched.is_empty()
    }
}

/// What is left at a target by processes that are gone, for whoever only asks.
///
/// # Errors
/// When a file cannot be read.
pub fn left_at(folder: &Path, target: &str) -> Result<Vec<Leftover>, LeaseError> {
    let leases = folder.join(LEASES);
    let left = leftovers(&leases, &file_name(target))?;
    Ok(left.into_iter().filter(Leftover::settled_or_not).collect())
}

/// Who uses a target now.
///
/// # Errors
/// When a file cannot be read.
pub fn users_of(folder: &Path, target: &str) -> Result<Vec<Holder>, LeaseError> {
    holders(&folder.join(LEASES), &file_name(target))
}

/// The folder of leases in the folder of what is kept between runs.
const LEASES: &str = "leases";

/// Makes the folders, and keeps them out of version control.
pub(super) fn prepare(folder: &Path) -> Result<PathBuf, LeaseError> {
    let leases = folder.join(LEASES);
    fs::create_dir_all(&leases).map_err(unkept(&leases))?;
    let ignore = folder.join(".gitignore");
    if !ignore.exists() {
        fs::write(&ignore, "*\n").map_err(unkept(&ignore))?;
    }
    Ok(leases)
}

pub(super) fn open(path: &Path) -> Result<File, LeaseError> {
    let mut options = OpenOptions::new();
    options.create(true).read(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(unkept(path))
}

pub(super) fn unkept(path: &Path) -> impl Fn(io::Error) -> LeaseError {
    let path = path.to_owned();
    move |error| LeaseError::Unkept {
        path: path.clone(),
        error,
    }
}

/// A target's name as part of a file's.
pub(super) fn file_name(target: &str) -> String {
    percent_encoding::utf8_percent_encode(target, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// The lease files of a target.
fn files(leases: &Path, name: &str) -> Result<Vec<PathBuf>, LeaseError> {
    let read = match fs::read_dir(leases) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.map_err(unkept(leases))?,
    };
    let mut files = Vec::new();
    for entry in read {
        let path = entry.map_err(unkept(leases))?.path();
        let own = path.file_name().and_then(|file| file.to_str());
        let rest = own.and_then(|file| file.strip_prefix(name)?.strip_prefix('.'));
        if rest.is_some_and(|rest| rest.ends_with(".lease")) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Whose leases are alive.
pub(super) fn holders(leases: &Path, name: &str) -> Result<Vec<Holder>, LeaseError> {
    let mut holders = Vec::new();
    for path in files(leases, name)? {
        // One that is gone meanwhile is nobody's.
        let Ok(file) = File::open(&path) else {
            continue;
        };
        if matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)) {
            holders.extend(read(&path, &file)?.0);
        }
    }
    Ok(holders)
}

pub(super) fn leftovers(leases: &Path, name: &str) -> Result<Vec<Leftover>, LeaseError> {
    let mut all = Vec::new();
    for path in files(leases, name)? {
        let Ok(file) = File::open(&path) else {
            continue;
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => continue,
            Err(TryLockError::Error(error)) => return Err(unkept(&path)(error)),
        }
        let (by, switched) = read(&path, &file)?;
        all.push(Leftover {
            by,
            switched,
            path,
            _file: file,
        });
    }
    Ok(all)
}

/// Who wrote a lease, and what is switched by it.
fn read(path: &Path, mut file: &File) -> Result<(Option<Holder>, Vec<Change>), LeaseError> {
    file.rewind().map_err(unkept(path))?;
    let (mut by, mut switched) = (None, Vec::new());
    let mut lines = BufReader::new(file);
    for number in 1.. {
        let mut text = String::new();
        lines.read_line(&mut text).map_err(unkept(path))?;
        // A line that was cut short was never acted upon.
        let Some(text) = text.strip_suffix('\n') else {
            break;
        };
        let unreadable = |why: String| LeaseError::Unreadable {
            path: path.to_owned(),
            line: number,
            why,
        };
        let line = serde_json::from_str(text).map_err(|error| unreadable(error.to_string()))?;
        match line {
            Line::Lease { version, .. } if version > VERSION => {
                let why = format!("version {version} is newer than this rehearsal");
                return Err(unreadable(why));
            }
            Line::Lease { by: holder, .. } => by = Some(holder),
            Line::Switched(change) => switched.push(change),
            Line::Back(change) => switched.retain(|own| *own != change),
        }
    }
    Ok((by, switched))
}
