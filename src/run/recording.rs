//! The journal on disk, written while it grows: into a file of its own, into the run file, or both.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use crate::domain::journal::file::Header;
use crate::domain::journal::{Entry, EntryId, Observer};
use crate::runfile::{JournalBlocks, Writer};

/// When what was written reaches the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flush {
    /// When there is enough of it, and at the end.
    Seldom,
    /// Entry by entry, for whoever reads along or may be killed.
    EachEntry,
}

/// Writes every entry as one line below a header. A full disk must not end what is being judged; it
/// is told afterwards.
pub(super) struct Recording {
    file: Option<BufWriter<File>>,
    blocks: Option<JournalBlocks>,
    flush: Flush,
    /// The entry that is being written.
    line: Vec<u8>,
    /// The first entry that could not be written, and what the system says.
    failed: Option<(EntryId, String)>,
}

impl Recording {
    /// Begins a file, in place of whatever stands there, and a part of the run file.
    pub(super) fn create(
        path: Option<&Path>,
        run_file: Option<&Writer>,
        header: &Header,
        flush: Flush,
    ) -> io::Result<Self> {
        let begin = |path: &Path| -> io::Result<_> {
            refuse_what_stands_there(path)?;
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true);
            // What an app sends is nobody else's business.
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut out = BufWriter::new(options.open(path)?);
            serde_json::to_writer(&mut out, header)?;
            out.write_all(b"\n")?;
            out.flush()?;
            Ok(out)
        };
        Ok(Self {
            file: path.map(begin).transpose()?,
            blocks: run_file.map(|file| file.journal(header)),
            flush,
            line: Vec::new(),
            failed: None,
        })
    }

    /// From which entry on the file lacks some, if it does, and why.
    pub(super) fn failed(&self) -> Option<(EntryId, String)> {
        self.failed.clone()
    }

    /// Hands the run file what it has not been given yet.
    pub(super) fn finish(&mut self) {
        if let Some(blocks) = &mut self.blocks {
            blocks.flush();
        }
    }

    fn write(&mut self, entry: &Entry) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, entry)?;
        self.line.push(b'\n');
        if let Some(blocks) = &mut self.blocks {
            blocks.line(&self.line);
        }
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        file.write_all(&self.line)?;
        match self.flush {
            Flush::Seldom => Ok(()),
            Flush::EachEntry => file.flush(),
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
        if let Err(error) = self.write(entry) {
            let failed = || (entry.id, error.to_string());
            self.failed.get_or_insert_with(failed);
        }
    }
}
