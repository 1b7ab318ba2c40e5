//! What a thing's past says of it: since when it fails, whether it was mended, how often it was flaky,
//! and for how long nobody has tested it.

use std::collections::BTreeSet;

use super::Sign;
use super::past::PastRun;
use super::read::{Series, Thing, Told};

/// How many of the newest values before the last one say what is usual.
const USUAL: usize = 20;

/// Seconds of a day.
const DAY: u64 = 24 * 60 * 60;

/// What a thing's past says of it. Moments are when a run began, in seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trend<'s> {
    /// Of what.
    pub thing: &'s Thing,
    /// What it came to in each run that is shown; nothing where the run says nothing of it.
    pub row: Vec<Option<Sign>>,
    /// What the newest run that says something of it says.
    pub last: Option<&'s Told>,
    /// In how many of the shown runs it was put to the test.
    pub tested: usize,
    /// In how many of those it was flaky.
    pub flaky: usize,
    /// How often it went from good to bad or back.
    pub flips: usize,
    /// When it was bad for the first time without having been good since, the last time that it was bad.
    pub first_seen: Option<u64>,
    /// When it was bad the last time.
    pub last_seen: Option<u64>,
    /// When it was good for the first time after that; nothing while it is still bad.
    pub fixed: Option<u64>,
    /// When it was good the last time.
    pub last_good: Option<u64>,
    /// On how many nights after it was tested the last time there were runs all the same.
    pub untested_nights: usize,
    /// What was measured the last time, in microseconds.
    pub value: Option<u64>,
    /// The median of what was measured before, in microseconds.
    pub usual: Option<u64>,
}

/// Reads the past of a thing of this series.
#[must_use]
pub fn trend<'s>(series: &'s Series, thing: &'s Thing) -> Trend<'s> {
    let began = |place: usize| series.runs.get(place).map_or(0, |run| run.started);
    let mut row = vec![None; series.runs.len().saturating_sub(series.shown)];
    let mut past = Streaks::default();
    let (mut tested, mut flaky, mut flips) = (0, 0, 0);
    for (place, told) in &thing.told {
        let is_shown = *place >= series.shown;
        if let Some(cell) = place.checked_sub(series.shown) {
            row[cell] = Some(told.sign);
        }
        let flipped = past.see(told.sign, began(*place));
        flips += usize::from(is_shown && flipped);
        tested += usize::from(is_shown && told.sign.is_tested());
        flaky += usize::from(is_shown && told.sign == Sign::Flaky);
    }
    let says = |sign: Sign| sign.is_tested() || sign == Sign::Measured;
    let last_tested = thing.told.iter().rfind(|(_, told)| says(told.sign));
    let days = |place: usize| began(place) / DAY;
    let tested_on = last_tested.map(|(place, _)| days(*place));
    let after = (0..series.runs.len()).map(days);
    let after: BTreeSet<u64> = after.filter(|day| Some(*day) > tested_on).collect();
    let values: Vec<u64> = thing.told.iter().filter_map(|(_, own)| own.value).collect();
    Trend {
        thing,
        row,
        last: thing.told.last().map(|(_, told)| told),
        tested,
        flaky,
        flips,
        first_seen: past.first_bad,
        last_seen: past.last_bad,
        fixed: past.fixed,
        last_good: past.last_good,
        untested_nights: after.len(),
        value: values.last().copied(),
        usual: usual(&values),
    }
}

impl Series {
    /// The newest run that passed.
    #[must_use]
    pub fn last_green(&self) -> Option<&PastRun> {
        self.runs.iter().rfind(|run| is_green(run))
    }

    /// The newest run that passed before the newest one, which that one is measured by.
    #[must_use]
    pub fn baseline(&self) -> Option<&PastRun> {
        let (_, before) = self.runs.split_last()?;
        before.iter().rfind(|run| is_green(run))
    }

    /// When the first run of those began that all came to what the newest one came to.
    #[must_use]
    pub fn verdict_since(&self) -> Option<u64> {
        let last = self.runs.last()?;
        let alike = self.runs.iter().rev();
        let alike = alike.take_while(|run| run.verdict == last.verdict);
        alike.last().map(|run| run.started)
    }
}

fn is_green(run: &PastRun) -> bool {
    run.verdict == Sign::Passed.word()
}

/// What is known while the past is gone through from its beginning.
#[derive(Debug, Default)]
pub(super) struct Streaks {
    was_bad: Option<bool>,
    first_bad: Option<u64>,
    last_bad: Option<u64>,
    fixed: Option<u64>,
    last_good: Option<u64>,
}

impl Streaks {
    /// Takes in what a run says, and tells whether it went from good to bad or back.
    pub(super) fn see(&mut self, sign: Sign, at: u64) -> bool {
        let is_bad = sign.is_bad();
        if !is_bad && !sign.is_good() {
            return false;
        }
        let flipped = self.was_bad.is_some_and(|was_bad| was_bad != is_bad);
        if is_bad {
            if self.was_bad != Some(true) {
                self.first_bad = Some(at);
            }
            self.last_bad = Some(at);
            self.fixed = None;
        } else {
            if self.was_bad == Some(true) {
                self.fixed = Some(at);
            }
            self.last_good = Some(at);
        }
        self.was_bad = Some(is_bad);
        flipped
    }

    /// When it was bad for the first time, if it still is.
    pub(super) fn failing_since(&self) -> Option<u64> {
        self.first_bad.filter(|_| self.was_bad == Some(true))
    }
}

/// The median of the newest values but the last one.
fn usual(values: &[u64]) -> Option<u64> {
    let (_, before) = values.split_last()?;
    let mut newest = before[before.len().saturating_sub(USUAL)..].to_vec();
    newest.sort_unstable();
    newest.get(newest.len() / 2).copied()
}
