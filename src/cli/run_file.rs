//! The run file: where it goes, and what is known of a run before it is played.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::arguments::RunArguments;
use super::console;
use super::problem::Problem;
use super::reports::Reports;
use super::settings::{Environment, layered};
use crate::domain::journal::file::{ContractMark, file_name};
use crate::domain::result::RunResult;
use crate::net::Clock;
use crate::report::About;
use crate::report::file::ReportFile;
use crate::run::Plan;
use crate::runfile::{self, JournalOf, Listed, Machine, Manifest, Marks, Origin, Recorded, Writer};
use crate::suite::config::{Config, shown_setting};

/// The folder of run files below that of what is kept from one run to the next.
const FOLDER: &str = "runs";

/// The file of a run that is being played.
#[derive(Debug)]
pub(super) struct Kept {
    /// The file itself, if there is one.
    pub(super) writer: Option<Writer>,
    pub(super) manifest: Manifest,
    /// Where it stands while only the reports of this run need it.
    temporary: Option<TempDir>,
}

/// Begins the file of a run that is about to be played, where one is kept: at the place that is named,
/// or else beside the configuration. A run without a configuration litters no folder.
pub(super) fn begin(
    arguments: &RunArguments,
    config: &Config,
    environment: Environment<'_>,
    plan: &Plan,
    reports: &Reports,
) -> Result<Kept, Problem> {
    let mut kept = Kept {
        writer: None,
        manifest: manifest(arguments, plan),
        temporary: None,
    };
    if !arguments.run_file.no_run_file {
        kept.begin(arguments, config, environment)?;
    }
    if kept.writer.is_none() && reports.name_run_file() {
        return Err(Problem::NothingToVouchFor);
    }
    if kept.writer.is_none() && reports.need_run_file() {
        let folder = TempDir::with_prefix("rehearsal-run-")?;
        let path = folder.path().join(name(&kept.manifest));
        kept.writer = Some(Writer::create(&path, &kept.manifest)?);
        kept.temporary = Some(folder);
    }
    Ok(kept)
}

impl Kept {
    fn begin(
        &mut self,
        arguments: &RunArguments,
        config: &Config,
        environment: Environment<'_>,
    ) -> Result<(), Problem> {
        let named = layered(
            arguments.run_file.run_file.clone(),
            None,
            environment,
            "REHEARSAL_RUN_FILE",
        )?;
        if let Some(path) = named {
            let begun = Writer::create(&path, &self.manifest);
            self.writer = Some(begun.map_err(|error| Problem::File {
                verb: "write the run file",
                path,
                error,
            })?);
            return Ok(());
        }
        if config.file.is_none() {
            return Ok(());
        }
        let folder = folder(config);
        let path = folder.join(name(&self.manifest));
        let begun =
            fs::create_dir_all(&folder).and_then(|()| Writer::create(&path, &self.manifest));
        match begun {
            Ok(writer) => self.writer = Some(writer),
            // Nobody asked for it, so it keeps nobody from playing.
            Err(error) => console::tell(&format!(
                "note: no run file is kept, because {} cannot be written: {error}\n",
                path.display()
            )),
        }
        Ok(())
    }

    /// Where the file stands that is still there when the run is over.
    pub(super) fn lasting(&self) -> Option<&Path> {
        let writer = self.writer.as_ref().filter(|_| self.temporary.is_none());
        writer.map(Writer::path)
    }

    /// Ends the file, says where it is, and writes the reports.
    pub(super) fn end(&self, result: &RunResult, reports: &Reports, quiet: bool) -> Vec<Problem> {
        let mut complaints = Vec::new();
        let mut run = None;
        let mut about = about(&self.manifest);
        if let Some(writer) = &self.writer {
            let ended = writer.end(result);
            if ended.is_ok() && !quiet && self.temporary.is_none() {
                console::tell(&format!("run file: {}\n", writer.path().display()));
            }
            complaints.extend(ended.err().map(Problem::RunFileLacks));
            if reports.need_run_file() {
                match Recorded::open(writer.path()) {
                    Ok(read) => run = Some(read),
                    Err(error) => complaints.push(Problem::RunFile(error)),
                }
                about.run_file = fingerprint(writer.path());
            }
        }
        complaints.extend(reports.write(result, &about, run.as_ref()));
        complaints
    }
}

/// Where run files are kept that nobody named a place for.
pub(super) fn folder(config: &Config) -> PathBuf {
    config.state().join(FOLDER)
}

/// What formats say of a run beside what it came to.
pub(super) fn about(manifest: &Manifest) -> About {
    About {
        id: manifest.id.clone(),
        started: Duration::from_secs(manifest.started),
        files: manifest.hashes(),
        run_file: None,
        known: known(manifest),
        again: manifest.origin.files.clone(),
    }
}

fn known(manifest: &Manifest) -> Vec<(&'static str, String)> {
    let machine = &manifest.machine;
    let processors = crate::report::text::count(machine.processors as u64, "processor");
    vec![
        ("rehearsal", manifest.rehearsal.clone()),
        ("device", "the simulated app".to_owned()),
        (
            "machine",
            format!("{} {}, {processors}", machine.os, machine.arch),
        ),
        ("app and backend agreed on", manifest.contract.name.clone()),
        ("suite", manifest.marks.suite.clone()),
        ("runbook", manifest.marks.runbook.clone()),
        ("typed", manifest.origin.command.join(" ")),
    ]
}

/// A file's name and SHA-256.
pub(super) fn fingerprint(path: &Path) -> Option<(String, String)> {
    let name = path.file_name()?.to_string_lossy().into_owned();
    Some((name, runfile::sha256(path).ok()?))
}

/// Opens a run file, and says what is wrong with one that can be read all the same.
pub(super) fn open(path: &Path) -> Result<Recorded, Problem> {
    let run = Recorded::open(path)?;
    if let Some(flaw) = &run.flaw {
        console::tell(&format!("note: {} is partial: {flaw}\n", path.display()));
    }
    Ok(run)
}

/// Writes these journals of a run as `run --journal` does.
pub(super) fn journals(
    run: &Recorded,
    wanted: &[JournalOf],
    folder: &Path,
) -> Result<Vec<PathBuf>, Problem> {
    let failed = |error| Problem::File {
        verb: "write journals into",
        path: folder.to_owned(),
        error,
    };
    fs::create_dir_all(folder).map_err(failed)?;
    let deciding = run.deciding_journals();
    let mut written = Vec::new();
    for of in wanted {
        let undecided = (!deciding.contains(of)).then_some(of.attempt);
        let path = folder.join(file_name(&of.scenario, undecided));
        let file = ReportFile::reserve(&path)?;
        let mut journal = run.journal(of).map_err(failed)?;
        file.fill(|out| io::copy(&mut journal, out).map(drop))?;
        written.push(path);
    }
    Ok(written)
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
    let part = plan.course.part.as_ref();
    let scenarios = suite.scenarios.iter().map(|own| Listed {
        id: own.id.clone(),
        name: own.name.clone(),
        file: own.file.clone(),
        usual: own.is_usual(),
        selected: is_selected(&own.id),
        elsewhere: part.is_some_and(|part| part.elsewhere.contains(&own.id)),
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
        quirks: plan.quirk_names(),
        defects: plan.defect_names(),
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
        shard: part.map(|part| part.shard),
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
