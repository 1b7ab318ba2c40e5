//! What can be typed.

mod catalogue;
mod console;
mod course;
mod detail;
mod doctor;
mod fleet;
mod history;
mod mock;
mod recorded;
mod reports;
mod runbook;
mod selection;
mod shard;
mod starting;
mod tls;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::error::{ContextKind, ContextValue};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use super::exit::Exit;
use super::ports;
use super::problem::nearest;
use crate::gateway::{Limit, Name};
use crate::suite::config::shown_setting;
pub(super) use catalogue::{ListArguments, RulesArguments, ScenariosArguments};
pub(super) use console::ConsoleArguments;
pub(super) use course::{CourseArguments, Flaky};
pub(super) use detail::DetailArguments;
pub(super) use doctor::DoctorArguments;
pub(super) use fleet::{FleetAction, FleetArguments, FleetMergeArguments, HeldArguments};
pub(super) use history::{AskedArguments, HistoryAction, HistoryArguments, PlaceArguments};
pub(super) use mock::MockArguments;
pub(super) use recorded::{DriftArguments, RecordArguments};
pub(super) use reports::{
    IncidentArguments, MergeArguments, ReportArguments, ReportsArguments, RerunArguments,
    RunFileArguments, SignoffArguments,
};
pub(super) use runbook::{AttestArguments, RunbookArguments};
pub(super) use selection::SelectionArguments;
pub(super) use shard::{Asked, ShardArguments};
pub(super) use starting::{
    CompletionsArguments, ExportArguments, InitArguments, ManArguments, SchemaArguments,
};
pub(super) use tls::TlsArguments;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const PROXY_EXAMPLES: &str = "\
Examples:
  rehearsal proxy --target mock
  rehearsal proxy --target local --port orders=8080 --journal session.jsonl --json
  rehearsal proxy --target staging --bind 0.0.0.0 --name 192.168.1.20 --observe

While it runs (CONTROL is the URL that it prints):
  curl CONTROL                                             lists what can be moved
  curl CONTROL/mark --json '{\"act\": \"launch\"}'             says what the user did
  curl CONTROL/fault --json '{\"on\": \"data\", \"respond\": 503}'  switches a fault
  curl CONTROL/end --json '{}'                                 ends it with the verdict
";

