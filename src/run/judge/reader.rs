//! Reads a journal file from its beginning to its end, in order, without keeping it.
//!
//! Parsing costs several times what judging does, so blocks of lines are parsed on threads of their
//! own and handed over in the file's order. A block is the most that is held of the file at once.
//! Entries that were judged go back to the thread that made them: to free what another thread
//! allocated costs more than to parse it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

use super::unjudgeable::Unjudgeable;
use crate::domain::journal::file::{FirstLine, Header, first_line};
use crate::domain::journal::{Entry, EntryId};

/// How many bytes of lines are parsed at once: so few that what comes of them stays in a core's cache
/// until it is judged.
const BLOCK: usize = 64 * 1024;

/// The longest first line that is looked at: a header is short, and a file without line breaks is no
/// journal.
const LONGEST_FIRST: u64 = 1024 * 1024;

/// The longest line that is read: no entry comes near it, so whatever has a longer one is no journal, or
/// was made to take all memory.
const LONGEST_LINE: usize = 64 * 1024 * 1024;

/// A journal file whose first line was read.
pub(super) struct Reader {
    pub(super) path: PathBuf,
    /// Its header, if it has one.
    pub(super) header: Option<Header>,
    file: File,
    /// Where the entries begin.
    start: u64,
    /// The line that the first of them stands on.
    first: u64,
}

/// How a file ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// With its last entry.
    Whole,
    /// In the middle of a line.
    CutOff {
        /// The line, from 1.
        line: u64,
    },
    /// With a line that is no entry.
    Broken {
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
}

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Self, Unjudgeable> {
        let refuse = |error: io::Error| Unjudgeable::Unreadable {
            path: path.to_owned(),
            error,
        };
        let file = File::open(path).map_err(refuse)?;
        let metadata = file.metadata().map_err(refuse)?;
        if metadata.is_dir() {
            return Err(Unjudgeable::Folder {
                path: path.to_owned(),
            });
        }
        if is_device(&metadata) {
            return Err(Unjudgeable::Device {
                path: path.to_owned(),
            });
        }
        // What comes through a pipe can be read only once, so it is put aside.
        let mut file = if metadata.is_file() {
            file
        } else {
            put_aside(file).map_err(refuse)?
        };
        let mut line = Vec::new();
        BufReader::new((&mut file).take(LONGEST_FIRST))
            .read_until(b'\n', &mut line)
            .map_err(refuse)?;
        if line.trim_ascii().is_empty() {
            return Err(Unjudgeable::Empty {
                path: path.to_owned(),
            });
        }
        let first = first_line(&line).map_err(|why| Unjudgeable::NoJournal {
            path: path.to_owned(),
            why,
        })?;
        let (header, start, first) = match first {
            FirstLine::Header(header) => (Some(*header), line.len() as u64, 2),
            FirstLine::Entry(_) => (None, 0, 1),
        };
        Ok(Self {
            path: path.to_owned(),
            header,
            file,
            start,
            first,
        })
    }

    /// The lines with their numbers, from the first entry on, until `see` has had enough.
    pub(super) fn lines(&mut self, mut see: impl FnMut(u64, &[u8]) -> bool) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.start))?;
        let mut from = BufReader::with_capacity(BLOCK, &mut self.file);
        let (mut line, mut number) = (Vec::new(), self.first);
        let longest = LONGEST_LINE as u64;
        while (&mut from).take(longest).read_until(b'\n', &mut line)? > 0 {
            if !see(number, &line) {
                break;
            }
            line.clear();
            number += 1;
        }
        Ok(())
    }

    /// Shows every entry once, in order, as far as the file can be read.
    pub(super) fn each(&mut self, see: &mut dyn FnMut(&Arc<Entry>)) -> End {
        if let Err(error) = self.file.seek(SeekFrom::Start(self.start)) {
            return End::Broken {
                line: self.first,
                why: error.to_string(),
            };
        }
        let parsers = thread::available_parallelism()
            .map_or(1, usize::from)
            .min(8);
        let (file, first) = (&mut self.file, self.first);
        thread::scope(|scope| {
            let mut blocks = Vec::new();
            let mut parsed = Vec::new();
            for _ in 0..parsers {
                let (give, take) = sync_channel::<Block>(1);
                let (hand_over, receive) = sync_channel(1);
                let (give_back, judged) = channel();
                scope.spawn(move || parse_all(&take, &hand_over, &judged));
                blocks.push(give);
                parsed.push(Parser {
                    parsed: receive,
                    judged: give_back,
                });
            }
            scope.spawn(move || cut(file, first, &blocks));
            receive_all(&parsed, first, see)
        })
    }
}

/// Some whole lines of a file, and perhaps its last one, which may not be whole.
struct Block {
    text: Vec<u8>,
    /// The number of the first line in it.
    first: u64,
    /// Why no more can be read after it.
    error: Option<String>,
}

