//! Secure storage: what survives the app's process, and what can happen to it meanwhile.
//!
//! Every entry is one file, sealed with a device key that lies beside them, as a phone's key store
//! keeps keys apart from data. Nobody but the owner may read either. Reading and writing are short
//! and block, so a process that is killed has either written an entry or not touched it.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;

use crate::domain::scenario::StorageAccident;

/// The beginning of every entry's file.
const MAGIC: &[u8; 4] = b"RSE1";
/// Twice of what platforms keep reliably in one entry.
const OVERSIZED: usize = 4_096;
const KEY_LEN: usize = 32;
/// So much of the key's hash stands in an entry, to tell a lost key from damaged data.
const KEY_MARK_LEN: usize = 8;
const HEAD_LEN: usize = MAGIC.len() + KEY_MARK_LEN + NONCE_LEN;
const KEY_FILE: &str = "device.key";
const ENTRY_SUFFIX: &str = "sealed";

/// The secure storage of one device.
#[derive(Debug)]
pub struct SecureStorage {
    folder: PathBuf,
}

/// What stands under a name.
#[derive(Clone, PartialEq, Eq)]
pub enum Stored {
    /// A value.
    Found(Vec<u8>),
    /// Nothing.
    Absent,
    /// Something that was damaged.
    Corrupt,
    /// Something that a key sealed which is no longer there.
    Undecryptable,
}

/// Stored values are sessions: they are never shown.
impl std::fmt::Debug for Stored {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Found(_) => "Found(‹secret›)",
            Self::Absent => "Absent",
            Self::Corrupt => "Corrupt",
            Self::Undecryptable => "Undecryptable",
        })
    }
}

/// Secure storage could not be used. This is the harness's trouble, never the app's.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The system refused.
    #[error("secure storage at {path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The name of an entry would not make a file name.
    #[error("{0:?} cannot name an entry of secure storage: use letters, digits, `.`, `-` and `_`")]
    Name(String),
    /// The cipher failed.
    #[error("secure storage: the cipher failed")]
    Cipher,
}

