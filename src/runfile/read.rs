//! Reads a run file: everything but the journals at once, and those as streams.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use flate2::read::GzDecoder;
use serde::Deserialize;

use super::VERSION;
use super::block::{self, Head, PREFIX};
use super::manifest::Manifest;
use crate::domain::result::{RunResult, ScenarioResult};
use crate::domain::runbook::Basis;

/// A run, as its file tells it.
#[derive(Debug)]
pub struct Recorded {
    /// The file.
    pub path: PathBuf,
    /// Which run it is.
    pub manifest: Manifest,
    /// What the runbook asks; absent where the run was stopped before that was known.
    pub basis: Option<Basis>,
    /// What scenarios came to, the last time that they were played, in the order in which they ended.
    pub scenarios: Vec<ScenarioResult>,
    /// What all came to, without the scenarios; absent where the file is partial.
    pub end: Option<RunResult>,
    /// What is wrong with the file, if anything is.
    pub flaw: Option<Flaw>,
    /// The attempt that decided each scenario.
    deciding: BTreeMap<String, u32>,
    file: File,
    pub(super) blocks: Vec<Placed>,
}

/// A block, and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub(super) head: Head,
    pub(super) at: u64,
    pub(super) length: u64,
}

/// Which journal of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct JournalOf {
    /// The scenario's id.
    pub scenario: String,
    /// Which time it was played, from 1.
    pub attempt: u32,
}

/// What is wrong with a file that can be read all the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Whatever wrote it was stopped.
    #[error("it ends without saying that the run did: whatever wrote it was stopped")]
    NoEnd,
    /// Its last block is cut off.
    #[error("it is cut off in the block that begins at byte {at}, which is lost")]
    CutOff {
        /// Where the block begins.
        at: u64,
    },
    /// Something stands in it that is no block.
    #[error(
        "it is damaged from byte {at} on ({why}): what stands before is used, and nothing after"
    )]
    Damaged {
        /// Where.
        at: u64,
        /// What is wrong there.
        why: String,
    },
}

/// Why a file cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The system does not let it be read.
    #[error("the run file {} cannot be read: {error}", path.display())]
    Unopened {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It is something else.
    #[error("{} is no run file: {why}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        why: String,
    },
    /// A later program wrote it.
    #[error(
        "{} is a run file of version {version}, written by rehearsal {by}, and this program reads versions up to {VERSION}: use that rehearsal, or a newer one",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
        /// The version of the program that wrote it.
        by: String,
    },
}

impl Recorded {
    /// Reads a file, up to where it can be read. What comes through a pipe is put aside first.
    ///
    /// # Errors
    /// When it is no run file, or one that only a newer program can read.
    pub fn open(path: &Path) -> Result<Self, Unreadable> {
        let unopened = |error| Unreadable::Unopened {
            path: path.to_owned(),
            error,
        };
        let foreign = |why: &str| Unreadable::Foreign {
            path: path.to_owned(),
            why: why.to_owned(),
        };
        let file = File::open(path).map_err(unopened)?;
        let metadata = file.metadata().map_err(unopened)?;
        if metadata.is_dir() {
            return Err(foreign("it is a folder"));
        }
        let mut file = if metadata.is_file() {
            file
        } else {
            put_aside(file)
                .map_err(unopened)?
                .ok_or_else(|| foreign("it does not begin as one"))?
        };
        let (blocks, flaw) = index(&mut file).map_err(unopened)?;
        let Some(Placed {
            head: Head::Manifest { rehearsal_run },
            ..
        }) = blocks.first()
        else {
            return Err(foreign(&instead(&mut file)));
        };
        let version = *rehearsal_run;
        if version > VERSION {
            let by: Option<By> = read_json(&mut file, &blocks[0]).ok();
            return Err(Unreadable::Newer {
                path: path.to_owned(),
                version,
                by: by.map_or_else(|| "unknown".to_owned(), |by| by.rehearsal),
            });
        }
        let manifest = read_json(&mut file, &blocks[0])
            .map_err(|error| foreign(&format!("its manifest cannot be read ({error})")))?;
        let mut run = Self {
            path: path.to_owned(),
            manifest,
            basis: None,
            scenarios: Vec::new(),
            end: None,
            flaw,
            deciding: BTreeMap::new(),
            file,
            blocks,
        };
        run.read_results();
        Ok(run)
    }

    /// Whether a file begins as a run file does; what can be read only once is never looked into.
    #[must_use]
    pub fn is_one(path: &Path) -> bool {
        std::fs::metadata(path).is_ok_and(|found| found.is_file()) && !begins_otherwise(path)
    }

