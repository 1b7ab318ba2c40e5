//! Writes a run file while the run goes: whole blocks, each in one piece, from many threads.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::VERSION;
use super::block::{Head, pack};
use super::manifest::Manifest;
use crate::domain::journal::file::Header;
use crate::domain::result::{RunResult, ScenarioResult};
use crate::domain::runbook::Basis;

/// How many bytes of journal make a block: what a killed process loses of a scenario in play, and the
/// most that is held of it.
const BLOCK: usize = 256 * 1024;

/// A run file that is being written. Cheap to clone; all clones write the same file.
#[derive(Debug, Clone)]
pub struct Writer(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: File,
    /// How long the file is, in whole blocks.
    length: u64,
    /// The journals of each scenario.
    journals: BTreeMap<String, Journals>,
    /// What the system said when it first took no more.
    failed: Option<String>,
}

/// The journals of one scenario, which are numbered from 1.
#[derive(Debug, Clone, Copy, Default)]
struct Journals {
    /// How many were begun.
    begun: u32,
    /// The one that decides what the scenario came to.
    deciding: u32,
    /// Those up to this one are over: what somebody still writes of them comes too late.
    over: u32,
}

/// That a run file lacks something.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the run file {} lacks what could not be written: {why}", path.display())]
pub struct Unwritten {
    /// The file.
    pub path: PathBuf,
    /// What the system says.
    pub why: String,
}

impl Writer {
    /// Begins a file, in place of whatever stands there. Nobody but its owner may read it.
    ///
    /// # Errors
    /// When it cannot be written, or what stands there is a folder, a link, a device, or a file that
    /// is no run file.
    pub fn create(path: &Path, manifest: &Manifest) -> io::Result<Self> {
        refuse_what_stands_there(path)?;
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let head = Head::Manifest {
            rehearsal_run: VERSION,
        };
        let bytes = document(&head, manifest)?;
        // Beside its place first, so that what stands there is gone only when there is something new.
        let mut begun = tempfile::Builder::new()
            .prefix(".rehearsal-run-")
            .tempfile_in(folder.unwrap_or(Path::new(".")))?;
        begun.write_all(&bytes)?;
        let file = begun.persist(path).map_err(|error| error.error)?;
        Ok(Self(Arc::new(Shared {
            path: path.to_owned(),
            state: Mutex::new(State {
                file,
                length: bytes.len() as u64,
                journals: BTreeMap::new(),
                failed: None,
            }),
        })))
    }

    /// Where it stands.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Writes what the runbook asks.
    pub fn basis(&self, basis: &Basis) {
        self.put(&Head::Basis, basis);
    }

    /// Begins the journal of a scenario that is about to be played.
    #[must_use]
    pub fn journal(&self, header: &Header) -> JournalBlocks {
        let scenario = header.case.id.clone();
        let attempt = {
            let mut state = self.state();
            let own = state.journals.entry(scenario.clone()).or_default();
            own.begun += 1;
            own.deciding = own.begun;
            own.begun
        };
        let mut journal = JournalBlocks {
            to: self.clone(),
            scenario,
            attempt,
            lines: Vec::new(),
        };
        // No type of it fails to serialize.
        let mut line = serde_json::to_vec(header).unwrap_or_default();
        line.push(b'\n');
        journal.line(&line);
        journal
    }

    /// The journal that decides what a scenario comes to, as far as it was played; 0 before the first.
    pub fn deciding(&self, scenario: &str) -> u32 {
        let state = self.state();
        state.journals.get(scenario).map_or(0, |own| own.deciding)
    }

    /// Says that an earlier journal of a scenario decides what it comes to, and not the latest.
    pub fn decides(&self, scenario: &str, journal: u32) {
        if let Some(own) = self.state().journals.get_mut(scenario) {
            own.deciding = journal;
        }
    }

    /// Writes what a scenario came to. Nothing more is taken of its journals.
    pub fn scenario(&self, result: &ScenarioResult) {
        let attempt = {
            let mut state = self.state();
            let own = state.journals.entry(result.id.clone()).or_default();
            own.over = own.begun;
            own.deciding
        };
        let head = Head::Scenario {
            scenario: result.id.clone(),
            attempt,
        };
        self.put(&head, result);
    }

