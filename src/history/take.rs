//! Takes a run in: whole, in one transaction, and once.

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension, Transaction, params};

use super::database::{History, Unusable};
use super::past::{Kept, Past, PastRun};
use crate::domain::class::Class;

/// What became of a run that was handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is there now.
    New,
    /// It was there before, by itself or as a part of a merged one.
    Known,
}

impl History {
    /// Takes a run in, in place of the parts that it was merged from.
    ///
    /// # Errors
    /// When the database cannot be written; then nothing of the run is in it.
    pub fn take(&mut self, past: &Past) -> Result<Taken, Unusable> {
        let taken = self.try_to_take(past);
        taken.map_err(|error| self.told("written", &error))
    }

    fn try_to_take(&mut self, past: &Past) -> rusqlite::Result<Taken> {
        let transaction = self.transaction()?;
        if is_known(&transaction, &past.run)? {
            return Ok(Taken::Known);
        }
        forget_what_it_tells(&transaction, &past.run)?;
        let run = keep_run(&transaction, &past.run)?;
        keep(&transaction, run, &past.kept)?;
        transaction.commit()?;
        Ok(Taken::New)
    }
}

/// Whether a run is there: by its name, as a part of another, or with all of its parts in one.
fn is_known(db: &Transaction<'_>, run: &PastRun) -> rusqlite::Result<bool> {
    let named = "SELECT 1 FROM runs WHERE id = ?1 UNION SELECT 1 FROM parts WHERE id = ?1";
    if db.prepare(named)?.exists([&run.id])? {
        return Ok(true);
    }
    let Some(first) = run.parts.first() else {
        return Ok(false);
    };
    for merged in merged_with(db, first)? {
        let there = parts_of(db, merged)?;
        if run.parts.iter().all(|part| there.contains(part)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Takes out what a merged run tells again: a part that was there by itself, and a run that was merged
/// from fewer of them.
fn forget_what_it_tells(db: &Transaction<'_>, run: &PastRun) -> rusqlite::Result<()> {
    let mut by_itself = db.prepare("SELECT key FROM runs WHERE id = ?1")?;
    let mut told = BTreeSet::new();
    for part in &run.parts {
        let key = by_itself.query_row([part], |row| row.get::<_, i64>(0));
        told.extend(key.optional()?);
        for merged in merged_with(db, part)? {
            let fewer = parts_of(db, merged)?;
            if fewer.iter().all(|part| run.parts.contains(part)) {
                told.insert(merged);
            }
        }
    }
    for key in told {
        db.execute("DELETE FROM results WHERE run = ?1", [key])?;
        db.execute("DELETE FROM parts WHERE run = ?1", [key])?;
        db.execute("DELETE FROM runs WHERE key = ?1", [key])?;
    }
    Ok(())
}

/// The runs that were merged from this one and others.
fn merged_with(db: &Transaction<'_>, part: &str) -> rusqlite::Result<Vec<i64>> {
    let mut found = db.prepare("SELECT run FROM parts WHERE id = ?1")?;
    found.query_map([part], |row| row.get(0))?.collect()
}

fn parts_of(db: &Transaction<'_>, run: i64) -> rusqlite::Result<BTreeSet<String>> {
    let mut found = db.prepare("SELECT id FROM parts WHERE run = ?1")?;
    found.query_map([run], |row| row.get(0))?.collect()
}

fn keep_run(db: &Transaction<'_>, run: &PastRun) -> rusqlite::Result<i64> {
    db.execute(
        "INSERT INTO runs (id, started, target, contract, rehearsal, contract_hash, scenarios_hash,
             deviations, verdict, reason, took)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            run.id,
            whole(run.started),
            run.target,
            run.contract,
            run.rehearsal,
            run.contract_hash,
            run.scenarios_hash,
            run.deviations.join(" "),
            run.verdict,
            run.reason,
            whole(run.took),
        ],
    )?;
    let key = db.last_insert_rowid();
    let mut part = db.prepare("INSERT OR REPLACE INTO parts (id, run) VALUES (?1, ?2)")?;
    for id in &run.parts {
        part.execute(params![id, key])?;
    }
    Ok(key)
}

fn keep(db: &Transaction<'_>, run: i64, all: &[Kept]) -> rusqlite::Result<()> {
    // The newest title is the one that is told.
    let mut thing = db.prepare(
        "INSERT INTO things (kind, name, title) VALUES (?1, ?2, ?3)
         ON CONFLICT (kind, name) DO UPDATE SET title = excluded.title RETURNING key",
    )?;
    let mut result = db.prepare(
        "INSERT OR REPLACE INTO results (thing, run, sign, class, note, value)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for kept in all {
        let named = params![kept.kind.word(), kept.name, kept.title];
        let key: i64 = thing.query_row(named, |row| row.get(0))?;
        result.execute(params![
            key,
            run,
            kept.sign.word(),
            kept.class.map(Class::word),
            kept.note,
            kept.value.map(whole),
        ])?;
    }
    Ok(())
}

/// The database knows no numbers above those of 63 bits, and no moment or duration comes near.
fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
