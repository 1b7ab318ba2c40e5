//! The house's own rules, held by a test: docs/ARCHITECTURE.md says what is never in which room.
//!
//! A failure names file and line and says what to do instead.

use std::fs;
use std::path::Path;

use crate::sources::{File, files, none, root, rust};

/// Past this, a file is two things.
const LONGEST: usize = 500;

/// Where any of these words stands in code, outside words that merely contain it.
fn naming<'a>(
    file: &File,
    code: impl Iterator<Item = (usize, &'a str)>,
    words: &[&str],
) -> Vec<String> {
    let named = |line: &str, word: &str| {
        line.match_indices(word).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            let after = line[at + word.len()..].chars().next();
            let joins = |char: Option<char>| char.is_some_and(|c| c.is_alphanumeric() || c == '_');
            let open_end = word.ends_with(|c: char| !c.is_alphanumeric());
            !joins(before) && (open_end || !joins(after))
        })
    };
    code.flat_map(|(number, line)| {
        words
            .iter()
            .filter(move |word| named(line, word))
            .map(move |word| format!("{}:{number} names `{word}`", file.path))
    })
    .collect()
}

#[test]
fn the_pure_rooms_do_no_io_and_know_no_clock() {
    let words = [
        "tokio",
        "reqwest",
        "hyper",
        "std::fs",
        "std::net",
        "std::thread",
        "Instant::now",
        "SystemTime",
    ];
    let found: Vec<String> = rust()
        .iter()
        .filter(|file| {
            ["domain", "rules", "protocol", "app", "import"]
                .iter()
                .any(|room| file.is_in(room))
        })
        // A test may read its fixtures.
        .flat_map(|file| naming(file, file.shipped(), &words))
        .collect();
    none(
        &found,
        "domain, rules, protocol, app and import are pure: they take moments and bytes as arguments and return \
         what should happen. Let `device`, `gateway`, `mock` or `run` do it.",
    );
}

#[test]
fn device_gateway_and_mock_never_import_one_another() {
    let rooms = ["device", "gateway", "mock"];
    let mut found = Vec::new();
    for file in rust() {
        for room in rooms.iter().filter(|room| file.is_in(room)) {
            for other in rooms.iter().filter(|other| *other != room) {
                let paths = [format!("crate::{other}"), format!("super::{other}")];
                let words: Vec<&str> = paths.iter().map(String::as_str).collect();
                found.extend(naming(&file, file.code(), &words));
            }
        }
    }
    none(
        &found,
        "client, gateway and backend meet only on the wire, or a test of one would prove nothing \
         about a real one. What all need belongs to `net`, `protocol` or `domain`; what brings them \
         together belongs to `run`, and a test of two belongs to `tests/`.",
    );
}

#[test]
fn inner_rooms_do_not_know_outer_ones() {
    // In reading order, each with the rooms that it may use.
    let rooms: [(&str, &[&str]); 18] = [
        ("protocol", &[]),
        ("domain", &["protocol"]),
        ("rules", &["domain"]),
        ("app", &["protocol", "domain"]),
        ("net", &["domain"]),
        ("web", &[]),
        ("operator", &["domain", "net", "web"]),
        ("device", &["protocol", "domain", "app", "net"]),
        ("gateway", &["protocol", "domain", "net"]),
        ("mock", &["protocol", "domain", "net", "operator"]),
        ("suite", &["domain", "rules", "app", "mock"]),
        ("import", &["protocol", "domain", "suite"]),
        ("runfile", &["domain"]),
        ("history", &["domain", "runfile"]),
        (
            "run",
            &[
                "protocol", "domain", "rules", "app", "net", "operator", "device", "gateway",
                "mock", "suite", "import", "runfile",
            ],
        ),
        ("report", &["domain", "rules", "history", "web"]),
        (
            "cli",
            &[
                "domain", "rules", "app", "net", "gateway", "mock", "suite", "import", "runfile",
                "history", "run", "report",
            ],
        ),
        ("face", &["domain", "app", "mock", "suite", "run", "report"]),
    ];
    let mut found = Vec::new();
    for (room, allowed) in rooms {
        let forbidden: Vec<String> = rooms
            .iter()
            .filter(|(other, _)| *other != room && !allowed.contains(other))
            .map(|(other, _)| format!("crate::{other}"))
            .collect();
        let words: Vec<&str> = forbidden.iter().map(String::as_str).collect();
        for file in rust().iter().filter(|file| file.is_in(room)) {
            // A test may bring the shipped suite, or whatever else shows that all fits together.
            found.extend(naming(file, file.shipped(), &words));
        }
    }
    none(
        &found,
        "rooms are listed in reading order in docs/ARCHITECTURE.md: each may use some of those \
         before it, never those after it.",
    );
}

