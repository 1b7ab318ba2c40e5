//! Names of resources, from the paths by which they are read.

use std::collections::BTreeSet;

use crate::import::api::{Operation, kebab};
use crate::suite::is_reserved;

/// What a resource is named by: its path without parameters, and one of many if the path ends with one.
pub(super) fn named_by(operation: &Operation) -> String {
    let parts = operation.path.split('/').filter(|part| !part.contains('{'));
    let fixed = parts.collect::<Vec<_>>().join("/");
    match operation.path.ends_with('}') && !fixed.ends_with("ss") {
        true => fixed.trim_end_matches('s').to_owned(),
        false => fixed,
    }
}

/// A name that nothing has yet, from the end of a path.
pub(super) fn name(path: &str, taken: &BTreeSet<String>) -> String {
    let parts: Vec<String> = path
        .split('/')
        .map(kebab)
        .filter(|part| !part.is_empty())
        .collect();
    let mut name = String::new();
    for part in parts.iter().rev() {
        name = match name.is_empty() {
            true => part.clone(),
            false => format!("{part}-{name}"),
        };
        let is_word = name.starts_with(|first: char| first.is_ascii_alphabetic());
        if is_word && !is_reserved(&name) && !taken.contains(&name) {
            return name;
        }
    }
    let name = match name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        true => name,
        false => format!("resource-{name}").trim_end_matches('-').to_owned(),
    };
    let free = |name: &String| !is_reserved(name) && !taken.contains(name);
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    std::iter::once(name.clone())
        .chain(numbered)
        .find(free)
        .unwrap_or(name)
}