    /// Writes what the runs before it came to, for its page: one line of JSON.
    pub fn history(&self, line: &[u8]) {
        let bytes = pack(&Head::History, &[line, b"\n"].concat());
        self.state().append(bytes);
    }

    /// Writes what all came to, and sees the file onto the disk.
    ///
    /// # Errors
    /// When the file lacks something, now or since long ago.
    pub fn end(&self, result: &RunResult) -> Result<(), Unwritten> {
        self.put(&Head::End, result);
        let mut state = self.state();
        if let Err(error) = state.file.sync_all() {
            state.failed.get_or_insert_with(|| error.to_string());
        }
        match &state.failed {
            None => Ok(()),
            Some(why) => Err(Unwritten {
                path: self.0.path.clone(),
                why: why.clone(),
            }),
        }
    }

    /// Adds a block of another file as it stands there.
    pub(super) fn copy(&self, bytes: Vec<u8>) -> io::Result<()> {
        let mut state = self.state();
        state.append(Ok(bytes));
        state
            .failed
            .clone()
            .map_or(Ok(()), |why| Err(io::Error::other(why)))
    }

    /// Removes the file: nothing was played.
    pub fn discard(&self) {
        // What cannot be removed says by itself that it is partial.
        let _ = fs::remove_file(&self.0.path);
    }

    fn put(&self, head: &Head, value: &impl serde::Serialize) {
        let bytes = document(head, value);
        self.state().append(bytes);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Adds a block whole, or leaves the file as it was.
    fn append(&mut self, bytes: io::Result<Vec<u8>>) {
        let written = bytes.and_then(|bytes| {
            self.file.write_all(&bytes)?;
            Ok(bytes.len() as u64)
        });
        match written {
            Ok(length) => self.length += length,
            Err(error) => {
                self.failed.get_or_insert_with(|| error.to_string());
                // Half a block would hide what still fits after it.
                let _ = self.file.set_len(self.length);
                let _ = self.file.seek(SeekFrom::Start(self.length));
            }
        }
    }
}

/// The journal of one scenario on its way into the file.
#[derive(Debug)]
pub struct JournalBlocks {
    to: Writer,
    scenario: String,
    attempt: u32,
    lines: Vec<u8>,
}

impl JournalBlocks {
    /// Takes a line, with its line break.
    pub fn line(&mut self, line: &[u8]) {
        self.lines.extend_from_slice(line);
        if self.lines.len() >= BLOCK {
            self.flush();
        }
    }

    /// Writes what there is.
    pub fn flush(&mut self) {
        if self.lines.is_empty() {
            return;
        }
        let head = Head::Journal {
            scenario: self.scenario.clone(),
            attempt: self.attempt,
        };
        // Packed by whoever plays the scenario; others wait only while it is written.
        let bytes = pack(&head, &self.lines);
        self.lines.clear();
        let mut state = self.to.state();
        let own = state.journals.get(&self.scenario);
        let is_over = own.is_some_and(|own| self.attempt <= own.over);
        // A journal with a hole would be taken for a broken one, so after the first loss there is none.
        if state.failed.is_none() && !is_over {
            state.append(bytes);
        }
    }
}

impl Drop for JournalBlocks {
    fn drop(&mut self) {
        self.flush();
    }
}

fn document(head: &Head, value: &impl serde::Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    pack(head, &line)
}

/// Refuses a place where something stands that nobody can have meant to lose.
///
/// # Errors
/// When it is a folder, a link, a device, or a file that is no run file.
pub fn refuse_what_stands_there(path: &Path) -> io::Result<()> {
    let refuse = |why: &str| Err(io::Error::other(why.to_owned()));
    let Ok(found) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    if found.is_dir() {
        return refuse("it is a folder");
    }
    if found.is_symlink() {
        return refuse("it is a link, and nothing is written through links: name the file itself");
    }
    if !found.is_file() {
        return refuse("it is a pipe or a device, and a run file is read again: name a file");
    }
    if found.len() > 0 && super::read::begins_otherwise(path) {
        return refuse("a file stands there that is no run file: name another, or move it away");
    }
    Ok(())
}
