//! The tape beyond memory: files without names, of which the oldest goes when there are too many bytes.
//!
//! In memory there is only where each entry ends and of which kind it is, so a hundred thousand entries cost less
//! than a megabyte there.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::sync::Arc;

use super::Note;

/// Into how many files the room is divided: what goes at once is one of them.
const PARTS: u64 = 8;

/// The smallest file that is begun anew.
const SMALLEST: u64 = 64 * 1024;

/// How many bytes of entries are read at once.
const MOST_READ: u64 = 4 * 1024 * 1024;

/// How many bytes wait until they are written together: entries come by the thousand in a second, and hardly ever is one
/// read here.
const TOGETHER: usize = 64 * 1024;

/// Old entries on disk.
#[derive(Debug)]
pub(super) struct Spill {
    most: u64,
    segments: VecDeque<Segment>,
    /// The kinds that there are; a segment names them by their place.
    kinds: Vec<String>,
}

#[derive(Debug)]
struct Segment {
    file: File,
    /// The last entries, which are not written yet.
    waiting: Vec<u8>,
    /// The number of its first entry.
    first: u64,
    /// Where each of its entries ends, and of which kind it is.
    index: Vec<(u32, u16)>,
}

impl Segment {
    fn bytes(&self) -> u64 {
        self.index.last().map_or(0, |(end, _)| u64::from(*end))
    }

    /// The number after its last.
    fn next(&self) -> u64 {
        self.first + self.index.len() as u64
    }

    /// Writes down what waits.
    fn write(&mut self) -> io::Result<()> {
        if !self.waiting.is_empty() {
            self.file.seek(SeekFrom::End(0))?;
            self.file.write_all(&self.waiting)?;
            self.waiting.clear();
        }
        Ok(())
    }
}

impl Spill {
    /// Room for so many bytes.
    pub(super) fn new(most: u64) -> Self {
        Self {
            most,
            segments: VecDeque::new(),
            kinds: Vec::new(),
        }
    }

    /// The number of the oldest entry that is here.
    pub(super) fn first(&self) -> Option<u64> {
        self.segments.front().map(|segment| segment.first)
    }

    /// Writes an entry down, and lets the oldest go where there is no room. Numbers come in order, without gaps.
    pub(super) fn push(&mut self, note: &Note) -> io::Result<()> {
        let (kind, size) = (self.kind(&note.kind), (self.most / PARTS).max(SMALLEST));
        let full = |segment: &Segment| segment.bytes() + note.text.len() as u64 > size;
        if self.segments.back().is_none_or(full) {
            if let Some(segment) = self.segments.back_mut() {
                segment.write()?;
                segment.waiting = Vec::new();
            }
            self.segments.push_back(Segment {
                file: tempfile::tempfile()?,
                waiting: Vec::new(),
                first: note.number,
                index: Vec::new(),
            });
        }
        if let Some(segment) = self.segments.back_mut() {
            let from = segment.bytes();
            let end = u32::try_from(from + note.text.len() as u64);
            let end = end.map_err(|_| io::Error::other("an entry is too long"))?;
            segment.waiting.extend_from_slice(note.text.as_bytes());
            segment.index.push((end, kind));
            if segment.waiting.len() >= TOGETHER {
                segment.write()?;
            }
        }
        while self.segments.len() > 1 && self.bytes() > self.most {
            self.segments.pop_front();
        }
        Ok(())
    }

    /// Entries after a number, of these kinds or of all, so many at most; and up to where they were looked through.
    pub(super) fn read(
        &mut self,
        after: u64,
        kinds: &[String],
        most: usize,
    ) -> io::Result<(Vec<Arc<Note>>, u64)> {
        let (mut notes, mut looked, mut bytes) = (Vec::new(), after, 0);
        let named: Vec<bool> = self
            .kinds
            .iter()
            .map(|kind| kinds.is_empty() || kinds.contains(kind))
            .collect();
        for segment in &mut self.segments {
            segment.write()?;
            let mut at =
                usize::try_from((looked + 1).saturating_sub(segment.first)).unwrap_or(usize::MAX);
            while at < segment.index.len() {
                if notes.len() == most || bytes > MOST_READ {
                    return Ok((notes, looked));
                }
                let (end, kind) = segment.index[at];
                looked = segment.first + at as u64;
                if named[usize::from(kind)] {
                    let from = at
                        .checked_sub(1)
                        .map_or(0, |before| segment.index[before].0);
                    let text = text(&mut segment.file, from, end)?;
                    bytes += text.len() as u64;
                    notes.push(Arc::new(Note {
                        number: looked,
                        kind: self.kinds[usize::from(kind)].clone(),
                        text,
                    }));
                }
                at += 1;
            }
            looked = looked.max(segment.next() - 1);
        }
        Ok((notes, looked))
    }

    fn bytes(&self) -> u64 {
        self.segments.iter().map(Segment::bytes).sum()
    }

    fn kind(&mut self, kind: &str) -> u16 {
        let place = self.kinds.iter().position(|own| own == kind);
        let place = place.unwrap_or_else(|| {
            self.kinds.push(kind.to_owned());
            self.kinds.len() - 1
        });
        u16::try_from(place).unwrap_or(u16::MAX)
    }
}

fn text(file: &mut File, from: u32, end: u32) -> io::Result<String> {
    let mut bytes = vec![0; (end - from) as usize];
    file.seek(SeekFrom::Start(u64::from(from)))?;
    file.read_exact(&mut bytes)?;
    String::from_utf8(bytes).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(number: u64) -> Note {
        Note {
            number,
            kind: if number.is_multiple_of(2) {
                "even"
            } else {
                "odd"
            }
            .to_owned(),
            text: format!("{{\"n\":{number},\"long\":\"{}\"}}", "x".repeat(1_000)),
        }
    }

    fn numbers(notes: &[Arc<Note>]) -> Vec<u64> {
        notes.iter().map(|note| note.number).collect()
    }

    #[test]
    fn what_was_written_is_read_again_and_the_oldest_goes() {
        let mut spill = Spill::new(SMALLEST * PARTS);
        for number in 1..=2_000 {
            spill.push(&note(number)).unwrap();
        }
        let first = spill.first().unwrap();
        assert!((1_400..1_600).contains(&first), "{first}");
        assert!(spill.bytes() <= SMALLEST * PARTS);
        let (notes, looked) = spill.read(first - 1, &[], 3).unwrap();
        assert_eq!(
            (numbers(&notes), looked),
            (vec![first, first + 1, first + 2], first + 2)
        );
        assert_eq!(*notes[0], note(first));
        let (notes, looked) = spill.read(1_990, &["even".to_owned()], 100).unwrap();
        assert_eq!(
            (numbers(&notes), looked),
            (vec![1_992, 1_994, 1_996, 1_998, 2_000], 2_000)
        );
        assert_eq!(spill.read(2_000, &[], 9).unwrap(), (Vec::new(), 2_000));
    }
}
