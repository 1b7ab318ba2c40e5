//! The command line: arguments to a plan, a result to a report and an exit code.
//!
//! Nothing here judges, and nothing expensive happens before a command needs it: `--help` opens no
//! file, builds no runtime and reads no suite.

mod arguments;
mod attest;
mod browser;
mod catalogue;
mod check;
mod checks;
mod complete;
mod conclusion;
mod console;
mod course;
mod descriptors;
mod doctor;
mod drift;
mod exit;
mod export;
mod files;
mod fleet;
mod history;
mod incident;
mod init;
mod interrupt;
mod judge;
mod levers;
mod list;
mod man;
mod merge;
mod mock;
mod names;
mod network;
mod new_files;
mod notify;
mod pace;
mod ports;
mod problem;
mod progress;
mod proxy;
mod record;
mod recorded;
mod report;
mod reports;
mod rerun;
mod run;
mod run_file;
mod runbook;
mod schema;
mod self_test;
mod settings;
mod shard;
mod shells;
mod signoff;
mod target;
mod tls;

use std::io;
use std::process::ExitCode;

use arguments::{Arguments, Command};
pub use exit::Exit;
use problem::Problem;

/// Reads the process's arguments and does what they say.
#[must_use]
pub fn main() -> ExitCode {
    match complete::answered(std::env::args_os()) {
        Ok(true) => return Exit::Passed.into(),
        Ok(false) => {}
        Err(refusal) => return refuse(&refusal).into(),
    }
    let arguments = match Arguments::read(std::env::args_os()) {
        Ok(arguments) => arguments,
        Err(refusal) => return refuse(&refusal).into(),
    };
    console::choose(arguments.color);
    descriptors::raise();
    descriptors::outlive_long_files();
    let done = perform(arguments.command);
    done.unwrap_or_else(|problem| fail(&problem)).into()
}

/// What clap has to say: help and version are answers, everything else is a usage error.
fn refuse(refusal: &clap::Error) -> Exit {
    // When nobody listens any more, the exit code still tells.
    let _ = refusal.print();
    if refusal.exit_code() == 0 {
        Exit::Passed
    } else {
        Exit::Usage
    }
}

fn fail(problem: &Problem) -> Exit {
    // `rehearsal rules | head` is no mistake: whoever closed the pipe has read enough.
    if let Problem::Output(error) = problem
        && error.kind() == io::ErrorKind::BrokenPipe
    {
        return Exit::Passed;
    }
    console::tell(&problem.message(console::rendering()));
    problem.exit()
}

fn perform(command: Command) -> Result<Exit, Problem> {
    match command {
        Command::Completions(arguments) => complete::print(&arguments),
        Command::Man(arguments) => man::write(&arguments),
        Command::Run(arguments) => run::run(&arguments),
        Command::List(arguments) => list::list(&arguments),
        Command::Report(arguments) => report::report(&arguments),
        Command::Incident(arguments) => incident::incident_of(&arguments),
        Command::Signoff(arguments) => signoff::signoff(&arguments),
        Command::Merge(arguments) => merge::merge(&arguments),
        Command::Rerun(arguments) => rerun::rerun(&arguments),
        Command::History(arguments) => history::history(&arguments),
        Command::Fleet(arguments) => fleet::fleet(&arguments),
        Command::Proxy(arguments) => proxy::proxy(&arguments),
        Command::Judge(arguments) => judge::judge(&arguments),
        Command::Attest(arguments) => attest::attest(&arguments),
        Command::Check(arguments) => check::check(&arguments),
        Command::Init(arguments) => init::init(&arguments),
        Command::Record(arguments) => record::record(&arguments),
        Command::Drift(arguments) => drift::drift(&arguments),
        Command::Export(arguments) => export::export(&arguments),
        Command::Mock(arguments) => mock::mock(&arguments),
        Command::Doctor(arguments) => doctor::doctor(&arguments),
        Command::Levers(arguments) => levers::levers(&arguments),
        Command::Rules(arguments) => catalogue::rules(&arguments),
        Command::Quirks(arguments) => catalogue::list_quirks(&arguments),
        Command::Defects(arguments) => catalogue::list_defects(&arguments),
        Command::Schema(arguments) => schema::print(&arguments),
        Command::SelfTest(arguments) => self_test::self_test(&arguments),
    }
}
