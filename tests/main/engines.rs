//! The examples for engines: every command in them is one that there is. Whether an engine takes the files
//! is asked of the engines' schemas, and of a real Slurm, by what `.ci/run` does.

use std::fs;
use std::path::{Path, PathBuf};

use crate::commands::ends;

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/ci")
}

/// The words of every call of the command in a file, with 1 in the place of variables.
fn calls(text: &str) -> Vec<Vec<String>> {
    let mut calls = Vec::new();
    let mut lines = text.lines().map(str::trim).peekable();
    while let Some(line) = lines.next() {
        if line.starts_with('#') {
            continue;
        }
        if let Some(list) = line.strip_prefix("args:") {
            let list = list.trim().trim_matches(['[', ']']);
            let mut words: Vec<&str> = list.split(',').map(str::trim).collect();
            words.retain(|word| !word.is_empty());
            while let Some(word) = lines.peek().and_then(|line| line.strip_prefix("- ")) {
                words.push(word);
                lines.next();
            }
            calls.push(words.into_iter().map(value).collect());
        } else if let Some((_, words)) = line.split_once("rehearsal ")
            && !line.contains("job-name")
        {
            let words = words.split_whitespace().filter(|word| *word != "\"$@\"");
            calls.push(words.map(value).collect());
        }
    }
    calls
}

/// A word as an engine would hand it on, if every variable were 1.
fn value(word: &str) -> String {
    let mut written = String::new();
    let mut rest = word.trim_matches('"');
    while let Some((before, variable)) = rest.split_once('$') {
        written.push_str(before);
        written.push('1');
        let is_name = |char: char| char.is_ascii_alphanumeric() || "_(){}".contains(char);
        rest = variable.trim_start_matches(is_name);
    }
    written.push_str(rest);
    written
}

#[test]
fn every_call_in_the_examples_is_one_that_the_command_takes() {
    let folder = tempfile::tempdir().unwrap();
    for (file, number) in [
        ("github/nightly.yml", 4),
        ("gitlab/.gitlab-ci.yml", 4),
        ("kubernetes/cronjob.yaml", 1),
        ("kubernetes/shards.yaml", 2),
        ("slurm/shard.sh", 1),
        ("slurm/merge.sh", 2),
    ] {
        let text = fs::read_to_string(examples().join(file)).unwrap();
        let calls = calls(&text);
        assert_eq!(calls.len(), number, "{file}: {calls:?}");
        for call in calls {
            // What is typed before it is read all the same, and refused if nobody knows it.
            let words: Vec<&str> = call.iter().map(String::as_str).chain(["--help"]).collect();
            ends(folder.path(), &words, 0);
        }
    }
}

#[test]
fn the_configuration_of_the_examples_is_valid() {
    let folder = tempfile::tempdir().unwrap();
    let config = examples().join("rehearsal.toml");
    ends(
        folder.path(),
        &["check", "--config", config.to_str().unwrap()],
        0,
    );
}
