//! Completions for Nushell, which `clap_complete` does not speak: there is one completer for all commands of others, a closure
//! that gets the words of the line and gives records of `value` and `description`.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;

use clap::Command;
use clap_complete::engine;
use clap_complete::env::EnvCompleter;
use serde_json::json;

/// Nushell, from 0.93 on.
#[derive(Debug)]
pub(super) struct Nushell;

impl EnvCompleter for Nushell {
    fn name(&self) -> &'static str {
        "nushell"
    }

    fn is(&self, name: &str) -> bool {
        matches!(name, "nushell" | "nu")
    }

    fn write_registration(
        &self,
        var: &str,
        name: &str,
        bin: &str,
        completer: &str,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        writeln!(
            out,
            "\
# What {bin} completes. What completed the commands of others still does.
let {name}_others = $env.config.completions.external.completer?
$env.config.completions.external.enable = true
$env.config.completions.external.completer = {{|words|
  if ($words | first) == \"{bin}\" {{
    with-env {{ {var}: nushell }} {{ ^\"{completer}\" -- ...$words }} | from json
  }} else if ${name}_others != null {{
    do ${name}_others $words
  }}
}}"
        )
    }

    fn write_complete(
        &self,
        command: &mut Command,
        words: Vec<OsString>,
        folder: Option<&Path>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let last = words.len().saturating_sub(1);
        let found = engine::complete(command, words, last, folder)?;
        let offered = found.iter().map(|own| {
            let told = own.get_help().map(ToString::to_string);
            json!({
                "value": own.get_value().to_string_lossy(),
                "description": told.as_deref().and_then(|told| told.lines().next()),
            })
        });
        serde_json::to_writer(&mut *out, &offered.collect::<Vec<_>>())?;
        writeln!(out)
    }
}
