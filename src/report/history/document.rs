//! The history for programs: one JSON document, versioned, described in `docs/HISTORY.md`.

use std::borrow::Cow;

use serde::Serialize;

use super::{Database, is_notable, needs_a_word};
use crate::history::{Kind, PastRun, Series, Sign, Told, Trend, trend};
use crate::report::{rfc3339, title};

/// The version of the document.
const VERSION: u32 = 1;

/// The whole document, with a line break at its end.
#[must_use]
pub fn render(database: &Database, series: &[Series]) -> Vec<u8> {
    let document = Document {
        version: VERSION,
        rehearsal: env!("CARGO_PKG_VERSION"),
        database: &database.path,
        size_bytes: database.size,
        series: series.iter().map(SeriesDocument::of).collect(),
    };
    // Every key is a text and no type fails to serialize, so there is always a document.
    let mut bytes = serde_json::to_vec_pretty(&document).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// One series as the page of a run has it, as the whole document has it below `series`.
#[must_use]
pub fn of_page(series: &Series) -> Vec<u8> {
    serde_json::to_vec(&SeriesDocument::of(series)).unwrap_or_default()
}

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    rehearsal: &'static str,
    database: &'a str,
    size_bytes: u64,
    series: Vec<SeriesDocument<'a>>,
}

#[derive(Serialize)]
struct SeriesDocument<'a> {
    target: &'a str,
    contract: &'a str,
    /// Since when runs come to what the newest one came to.
    verdict_since: Option<String>,
    last_green: Option<Point<'a>>,
    /// The newest green run before the newest one.
    baseline: Option<Point<'a>>,
    runs: Vec<RunDocument<'a>>,
    scenarios: Vec<TrendDocument<'a>>,
    rules: Vec<TrendDocument<'a>>,
    items: Vec<TrendDocument<'a>>,
    figures: Vec<FigureDocument<'a>>,
}

/// A run that others are measured by.
#[derive(Serialize)]
struct Point<'a> {
    id: &'a str,
    started: String,
}

#[derive(Serialize)]
struct RunDocument<'a> {
    id: &'a str,
    started: String,
    verdict: &'a str,
    reason: Option<&'a str>,
    deviations: &'a [String],
    duration_wall_ms: u64,
    rehearsal: &'a str,
    contract_sha256: &'a str,
    scenarios_sha256: &'a str,
}

#[derive(Serialize)]
struct TrendDocument<'a> {
    id: &'a str,
    title: Cow<'a, str>,
    /// One word for each of the runs; null where a run says nothing of it.
    row: Vec<Option<&'static str>>,
    /// How long it took in each of the runs, where that is measured at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    values_ms: Option<Vec<Option<f64>>>,
    /// Whether there is something to say of it.
    notable: bool,
    last: Option<LastDocument<'a>>,
    tested: usize,
    flaky: usize,
    /// The share of what was tested that was flaky; null where nothing was tested.
    flake_rate: Option<f64>,
    flips: usize,
    first_seen: Option<String>,
    last_seen: Option<String>,
    fixed: Option<String>,
    last_good: Option<String>,
    untested_nights: usize,
    last_ms: Option<f64>,
    usual_ms: Option<f64>,
}

#[derive(Serialize)]
struct LastDocument<'a> {
    verdict: &'static str,
    class: Option<&'a str>,
    note: Option<&'a str>,
}

#[derive(Serialize)]
struct FigureDocument<'a> {
    name: &'a str,
    /// 95 of 100 took no longer, for each of the runs; null where a run says nothing of it.
    values_ms: Vec<Option<f64>>,
    /// Whether the last one is another one than is usual.
    notable: bool,
    last_ms: Option<f64>,
    usual_ms: Option<f64>,
}

