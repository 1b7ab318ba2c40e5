//! The journal on disk, written while it grows: into a file of its own, into the run file, or both.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use crate::domain::journal::file::Header;
use crate::domain::journal::{Entry, EntryId, Observer};
use crate::runfile::{JournalBlocks, Writer};

/// How many bytes are handed to the system at once.
const TOGETHER: usize = 64 * 1024;

/// Writes every entry as one line below a header. A full disk must not end what is being judged; it
/// is told afterwards.
///
/// Lines are handed to the system together: when there are enough of them, when [`Recording::flush`] is called, and at
/// the end.
pub(super) struct Recording {
    file: Option<BufWriter<File>>,
    blocks: Option<JournalBlocks>,
    /// The entry that was written last, and its line.
    written: Option<EntryId>,
    line: Vec<u8>,
    /// The first entry that the system may not have yet.
    waiting: Option<EntryId>,
    /// The first entry that may not have been written, and what the system says.
    failed: Option<(EntryId, String)>,
}

impl Recording {
    /// Begins a file, in place of whatever stands there, and a part of the run file.
    pub(super) fn create(
        path: Option<&Path>,
        run_file: Option<&Writer>,
        header: &Header,
    ) -> io::Result<Self> {
        let begin = |path: &Path| -> io::Result<_> {
            refuse_what_stands_there(path)?;
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true);
            // What an app sends is nobody else's business.
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut out = BufWriter::with_capacity(TOGETHER, options.open(path)?);
            serde_json::to_writer(&mut out, header)?;
            out.write_all(b"\n")?;
            out.flush()?;
            Ok(out)
        };
        Ok(Self {
            file: path.map(begin).transpose()?,
            blocks: run_file.map(|file| file.journal(header)),
            written: None,
            line: Vec::new(),
            waiting: None,
            failed: None,
        })
    }

    /// From which entry on the file lacks some, if it does, and why.
    pub(super) fn failed(&self) -> Option<(EntryId, String)> {
        self.failed.clone()
    }

    /// The line of an entry, if that was written last.
    pub(super) fn line_of(&self, entry: &Entry) -> Option<&str> {
        let is_it = self.written == Some(entry.id);
        is_it.then(|| std::str::from_utf8(self.line.trim_ascii_end()).ok())?
    }

    /// Hands the file to the system as far as it is written, for whoever reads along or may be killed.
    pub(super) fn flush(&mut self) {
        if let Some(first) = self.waiting.take()
            && let Some(file) = &mut self.file
        {
            let flushed = file.flush().map_err(|error| (first, error));
            self.note(flushed);
        }
    }

    /// Hands the system and the run file what they have not been given yet.
    pub(super) fn finish(&mut self) {
        self.flush();
        if let Some(blocks) = &mut self.blocks {
            blocks.flush();
        }
    }

    fn write(&mut self, entry: &Entry) -> Result<(), (EntryId, io::Error)> {
        self.line.clear();
        self.written = None;
        serde_json::to_writer(&mut self.line, entry).map_err(|error| (entry.id, error.into()))?;
        self.line.push(b'\n');
        self.written = Some(entry.id);
        if let Some(blocks) = &mut self.blocks {
            blocks.line(&self.line);
        }
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let first = *self.waiting.get_or_insert(entry.id);
        let written = file.write_all(&self.line);
        self.waiting = match file.buffer().len() {
            0 => None,
            own if own == self.line.len() => Some(entry.id),
            _ => Some(first),
        };
        written.map_err(|error| (first, error))
    }

    /// Keeps the first failure, and from which entry on some may be lost by it.
    fn note(&mut self, done: Result<(), (EntryId, io::Error)>) {
        if let Err((first, error)) = done {
            self.failed
                .get_or_insert_with(|| (first, error.to_string()));
        }
    }
}

/// Tries the place of a journal before anything is served that it is to tell of.
///
/// # Errors
/// When nothing can be written there.
pub fn try_place(path: &Path) -> io::Result<()> {
    refuse_what_stands_there(path)?;
    let tried = fs::OpenOptions::new().create(true).append(true).open(path);
    tried.map(drop)
}

/// Refuses a link to a file, for nobody is led through one to lose what it points to, and a pipe that has a
/// name, for whatever writes to one waits until somebody reads. What leads to a pipe or a terminal, as
/// /dev/stdout does, loses nothing.
fn refuse_what_stands_there(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        if fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_fifo()) {
            let why = "it is a named pipe, which may be read by nobody: write to /dev/stdout and pipe that";
            return Err(io::Error::other(why));
        }
    }
    let is_link = fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
    let is_lost = fs::metadata(path).map_or(true, |behind| behind.is_file());
    if is_link && is_lost {
        let why = "it is a link, and nothing is written through links: name the file itself";
        return Err(io::Error::other(why));
    }
    Ok(())
}

impl Observer for Recording {
    fn observe(&mut self, entry: &Arc<Entry>) {
        let written = self.write(entry);
        self.note(written);
    }
}
