//! Forgets old runs.

use std::time::Duration;

use super::database::{History, Unusable};

/// What was forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pruned {
    /// How many runs.
    pub runs: usize,
    /// How many are left.
    pub left: usize,
}

impl History {
    /// Forgets runs that began longer than this before the newest of all.
    ///
    /// # Errors
    /// When the database cannot be written; then nothing is forgotten.
    pub fn prune(&mut self, older_than: Duration) -> Result<Pruned, Unusable> {
        let pruned = self.try_to_prune(older_than);
        pruned.map_err(|error| self.told("written", &error))
    }

    fn try_to_prune(&mut self, older_than: Duration) -> rusqlite::Result<Pruned> {
        let age = i64::try_from(older_than.as_secs()).unwrap_or(i64::MAX);
        let transaction = self.transaction()?;
        let old = "DELETE FROM runs WHERE started < (SELECT max(started) FROM runs) - ?1";
        let runs = transaction.execute(old, [age])?;
        transaction.execute_batch(
            "DELETE FROM results WHERE run NOT IN (SELECT key FROM runs);
             DELETE FROM parts WHERE run NOT IN (SELECT key FROM runs);
             DELETE FROM things WHERE key NOT IN (SELECT thing FROM results);",
        )?;
        let count = "SELECT count(*) FROM runs";
        let left: i64 = transaction.query_row(count, [], |row| row.get(0))?;
        let left = usize::try_from(left).unwrap_or(0);
        transaction.commit()?;
        // Gives back to the disk what is free now; that works beside no other process, and need not.
        let _ = self.db.execute_batch("VACUUM");
        Ok(Pruned { runs, left })
    }
}