impl<'a> SeriesDocument<'a> {
    fn of(series: &'a Series) -> Self {
        let of_kind = |kind: Kind| {
            let things = series.things.iter().filter(move |own| own.kind == kind);
            things.map(|thing| trend(series, thing))
        };
        let trends = |kind| {
            let trends = of_kind(kind).map(|own| TrendDocument::of(series, own));
            trends.collect()
        };
        let runs = series.runs[series.shown..].iter();
        Self {
            target: &series.target,
            contract: &series.contract,
            verdict_since: series.verdict_since().map(moment),
            last_green: series.last_green().map(Point::of),
            baseline: series.baseline().map(Point::of),
            runs: runs.map(RunDocument::of).collect(),
            scenarios: trends(Kind::Scenario),
            rules: trends(Kind::Rule),
            items: trends(Kind::Item),
            figures: of_kind(Kind::Figure)
                .map(|trend| FigureDocument::of(series, &trend))
                .collect(),
        }
    }
}

impl<'a> Point<'a> {
    fn of(run: &'a PastRun) -> Self {
        Self {
            id: &run.id,
            started: moment(run.started),
        }
    }
}

impl<'a> RunDocument<'a> {
    fn of(run: &'a PastRun) -> Self {
        Self {
            id: &run.id,
            started: moment(run.started),
            verdict: &run.verdict,
            reason: run.reason.as_deref(),
            deviations: &run.deviations,
            duration_wall_ms: run.took / 1_000,
            rehearsal: &run.rehearsal,
            contract_sha256: &run.contract_hash,
            scenarios_sha256: &run.scenarios_hash,
        }
    }
}

impl<'a> TrendDocument<'a> {
    fn of(series: &Series, trend: Trend<'a>) -> Self {
        let values = values(series, &trend);
        let last = |told: &'a Told| LastDocument {
            verdict: told.sign.word(),
            class: told.class.as_deref(),
            note: told.note.as_deref(),
        };
        let rate = |flaky: usize| flaky as f64 / trend.tested as f64;
        Self {
            id: &trend.thing.name,
            title: match trend.thing.kind {
                Kind::Rule => title(&trend.thing.name).unwrap_or_default().into(),
                _ => (&*trend.thing.title).into(),
            },
            row: trend.row.iter().map(|own| own.map(Sign::word)).collect(),
            last: trend.last.map(last),
            values_ms: values.iter().any(Option::is_some).then_some(values),
            notable: needs_a_word(&trend),
            tested: trend.tested,
            flaky: trend.flaky,
            flake_rate: (trend.tested > 0).then(|| rate(trend.flaky)),
            flips: trend.flips,
            first_seen: trend.first_seen.map(moment),
            last_seen: trend.last_seen.map(moment),
            fixed: trend.fixed.map(moment),
            last_good: trend.last_good.map(moment),
            untested_nights: trend.untested_nights,
            last_ms: trend.value.map(millis),
            usual_ms: trend.usual.map(millis),
        }
    }
}

impl<'a> FigureDocument<'a> {
    fn of(series: &Series, trend: &Trend<'a>) -> Self {
        let usual = trend.usual.or(trend.value);
        let both = trend.value.zip(usual);
        Self {
            name: &trend.thing.name,
            values_ms: values(series, trend),
            notable: both.is_some_and(|(value, usual)| is_notable(value, usual)),
            last_ms: trend.value.map(millis),
            usual_ms: trend.usual.map(millis),
        }
    }
}

/// What was measured in each of the shown runs.
fn values(series: &Series, trend: &Trend<'_>) -> Vec<Option<f64>> {
    let mut values = vec![None; series.runs.len() - series.shown];
    for (place, told) in &trend.thing.told {
        if let Some(at) = place.checked_sub(series.shown) {
            values[at] = told.value.map(millis);
        }
    }
    values
}

fn moment(seconds: u64) -> String {
    rfc3339(std::time::Duration::from_secs(seconds))
}

fn millis(micros: u64) -> f64 {
    micros as f64 / 1_000.0
}
