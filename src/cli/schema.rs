//! `rehearsal schema`: what editors are told of the files that people write.

use std::io::Write;

use super::arguments::SchemaArguments;
use super::console;
use super::exit::Exit;
use super::problem::Problem;
use crate::suite::schema::{Kind, schema, schema_of_suites};

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
