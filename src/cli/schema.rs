//! `rehearsal schema`: what editors are told of the files that people write.

use std::io::Write;

use super::arguments::SchemaArguments;
use super::console;
use super::exit::Exit;
use super::problem::Problem;
use crate::suite::{Kind, schema, schema_of_suites};

/// Any file of a suite.
const SUITE: &str = "suite";

/// The kinds of files, as they are asked for.
pub(super) const NAMES: [&str; 7] = [
    SUITE, "scenario", "flow", "contract", "world", "runbook", "config",
];

/// Prints the schema of a kind of file.
pub(super) fn print(arguments: &SchemaArguments) -> Result<Exit, Problem> {
    let kind = Kind::ALL.iter().find(|(_, name)| *name == arguments.kind);
    let schema = match kind {
        Some((kind, _)) => schema(*kind),
        None => schema_of_suites(),
    };
    let mut out = console::out();
    writeln!(out, "{:#}", schema.map_err(Problem::Suite)?)?;
    Ok(Exit::Passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_file_can_be_asked_for() {
        let kinds = Kind::ALL.iter().map(|(_, name)| *name);
        assert!([SUITE].into_iter().chain(kinds).eq(NAMES));
    }
}
