//! Asks for past runs, series by series, in the order in which they began.

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::{Connection, Row};

use super::Sign;
use super::database::{History, Unusable};
use super::past::{Kind, PastRun};
use crate::domain::wildcard::matches;

/// What is asked for; everything without any of it.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Only what was played at this target.
    pub target: Option<String>,
    /// Only what was played by this contract.
    pub contract: Option<String>,
    /// How far back rows and counts go from the newest run; what is known since when goes further.
    pub since: Option<Duration>,
    /// Only what is named so, by its kind: ids, or patterns of ids. Without any, everything.
    pub names: Vec<(Kind, String)>,
}

/// Runs of one contract at one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// The target's name.
    pub target: String,
    /// The contract's name.
    pub contract: String,
    /// The runs, the oldest first.
    pub runs: Vec<PastRun>,
    /// From which of them on rows are shown and things are counted.
    pub shown: usize,
    /// What was asked for, by kind and name.
    pub things: Vec<Thing>,
}

impl Series {
    /// Leaves only these runs, and what they told.
    pub(super) fn keep(&mut self, is_kept: impl Fn(&PastRun) -> bool) {
        let mut number = 0;
        let places: Vec<Option<usize>> = self
            .runs
            .iter()
            .map(|run| {
                let place = is_kept(run).then_some(number);
                number += usize::from(place.is_some());
                place
            })
            .collect();
        self.runs.retain(is_kept);
        for thing in &mut self.things {
            let told = std::mem::take(&mut thing.told).into_iter();
            let kept = told.filter_map(|(place, told)| Some((places.get(place).copied()??, told)));
            thing.told = kept.collect();
        }
    }

    /// Leaves out what a run was merged from: it stands in their place.
    pub fn without_parts_of(&mut self, run: &PastRun) {
        self.keep(|own| !run.parts.contains(&own.id));
    }
}

/// Something that runs say something of, time after time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thing {
    /// Of what kind it is.
    pub kind: Kind,
    /// Its id.
    pub name: String,
    /// What it is about.
    pub title: String,
    /// What runs say of it: the place of the run, and what it came to; the oldest first.
    pub told: Vec<(usize, Told)>,
}

/// What one run says of something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What it came to.
    pub sign: Sign,
    /// Whose fault it is.
    pub class: Option<String>,
    /// Why it came to that.
    pub note: Option<String>,
    /// What was measured, in microseconds.
    pub value: Option<u64>,
}

impl History {
    /// The series that have what is asked for, by contract and target.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn series(&self, asked: &Asked) -> Result<Vec<Series>, Unusable> {
        let read = read(&self.db, asked);
        read.map_err(|error| self.told("read", &error))
    }
}

/// Where a run of the database is in the answer: the place of its series, and its own place there.
type Places = BTreeMap<i64, (usize, usize)>;

fn read(db: &Connection, asked: &Asked) -> rusqlite::Result<Vec<Series>> {
    // All that is read is of one moment, whoever writes meanwhile.
    let moment = db.unchecked_transaction()?;
    let (mut series, places) = runs(&moment, asked)?;
    let newest = series.iter().flat_map(|own| &own.runs);
    let newest = newest.map(|run| run.started).max().unwrap_or(0);
    if let Some(since) = asked.since {
        let from = newest.saturating_sub(since.as_secs());
        for own in &mut series {
            own.shown = own.runs.partition_point(|run| run.started < from);
        }
    }
    things(&moment, asked, &places, &mut series)?;
    Ok(series)
}

fn runs(db: &Connection, asked: &Asked) -> rusqlite::Result<(Vec<Series>, Places)> {
    let mut found = db.prepare(
        "SELECT key, id, started, target, contract, rehearsal, contract_hash, scenarios_hash,
             deviations, verdict, reason, took
         FROM runs ORDER BY contract, target, started, key",
    )?;
    let mut rows = found.query([])?;
    let (mut series, mut places) = (Vec::<Series>::new(), Places::new());
    while let Some(row) = rows.next()? {
        let (key, run) = (row.get::<_, i64>("key")?, run(row)?);
        let is_other = |wanted: &Option<String>, own: &str| {
            wanted.as_ref().is_some_and(|wanted| wanted != own)
        };
        if is_other(&asked.target, &run.target) || is_other(&asked.contract, &run.contract) {
            continue;
        }
        let goes_on = |own: &&Series| (&own.contract, &own.target) == (&run.contract, &run.target);
        if series.last().filter(goes_on).is_none() {
            series.push(Series {
                target: run.target.clone(),
                contract: run.contract.clone(),
                runs: Vec::new(),
                shown: 0,
                things: Vec::new(),
            });
        }
        let at = series.len() - 1;
        places.insert(key, (at, series[at].runs.len()));
        series[at].runs.push(run);
    }
    Ok((series, places))
}

fn run(row: &Row<'_>) -> rusqlite::Result<PastRun> {
    let deviations: String = row.get("deviations")?;
    Ok(PastRun {
        id: row.get("id")?,
        parts: Vec::new(),
        started: number(row.get("started")?),
        target: row.get("target")?,
        contract: row.get("contract")?,
        rehearsal: row.get("rehearsal")?,
        contract_hash: row.get("contract_hash")?,
        scenarios_hash: row.get("scenarios_hash")?,
        deviations: deviations.split_whitespace().map(str::to_owned).collect(),
        verdict: row.get("verdict")?,
        reason: row.get("reason")?,
        took: number(row.get("took")?),
    })
}

fn things(
    db: &Connection,
    asked: &Asked,
    places: &Places,
    series: &mut [Series],
) -> rusqlite::Result<()> {
    let mut found = db.prepare("SELECT key, kind, name, title FROM things")?;
    let mut rows = found.query([])?;
    let mut wanted = Vec::new();
    while let Some(row) = rows.next()? {
        let kind: String = row.get(1)?;
        // What a later program keeps beside the rest is passed over.
        let Some(kind) = Kind::of_word(&kind) else {
            continue;
        };
        let (key, name, title): (i64, String, String) = (row.get(0)?, row.get(2)?, row.get(3)?);
        let is_named = |(of, pattern): &(Kind, String)| *of == kind && matches(pattern, &name);
        if asked.names.is_empty() || asked.names.iter().any(is_named) {
            wanted.push((kind, name, title, key));
        }
    }
    wanted.sort();
    let results = "SELECT run, sign, class, note, value FROM results WHERE thing = ?1";
    let mut results = db.prepare(results)?;
    for (kind, name, title, key) in wanted {
        let mut told: Vec<Vec<(usize, Told)>> = vec![Vec::new(); series.len()];
        let mut rows = results.query([key])?;
        while let Some(row) = rows.next()? {
            if let Some((at, place)) = places.get(&row.get(0)?) {
                told[*at].extend(result(row)?.map(|result| (*place, result)));
            }
        }
        for (own, mut told) in series.iter_mut().zip(told) {
            if told.is_empty() {
                continue;
            }
            told.sort_by_key(|(place, _)| *place);
            let (name, title) = (name.clone(), title.clone());
            own.things.push(Thing {
                kind,
                name,
                title,
                told,
            });
        }
    }
    Ok(())
}

fn result(row: &Row<'_>) -> rusqlite::Result<Option<Told>> {
    let value: Option<i64> = row.get(4)?;
    let sign = Sign::of_word(row.get_ref(1)?.as_str()?);
    let (class, note) = (row.get(2)?, row.get(3)?);
    Ok(sign.map(|sign| Told {
        sign,
        class,
        note,
        value: value.map(number),
    }))
}

fn number(kept: i64) -> u64 {
    u64::try_from(kept).unwrap_or(0)
}
