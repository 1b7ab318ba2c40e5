//! Old entries of a long run, packed into a file without a name that goes with the process.
//!
//! What a day of traffic leaves in memory is an index: a few bytes for every thousand entries.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::RangeInclusive;

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

use crate::domain::journal::{Archive, Entry, Fact};

/// How many bytes of lines make a block.
const BLOCK: usize = 256 * 1024;

/// The archive of one journal.
#[derive(Debug, Default)]
pub(super) struct Spill {
    /// Made with the first block: most runs never come to it.
    file: Option<File>,
    length: u64,
    blocks: Vec<(Contents, Place)>,
    /// What the next block is made of.
    lines: Vec<u8>,
    contents: Contents,
}

/// Which entries stand in a block.
#[derive(Debug, Clone, Default)]
struct Contents {
    numbers: Span,
    /// The exchanges of the requests among them.
    exchanges: Span,
}

/// Where a block stands in the file.
#[derive(Debug, Clone, Copy)]
struct Place {
    at: u64,
    length: u64,
}

/// From the least to the greatest, if there is any.
#[derive(Debug, Clone, Default)]
struct Span(Option<RangeInclusive<u64>>);

impl Span {
    fn add(&mut self, number: u64) {
        self.0 = Some(match &self.0 {
            Some(span) => *span.start().min(&number)..=*span.end().max(&number),
            None => number..=number,
        });
    }

    fn meets(&self, wanted: &BTreeSet<u64>) -> bool {
        let span = self.0.clone();
        span.is_some_and(|span| wanted.range(span).next().is_some())
    }
}

impl Contents {
    fn add(&mut self, entry: &Entry) {
        self.numbers.add(entry.id.0);
        if let Fact::Request(request) = &entry.fact {
            self.exchanges.add(request.exchange);
        }
    }
}

impl Archive for Spill {
    fn keep(&mut self, entry: &Entry) -> bool {
        self.add(entry).is_ok()
    }

    fn find(&mut self, numbers: &BTreeSet<u64>, exchanges: &BTreeSet<u64>) -> Vec<Entry> {
        let is_here = |contents: &Contents| {
            contents.numbers.meets(numbers) || contents.exchanges.meets(exchanges)
        };
        let places = self.blocks.iter();
        let places: Vec<Place> = places
            .filter_map(|(contents, place)| is_here(contents).then_some(*place))
            .collect();
        let mut found = Vec::new();
        let mut take = |lines: &[u8]| {
            let entries = lines.split(|byte| *byte == b'\n');
            let entries = entries.filter_map(|line| serde_json::from_slice::<Entry>(line).ok());
            found.extend(
                entries.filter(|entry| numbers.contains(&entry.id.0) || entry.asks_in(exchanges)),
            );
        };
        for place in places {
            // A report goes without what cannot be read back.
            if let Ok(lines) = self.read(place) {
                take(&lines);
            }
        }
        if is_here(&self.contents) {
            take(&self.lines);
        }
        found
    }
}

impl Spill {
    /// Adds an entry to the block that is being made. If that cannot be written, it stays in memory.
    fn add(&mut self, entry: &Entry) -> io::Result<()> {
        self.contents.add(entry);
        serde_json::to_writer(&mut self.lines, entry)?;
        self.lines.push(b'\n');
        if self.lines.len() >= BLOCK {
            let place = self.write()?;
            let contents = std::mem::take(&mut self.contents);
            self.blocks.push((contents, place));
            self.lines.clear();
        }
        Ok(())
    }

    /// Writes the block that is full.
    fn write(&mut self) -> io::Result<Place> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile()?),
        };
        let mut packed = DeflateEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(&self.lines)?;
        let packed = packed.finish()?;
        let place = Place {
            at: self.length,
            length: packed.len() as u64,
        };
        file.seek(SeekFrom::Start(place.at))?;
        file.write_all(&packed)?;
        self.length += place.length;
        Ok(place)
    }

    fn read(&mut self, place: Place) -> io::Result<Vec<u8>> {
        let file = self.file.as_mut().ok_or(io::ErrorKind::NotFound)?;
        file.seek(SeekFrom::Start(place.at))?;
        let mut lines = Vec::new();
        DeflateDecoder::new(file.take(place.length)).read_to_end(&mut lines)?;
        Ok(lines)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::domain::journal::EntryId;

    /// Every odd number is a request, of the exchange of that number.
    fn entry(number: u64) -> Entry {
        let fact = match number % 2 {
            1 => json!({"request": {
                "exchange": number, "sender": "client", "service": "trading", "method": "GET",
                "target": "/positions", "path": "/positions", "host": "h", "headers": [], "body": "empty",
                "judgement": {"class": "allowed", "reason": ""},
            }}),
            _ => json!({"act": "launch"}),
        };
        Entry {
            id: EntryId(number),
            at: Duration::from_micros(number),
            device: None,
            fact: serde_json::from_value(fact).unwrap(),
        }
    }

    #[test]
    fn what_was_packed_is_found_by_number_and_by_exchange_in_every_block() {
        let mut spill = Spill::default();
        let all = 9_000;
        for number in 1..=all {
            assert!(spill.keep(&entry(number)));
        }
        assert!(spill.blocks.len() > 2 && !spill.lines.is_empty());
        let numbers = BTreeSet::from([1, 2, 2_500, all, all + 1]);
        let found = spill.find(&numbers, &BTreeSet::from([2_501, 4]));
        let wanted = [1, 2, 2_500, 2_501, all].map(entry);
        assert_eq!(found, wanted);
        assert_eq!(spill.find(&BTreeSet::new(), &BTreeSet::new()), []);
    }

    #[test]
    fn what_cannot_be_written_is_not_lost() {
        let read_only = tempfile::NamedTempFile::new().unwrap();
        let mut spill = Spill {
            file: Some(File::open(read_only.path()).unwrap()),
            ..Spill::default()
        };
        let mut last = 0;
        loop {
            last += 1;
            if !spill.keep(&entry(last)) {
                break;
            }
        }
        let found = spill.find(&BTreeSet::from([1, last]), &BTreeSet::new());
        assert_eq!(found, [entry(1), entry(last)]);
    }
}