    fn read_results(&mut self) {
        let mut scenarios: BTreeMap<String, usize> = BTreeMap::new();
        for at in 1..self.blocks.len() {
            let block = self.blocks[at].clone();
            let read = match &block.head {
                Head::Basis => {
                    read_json(&mut self.file, &block).map(|basis| self.basis = Some(basis))
                }
                Head::End => read_json(&mut self.file, &block).map(|end| self.end = Some(end)),
                Head::Scenario { scenario, attempt } => {
                    self.deciding.insert(scenario.clone(), *attempt);
                    read_json::<ScenarioResult>(&mut self.file, &block).map(
                        |result| match scenarios.get(scenario) {
                            Some(place) => self.scenarios[*place] = result,
                            None => {
                                scenarios.insert(scenario.clone(), self.scenarios.len());
                                self.scenarios.push(result);
                            }
                        },
                    )
                }
                Head::Manifest { .. } | Head::Journal { .. } | Head::History | Head::Unknown => {
                    Ok(())
                }
            };
            if let Err(error) = read {
                self.flaw = Some(Flaw::Damaged {
                    at: block.at,
                    why: error.to_string(),
                });
                self.end = None;
                self.blocks.truncate(at);
                return;
            }
        }
        if self.end.is_none() {
            self.flaw.get_or_insert(Flaw::NoEnd);
        }
    }

    /// Which journals it holds, in the order of their scenarios.
    #[must_use]
    pub fn journals(&self) -> Vec<JournalOf> {
        let mut found: Vec<JournalOf> = Vec::new();
        for block in &self.blocks {
            if let Head::Journal { scenario, attempt } = &block.head {
                let journal = JournalOf {
                    scenario: scenario.clone(),
                    attempt: *attempt,
                };
                if !found.contains(&journal) {
                    found.push(journal);
                }
            }
        }
        let place = |journal: &JournalOf| {
            let mut listed = self.manifest.scenarios.iter();
            listed.position(|own| own.id == journal.scenario)
        };
        found.sort_by_key(|journal| (place(journal).unwrap_or(usize::MAX), journal.clone()));
        found
    }

    /// The journals by which scenarios came to what they came to, one each, in the order of the scenarios:
    /// of one that has no result the latest.
    #[must_use]
    pub fn deciding_journals(&self) -> Vec<JournalOf> {
        let all = self.journals();
        let decides = |(at, own): &(usize, &JournalOf)| match self.deciding.get(&own.scenario) {
            Some(attempt) => own.attempt == *attempt,
            None => all
                .get(at + 1)
                .is_none_or(|next| next.scenario != own.scenario),
        };
        let deciding = all.iter().enumerate().filter(decides);
        deciding.map(|(_, own)| own.clone()).collect()
    }

    /// A journal as `--journal` writes it, block by block: it is never held as a whole.
    ///
    /// # Errors
    /// When the file cannot be opened once more.
    pub fn journal(&self, of: &JournalOf) -> io::Result<impl BufRead + use<>> {
        let wanted = Head::Journal {
            scenario: of.scenario.clone(),
            attempt: of.attempt,
        };
        let blocks = self.blocks.iter().filter(|block| block.head == wanted);
        Ok(BufReader::new(Unpacked {
            file: self.file.try_clone()?,
            blocks: blocks.cloned().collect::<Vec<_>>().into_iter(),
            lines: None,
        }))
    }

    /// What the runs before it came to, as one line of JSON; nothing where none was remembered or it cannot
    /// be read.
    #[must_use]
    pub fn history(&self) -> Option<Vec<u8>> {
        let is_it = |block: &&Placed| block.head == Head::History;
        let mut unpacked = Unpacked {
            file: self.file.try_clone().ok()?,
            blocks: vec![self.blocks.iter().rfind(is_it)?.clone()].into_iter(),
            lines: None,
        };
        let mut line = Vec::new();
        unpacked.read_to_end(&mut line).ok()?;
        Some(line)
    }

    /// The bytes of a block, as they stand in the file.
    pub(super) fn packed(&mut self, block: &Placed) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(block.length).map_err(io::Error::other)?];
        self.file.seek(SeekFrom::Start(block.at))?;
        self.file.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

/// The lines of some blocks, one block in memory at a time.
struct Unpacked {
    file: File,
    blocks: std::vec::IntoIter<Placed>,
    lines: Option<io::Cursor<Vec<u8>>>,
}