#[test]
fn nothing_about_one_app_stands_outside_its_contract() {
    let contract = fs::read_to_string(root().join("scenarios/contract.yaml")).unwrap();
    let paths: Vec<&str> = contract
        .split(|char: char| char.is_whitespace() || "\"',[]{}()".contains(char))
        .filter(|word| word.starts_with('/') && word.matches('/').count() >= 2)
        .map(|word| word.trim_end_matches(['*', '/']))
        .filter(|word| word.matches('/').count() >= 2)
        .collect();
    assert!(
        paths.len() > 5,
        "the contract's paths were not found: {paths:?}"
    );
    let found: Vec<String> = rust()
        .iter()
        .filter(|file| file.path.starts_with("src/") && !file.is_in("suite"))
        .flat_map(|file| {
            let named = |line: &str| paths.iter().find(|path| line.contains(**path)).copied();
            file.shipped()
                .filter_map(|(number, line)| named(line).map(|path| (number, path)))
                .map(|(number, path)| format!("{}:{number} holds `{path}`", file.path))
                .collect::<Vec<_>>()
        })
        .collect();
    none(
        &found,
        "rehearsal judges any app. Code names roles (sign-in, status, a resource); which path that \
         is, and how a field is called, only the contract says.",
    );
}

#[test]
fn no_change_that_a_world_names_is_known_to_code() {
    let world = fs::read_to_string(root().join("fixtures/world.yaml")).unwrap();
    let changes = world.split_once("\nchanges:\n").unwrap().1;
    let name = changes.trim_start().split(':').next().unwrap();
    let words = [name.to_owned(), name.replace('-', "_")];
    let found: Vec<String> = rust()
        .iter()
        .filter(|file| file.path.starts_with("src/"))
        .flat_map(|file| {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            naming(file, file.shipped(), &words)
        })
        .collect();
    none(
        &found,
        "what `set: { change: … }` does is the world's to say: code knows how, never which.",
    );
}

#[test]
fn every_file_says_what_it_is() {
    let found: Vec<String> = rust()
        .iter()
        .filter(|file| !file.text.starts_with("//! "))
        .map(|file| file.path.clone())
        .collect();
    none(
        &found,
        "begin the file with a `//!` header: what it is, and why it is there.",
    );
}

#[test]
fn no_file_is_two_things() {
    let found: Vec<String> = rust()
        .iter()
        .map(|file| (&file.path, file.text.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST)
        .map(|(path, lines)| format!("{path} has {lines} lines"))
        .collect();
    none(
        &found,
        "find the second noun in it, and give that a file of its own; 300 lines are a good size.",
    );
}

#[test]
fn no_module_is_a_drawer() {
    let drawers = [
        "utils", "util", "helpers", "common", "misc", "manager", "types", "mod",
    ];
    let found: Vec<String> = rust()
        .iter()
        .filter(|file| {
            let stem = Path::new(&file.path).file_stem().unwrap().to_str().unwrap();
            drawers.contains(&stem)
        })
        .map(|file| file.path.clone())
        .collect();
    none(
        &found,
        "name the file after what it is about; if there is no such word, it is about nothing. \
         A folder `foo/` stands beside `foo.rs`, without `mod.rs`.",
    );
}

#[test]
fn nothing_is_left_undone_or_waits_on_the_wall_clock() {
    let words = [
        concat!("#[ig", "nore"),
        concat!("to", "do!"),
        concat!("unimple", "mented!"),
        concat!("thread::", "sleep"),
    ];
    let found: Vec<String> = rust()
        .iter()
        .flat_map(|file| {
            file.code()
                .flat_map(|(number, line)| {
                    let there = words.iter().filter(move |word| line.contains(**word));
                    there.map(move |word| format!("{}:{number} has `{word}`", file.path))
                })
                .collect::<Vec<_>>()
        })
        .collect();
    none(
        &found,
        "a test that is not run, a branch that is not written and a wait that hopes all say \
         something untrue. Run it, write it or remove it; wait for an event or on virtual time.",
    );
}

#[test]
fn tests_that_let_time_pass_let_virtual_time_pass() {
    let sleeps = concat!("time::", "sleep(");
    let virtual_time = [
        concat!("start_paused", " = true"),
        "start_paused(true)",
        "Clock::virtual_time()",
        "tokio::time::pause()",
    ];
    let found: Vec<String> = rust()
        .iter()
        .filter(|file| !virtual_time.iter().any(|mark| file.text.contains(mark)))
        .flat_map(|file| {
            file.only_for_tests()
                .filter(|(_, line)| line.contains(sleeps))
                .map(|(number, _)| format!("{}:{number} sleeps", file.path))
                .collect::<Vec<_>>()
        })
        .collect();
    none(
        &found,
        "a sleep in real time is either too short on a slow machine or too long on every other. \
         Pause the clock, or wait for what you wait for.",
    );
}

#[test]
fn nothing_in_the_project_is_tied_to_one_machine() {
    let words = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
        concat!("\"resol", "ved\":"),
        concat!("_auth", "Token"),
    ];
    let extensions = [
        "rs", "md", "toml", "yaml", "yml", "json", "js", "mjs", "sh", "snap",
    ];
    let mut found = Vec::new();
    for file in files(&extensions) {
        for (number, line) in file.text.lines().enumerate() {
            for word in words.iter().filter(|word| line.contains(**word)) {
                found.push(format!("{}:{} has `{word}`", file.path, number + 1));
            }
        }
    }
    none(
        &found,
        "a fresh clone must work anywhere: no absolute paths of one machine, no address of one \
         registry, no credentials.",
    );
}
