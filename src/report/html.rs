//! The report for people: one page that opens by double click, with everything in it.
//!
//! What a run came to and its journals stand in the page as data, deflated and in base64, and are
//! opened by the page when somebody looks at them. Nothing that a journal says becomes markup: the
//! page sets it as text only, and its policy lets no script run but its own.

mod block;
mod document;
mod page;
mod rows;

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};

use serde::Deserialize;
use serde_json::Value;

use self::block::{At, Counted, Kind};
pub(super) use self::document::render as render_document;
use self::rows::{Reader, Row, Rows};

/// How much room a page gives to journals, in bytes of the page.
#[derive(Debug, Clone, Copy)]
struct Room {
    /// To where whole entries may fill it. What was observed last goes without.
    entries: u64,
    /// To where the lines of entries may.
    rows: u64,
}

/// A page of more than 15 MB is slow to send and to open.
const ROOM: Room = Room {
    entries: 11_000_000,
    rows: 14_000_000,
};

/// How many lines stand in one block: few blocks are quick to open.
const ROWS: usize = 8_192;

/// How many whole entries stand in one block, and how many bytes of them: one that is looked at is
/// there at once.
const ENTRIES: usize = 1_024;
const ENTRIES_BYTES: usize = 512 * 1024;

/// One journal of a run: the lines of `docs/JOURNAL.md`.
pub struct Journal<'a> {
    /// The id of the scenario that it belongs to.
    pub scenario: String,
    /// The device that wrote it, where a scenario has a journal for each; entries name their own
    /// otherwise.
    pub device: Option<String>,
    /// Opens it, when its turn has come.
    pub open: Box<dyn FnOnce() -> io::Result<Box<dyn BufRead + 'a>> + 'a>,
}

/// What must be known of a JSON report to put journals beside it.
#[derive(Deserialize)]
struct Outline {
    scenarios: Vec<Played>,
}

#[derive(Deserialize)]
struct Played {
    id: String,
    verdict: String,
}

/// What of a journal does not stand in the page, because the page would be too large.
#[derive(Default, serde::Serialize)]
struct Omitted {
    rows: u64,
    entries: u64,
}

/// Writes the page of a run: its JSON report, as `json::render` has it, what the runs before it came to, as
/// `history::of_page` has it, and its journals in any order. A journal that cannot be read leaves the page without it, and the page says so. At most a
/// block of one journal is held in memory.
///
/// # Errors
/// When `out` takes no more, or `report` is no JSON report.
pub fn write(
    out: &mut dyn Write,
    report: &[u8],
    history: Option<&[u8]>,
    journals: Vec<Journal<'_>>,
) -> io::Result<()> {
    write_within(ROOM, out, (report, history), journals)
}

fn write_within(
    room: Room,
    out: &mut dyn Write,
    (report, history): (&[u8], Option<&[u8]>),
    journals: Vec<Journal<'_>>,
) -> io::Result<()> {
    let outline: Outline = serde_json::from_slice(report)?;
    let report: Value = serde_json::from_slice(report)?;
    let mut out = Counted::new(out);
    page::head(&mut out)?;
    block::write(&mut out, Kind::Report, None, &serde_json::to_vec(&report)?)?;
    // What cannot be read is not there: the page is worth reading without it.
    if let Some(history) = history.filter(|own| serde_json::from_slice::<Value>(own).is_ok()) {
        block::write(&mut out, Kind::History, None, history)?;
    }
    let mut omitted: BTreeMap<usize, Omitted> = BTreeMap::new();
    let mut parts: BTreeMap<usize, usize> = BTreeMap::new();
    for (of, journal) in in_order(&outline, journals) {
        let part = parts.entry(of).or_default();
        let mut writer = JournalWriter::new(room, &mut out, (of, *part));
        writer.journal(journal)?;
        *part += 1;
        let left = omitted.entry(of).or_default();
        left.rows += writer.omitted.rows;
        left.entries += writer.omitted.entries;
    }
    omitted.retain(|_, left| left.rows + left.entries > 0);
    let omitted = serde_json::to_vec(&omitted)?;
    block::write(&mut out, Kind::Omitted, None, &omitted)?;
    page::tail(&mut out)
}

