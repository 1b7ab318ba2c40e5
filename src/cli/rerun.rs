//! `rehearsal rerun`: plays again what did not pass in a run, with its seed, target and files.

use std::ffi::OsString;
use std::io::Write as _;

use super::arguments::{Arguments, Command, RerunArguments};
use super::console;
use super::exit::Exit;
use super::problem::Problem;
use super::{run, run_file};
use crate::domain::result::RunResult;
use crate::domain::verdict::Verdict;
use crate::run::gathered;
use crate::runfile::Recorded;

/// Plays what did not pass, as `run` with the words of the first run and those that are given now.
pub(super) fn rerun(arguments: &RerunArguments) -> Result<Exit, Problem> {
    let recorded = run_file::open(&arguments.run)?;
    let result = gathered(&recorded);
    let open = open(&result);
    if open.is_empty() {
        let mut out = console::out();
        writeln!(
            out,
            "everything passed in this run: there is nothing to play again"
        )?;
        return Ok(Exit::Passed);
    }
    let words = words(&recorded, &open, &arguments.more)?;
    match Arguments::read(words.into_iter().map(OsString::from)) {
        Ok(Arguments {
            command: Command::Run(again),
            ..
        }) => run::run(&again),
        Ok(_) => Ok(Exit::Usage),
        Err(refusal) => {
            // When nobody listens any more, the exit code still tells.
            let _ = refusal.print();
            Ok(Exit::Usage)
        }
    }
}

/// The scenarios that did not pass. What a target lacks the levers for is skipped every time.
fn open(result: &RunResult) -> Vec<&str> {
    let scenarios = result
        .scenarios
        .iter()
        .filter(|own| match own.outcome.verdict {
            Verdict::Passed | Verdict::KnownFailure(_) => false,
            Verdict::Skipped(_) => result.interrupted,
            _ => true,
        });
    scenarios.map(|own| own.id.as_str()).collect()
}

/// The command line that plays these scenarios as they were played; what is given now goes before.
fn words(run: &Recorded, scenarios: &[&str], more: &[String]) -> Result<Vec<String>, Problem> {
    let manifest = &run.manifest;
    let given = |flag: &str| {
        let with_value = format!("{flag}=");
        more.iter()
            .any(|word| word == flag || word.starts_with(&with_value))
    };
    let mut words = vec!["rehearsal".to_owned(), "run".to_owned()];
    let mut put = |flag: &str, value: &str| {
        words.push(flag.to_owned());
        words.push(value.to_owned());
    };
    for scenario in scenarios {
        put("--scenario", scenario);
    }
    if !given("--seed") {
        put("--seed", &manifest.seed.to_string());
    }
    if !given("--target") {
        put("--target", &manifest.target);
    }
    manifest
        .quirks
        .iter()
        .for_each(|quirk| put("--quirk", quirk));
    manifest
        .defects
        .iter()
        .for_each(|defect| put("--defect", defect));
    for pair in manifest.origin.files.chunks(2) {
        let [flag, value] = pair else { continue };
        if flag == "--set" && value.ends_with('*') {
            let key = value.split('=').next().unwrap_or_default();
            if more.iter().any(|word| word.contains(&format!("{key}="))) {
                continue;
            }
            return Err(Problem::Value {
                place: "--set".to_owned(),
                value: value.clone(),
                why: "what it was is a secret and stands in no run file: give it again, after the run file".to_owned(),
            });
        }
        if flag == "--set" || !given(flag) {
            put(flag, value);
        }
    }
    if manifest.target == "mock" && !manifest.virtual_time && !given("--real-time") {
        words.push("--real-time".to_owned());
    }
    words.extend(more.iter().cloned());
    Ok(words)
}
