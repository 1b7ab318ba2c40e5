//! What shells complete: commands, flags, and the names that only the program knows.
//!
//! A shell asks this program itself, by an environment variable, so that names come from the suite and
//! the configuration of the folder in which somebody types.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use clap::Command;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use clap_complete::env::CompleteEnv;

use super::arguments::{Arguments, CompletionsArguments, FilesArguments};
use super::console;
use super::exit::Exit;
use super::files::{self, SuiteRequest};
use super::problem::Problem;
use super::settings;
use super::shells::SHELLS;
use crate::app::Quirk;
use crate::mock::Defect;
use crate::rules;
use crate::suite::config::Config;

/// The variable by which a shell asks.
const VARIABLE: &str = "REHEARSAL_COMPLETE";

/// Answers a shell that asks for completions, and says whether one has asked.
pub(super) fn answered(words: impl IntoIterator<Item = OsString>) -> Result<bool, clap::Error> {
    let folder = std::env::current_dir().ok();
    CompleteEnv::with_factory(|| with_names(Arguments::definition()))
        .var(VARIABLE)
        .shells(SHELLS)
        .try_complete(words, folder.as_deref())
}

/// Prints what makes a shell ask.
pub(super) fn print(arguments: &CompletionsArguments) -> Result<Exit, Problem> {
    let mut script = Vec::new();
    if let Some(shell) = SHELLS.completer(&arguments.shell) {
        let name = "rehearsal";
        shell.write_registration(VARIABLE, name, name, name, &mut script)?;
    }
    console::out().write_all(&script)?;
    Ok(Exit::Passed)
}

/// The definition with what can be offered for each argument that takes a name.
fn with_names(definition: Command) -> Command {
    definition.mut_subcommands(|command| {
        let name = command.get_name().to_owned();
        command.mut_args(
            |argument| match candidates(&name, argument.get_id().as_str()) {
                Some(candidates) => argument.add(ArgValueCandidates::new(candidates)),
                None => argument,
            },
        )
    })
}

/// What is offered for an argument of a command.
fn candidates(command: &str, argument: &str) -> Option<fn() -> Vec<CompletionCandidate>> {
    Some(match (command, argument) {
        ("run" | "list", "named" | "scenarios" | "skipped") => scenarios,
        ("quirks", "names") | (_, "quirks") => quirks,
        ("defects", "names") | (_, "defects") => defects,
        ("rules", "id") => rules,
        (_, "target") => targets,
        _ => return None,
    })
}

fn candidate(name: &str, told: &str) -> CompletionCandidate {
    let told = told.split_once(". ").map_or(told, |(first, _)| first);
    CompletionCandidate::new(name).help(Some(told.to_owned().into()))
}

fn quirks() -> Vec<CompletionCandidate> {
    let all = Quirk::ALL.iter();
    all.map(|own| candidate(own.name(), own.what())).collect()
}

fn defects() -> Vec<CompletionCandidate> {
    let all = Defect::ALL.iter();
    all.map(|own| candidate(own.name(), own.what())).collect()
}

fn rules() -> Vec<CompletionCandidate> {
    let all = rules::catalogue();
    all.map(|own| candidate(own.id, &own.title())).collect()
}

/// The scenarios of the suite that would be played. A suite with a mistake in it offers nothing: `check`
/// tells of it, and a shell that is typed in is no place for it.
fn scenarios() -> Vec<CompletionCandidate> {
    let files = FilesArguments {
        suite: typed("--suite"),
        contract: typed("--contract"),
        ..FilesArguments::default()
    };
    let config = config();
    let request = SuiteRequest {
        defaults: Some(&config.run),
        ..SuiteRequest::by_flags(&files)
    };
    let choice = request.choice(&settings::environment);
    let suite = choice.and_then(|choice| files::suite(&choice));
    let all = suite.map(|suite| suite.scenarios).unwrap_or_default();
    let candidates = all.iter().map(|own| candidate(&own.id, &own.name));
    candidates.collect()
}

fn targets() -> Vec<CompletionCandidate> {
    let config = config();
    let names = config.targets().chain(["mock"]);
    names.map(CompletionCandidate::new).collect()
}

fn config() -> Config {
    let named = typed("--config");
    files::config(named.as_deref(), &[], &settings::environment).unwrap_or_default()
}

/// The path after a flag on the line that is being typed.
fn typed(flag: &str) -> Option<PathBuf> {
    let mut words = std::env::args_os().skip_while(|word| word != flag);
    words.nth(1).map(PathBuf::from)
}
