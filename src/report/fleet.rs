//! What a fleet came to: as JSON that can be read again and added up, and for the terminal.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Value, json};

use crate::domain::duration;
use crate::domain::figures::{Distribution, Quantile};
use crate::domain::fleet::{Counts, Fleet, Requests, Stage, VERSION};

/// By which a report is known for one of a fleet.
const KIND: &str = "rehearsal-fleet";

/// The report as JSON: all that adds up, and beside it for people what it comes to.
#[must_use]
pub fn json(fleet: &Fleet) -> String {
    let mut report = json!(fleet);
    report["kind"] = KIND.into();
    if let Some(stages) = report["stages"].as_array_mut() {
        for (written, stage) in stages.iter_mut().zip(&fleet.stages) {
            written["comes-to"] = summary(stage);
        }
    }
    if let Some(bytes) = fleet.memory.per_app(fleet.apps) {
        report["memory"]["bytes-per-app"] = bytes.into();
    }
    format!("{report:#}\n")
}

/// Reads what [`json`] wrote.
///
/// # Errors
/// Why it is no such report.
pub fn read(text: &str) -> Result<Fleet, String> {
    let report: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if report["kind"] != KIND {
        return Err("it is no report of `rehearsal fleet --report-json`".to_owned());
    }
    if report["version"] != VERSION {
        return Err(format!(
            "its form has the version {}, and this program reads {VERSION}",
            report["version"]
        ));
    }
    serde_json::from_value(report).map_err(|error| error.to_string())
}

fn summary(stage: &Stage) -> Value {
    let counts = &stage.counts;
    let latency: serde_json::Map<String, Value> = counts
        .requests
        .iter()
        .map(|(role, own)| (role.clone(), millis(&own.latency)))
        .collect();
    json!({
        "time-to-live-ms": millis(&counts.time_to_live),
        "latency-ms": latency,
        "connects": counts.all_connects(),
        "peak-connects-per-second": counts.peak_second(),
        "requests": counts.requests.values().map(Requests::all).sum::<u64>(),
        "errors": counts.errors(),
        "processor-us-per-event": processor(stage),
    })
}

/// Quantiles in milliseconds, by their names.
fn millis(times: &Distribution) -> Value {
    let all = Quantile::ALL.iter();
    let named = all.filter_map(|(name, quantile)| {
        let at = times.at(*quantile)?;
        Some(((*name).to_owned(), json!(at.as_micros() as f64 / 1_000.0)))
    });
    Value::Object(named.collect())
}

/// The microseconds of processor time that the fleet took for each event that arrived.
fn processor(stage: &Stage) -> Option<f64> {
    let events = stage.counts.events;
    (events > 0).then(|| stage.processor.as_micros() as f64 / events as f64)
}

/// Writes the heads of the columns that [`line`] fills.
///
/// # Errors
/// When the output cannot be written to.
pub fn head(out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "{:<22} {:>13} {:>7} {:>7} {:>7} {:>7} {:>7} {:>8} {:>7} {:>7} {:>7}",
        "stage",
        "live",
        "took",
        "p50",
        "p95",
        "p99",
        "max",
        "connects",
        "peak/s",
        "errors",
        "retries"
    )
}

/// Writes what one stage came to, in a line.
///
/// # Errors
/// When the output cannot be written to.
pub fn line(out: &mut dyn Write, stage: &Stage) -> io::Result<()> {
    let counts = &stage.counts;
    let at = |quantile| match counts.time_to_live.at(quantile) {
        Some(time) => short(time),
        None => "–".to_owned(),
    };
    writeln!(
        out,
        "{:<22} {:>13} {:>7} {:>7} {:>7} {:>7} {:>7} {:>8} {:>7} {:>7} {:>7}",
        stage.name,
        format!("{}/{}", stage.live, stage.apps),
        short(stage.lasted),
        at(Quantile::P50),
        at(Quantile::P95),
        at(Quantile::P99),
        at(Quantile::Max),
        counts.all_connects(),
        counts.peak_second(),
        counts.errors(),
        counts.retries.connects + counts.retries.requests,
    )
}

