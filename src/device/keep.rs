//! Where the app on a device keeps its one entry.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::storage::{SecureStorage, StorageError, Stored};

/// The entry of the secure storage that the app has.
const ENTRY: &str = "session";

/// Where the app's entry stands.
pub(super) trait Keep: Send + Sync {
    /// What stands there.
    fn read(&self) -> Result<Stored, StorageError>;
    /// Puts something in its place.
    fn write(&self, content: &[u8]) -> Result<(), StorageError>;
    /// Empties it.
    fn clear(&self) -> Result<(), StorageError>;
}

/// On disk, sealed, and exposed to all that can happen to it.
impl Keep for SecureStorage {
    fn read(&self) -> Result<Stored, StorageError> {
        SecureStorage::read(self, ENTRY)
    }

    fn write(&self, content: &[u8]) -> Result<(), StorageError> {
        SecureStorage::write(self, ENTRY, content)
    }

    fn clear(&self) -> Result<(), StorageError> {
        self.remove(ENTRY)
    }
}

/// In memory: it outlives the app's process, not the harness's.
#[derive(Default)]
pub(super) struct Memory(Mutex<Option<Box<[u8]>>>);

impl Memory {
    fn entry(&self) -> MutexGuard<'_, Option<Box<[u8]>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keep for Memory {
    fn read(&self) -> Result<Stored, StorageError> {
        let entry = self.entry();
        let found = entry.as_ref().map(|bytes| Stored::Found(bytes.to_vec()));
        Ok(found.unwrap_or(Stored::Absent))
    }

    fn write(&self, content: &[u8]) -> Result<(), StorageError> {
        *self.entry() = Some(content.into());
        Ok(())
    }

    fn clear(&self) -> Result<(), StorageError> {
        *self.entry() = None;
        Ok(())
    }
}
