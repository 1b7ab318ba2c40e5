//! Where a simulated device keeps its storage: a folder of its own that goes with it, also when the process
//! was killed before it could take it away. A device's storage holds the key to it, so it is not left to whoever
//! tidies the machine.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Once;

use tempfile::TempDir;

const PREFIX: &str = "rehearsal-device-";

/// Locked as long as the process lives whose folder it is: another one sees by it whom it may sweep.
const LOCK: &str = "lock";

/// A device's folder.
pub(super) struct Folder {
    own: TempDir,
    _lock: File,
}

impl Folder {
    /// A new one. The first of a process takes those away that others have left behind.
    pub(super) fn new() -> io::Result<Self> {
        static SWEPT: Once = Once::new();
        let root = std::env::temp_dir();
        SWEPT.call_once(|| sweep(&root));
        Self::below(&root)
    }

    fn below(root: &Path) -> io::Result<Self> {
        let own = TempDir::with_prefix_in(PREFIX, root)?;
        fs::create_dir(storage_in(own.path()))?;
        // It comes last, so nobody sweeps a folder that is only half made.
        let lock = File::create_new(own.path().join("making"))?;
        lock.lock()?;
        fs::rename(own.path().join("making"), own.path().join(LOCK))?;
        Ok(Self { own, _lock: lock })
    }

    /// The folder for the device itself.
    pub(super) fn storage(&self) -> PathBuf {
        storage_in(self.own.path())
    }
}

fn storage_in(folder: &Path) -> PathBuf {
    folder.join("storage")
}

/// Takes away the folders of processes that are gone. What cannot be read or removed is somebody else's.
fn sweep(root: &Path) {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| {
        let name = entry.file_name();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        is_folder && name.to_string_lossy().starts_with(PREFIX)
    });
    for folder in folders {
        let lock = File::open(folder.path().join(LOCK));
        if lock.is_ok_and(|lock| lock.try_lock().is_ok()) {
            let _ = fs::remove_dir_all(folder.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(root: &Path) -> usize {
        fs::read_dir(root).unwrap().count()
    }

    #[test]
    fn what_a_killed_process_left_behind_is_swept_and_what_lives_is_not() {
        let root = tempfile::tempdir().unwrap();
        let alive = Folder::below(root.path()).unwrap();
        let killed = Folder::below(root.path()).unwrap();
        fs::write(killed.storage().join("key"), "secret").unwrap();
        // Its lock goes with the process, and its folder stays.
        let Folder { own, _lock: lock } = killed;
        let path = own.keep();
        sweep(root.path());
        assert!(path.exists());
        drop(lock);
        let others = root.path().join("rehearsal-device-half-made");
        fs::create_dir(&others).unwrap();
        sweep(root.path());
        assert!(!path.exists() && alive.storage().exists() && others.exists());
        drop(alive);
        assert_eq!(left(root.path()), 1);
    }
}
