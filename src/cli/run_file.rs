//! The run file: where it goes, and what is known of a run before it is played.

use std::fs;
use std::path::PathBuf;

use super::arguments::RunArguments;
use super::console;
use super::problem::Problem;
use super::settings::{Environment, layered};
use crate::domain::journal::file::ContractMark;
use crate::domain::result::RunResult;
use crate::net::Clock;
use crate::run::Plan;
use crate::runfile::{Listed, Machine, Manifest, Marks, Origin, Writer};
use crate::suite::config::{Config, shown_setting};

/// The folder of run files below that of what is kept from one run to the next.
const FOLDER: &str = "runs";

/// Begins the file of a run that is about to be played, where one is kept: at the place that is named,
/// or else beside the configuration. A run without a configuration litters no folder.
pub(super) fn begin(
    arguments: &RunArguments,
    config: &Config,
    environment: Environment<'_>,
    plan: &Plan,
) -> Result<Option<Writer>, Problem> {
    if arguments.run_file.no_run_file {
        return Ok(None);
    }
    let named = layered(
        arguments.run_file.run_file.clone(),
        None,
        environment,
        "REHEARSAL_RUN_FILE",
    )?;
    let manifest = manifest(arguments, plan);
    if let Some(path) = named {
        let begun = Writer::create(&path, &manifest);
        return begun.map(Some).map_err(|error| Problem::File {
            verb: "write the run file",
            path,
            error,
        });
    }
    if config.file.is_none() {
        return Ok(None);
    }
    let folder = config.state().join(FOLDER);
    let path = folder.join(name(&manifest));
    let begun = fs::create_dir_all(&folder).and_then(|()| Writer::create(&path, &manifest));
    // Nobody asked for it, so it keeps nobody from playing.
    Ok(begun
        .map_err(|error| {
            console::tell(&format!(
                "note: no run file is kept, because {} cannot be written: {error}\n",
                path.display()
            ));
        })
        .ok())
}

/// Ends the file, and says where it is.
pub(super) fn end(file: &Writer, result: &RunResult, quiet: bool) -> Option<Problem> {
    let ended = file.end(result);
    if ended.is_ok() && !quiet {
        console::tell(&format!("run file: {}\n", file.path().display()));
    }
    ended.err().map(Problem::RunFileLacks)
}

/// `20261130T080000Z-mock-1f3a5b7c.run.gz`: in the order in which runs began.
fn name(manifest: &Manifest) -> PathBuf {
    let started = i64::try_from(manifest.started).unwrap_or(i64::MAX);
    let started = jiff::Timestamp::from_second(started).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let started = started.strftime("%Y%m%dT%H%M%SZ");
    let plain = |char: char| {
        let kept = char.is_ascii_alphanumeric() || char == '-' || char == '_';
        if kept { char } else { '_' }
    };
    let target: String = manifest.target.chars().take(40).map(plain).collect();
    let id: String = manifest.id.chars().take(8).collect();
    PathBuf::from(format!("{started}-{target}-{id}.run.gz"))
}

fn manifest(arguments: &RunArguments, plan: &Plan) -> Manifest {
    let suite = &plan.suite;
    let is_selected = |id: &str| plan.scenarios.iter().any(|own| own.id == id);
    let scenarios = suite.scenarios.iter().map(|own| Listed {
        id: own.id.clone(),
        name: own.name.clone(),
        file: own.file.clone(),
        usual: own.is_usual(),
        selected: is_selected(&own.id),
    });
    let book = &suite.runbook;
    let hash = suite.runbook_hash();
    Manifest {
        rehearsal: env!("CARGO_PKG_VERSION").to_owned(),
        id: new_id(),
        started: Clock::real_time().epoch().as_secs(),
        seed: plan.seed,
        target: plan.target.name().to_owned(),
        virtual_time: plan.virtual_time(),
        quirks: plan
            .quirks
            .iter()
            .map(|own| own.name().to_owned())
            .collect(),
        defects: plan
            .defects
            .iter()
            .map(|own| own.name().to_owned())
            .collect(),
        contract: ContractMark {
            name: suite.contract.name.clone(),
            sha256: suite.fingerprint.clone(),
        },
        marks: Marks {
            suite: suite.origin.clone(),
            scenarios: suite.hashes.scenarios.clone(),
            world: suite.hashes.world.clone(),
            runbook: format!("{}, version {}, {hash}", book.name, book.answered()),
        },
        origin: Origin {
            command: command(std::env::args()),
            files: arguments.files.words(),
        },
        machine: Machine::this(),
        scenarios: scenarios.collect(),
        merged: Vec::new(),
    }
}

/// A name that no other run has.
pub(super) fn new_id() -> String {
    format!("{:016x}", fastrand::u64(..))
}

/// What was typed, without what may be a secret.
fn command(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut is_setting = false;
    let shown = words.map(|word| {
        let follows = std::mem::replace(&mut is_setting, word == "--set");
        match word.strip_prefix("--set=") {
            Some(setting) => format!("--set={}", shown_setting(setting)),
            None if follows => shown_setting(&word),
            None => word,
        }
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_by_when_and_against_what_it_was_played() {
        let manifest = Manifest {
            started: 1_796_025_600,
            target: "../staging of us".to_owned(),
            id: "0123456789abcdef".to_owned(),
            ..Manifest::default()
        };
        let name = name(&manifest);
        assert_eq!(
            name.to_str(),
            Some("20261130T080000Z-___staging_of_us-01234567.run.gz")
        );
    }

    #[test]
    fn secrets_in_settings_are_not_kept_with_the_command() {
        let typed = [
            "rehearsal",
            "run",
            "--set",
            "targets.a.headers.x=s3cr3t",
            "--set=a.token=s3cr3t",
        ];
        let kept = command(typed.iter().map(|word| (*word).to_owned()));
        assert_eq!(kept[..3], ["rehearsal", "run", "--set"]);
        assert!(!kept.concat().contains("s3cr3t"), "{kept:?}");
    }
}