/// Writes what stands below the lines of the stages.
///
/// # Errors
/// When the output cannot be written to.
pub fn foot(out: &mut dyn Write, fleet: &Fleet) -> io::Result<()> {
    writeln!(out, "p50 to max: from start or comeback to a live feed")?;
    for stage in &fleet.stages {
        for trouble in troubles(&stage.counts) {
            writeln!(out, "  {}: {trouble}", stage.name)?;
        }
    }
    if fleet.virtual_time {
        writeln!(
            out,
            "time was virtual: nothing here says how fast anything is"
        )?;
    } else {
        if let Some(bytes) = fleet.memory.per_app(fleet.apps) {
            let kilobytes = bytes as f64 / 1024.0;
            writeln!(
                out,
                "memory: {kilobytes:.1} kB an app, connected and at rest"
            )?;
        }
        for stage in &fleet.stages {
            if let (Some(each), true) = (processor(stage), stage.name.starts_with("hold")) {
                let (name, events) = (&stage.name, stage.counts.events);
                writeln!(
                    out,
                    "{name}: {events} events, {each:.1} µs of the fleet's processor time each, all else included"
                )?;
            }
        }
    }
    let scope = &fleet.scope;
    writeln!(
        out,
        "scope: {} requests and {} frames judged before they were sent, {} denied",
        scope.requests, scope.frames, scope.denied
    )?;
    for denied in &scope.evidence {
        let at = short(denied.at);
        writeln!(
            out,
            "  app {} at {at}: {}: {}",
            denied.app, denied.what, denied.reason
        )?;
    }
    for stage in fleet.unrecovered() {
        let missing = stage.apps - stage.live;
        writeln!(
            out,
            "{}: {missing} apps were not live at its end",
            stage.name
        )?;
    }
    Ok(())
}

/// What went wrong in a stage, a line for each kind.
fn troubles(counts: &Counts) -> Vec<String> {
    let mut all = Vec::new();
    for (role, own) in &counts.requests {
        let kinds = [
            (own.client_errors, "answered with 4xx"),
            (own.server_errors, "answered with 5xx"),
            (own.lost, "sent and lost"),
            (own.not_sent, "not sent"),
        ];
        let kinds = kinds.iter().filter(|(times, _)| *times > 0);
        let told: Vec<String> = kinds.map(|(times, how)| format!("{times} {how}")).collect();
        if !told.is_empty() {
            all.push(format!("{role}: {} of {}", told.join(", "), own.all()));
        }
    }
    for (why, times) in &counts.failures {
        all.push(format!(
            "{times} requests sent and lost, or not sent: {why}"
        ));
    }
    for (why, times) in &counts.connect_errors {
        all.push(format!("{times} sockets did not connect: {why}"));
    }
    all
}

/// A time in few letters.
fn short(time: Duration) -> String {
    let millis = time.as_millis();
    match millis {
        0..1_000 => format!("{millis}ms"),
        1_000..100_000 => format!("{:.1}s", millis as f64 / 1_000.0),
        _ => duration::show(Duration::from_secs(time.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::fleet::{Memory, Retries, Scope};

    fn fleet() -> Fleet {
        let mut counts = Counts {
            connects: BTreeMap::from([(100, 7), (101, 3)]),
            connect_errors: BTreeMap::from([("websocket error".to_owned(), 2)]),
            retries: Retries {
                connects: 2,
                requests: 1,
            },
            events: 40,
            ..Counts::default()
        };
        for millis in 1..=10 {
            counts
                .time_to_live
                .record(Duration::from_millis(millis * 100));
        }
        let status = counts.requests.entry("status".to_owned()).or_default();
        status.succeeded = 9;
        status.server_errors = 1;
        let stage = |name: &str, live| Stage {
            name: name.to_owned(),
            apps: 10,
            live,
            lasted: Duration::from_secs(130),
            processor: Duration::from_micros(200),
            counts: counts.clone(),
        };
        Fleet {
            version: VERSION,
            contract: "App".to_owned(),
            target: "local".to_owned(),
            seeds: vec![1],
            virtual_time: false,
            apps: 10,
            accounts: 2,
            memory: Memory {
                before: 1024,
                held: 1024 * 161,
            },
            stages: vec![stage("hold", 10), stage("storm 1: sockets", 9)],
            scope: Scope::default(),
            interrupted: false,
        }
    }

    #[test]
    fn the_report_is_read_as_it_was_written_and_says_what_it_comes_to() {
        let fleet = fleet();
        let text = json(&fleet);
        assert_eq!(read(&text).unwrap(), fleet);
        let written: Value = serde_json::from_str(&text).unwrap();
        let own = &written["stages"][0]["comes-to"];
        assert_eq!(own["peak-connects-per-second"], 7);
        assert_eq!(own["processor-us-per-event"], 5.0);
        assert_eq!(written["memory"]["bytes-per-app"], 16 * 1024);
    }

    #[test]
    fn what_is_no_such_report_is_refused_with_the_reason() {
        for (text, why) in [
            ("{}", "no report"),
            ("{", "EOF"),
            (r#"{"kind":"rehearsal-fleet","version":9}"#, "version 9"),
            (r#"{"kind":"rehearsal-fleet","version":1}"#, "missing field"),
        ] {
            let refused = read(text).unwrap_err();
            assert!(refused.contains(why), "{text}: {refused}");
        }
    }

    #[test]
    fn the_terminal_shows_stages_in_lines_and_troubles_below() {
        let fleet = fleet();
        let mut out = Vec::new();
        head(&mut out).unwrap();
        for stage in &fleet.stages {
            line(&mut out, stage).unwrap();
        }
        foot(&mut out, &fleet).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap());
    }
}