const JUDGE_EXAMPLES: &str = "\
Examples:
  rehearsal run --journal journals && rehearsal judge journals/*.jsonl
  rehearsal judge journal.jsonl --contract my/contract.yaml --report-json report.json
";

/// A conformance test harness for mobile clients: it plays the app, judges the wire, and proves
/// that no forbidden write is ever called.
#[derive(Debug, Parser)]
#[command(name = "rehearsal", version, styles = STYLES)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,

    /// When to use colours
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value = "auto",
        display_order = 100
    )]
    pub(super) color: Colour,
}

impl Arguments {
    /// Reads a command line. What clap refuses comes back as clap's own error, which knows how to
    /// print itself.
    pub(super) fn read(words: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut definition = Self::definition();
        let matches = definition
            .try_get_matches_from_mut(words)
            .map_err(|error| suggest(error, &definition))?;
        Self::from_arg_matches(&matches)
    }

    /// The whole definition, for completions and help.
    pub(super) fn definition() -> clap::Command {
        let mut codes = "Exit codes:\n".to_owned();
        for (exit, meaning) in Exit::ALL {
            codes.push_str(&format!("  {}  {meaning}\n", exit.code()));
        }
        Self::command()
            .mut_subcommand("run", |run| run.after_help(codes.clone()))
            .mut_subcommand("proxy", |proxy| {
                proxy.after_help(format!("{PROXY_EXAMPLES}\n{codes}"))
            })
            .mut_subcommand("fleet", |fleet| {
                fleet.after_help(format!("{}\n{codes}", fleet::EXAMPLES))
            })
            .mut_subcommand("mock", |mock| mock.after_help(mock::EXAMPLES))
            .mut_subcommand("judge", |judge| {
                judge.after_help(format!("{JUDGE_EXAMPLES}\n{codes}"))
            })
            .after_help(codes)
    }
}

/// Adds the nearest command where clap, which does not see swapped letters, found none.
fn suggest(mut error: clap::Error, definition: &clap::Command) -> clap::Error {
    let (typed, found) = (
        error.get(ContextKind::InvalidSubcommand),
        error.get(ContextKind::SuggestedSubcommand),
    );
    if let (Some(ContextValue::String(typed)), None) = (typed, found) {
        let commands = definition.get_subcommands().map(clap::Command::get_name);
        if let Some(near) = nearest(typed, commands) {
            let near = ContextValue::Strings(vec![near.to_owned()]);
            error.insert(ContextKind::SuggestedSubcommand, near);
        }
    }
    error
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Colour {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Play scenarios and judge what happened
    Run(Box<RunArguments>),
    /// List the scenarios: what they show, what they need, and why one would be skipped
    List(Box<ScenariosArguments>),
    /// Make reports from the file of a run
    Report(Box<ReportArguments>),
    /// Write the incident report of a run: what happened, what to do, whom it reached
    Incident(IncidentArguments),
    /// Gather the runs of a period into one document, and say whether it is complete
    Signoff(SignoffArguments),
    /// Merge the run files of shards into one
    Merge(MergeArguments),
    /// Play again what did not pass in a run
    Rerun(RerunArguments),
    /// Say what past runs tell together: trends, flakes, since when and until when
    History(HistoryArguments),
    /// Judge recorded journals by the same rules, offline
    Judge(Box<JudgeArguments>),
    /// Put the gateway before a target, for an app of your own, and judge what it does
    Proxy(Box<ProxyArguments>),
    /// Hold thousands of simulated apps against a target that may be loaded, and storm it
    Fleet(Box<FleetArguments>),
    /// Serve the mock backend for local development, until Ctrl-C
    Mock(Box<MockArguments>),
    /// Validate suites, contracts and the configuration, all errors at once
    Check(CheckArguments),
    /// Say what works at a target and what is missing, and what to do next
    Doctor(DoctorArguments),
    /// List a target's levers and what is switched there, or put it back
    Levers(LeversArguments),
    /// Vouch for an item of the runbook, or list what people vouch for
    Attest(AttestArguments),
    /// List the rules or a family of them, or explain one
    Rules(RulesArguments),
    /// List the deliberate misbehaviours of the simulated app
    Quirks(ListArguments),
    /// List the deliberate misbehaviours of the mock backend
    Defects(ListArguments),
    /// Play every quirk and defect, and say whether each was caught by the right rule
    SelfTest(SelfTestArguments),
    /// Write a configuration, a contract and a first scenario to start from
    Init(InitArguments),
    /// Make a suite of what was recorded, and prove it by replaying the recording against its mock
    Record(RecordArguments),
    /// Say in what a target, as it was recorded, and the mock of the suite differ
    Drift(DriftArguments),
    /// Write the shipped suite into a folder, to read and to change
    Export(ExportArguments),
    /// Print the JSON Schema of a kind of file, for editors
    Schema(SchemaArguments),
    /// Print what makes a shell complete commands and names
    Completions(CompletionsArguments),
    /// Write the manual's pages into a folder
    Man(ManArguments),
}

/// Where the files are.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct FilesArguments {
    /// The folder with the contract and the scenarios [default: the suite in the binary]
    #[arg(long, value_name = "PATH")]
    pub(super) suite: Option<PathBuf>,

    /// A contract in place of the suite's own
    #[arg(long, value_name = "FILE")]
    pub(super) contract: Option<PathBuf>,

    /// The configuration [default: rehearsal.toml here or above]
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,

    /// A value of the configuration, like targets.local.services.api=http://127.0.0.1:4010
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(super) settings: Vec<String>,
}

impl FilesArguments {
    /// The words that name the same files again.
    pub(super) fn words(&self) -> Vec<String> {
        let flags = [
            ("--suite", &self.suite),
            ("--contract", &self.contract),
            ("--config", &self.config),
        ];
        let given = flags.into_iter().filter_map(|(flag, path)| {
            let path = path.as_ref()?;
            Some([flag.to_owned(), path.display().to_string()])
        });
        let settings = self
            .settings
            .iter()
            .flat_map(|typed| ["--set".to_owned(), shown_setting(typed)]);
        given.flatten().chain(settings).collect()
    }
}

#[derive(Debug, Args)]
pub(super) struct RunArguments {
    #[command(flatten)]
    pub(super) files: FilesArguments,

    /// Where the backend is: `mock`, or a target of the configuration [default: mock]
    #[arg(long, value_name = "NAME")]
    pub(super) target: Option<String>,

    #[command(flatten)]
    pub(super) selection: SelectionArguments,

    /// Say what would be played and what would be skipped, and play nothing
    #[arg(long)]
    pub(super) dry_run: bool,

    /// What all chance derives from; the same seed gives the same journal [default: by chance]
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true, value_parser = seed)]
    pub(super) seed: Option<u64>,

    /// Play against the mock over TCP in real time
    #[arg(long)]
    pub(super) real_time: bool,

    /// How many scenarios are played at once [default: one per processor; one at a deployment]
    #[arg(short, long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) jobs: Option<u16>,

    #[command(flatten)]
    pub(super) shard: ShardArguments,

    #[command(flatten)]
    pub(super) course: CourseArguments,

    /// Run the checks of the configuration first: the project's own tests, lints and builds
    #[arg(long)]
    pub(super) checks: bool,

    /// Let the simulated app misbehave; `rehearsal quirks` lists how
    #[arg(long = "quirk", value_name = "NAME")]
    pub(super) quirks: Vec<String>,

    /// Let the mock misbehave; `rehearsal defects` lists how
    #[arg(long = "defect", value_name = "NAME")]
    pub(super) defects: Vec<String>,

    /// Write every scenario's journal into this folder
    #[arg(long, value_name = "FOLDER")]
    pub(super) journal: Option<PathBuf>,

    #[command(flatten)]
    pub(super) run_file: RunFileArguments,

    #[command(flatten)]
    pub(super) runbook: RunbookArguments,

    #[command(flatten)]
    pub(super) detail: DetailArguments,

    #[command(flatten)]
    pub(super) reports: ReportsArguments,
}

#[derive(Debug, Args)]
pub(super) struct JudgeArguments {
    /// Journals, as `run --journal` and `proxy --journal` write them, or run files
    #[arg(value_name = "FILE", required = true)]
    pub(super) journals: Vec<PathBuf>,

    #[command(flatten)]
    pub(super) files: FilesArguments,

    /// Write the report as JSON
    #[arg(long, value_name = "FILE")]
    pub(super) report_json: Option<PathBuf>,

    #[command(flatten)]
    pub(super) runbook: RunbookArguments,

    #[command(flatten)]
    pub(super) detail: DetailArguments,
}

#[derive(Debug, Args)]
pub(super) struct ProxyArguments {
    #[command(flatten)]
    pub(super) files: FilesArguments,

    /// Where the backend is: `mock`, or a target of the configuration [default: mock]
    #[arg(long, value_name = "NAME")]
    pub(super) target: Option<String>,

    /// The port of a service of the contract; any free one without it
    #[arg(long = "port", value_name = "SERVICE=PORT", value_parser = ports::service_port)]
    pub(super) ports: Vec<(String, u16)>,

    /// The address that the services listen on; 0.0.0.0 lets devices on the network in
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1", value_parser = ports::address)]
    pub(super) bind: std::net::IpAddr,

    /// An address whose connections are taken beside this machine's own; everybody's without it; may be repeated
    #[arg(long = "allow", value_name = "ADDRESS", value_parser = ports::client)]
    pub(super) allowed: Vec<std::net::IpAddr>,

    /// A name by which the app reaches this machine, with the port if one is forwarded; may be repeated
    #[arg(long = "name", value_name = "HOST[:PORT]")]
    pub(super) names: Vec<Name>,

    /// The port of the control API, on loopback
    #[arg(long, value_name = "PORT")]
    pub(super) control_port: Option<u16>,

    #[command(flatten)]
    pub(super) console: ConsoleArguments,

    #[command(flatten)]
    pub(super) tls: TlsArguments,

    /// Let forbidden calls through to the target; they are found all the same
    #[arg(long)]
    pub(super) observe: bool,

    /// Another limit to what clients may take: connections, connections-of-address, head, body (seconds), buffered (MiB), packets; may be repeated
    #[arg(long = "limit", value_name = "NAME=NUMBER")]
    pub(super) limits: Vec<Limit>,

    /// Let the mock misbehave; `rehearsal defects` lists how
    #[arg(long = "defect", value_name = "NAME")]
    pub(super) defects: Vec<String>,

    /// What all chance derives from [default: by chance]
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true, value_parser = seed)]
    pub(super) seed: Option<u64>,

    /// Write the journal into this file, entry by entry [default with `--record`: FOLDER.jsonl]
    #[arg(long, value_name = "FILE")]
    pub(super) journal: Option<PathBuf>,

    /// Write a suite of what crossed into this folder at the end, as `rehearsal record` does
    #[arg(long, value_name = "FOLDER", conflicts_with = "json")]
    pub(super) record: Option<PathBuf>,

    /// Write the report as JSON
    #[arg(long, value_name = "FILE")]
    pub(super) report_json: Option<PathBuf>,

    /// Print one line of JSON when ready and one at the end, in place of text
    #[arg(long)]
    pub(super) json: bool,

    #[command(flatten)]
    pub(super) runbook: RunbookArguments,

    #[command(flatten)]
    pub(super) detail: DetailArguments,
}

impl ProxyArguments {
    /// Where the journal goes: what is to become a suite is kept in any case.
    pub(super) fn journal(&self) -> Option<PathBuf> {
        let beside = |folder: &PathBuf| {
            let mut name = folder.as_os_str().to_owned();
            name.push(".jsonl");
            PathBuf::from(name)
        };
        self.journal
            .clone()
            .or_else(|| self.record.as_ref().map(beside))
    }
}

#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    /// Suite folders, or the files in them [default: the configured suite]
    #[arg(value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,

    /// A contract in place of the suites' own
    #[arg(long, value_name = "FILE")]
    pub(super) contract: Option<PathBuf>,

    /// The configuration [default: rehearsal.toml here or above]
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,

    /// A value of the configuration, like targets.local.services.api=http://127.0.0.1:4010
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(super) settings: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct LeversArguments {
    /// What to do; without it the levers are listed
    #[arg(value_enum, value_name = "ACTION")]
    pub(super) action: Option<LeversAction>,

    /// Only this target [default: every target of the configuration]
    #[arg(long, value_name = "NAME")]
    pub(super) target: Option<String>,

    /// The configuration [default: rehearsal.toml here or above]
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,

    /// A value of the configuration, like targets.local.services.api=http://127.0.0.1:4010
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(super) settings: Vec<String>,
}

/// What can be done with levers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LeversAction {
    /// Put back what runs that were killed have left switched
    Restore,
}

#[derive(Debug, Args)]
pub(super) struct SelfTestArguments {
    /// What all chance derives from [default: by chance]
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true, value_parser = seed)]
    pub(super) seed: Option<u64>,

    /// How many scenarios are played at once [default: one per processor]
    #[arg(short, long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) jobs: Option<u16>,

    /// Say also by which misbehaviours each item of the runbook is violated, and which items by none
    #[arg(long)]
    pub(super) runbook: bool,

    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// A seed as typed.
fn seed(text: &str) -> Result<u64, String> {
    let number = text.parse();
    number.map_err(|_| format!("a seed is a whole number from 0 to {}", u64::MAX))
}

#[cfg(test)]
mod tests;