/// The journals with the places of their scenarios, those that somebody will look at first: what
/// did not pass must not go short of room.
fn in_order<'a>(outline: &Outline, journals: Vec<Journal<'a>>) -> Vec<(usize, Journal<'a>)> {
    let place = |journal: &Journal<'_>| {
        let mut played = outline.scenarios.iter();
        played.position(|scenario| scenario.id == journal.scenario)
    };
    let mut placed: Vec<(usize, Journal<'a>)> = journals
        .into_iter()
        .filter_map(|journal| Some((place(&journal)?, journal)))
        .collect();
    placed.sort_by_key(|(place, _)| (outline.scenarios[*place].verdict == "passed", *place));
    placed
}

/// Writes one journal in blocks, as far as there is room.
struct JournalWriter<'a, 'b> {
    room: Room,
    out: &'a mut Counted<'b>,
    of: usize,
    part: usize,
    rows: Rows,
    entries: Vec<u8>,
    /// How many entries were read, and how many of them before the block that is being filled.
    read: usize,
    whole: usize,
    omitted: Omitted,
}

impl<'a, 'b> JournalWriter<'a, 'b> {
    fn new(room: Room, out: &'a mut Counted<'b>, (of, part): (usize, usize)) -> Self {
        Self {
            room,
            out,
            of,
            part,
            rows: Rows::default(),
            entries: Vec::new(),
            read: 0,
            whole: 0,
            omitted: Omitted::default(),
        }
    }

    fn journal(&mut self, journal: Journal<'_>) -> io::Result<()> {
        let mut reader = Reader::new(journal.device);
        let read = (journal.open)().and_then(|mut lines| {
            let mut line = Vec::new();
            let mut told = Ok(());
            while told.is_ok() && lines.read_until(b'\n', &mut line)? > 0 {
                told = self.line(&mut reader, line.trim_ascii());
                line.clear();
            }
            Ok(told)
        });
        match read {
            Ok(told) => told?,
            // What could be read stands there, and where it ends is said.
            Err(error) => self.entry(reader.broken(&error.to_string()), b""),
        }
        self.end_entries()?;
        self.end_rows()
    }

    fn line(&mut self, reader: &mut Reader, line: &[u8]) -> io::Result<()> {
        match reader.row(line) {
            Some(row) => self.entry(row, line),
            None if self.read == 0 && !line.is_empty() => {
                let at = self.at(0);
                block::write(self.out, Kind::Header, Some(at), line)?;
            }
            None => {}
        }
        if self.entries.len() >= ENTRIES_BYTES || self.read - self.whole >= ENTRIES {
            self.end_entries()?;
        }
        if self.rows.len() >= ROWS {
            self.end_rows()?;
        }
        Ok(())
    }

    fn entry(&mut self, row: Row, line: &[u8]) {
        self.rows.push(row);
        self.entries.extend_from_slice(line);
        self.entries.push(b'\n');
        self.read += 1;
    }

    fn at(&self, from: usize) -> At {
        At {
            of: self.of,
            part: self.part,
            from,
        }
    }

    /// Writes the block of whole entries, if there is room.
    fn end_entries(&mut self) -> io::Result<()> {
        let count = self.read - self.whole;
        if count > 0 && self.out.written() < self.room.entries {
            let at = self.at(self.whole);
            block::write(self.out, Kind::Entries, Some(at), &self.entries)?;
        } else {
            self.omitted.entries += count as u64;
        }
        self.entries.clear();
        self.whole = self.read;
        Ok(())
    }

    /// Writes the block of lines, if there is room.
    fn end_rows(&mut self) -> io::Result<()> {
        let count = self.rows.len();
        let block = self.rows.take();
        if count > 0 && self.out.written() < self.room.rows {
            let at = self.at(self.read - count);
            return block::write(self.out, Kind::Rows, Some(at), &block);
        }
        self.omitted.rows += count as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
