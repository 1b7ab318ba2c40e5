//! One block: a line that says what it is, and its lines, in a gzip member that tells its own length.

use std::io::{self, BufRead, Read, Write};

use flate2::{Compression, GzBuilder};
use serde::{Deserialize, Serialize};

/// What a block is: its first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "block", rename_all = "kebab-case")]
pub(super) enum Head {
    /// The first one: which run this is.
    Manifest {
        /// The version of the format.
        rehearsal_run: u32,
    },
    /// What the runbook asks.
    Basis,
    /// Lines of a scenario's journal, in order.
    Journal {
        /// The scenario's id.
        scenario: String,
        /// Which time it was played.
        attempt: u32,
    },
    /// What a scenario came to.
    Scenario {
        /// Its id.
        scenario: String,
        /// The attempt that decided it, by its journal; 0 where none was begun.
        attempt: u32,
    },
    /// What the runs before it came to, as it is known when the run ends.
    History,
    /// The last one: what all came to.
    End,
    /// Something that a later program adds.
    #[serde(other)]
    Unknown,
}

/// The extra field that holds a member's length: its name, then the length of the number.
const FIELD: [u8; 4] = [b'R', b'H', 8, 0];
/// Where the member's length stands in it: after the header, the length of the extra field, and FIELD.
const LENGTH_AT: usize = 10 + 2 + FIELD.len();
/// Header and extra field together.
pub(super) const PREFIX: usize = LENGTH_AT + 8;

/// The bytes of a block. `lines` end with a line break, or are empty.
pub(super) fn pack(head: &Head, lines: &[u8]) -> io::Result<Vec<u8>> {
    let extra = [&FIELD[..], &[0; 8]].concat();
    let mut member = GzBuilder::new()
        .extra(extra)
        .write(Vec::new(), Compression::fast());
    serde_json::to_writer(&mut member, head)?;
    member.write_all(b"\n")?;
    member.write_all(lines)?;
    let mut bytes = member.finish()?;
    // Nothing else of a header depends on what stands in its extra field.
    let length = bytes.len() as u64;
    bytes[LENGTH_AT..PREFIX].copy_from_slice(&length.to_le_bytes());
    Ok(bytes)
}

/// The length of the member that begins with these bytes, if it is one of ours.
pub(super) fn length(prefix: &[u8; PREFIX]) -> Option<u64> {
    // The magic, deflate, and an extra field as the only addition; time and system tell nothing.
    let is_ours = prefix[..4] == [0x1f, 0x8b, 8, 4]
        && prefix[10..12] == [12, 0]
        && prefix[12..LENGTH_AT] == FIELD;
    let length = u64::from_le_bytes(prefix[LENGTH_AT..].try_into().ok()?);
    (is_ours && length > PREFIX as u64).then_some(length)
}

/// The longest first line: it names a scenario.
const LONGEST_HEAD: u64 = 64 * 1024;

/// Reads what a block is from its unpacked bytes, up to the end of its first line.
pub(super) fn head(from: &mut impl io::BufRead) -> io::Result<Head> {
    let mut line = Vec::new();
    from.take(LONGEST_HEAD).read_until(b'\n', &mut line)?;
    Ok(serde_json::from_slice(&line)?)
}
