//! The arguments of what somebody needs once: a suite to start from, schemas, completions, the manual.

use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::cli::shells::SHELLS;
use crate::suite::schema;

#[derive(Debug, Args)]
pub(in crate::cli) struct InitArguments {
    /// Where
    #[arg(value_name = "FOLDER", default_value = ".")]
    pub(in crate::cli) folder: PathBuf,

    /// Make them of an OpenAPI document, 3.0 or 3.1, in JSON or YAML
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) openapi: Option<PathBuf>,

    /// Make them of traffic that was recorded as an HTTP archive; with --openapi, the shapes are those of the document
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) har: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ExportArguments {
    /// A folder that is not there yet, or has nothing in it
    #[arg(value_name = "FOLDER")]
    pub(in crate::cli) folder: PathBuf,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct SchemaArguments {
    /// Which kind of file; `suite` is any of a suite's folder
    #[arg(value_parser = PossibleValuesParser::new(schema::names()))]
    pub(in crate::cli) kind: String,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct CompletionsArguments {
    /// For which shell
    #[arg(value_parser = PossibleValuesParser::new(SHELLS.names()))]
    pub(in crate::cli) shell: String,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ManArguments {
    /// Where; it is made if it is not there
    #[arg(value_name = "FOLDER")]
    pub(in crate::cli) folder: PathBuf,
}