impl Read for Unpacked {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(lines) = &mut self.lines {
                let read = lines.read(into)?;
                if read > 0 || into.is_empty() {
                    return Ok(read);
                }
            }
            let Some(block) = self.blocks.next() else {
                return Ok(0);
            };
            let mut lines = Vec::new();
            unpack(&mut self.file, &block)?.read_to_end(&mut lines)?;
            self.lines = Some(io::Cursor::new(lines));
        }
    }
}

/// The only key that a manifest of any version has for certain.
#[derive(Deserialize)]
struct By {
    rehearsal: String,
}

/// Where each block stands, and what ends the row of them before the file's end.
fn index(file: &mut File) -> io::Result<(Vec<Placed>, Option<Flaw>)> {
    let end = file.seek(SeekFrom::End(0))?;
    let mut blocks = Vec::new();
    let mut at = 0;
    while at < end {
        if end - at < PREFIX as u64 {
            return Ok((blocks, Some(Flaw::CutOff { at })));
        }
        let mut prefix = [0; PREFIX];
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut prefix)?;
        let Some(length) = block::length(&prefix) else {
            let why = "no block begins here".to_owned();
            return Ok((blocks, Some(Flaw::Damaged { at, why })));
        };
        if length > end - at {
            return Ok((blocks, Some(Flaw::CutOff { at })));
        }
        let mut placed = Placed {
            head: Head::Unknown,
            at,
            length,
        };
        match head_of(file, &placed) {
            Ok(head) => placed.head = head,
            Err(error) => {
                let why = error.to_string();
                return Ok((blocks, Some(Flaw::Damaged { at, why })));
            }
        }
        blocks.push(placed);
        at += length;
    }
    Ok((blocks, None))
}

fn head_of(file: &mut File, block: &Placed) -> io::Result<Head> {
    file.seek(SeekFrom::Start(block.at))?;
    // No more of it is unpacked than its first line needs.
    let packed = BufReader::with_capacity(512, file.take(block.length));
    block::head(&mut BufReader::with_capacity(512, GzDecoder::new(packed)))
}

/// The lines of a block, without the one that says what it is.
fn unpack<'a>(file: &'a mut File, block: &Placed) -> io::Result<impl BufRead + use<'a>> {
    file.seek(SeekFrom::Start(block.at))?;
    let mut lines = BufReader::new(GzDecoder::new(file.take(block.length)));
    block::head(&mut lines)?;
    Ok(lines)
}

fn read_json<T: for<'de> Deserialize<'de>>(file: &mut File, block: &Placed) -> io::Result<T> {
    let mut text = Vec::new();
    unpack(file, block)?.read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

/// Whether a file is there that does not begin with a run file's first block.
pub(super) fn begins_otherwise(path: &Path) -> bool {
    let mut prefix = [0; PREFIX];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut prefix));
    read.is_err() || block::length(&prefix).is_none()
}

/// Copies what can be read only once; nothing if it does not begin as a run file, however long it is.
fn put_aside(mut from: File) -> io::Result<Option<File>> {
    let mut prefix = Vec::new();
    from.by_ref().take(PREFIX as u64).read_to_end(&mut prefix)?;
    if !prefix.starts_with(&[0x1f, 0x8b]) {
        return Ok(None);
    }
    let mut copy = tempfile::tempfile()?;
    io::copy(&mut prefix.as_slice(), &mut copy)?;
    io::copy(&mut from, &mut copy)?;
    Ok(Some(copy))
}

/// What a file seems to be that is no run file.
fn instead(file: &mut File) -> String {
    let mut beginning = Vec::new();
    let read = file
        .seek(SeekFrom::Start(0))
        .and_then(|_| file.take(256).read_to_end(&mut beginning));
    let beginning = beginning.trim_ascii_start();
    let what = if read.is_err() || beginning.is_empty() {
        "it is empty"
    } else if beginning.starts_with(b"{\"journal\"") || beginning.starts_with(b"{\"id\"") {
        "it is a journal, which `rehearsal judge` judges"
    } else if beginning.starts_with(b"{") {
        "it is JSON: the report that was made from a run, perhaps; name the run file itself"
    } else if beginning.starts_with(&[0x1f, 0x8b]) {
        "it is packed, and not by rehearsal, or cut off in its first block"
    } else {
        "it does not begin as one"
    };
    what.to_owned()
}

/// SHA-256 of a whole file, hex.
///
/// # Errors
/// When it cannot be read.
pub fn sha256(path: &Path) -> io::Result<String> {
    let mut context = Context::new(&SHA256);
    let mut file = File::open(path)?;
    let mut block = vec![0; 64 * 1024];
    loop {
        let read = file.read(&mut block)?;
        if read == 0 {
            break;
        }
        context.update(&block[..read]);
    }
    let hash = context.finish();
    Ok(hash
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}
