//! The run file: everything that a run came to, in one compressed file that every report is made from.
//!
//! It is a row of gzip members, one a block, so that `zcat` shows the whole and two files may be
//! appended to each other. A block is a line that says what it is, and the lines that belong to it:
//! the manifest, what the runbook asks, then, as the run goes, parts of journals and the result of
//! each scenario, and at last what all came to. The length of each member stands in its header, so
//! that a reader passes over journals without unpacking them. Whatever ends the process, what was
//! written stays readable; a file without its last block says that it is partial.

mod block;
mod manifest;
mod merge;
mod read;
mod write;

pub use manifest::{Listed, Machine, Manifest, Marks, Origin, Played};
pub use merge::{Merged, Unmergeable, merge};
pub use read::{Flaw, JournalOf, Recorded, Unreadable, sha256};
pub use write::{JournalBlocks, Unwritten, Writer, refuse_what_stands_there};

/// The newest version of the format that can be read, and the one that is written. Keys and blocks that
/// a reader may pass over do not change it.
pub const VERSION: u32 = 1;

#[cfg(test)]
mod tests;
