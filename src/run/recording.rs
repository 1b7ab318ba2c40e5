//! The journal on disk, written while it grows.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use crate::domain::journal::file::Header;
use crate::domain::journal::{Entry, EntryId, Observer};

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
    out: BufWriter<File>,
    flush: Flush,
    /// The first entry that could not be written, and what the system says.
    failed: Option<(EntryId, String)>,
}

impl Recording {
    /// Begins a file, in place of whatever stands there.
    pub(super) fn create(path: &Path, header: &Header, flush: Flush) -> io::Result<Self> {
        let mut out = BufWriter::new(File::create(path)?);
        serde_json::to_writer(&mut out, header)?;
        out.write_all(b"\n")?;
        out.flush()?;
        Ok(Self {
            out,
            flush,
            failed: None,
        })
    }

    /// From which entry on the file lacks some, if it does, and why.
    pub(super) fn failed(&self) -> Option<(EntryId, String)> {
        self.failed.clone()
    }

    fn write(&mut self, entry: &Entry) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, entry)?;
        self.out.write_all(b"\n")?;
        match self.flush {
            Flush::Seldom => Ok(()),
            Flush::EachEntry => self.out.flush(),
        }
    }
}

impl Observer for Recording {
    fn observe(&mut self, entry: &Arc<Entry>) {
        if let Err(error) = self.write(entry) {
            let failed = || (entry.id, error.to_string());
            self.failed.get_or_insert_with(failed);
        }
    }
}