impl SecureStorage {
    /// The storage in this folder, which is made if need be and shut to everybody else.
    ///
    /// # Errors
    /// When the folder cannot be made or shut.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, StorageError> {
        let folder = folder.into();
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .and_then(|()| fs::set_permissions(&folder, Permissions::from_mode(0o700)))
            .map_err(|source| StorageError::Io {
                path: folder.clone(),
                source,
            })?;
        Ok(Self { folder })
    }

    /// What stands under a name.
    ///
    /// # Errors
    /// When the system refuses to read.
    pub fn read(&self, name: &str) -> Result<Stored, StorageError> {
        let Some(sealed) = read_if_there(&self.entry(name)?)? else {
            return Ok(Stored::Absent);
        };
        let Some((head, body)) = sealed.split_at_checked(HEAD_LEN) else {
            return Ok(Stored::Corrupt);
        };
        let (magic, rest) = head.split_at(MAGIC.len());
        let (mark, nonce) = rest.split_at(KEY_MARK_LEN);
        if magic != MAGIC {
            return Ok(Stored::Corrupt);
        }
        let Some(key) = self.key()?.filter(|key| key_mark(key) == mark) else {
            return Ok(Stored::Undecryptable);
        };
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| StorageError::Cipher)?;
        let mut body = body.to_vec();
        let opened = cipher(&key)?.open_in_place(nonce, Aad::from(name.as_bytes()), &mut body);
        Ok(match opened {
            Ok(value) => Stored::Found(value.to_vec()),
            Err(_) => Stored::Corrupt,
        })
    }

    /// Puts a value under a name, wholly or not at all.
    ///
    /// # Errors
    /// When the system refuses to write.
    pub fn write(&self, name: &str, value: &[u8]) -> Result<(), StorageError> {
        let path = self.entry(name)?;
        let key = match self.key()? {
            Some(key) => key,
            None => self.make_key()?,
        };
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(|_| StorageError::Cipher)?;
        let mut body = value.to_vec();
        cipher(&key)?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(name.as_bytes()),
                &mut body,
            )
            .map_err(|_| StorageError::Cipher)?;
        let mut sealed = Vec::with_capacity(HEAD_LEN + body.len());
        sealed.extend_from_slice(MAGIC);
        sealed.extend_from_slice(&key_mark(&key));
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&body);
        replace(&path, &sealed)
    }

    /// Removes what stands under a name, if anything does.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn remove(&self, name: &str) -> Result<(), StorageError> {
        remove_if_there(&self.entry(name)?)
    }

    /// The size of the value under a name in bytes, without decrypting it. Phones advise against
    /// more than 2048.
    ///
    /// # Errors
    /// When the system refuses to look.
    pub fn size(&self, name: &str) -> Result<Option<u64>, StorageError> {
        let path = self.entry(name)?;
        let overhead = (HEAD_LEN + AES_256_GCM.tag_len()) as u64;
        match fs::metadata(&path) {
            Ok(file) => Ok(Some(file.len().saturating_sub(overhead))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StorageError::Io { path, source }),
        }
    }

    /// Lets something happen to everything that is stored.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn suffer(&self, accident: StorageAccident) -> Result<(), StorageError> {
        match accident {
            StorageAccident::Lost => {
                for path in self.entries()? {
                    remove_if_there(&path)?;
                }
                remove_if_there(&self.folder.join(KEY_FILE))
            }
            StorageAccident::Corrupt => {
                for path in self.entries()? {
                    if let Some(mut sealed) = read_if_there(&path)? {
                        if let Some(last) = sealed.last_mut() {
                            *last ^= 0x55;
                        }
                        replace(&path, &sealed)?;
                    }
                }
                Ok(())
            }
            StorageAccident::Undecryptable => remove_if_there(&self.folder.join(KEY_FILE)),
            StorageAccident::Oversized => {
                for path in self.entries()? {
                    if let Some(name) = path.file_stem().and_then(|name| name.to_str()) {
                        self.write(name, &[b' '; OVERSIZED])?;
                    }
                }
                Ok(())
            }
        }
    }

    fn entry(&self, name: &str) -> Result<PathBuf, StorageError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        if name.is_empty() || !name.bytes().all(plain) {
            return Err(StorageError::Name(name.to_owned()));
        }
        Ok(self.folder.join(format!("{name}.{ENTRY_SUFFIX}")))
    }

    fn entries(&self) -> Result<Vec<PathBuf>, StorageError> {
        let failed = |source| StorageError::Io {
            path: self.folder.clone(),
            source,
        };
        let mut entries = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|end| end == ENTRY_SUFFIX) {
                entries.push(path);
            }
        }
        Ok(entries)
    }

    fn key(&self) -> Result<Option<[u8; KEY_LEN]>, StorageError> {
        let bytes = read_if_there(&self.folder.join(KEY_FILE))?;
        Ok(bytes.and_then(|bytes| bytes.try_into().ok()))
    }

    fn make_key(&self) -> Result<[u8; KEY_LEN], StorageError> {
        let mut key = [0; KEY_LEN];
        rand::fill(&mut key).map_err(|_| StorageError::Cipher)?;
        replace(&self.folder.join(KEY_FILE), &key)?;
        Ok(key)
    }
}

fn cipher(key: &[u8; KEY_LEN]) -> Result<LessSafeKey, StorageError> {
    UnboundKey::new(&AES_256_GCM, key)
        .map(LessSafeKey::new)
        .map_err(|_| StorageError::Cipher)
}

fn key_mark(key: &[u8; KEY_LEN]) -> [u8; KEY_MARK_LEN] {
    let mut mark = [0; KEY_MARK_LEN];
    mark.copy_from_slice(&digest(&SHA256, key).as_ref()[..KEY_MARK_LEN]);
    mark
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, StorageError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StorageError::Io {
            path: path.to_owned(),
            source,
        }),
    }
}

fn remove_if_there(path: &Path) -> Result<(), StorageError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(StorageError::Io {
            path: path.to_owned(),
            source,
        }),
    }
}

