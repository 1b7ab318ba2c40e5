//! What others wrote and rehearsal is made of: where it comes from, under which terms, and in how many
//! versions. `deny.toml` says what is agreed, for `cargo deny` as for this. `UPDATE_DOCS=1 cargo test --test main
//! supply` writes THIRD-PARTY.md anew.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use serde::Deserialize;
use spdx::{Expression, Licensee, ParseMode};
use toml::Table;

use super::sources::root;

/// Where all of it comes from, as lock files name it.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// The platform whose binary the notices are of.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

fn read(name: &str) -> Table {
    let text = fs::read_to_string(root().join(name)).unwrap();
    text.parse().unwrap()
}

/// The texts under a key of an array, or of the tables in one.
fn texts<'t>(list: &'t toml::Value, key: &str) -> impl Iterator<Item = &'t str> {
    let items = list.as_array().unwrap().iter();
    items.map(move |item| item.get(key).unwrap_or(item).as_str().unwrap())
}

#[test]
fn one_version_of_each_comes_from_one_place_unless_it_is_said_why() {
    let lock = read("Cargo.lock");
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in lock["package"].as_array().unwrap() {
        let text = |key: &str| package.get(key).and_then(toml::Value::as_str);
        let name = text("name").unwrap();
        versions
            .entry(name)
            .or_default()
            .push(text("version").unwrap());
        if name != "rehearsal" {
            assert_eq!(text("source"), Some(REGISTRY), "{name}");
        }
    }
    versions.retain(|_, versions| versions.len() > 1);
    // The newest is the one that is meant, and each other one an exception.
    let older = versions.iter().flat_map(|(name, versions)| {
        let older = &versions[..versions.len() - 1];
        older.iter().map(move |version| format!("{name}@{version}"))
    });
    let agreed = read("deny.toml");
    let skipped: BTreeSet<String> = texts(&agreed["bans"]["skip"], "crate")
        .map(str::to_owned)
        .collect();
    assert_eq!(older.collect::<BTreeSet<_>>(), skipped, "deny.toml, skip");
}

/// What `cargo metadata` tells (format version 1).
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    repository: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    root: String,
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    /// Nothing for what the binary is made of; `dev` or `build` for the rest.
    kind: Option<String>,
}

fn metadata() -> Metadata {
    let told = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .args(["--filter-platform", PLATFORM])
        .current_dir(root())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&told.stderr);
    assert!(told.status.success(), "{said}");
    serde_json::from_slice(&told.stdout).unwrap()
}

impl Metadata {
    /// What the binary is made of, beside rehearsal itself.
    fn shipped(&self) -> BTreeSet<&str> {
        let nodes: BTreeMap<&str, &Node> = (self.resolve.nodes.iter())
            .map(|node| (node.id.as_str(), node))
            .collect();
        let mut found = BTreeSet::new();
        let mut open = VecDeque::from([self.resolve.root.as_str()]);
        while let Some(id) = open.pop_front() {
            let deps = nodes[id].deps.iter();
            let shipped = deps.filter(|dep| dep.dep_kinds.iter().any(|own| own.kind.is_none()));
            open.extend(
                shipped
                    .map(|dep| dep.pkg.as_str())
                    .filter(|id| found.insert(*id)),
            );
        }
        found
    }
}

#[test]
fn everything_comes_under_terms_that_are_agreed_on() {
    let agreed = read("deny.toml");
    let allowed: Vec<Licensee> = texts(&agreed["licenses"]["allow"], "")
        .map(|own| Licensee::parse(own).unwrap())
        .collect();
    for package in metadata().packages {
        let Package { name, license, .. } = &package;
        if name == "rehearsal" {
            continue;
        }
        let license = license
            .as_deref()
            .unwrap_or_else(|| panic!("{name} has no licence"));
        // Some still write `MIT/Apache-2.0`.
        let terms = Expression::parse_mode(license, ParseMode::LAX).unwrap();
        let is_allowed = |own: &spdx::LicenseReq| allowed.iter().any(|one| one.satisfies(own));
        assert!(terms.evaluate(is_allowed), "{name}: {license}");
    }
}

#[test]
fn the_notices_name_what_the_binary_is_made_of() {
    let metadata = metadata();
    let shipped = metadata.shipped();
    let mut rows: Vec<(&str, String)> = (metadata.packages.iter())
        .filter(|package| shipped.contains(package.id.as_str()))
        .map(|package| {
            let license = package.license.as_deref().unwrap_or_default();
            let from = package.repository.as_deref().unwrap_or_default();
            let from = from.trim_end_matches('/').trim_end_matches(".git");
            let row = format!(
                "| {} | {} | {license} | <{from}> |",
                package.name, package.version
            );
            (package.name.as_str(), row)
        })
        .collect();
    rows.sort();
    let mut notices = NOTICES.to_owned();
    for (_, row) in &rows {
        let _ = writeln!(notices, "{row}");
    }
    let path = root().join("THIRD-PARTY.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &notices).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == notices,
        "THIRD-PARTY.md is out of date: UPDATE_DOCS=1 cargo test --test main supply"
    );
}

/// What stands above the list.
const NOTICES: &str = "# What others wrote

A binary of rehearsal for Linux holds these, under the terms that each of them names; the texts of the licences
are in their packages. SQLite, which is part of `libsqlite3-sys`, is in the public domain. What the pages for the
browser are made of stands beside its licences in the folder `vendor` of their sources.

| crate | version | licence | from |
|---|---|---|---|
";