/// Cuts the file into blocks and deals them out in turn.
fn cut(file: &mut File, first: u64, to: &[SyncSender<Block>]) {
    let (mut number, mut rest) = (first, Vec::new());
    for turn in (0..to.len()).cycle() {
        let mut text = std::mem::take(&mut rest);
        text.reserve(BLOCK);
        let mut error = None;
        let over = loop {
            let before = text.len();
            match file.by_ref().take(BLOCK as u64).read_to_end(&mut text) {
                Ok(0) => break true,
                Ok(_) => {}
                Err(broken) => {
                    error = Some(broken.to_string());
                    break true;
                }
            }
            if text.len() > LONGEST_LINE && !text[before..].contains(&b'\n') {
                text = Vec::new();
                error = Some("it is longer than 64 MiB, which no entry is".to_owned());
                break true;
            }
            // A line that is longer than a block makes the block longer.
            if let Some(at) = text[before..].iter().rposition(|byte| *byte == b'\n') {
                rest = text.split_off(before + at + 1);
                break false;
            }
        };
        let lines = text.iter().filter(|byte| **byte == b'\n').count() as u64;
        let block = Block {
            text,
            first: number,
            error,
        };
        number += lines;
        // Nobody takes blocks any more once a broken line was found.
        if to[turn].send(block).is_err() || over {
            return;
        }
    }
}

/// Entries in order, and how the file ends if it ends here.
struct Parsed {
    entries: Vec<Arc<Entry>>,
    end: Option<End>,
}

/// A thread that parses, as seen by the one that judges.
struct Parser {
    parsed: Receiver<Parsed>,
    judged: Sender<Vec<Arc<Entry>>>,
}

fn parse_all(
    take: &Receiver<Block>,
    hand_over: &SyncSender<Parsed>,
    judged: &Receiver<Vec<Arc<Entry>>>,
) {
    for block in take {
        let mut entries = Vec::new();
        for used in judged.try_iter() {
            entries = used;
            entries.clear();
        }
        if hand_over.send(parse(&block, entries)).is_err() {
            return;
        }
    }
}

fn parse(block: &Block, entries: Vec<Arc<Entry>>) -> Parsed {
    match std::str::from_utf8(&block.text) {
        // Checked as a whole, no text in it needs to be checked again.
        Ok(text) => {
            let lines = text.split_inclusive('\n');
            parse_lines(block, entries, lines, serde_json::from_str)
        }
        Err(_) => {
            let lines = block.text.split_inclusive(|byte| *byte == b'\n');
            parse_lines(block, entries, lines, serde_json::from_slice)
        }
    }
}

fn parse_lines<'a, L: AsRef<[u8]> + ?Sized + 'a>(
    block: &Block,
    entries: Vec<Arc<Entry>>,
    lines: impl Iterator<Item = &'a L>,
    read: impl Fn(&'a L) -> serde_json::Result<Entry>,
) -> Parsed {
    let mut parsed = Parsed { entries, end: None };
    for line in lines {
        match read(line) {
            Ok(entry) => parsed.entries.push(Arc::new(entry)),
            Err(error) => {
                let (line, number) = (line.as_ref(), block.first + parsed.entries.len() as u64);
                let is_last = !line.ends_with(b"\n");
                parsed.end = Some(if is_last && error.is_eof() {
                    End::CutOff { line: number }
                } else {
                    End::Broken {
                        line: number,
                        why: explain(line, &error),
                    }
                });
                return parsed;
            }
        }
    }
    if let Some(why) = &block.error {
        parsed.end = Some(End::Broken {
            line: block.first + parsed.entries.len() as u64,
            why: why.clone(),
        });
    }
    parsed
}

/// What is wrong with a line, at which column. serde counts lines within what it is given.
fn explain(line: &[u8], error: &serde_json::Error) -> String {
    if line.trim_ascii().is_empty() {
        return "it is empty".to_owned();
    }
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or_default();
    format!("{what}, at column {}", error.column())
}

/// Takes parsed blocks in turn and shows their entries, which must be numbered without gaps.
fn receive_all(from: &[Parser], first: u64, see: &mut dyn FnMut(&Arc<Entry>)) -> End {
    let mut last: Option<(EntryId, Duration)> = None;
    let mut line = first - 1;
    for parser in from.iter().cycle() {
        let Ok(Parsed { entries, end }) = parser.parsed.recv() else {
            return End::Whole;
        };
        for entry in &entries {
            line += 1;
            if let Some((id, at)) = last {
                if entry.id.0 != id.0 + 1 {
                    return End::Broken {
                        line,
                        why: format!(
                            "entry {} follows {id}: lines are missing or moved",
                            entry.id
                        ),
                    };
                }
                if entry.at < at {
                    return End::Broken {
                        line,
                        why: format!("entry {} is older than the one before it", entry.id),
                    };
                }
            }
            see(entry);
            last = Some((entry.id, entry.at));
        }
        if let Some(end) = end {
            return end;
        }
        // Whoever made them may have ended already.
        let _ = parser.judged.send(entries);
    }
    End::Whole
}

/// Whether a file is a device, which may never end.
fn is_device(metadata: &std::fs::Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        let kind = metadata.file_type();
        kind.is_char_device() || kind.is_block_device()
    }
    #[cfg(not(unix))]
    {
        let _ = metadata;
        false
    }
}

/// Copies what can be read only once.
fn put_aside(mut from: File) -> io::Result<File> {
    let mut copy = tempfile::tempfile()?;
    io::copy(&mut from, &mut copy)?;
    copy.seek(SeekFrom::Start(0))?;
    Ok(copy)
}
