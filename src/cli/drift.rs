//! `rehearsal drift`: in what a target, as it was recorded, and the mock of the suite differ.

use std::io::Write as _;

use serde_json::{Value, json};

use super::arguments::DriftArguments;
use super::console;
use super::exit::Exit;
use super::files::{self, SuiteRequest};
use super::problem::Problem;
use super::{recorded, settings};
use crate::import;
use crate::run::Compared;

/// Replays the recording against the mock of the suite, and says what to change.
pub(super) fn drift(arguments: &DriftArguments) -> Result<Exit, Problem> {
    let environment = &settings::environment;
    let config = files::config_of(&arguments.files, environment)?;
    let request = SuiteRequest {
        defaults: Some(&config.run),
        ..SuiteRequest::by_flags(&arguments.files)
    };
    let suite = files::suite(&request.choice(environment)?)?;
    let Some(world) = &suite.world else {
        let origin = suite.origin.clone();
        return Err(Problem::NoWorld { origin });
    };
    let archive = recorded::archive(&arguments.recording)?;
    let recording = import::read_har(&archive).map_err(Problem::Suite)?;
    let compared = recorded::compared(&suite.contract, world, &recording)?;
    if arguments.json {
        writeln!(console::out(), "{:#}", document(&compared))?;
    } else {
        recorded::tell(&compared)?;
        timings(&compared)?;
    }
    Ok(recorded::exit(&compared, Exit::NonConformance))
}

fn timings(compared: &Compared) -> Result<(), Problem> {
    let mut out = console::out();
    writeln!(
        out,
        "\nhow long the target took (the mock answers at once):"
    )?;
    for (role, own) in &compared.timings {
        writeln!(
            out,
            "  {role}: p50 {:.0}ms, p95 {:.0}ms, most {:.0}ms, of {}",
            own.p50_ms, own.p95_ms, own.most_ms, own.answers
        )?;
    }
    Ok(())
}

fn document(compared: &Compared) -> Value {
    let differences: Vec<Value> = compared
        .differences
        .iter()
        .map(|own| {
            json!({
                "about": own.about, "at": own.at, "recorded": own.recorded, "mock": own.mock,
                "change": own.change,
            })
        })
        .collect();
    let skipped: Vec<Value> = compared
        .skipped
        .iter()
        .map(|(what, why)| json!({"what": what, "why": why}))
        .collect();
    let timings: serde_json::Map<String, Value> = compared
        .timings
        .iter()
        .map(|(role, own)| {
            let own = json!({
                "answers": own.answers, "p50_ms": own.p50_ms, "p95_ms": own.p95_ms,
                "most_ms": own.most_ms,
            });
            (role.clone(), own)
        })
        .collect();
    json!({
        "requests": compared.asked, "events": compared.events, "differences": differences,
        "not_replayed": skipped, "timings": timings,
    })
}
