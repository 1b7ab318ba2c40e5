//! Data in a page: deflated, in base64, in an element that no browser runs.

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::DeflateEncoder;

/// What a block holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The JSON report.
    Report,
    /// What the runs before it came to.
    History,
    /// A journal's first line.
    Header,
    /// Lines of entries.
    Rows,
    /// Entries as the journal has them.
    Entries,
    /// What there was no room for, by the places of scenarios.
    Omitted,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::History => "history",
            Self::Header => "header",
            Self::Rows => "rows",
            Self::Entries => "entries",
            Self::Omitted => "omitted",
        }
    }
}

/// A writer that counts.
pub(super) struct Counted<'a> {
    out: &'a mut dyn Write,
    written: u64,
}

impl<'a> Counted<'a> {
    pub(super) fn new(out: &'a mut dyn Write) -> Self {
        Self { out, written: 0 }
    }

    /// How many bytes were written.
    pub(super) fn written(&self) -> u64 {
        self.written
    }
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.written += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Where a block of a journal belongs: numbers, so that nothing in the element needs escaping.
#[derive(Debug, Clone, Copy)]
pub(super) struct At {
    /// The place of the scenario in the report.
    pub(super) of: usize,
    /// The place of the journal among those of the scenario.
    pub(super) part: usize,
    /// The place of the block's first entry in the journal.
    pub(super) from: usize,
}

/// Writes one block.
pub(super) fn write(
    out: &mut impl Write,
    kind: Kind,
    at: Option<At>,
    bytes: &[u8],
) -> io::Result<()> {
    let mut deflate = DeflateEncoder::new(Vec::new(), Compression::default());
    deflate.write_all(bytes)?;
    let text = STANDARD.encode(deflate.finish()?);
    let kind = kind.name();
    write!(
        out,
        "<script type=\"application/octet-stream\" data-kind=\"{kind}\""
    )?;
    if let Some(At { of, part, from }) = at {
        write!(
            out,
            " data-of=\"{of}\" data-part=\"{part}\" data-from=\"{from}\""
        )?;
    }
    writeln!(out, ">{text}</script>")
}