/// Writes beside the file and renames, so that a reader finds the old content or the new one.
fn replace(path: &Path, content: &[u8]) -> Result<(), StorageError> {
    let draft = path.with_extension("draft");
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)
        .and_then(|mut file| file.write_all(content))
        .and_then(|()| fs::rename(&draft, path));
    written.map_err(|source| StorageError::Io {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn storage() -> (tempfile::TempDir, SecureStorage) {
        let folder = tempfile::tempdir().unwrap();
        let storage = SecureStorage::open(folder.path().join("device")).unwrap();
        (folder, storage)
    }

    #[test]
    fn what_was_written_last_is_found_by_the_next_process() {
        let (folder, storage) = storage();
        assert_eq!(storage.read("session").unwrap(), Stored::Absent);
        storage.write("session", "first".as_bytes()).unwrap();
        storage.write("session", "naïve 🔑".as_bytes()).unwrap();
        drop(storage);
        let reopened = SecureStorage::open(folder.path().join("device")).unwrap();
        assert_eq!(
            reopened.read("session").unwrap(),
            Stored::Found("naïve 🔑".into())
        );
        assert_eq!(reopened.size("session").unwrap(), Some(11));
        reopened.remove("session").unwrap();
        assert_eq!(reopened.read("session").unwrap(), Stored::Absent);
        assert_eq!(reopened.size("session").unwrap(), None);
    }

    #[test]
    fn nobody_else_can_read_it_and_the_value_is_not_in_the_files() {
        let (folder, storage) = storage();
        storage.write("session", "s3cret-token".as_bytes()).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let device = folder.path().join("device");
        assert_eq!(mode(&device), 0o700);
        let files: Vec<PathBuf> = fs::read_dir(&device)
            .unwrap()
            .map(|file| file.unwrap().path())
            .collect();
        assert_eq!(files.len(), 2, "the entry and the key: {files:?}");
        for file in files {
            assert_eq!(mode(&file), 0o600, "{}", file.display());
            let bytes = fs::read(&file).unwrap();
            assert!(!bytes.windows(6).any(|window| window == b"s3cret"));
        }
    }

    #[rstest]
    #[case(StorageAccident::Lost, Stored::Absent)]
    #[case(StorageAccident::Corrupt, Stored::Corrupt)]
    #[case(StorageAccident::Undecryptable, Stored::Undecryptable)]
    fn an_accident_is_seen_for_what_it_is_and_a_new_value_can_be_written(
        #[case] accident: StorageAccident,
        #[case] seen: Stored,
    ) {
        let (_folder, storage) = storage();
        storage.write("session", "before".as_bytes()).unwrap();
        storage.suffer(accident).unwrap();
        assert_eq!(storage.read("session").unwrap(), seen);
        storage.write("session", "after".as_bytes()).unwrap();
        assert_eq!(
            storage.read("session").unwrap(),
            Stored::Found("after".into())
        );
    }

    #[test]
    fn a_lost_key_is_not_mistaken_for_damage_after_another_entry_made_a_new_one() {
        let (_folder, storage) = storage();
        storage.write("session", "old".as_bytes()).unwrap();
        storage.suffer(StorageAccident::Undecryptable).unwrap();
        storage.write("other", "new".as_bytes()).unwrap();
        assert_eq!(storage.read("session").unwrap(), Stored::Undecryptable);
    }

    #[test]
    fn a_cut_off_or_exchanged_file_is_corrupt() {
        let (folder, storage) = storage();
        storage.write("session", "value".as_bytes()).unwrap();
        storage.write("other", "value".as_bytes()).unwrap();
        let file = |name: &str| folder.path().join("device").join(name);
        fs::copy(file("other.sealed"), file("session.sealed")).unwrap();
        assert_eq!(storage.read("session").unwrap(), Stored::Corrupt);
        fs::write(file("session.sealed"), b"RSE1").unwrap();
        assert_eq!(storage.read("session").unwrap(), Stored::Corrupt);
    }

    #[test]
    fn a_name_that_would_leave_the_folder_is_refused_and_not_shown_values() {
        let (_folder, storage) = storage();
        assert!(matches!(
            storage.write("../session", "x".as_bytes()),
            Err(StorageError::Name(_))
        ));
        assert!(!format!("{:?}", Stored::Found("token".into())).contains("token"));
    }
}
