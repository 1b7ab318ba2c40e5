//! Schemas and readers say the same.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::*;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every schema with its name.
fn all() -> Vec<(&'static str, Value)> {
    let mut all: Vec<(&'static str, Value)> = Kind::ALL
        .iter()
        .map(|(kind, name)| (*name, made(schema(*kind))))
        .collect();
    all.push(("suite", made(schema_of_suites())));
    all
}

fn made(made: Result<Value, Problems>) -> Value {
    made.unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn the_checked_in_schemas_are_what_the_readers_take() {
    let mut changed = Vec::new();
    for (name, schema) in all() {
        let path = root().join(format!("docs/schemas/{name}.json"));
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        if std::env::var_os("UPDATE_DOCS").is_some() {
            fs::write(&path, &text).unwrap();
        }
        if fs::read_to_string(&path).unwrap_or_default() != text {
            changed.push(name);
        }
    }
    assert!(
        changed.is_empty(),
        "{changed:?} have changed: UPDATE_DOCS=1 cargo test --lib -- suite::schema writes them"
    );
}

/// The files below a folder, without those of folders that are left out.
fn files(folder: &str, leave: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let name = path.file_name().unwrap().to_str().unwrap();
            if !leave.contains(&name) {
                open.extend(
                    fs::read_dir(&path)
                        .unwrap()
                        .map(|entry| entry.unwrap().path()),
                );
            }
        } else if path.extension().is_some_and(|own| own == "yaml") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// What a file says, as a schema sees it; nothing where it is not even YAML or TOML.
fn value(path: &Path) -> Option<Value> {
    let source = Source::read(path, "the file").ok()?;
    let node = match path.extension().is_some_and(|own| own == "toml") {
        true => super::super::toml::parse(&source),
        false => yaml::parse(&source),
    };
    Some(node.ok()?.to_json())
}

/// What the schema has against a value.
fn complaints(schema: &Value, value: &Value) -> Vec<String> {
    let validator = jsonschema::draft202012::new(schema).unwrap();
    let errors = validator.iter_errors(value);
    errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

#[test]
fn every_file_that_is_shipped_or_stands_in_an_example_fits_the_schema_of_suites() {
    let schema = made(schema_of_suites());
    let mut paths = files("scenarios", &[]);
    paths.extend(files("fixtures/stages", &[]));
    paths.extend(files("examples", &["target", "ci"]));
    paths.extend(files("src/cli/init", &[]));
    paths.extend(files("docs/reference", &[]));
    paths.extend(files("benches/suites", &[]));
    paths.push(root().join("fixtures/world.yaml"));
    assert!(paths.len() > 70, "{}", paths.len());
    let mut wrong = Vec::new();
    for path in &paths {
        let told = complaints(&schema, &value(path).unwrap());
        // What stages agree on beside the shipped contract is a part of one.
        if !told.is_empty() && !path.ends_with("stages/contract.yaml") {
            wrong.push(format!("{}: {told:#?}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_configuration_that_is_documented_or_written_by_init_fits_its_schema() {
    let schema = made(schema(Kind::Config));
    for path in [
        "docs/reference/rehearsal.toml",
        "src/cli/init/rehearsal.toml",
    ] {
        let told = complaints(&schema, &value(&root().join(path)).unwrap());
        assert!(told.is_empty(), "{path}: {told:#?}");
    }
}

/// Files in which all that is wrong only a reader sees, and why: it compares one place with another.
const ONLY_READERS_SEE: [(&str, &str); 7] = [
    (
        "many-devices.yaml",
        "devices that are named twice, or not at all",
    ),
    ("no-steps.yaml", "a list without items"),
    (
        "a-switch-that-decides-nothing.yaml",
        "answers that do not say what is asked",
    ),
    (
        "placeholders-without-quotes.yaml",
        "mappings where a body may have any",
    ),
    (
        "at-odds-with-itself.yaml",
        "times that contradict each other",
    ),
    (
        "forbids-what-it-declares.yaml",
        "patterns that hit declared requests",
    ),
    (
        "a-version-that-is-not.yaml",
        "a version that the file does not have",
    ),
];

#[test]
fn files_that_readers_refuse_for_their_shape_are_refused_by_the_schemas() {
    let mut missed = Vec::new();
    for (kind, folder) in [
        (Kind::Scenario, "scenarios"),
        (Kind::Contract, "contracts"),
        (Kind::World, "worlds"),
        (Kind::Runbook, "runbooks"),
        (Kind::Config, "configs"),
    ] {
        let schema = made(schema(kind));
        let folder = root().join("fixtures/files").join(folder);
        let mut paths: Vec<PathBuf> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.sort();
        for path in paths {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let is_refused =
                value(&path).is_none_or(|value| !complaints(&schema, &value).is_empty());
            let mut others = ONLY_READERS_SEE.iter();
            if is_refused == others.any(|(own, _)| *own == name) {
                missed.push(name);
            }
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}
