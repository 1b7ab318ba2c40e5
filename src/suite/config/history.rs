//! `history`: whether runs are remembered, and where.

use std::path::PathBuf;

use crate::suite::cursor::Cursor;

/// Whether runs are remembered, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembering {
    /// Whether each run that keeps its run file is.
    pub record: bool,
    /// The database, in place of the usual one.
    pub path: Option<PathBuf>,
}

impl Default for Remembering {
    fn default() -> Self {
        Self {
            record: true,
            path: None,
        }
    }
}

/// Reads the table; `path` understands paths.
pub(super) fn read(
    cursor: &Cursor<'_>,
    path: impl Fn(&Cursor<'_>) -> Option<PathBuf>,
) -> Option<Remembering> {
    let fields = cursor.fields("`history`")?;
    let record = fields.or("record", true, Cursor::switch);
    let path = fields.maybe("path", |cursor| path(cursor));
    Some(Remembering {
        record: record?,
        path: path?,
    })
}
