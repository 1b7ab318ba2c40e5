//! JSON Schemas of all kinds of files, for editors: made of what the readers themselves take.
//!
//! Each kind has reference files, in which every key of it stands. They are read as any file is, and what
//! the readers take at each place is written down on the way (`suite/trace.rs`). That,
//! with the files' comments as descriptions, is the schema. What a reader takes and no reference file
//! has is refused here, and so the tests fail: schema and readers cannot part.

mod comments;
mod place;
#[cfg(test)]
mod tests;
mod written;

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::cursor::Cursor;
use super::diagnostics::Diagnostics;
use super::node::Node;
use super::scenario::Beside;
use super::values::Depth;
use super::{Problems, Source, config, contract, flow, runbook, scenario, world, yaml};
use place::Shape;

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A scenario.
    Scenario,
    /// Steps that scenarios use.
    Flow,
    /// A contract.
    Contract,
    /// The mock's content.
    World,
    /// A runbook.
    Runbook,
    /// The configuration.
    Config,
}

/// The name of any file of a suite.
const SUITE: &str = "suite";

/// What a schema can be asked for by: any file of a suite, or one kind.
pub fn names() -> impl Iterator<Item = &'static str> {
    [SUITE]
        .into_iter()
        .chain(Kind::ALL.iter().map(|(_, name)| *name))
}

impl Kind {
    /// Every kind with its name.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Scenario, "scenario"),
        (Self::Flow, "flow"),
        (Self::Contract, "contract"),
        (Self::World, "world"),
        (Self::Runbook, "runbook"),
        (Self::Config, "config"),
    ];

    fn title(self) -> &'static str {
        match self {
            Self::Scenario => "A scenario of rehearsal",
            Self::Flow => "A flow of rehearsal: steps that scenarios use",
            Self::Contract => "A contract of rehearsal",
            Self::World => "A world of rehearsal: what the mock holds",
            Self::Runbook => "A runbook of rehearsal",
            Self::Config => "The configuration of rehearsal",
        }
    }

    /// The reference files, as name and text. The first has every key, the others say the same in the
    /// other forms that it can have.
    fn references(self) -> Vec<Arc<Source>> {
        macro_rules! files {
            ($($name:literal),+) => {
                vec![$(Source::new(
                    concat!("docs/reference/", $name),
                    include_str!(concat!("../../docs/reference/", $name)),
                )),+]
            };
        }
        match self {
            Self::Scenario => files!["scenario.yaml"],
            Self::Flow => files!["flow.yaml"],
            Self::Contract => files![
                "contract.yaml",
                "contract-other-forms.yaml",
                "contract-smallest.yaml"
            ],
            Self::World => files!["world.yaml"],
            Self::Runbook => files!["runbook.yaml"],
            Self::Config => files!["rehearsal.toml"],
        }
    }
}

/// The JSON Schema (draft 2020-12) of one kind of file.
///
/// # Errors
/// None in a released program, whose tests make every schema: else what is wrong with the reference
/// files, and what they lack.
pub fn schema(kind: Kind) -> Result<Value, Problems> {
    let mut shape = shape(kind)?;
    if kind == Kind::Flow {
        // Steps of a flow are read where they are used. They are those of scenarios, with parameters.
        shape.borrow_step(self::shape(Kind::Scenario)?);
    }
    shape.check()?;
    Ok(written::document(kind.title(), &shape))
}

/// One schema for any file of a suite, for editors that are told one for a whole folder.
///
/// # Errors
/// As [`schema`].
pub fn schema_of_suites() -> Result<Value, Problems> {
    let kinds = [
        Kind::Scenario,
        Kind::Flow,
        Kind::Contract,
        Kind::World,
        Kind::Runbook,
    ];
    let mut parts = Vec::new();
    for kind in kinds {
        let all = Kind::ALL.iter().find(|(own, _)| *own == kind);
        parts.push((all.map_or("", |(_, name)| *name), schema(kind)?));
    }
    Ok(written::together(parts))
}

/// What the readers take in the reference files of a kind.
fn shape(kind: Kind) -> Result<Shape, Problems> {
    let mut shape = Shape::default();
    for source in &kind.references() {
        if kind == Kind::Config {
            let document = config::Document::read(source, &[])?;
            take(&mut shape, source, document.node(), |diagnostics| {
                Ok(config::understood(&document, Path::new(""), diagnostics).map(|_| ()))
            })?;
            continue;
        }
        let document = yaml::parse(source)?;
        take(&mut shape, source, &document, |diagnostics| {
            understood(kind, &Cursor::root(diagnostics, &document))
        })?;
    }
    Ok(shape)
}

/// Adds what is taken while a document is read.
fn take(
    shape: &mut Shape,
    source: &Arc<Source>,
    document: &Node,
    read: impl FnOnce(&Diagnostics) -> Result<Option<()>, Problems>,
) -> Result<(), Problems> {
    let diagnostics = Diagnostics::tracing(source);
    let understood = read(&diagnostics)?;
    if let Some(trace) = diagnostics.trace() {
        shape.add(source, document, trace);
    }
    diagnostics.into_problems().or(understood)
}

/// Reads a reference file as a file of its kind is read.
fn understood(kind: Kind, root: &Cursor<'_>) -> Result<Option<()>, Problems> {
    Ok(match kind {
        Kind::Scenario => {
            let beside = Beside {
                contract: None,
                world: None,
                book: None,
                flows: &flow::shipped(),
                code: &[],
            };
            scenario::read(root, beside).map(|_| ())
        }
        Kind::Flow => flow::declared(root, root.diagnostics.source()).map(|_| ()),
        Kind::Contract => contract::read(root, Depth::Thorough).map(|_| ()),
        Kind::World => {
            // The first reference of a contract is the one that this world is for.
            let contracts = Kind::Contract.references();
            let mut contract = Ok(None);
            if let Some(first) = contracts.first() {
                contract = super::read_contract(first).map(Some);
            }
            let contract = contract?;
            contract.and_then(|contract| world::read(root, &contract, Depth::Thorough).map(|_| ()))
        }
        Kind::Runbook => runbook::read(root).map(|_| ()),
        // It is read with its folder.
        Kind::Config => None,
    })
}
