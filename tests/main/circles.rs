//! No circle of imports but that of a module and its own children, held by a test.
//!
//! What imports each other in a circle can only be read, moved and tested as a whole. A child may look
//! up to its own parent, whose part it is; everything else knows each other in one direction.

use std::collections::{BTreeMap, BTreeSet};

use crate::sources::{File, none, rust};

#[test]
fn only_a_parent_and_its_own_child_import_each_other() {
    let held: Vec<File> = rust()
        .into_iter()
        .filter(|file| file.path.starts_with("src/") && file.path != "src/main.rs")
        .collect();
    let seen = imports(&held).len();
    assert!(seen > 500, "only {seen} imports were found");
    none(
        &circles(&held),
        "let one of them stand below the other: move what both need into a file that knows neither, \
         or hand it in as an argument. What a file takes from its own parent is not counted.",
    );
}

/// The names that lead to a module from the crate's root.
type Module = Vec<String>;

/// One name that a file takes from another.
struct Import {
    from: usize,
    line: usize,
    to: usize,
    path: String,
}

/// Every circle among these files, with the lines that tie it.
fn circles(files: &[File]) -> Vec<String> {
    let modules: Vec<Module> = files.iter().map(module_of).collect();
    let ties: Vec<Import> = imports(files)
        .into_iter()
        .filter(|import| !is_parent(&modules[import.to], &modules[import.from]))
        .collect();
    let mut direct = vec![BTreeSet::new(); files.len()];
    for tie in &ties {
        direct[tie.from].insert(tie.to);
    }
    let reached: Vec<BTreeSet<usize>> = (0..files.len()).map(|at| reach(at, &direct)).collect();
    let mut told = BTreeSet::new();
    let mut found = Vec::new();
    for at in 0..files.len() {
        let circle: Vec<usize> = reached[at]
            .iter()
            .copied()
            .filter(|other| reached[*other].contains(&at))
            .collect();
        if circle.is_empty() || !told.insert(circle.clone()) {
            continue;
        }
        let mut lines = vec![format!("{} files import each other:", circle.len())];
        lines.extend(
            ties.iter()
                .filter(|tie| circle.contains(&tie.from) && circle.contains(&tie.to))
                .map(|tie| {
                    let (from, to) = (&files[tie.from].path, &files[tie.to].path);
                    format!("  {from}:{} takes `{}` from {to}", tie.line, tie.path)
                }),
        );
        found.push(lines.join("\n"));
    }
    found
}

/// Everything that can be reached from here over one import or more.
fn reach(from: usize, direct: &[BTreeSet<usize>]) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(at) = open.pop() {
        open.extend(direct[at].iter().filter(|next| reached.insert(**next)));
    }
    reached
}

fn module_of(file: &File) -> Module {
    let path = file.path.trim_start_matches("src/").trim_end_matches(".rs");
    match path {
        "lib" => Module::new(),
        path => path.split('/').map(str::to_owned).collect(),
    }
}

fn is_parent(parent: &[String], child: &[String]) -> bool {
    child.split_last().is_some_and(|(_, above)| above == parent)
}

/// Everything that these files take from one another.
fn imports(files: &[File]) -> Vec<Import> {
    let modules: BTreeMap<Module, usize> = files
        .iter()
        .enumerate()
        .map(|(at, file)| (module_of(file), at))
        .collect();
    let mut found = Vec::new();
    for (from, file) in files.iter().enumerate() {
        let own = module_of(file);
        for (line, path) in paths(&tokens(file)) {
            if let Some(to) = resolve(&own, &path, &modules).filter(|to| *to != from) {
                let path = path.join("::");
                found.push(Import {
                    from,
                    line,
                    to,
                    path,
                });
            }
        }
    }
    found
}

/// The file of the last module that a path leads through; nothing if it leads out of the crate. What
/// a parent hands on of its children is the parent's.
fn resolve(own: &[String], path: &[String], modules: &BTreeMap<Module, usize>) -> Option<usize> {
    let mut at = match path.first()?.as_str() {
        "crate" => Module::new(),
        "super" | "self" => own.to_vec(),
        child => {
            let below = [own, &[child.to_owned()]].concat();
            return modules
                .contains_key(&below)
                .then(|| descend(below, &path[1..], modules));
        }
    };
    let mut rest = path;
    while let Some((first, further)) = rest.split_first() {
        match first.as_str() {
            "super" => at.truncate(at.len().saturating_sub(1)),
            "crate" | "self" => {}
            _ => break,
        }
        rest = further;
    }
    modules
        .contains_key(&at)
        .then(|| descend(at, rest, modules))
}

fn descend(mut at: Module, path: &[String], modules: &BTreeMap<Module, usize>) -> usize {
    for name in path {
        at.push(name.clone());
        if !modules.contains_key(&at) {
            at.pop();
            break;
        }
    }
    modules[&at]
}

/// Every path in `use` declarations and in code, with the number of its line.
fn paths(tokens: &[(usize, String)]) -> Vec<(usize, Vec<String>)> {
    let word = |at: usize| tokens.get(at).map_or("", |(_, word)| word.as_str());
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if word(at) == "pub" && word(at + 1) == "(" {
            // Who may see an item is no import.
            while word(at) != ")" {
                at += 1;
            }
        } else if word(at) == "use" {
            at = used(tokens, at + 1, &[], &mut found);
        } else if is_name(word(at)) && word(at + 1) == "::" {
            let line = tokens[at].0;
            let mut path = vec![word(at).to_owned()];
            while word(at + 1) == "::" && is_name(word(at + 2)) {
                path.push(word(at + 2).to_owned());
                at += 2;
            }
            found.push((line, path));
        }
        at += 1;
    }
    found
}

/// Reads one branch of a `use` declaration; says where the branch ends.
fn used(
    tokens: &[(usize, String)],
    mut at: usize,
    before: &[String],
    found: &mut Vec<(usize, Vec<String>)>,
) -> usize {
    let mut path = before.to_vec();
    loop {
        let (line, word) = &tokens[at];
        match word.as_str() {
            "{" => {
                while tokens[at].1 != "}" {
                    at = used(tokens, at + 1, &path, found);
                }
                return at + 1;
            }
            "," | "}" | ";" => {
                found.push((*line, path));
                return at;
            }
            "as" => at += 1,
            // A path that begins so leads to another crate.
            "::" if path.is_empty() => path.push(String::new()),
            name if is_name(name) && (name != "self" || path.is_empty()) => {
                path.push(name.to_owned());
            }
            _ => {}
        }
        at += 1;
    }
}

fn is_name(word: &str) -> bool {
    word.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// The words and signs of a file's shipped code, with the numbers of their lines; no texts.
fn tokens(file: &File) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut chars: Vec<(usize, char)> = Vec::new();
    for (number, line) in file.shipped() {
        chars.extend(line.chars().chain(['\n']).map(|char| (number, char)));
    }
    let char = |at: usize| chars.get(at).map_or('\0', |(_, char)| *char);
    let mut at = 0;
    while at < chars.len() {
        let start = at;
        at += 1;
        match char(start) {
            '/' if char(at) == '/' => {
                while at < chars.len() && char(at) != '\n' {
                    at += 1;
                }
            }
            '"' => at = after_text(at, &char, chars.len()),
            'r' if matches!(char(at), '"' | '#') => {
                at = after_raw_text(at, &char, chars.len());
            }
            '\'' if char(at) == '\\' => {
                at += 2;
                while at < chars.len() && char(at) != '\'' {
                    at += 1;
                }
                at += 1;
            }
            '\'' if char(at + 1) == '\'' => at += 2,
            ':' if char(at) == ':' => {
                at += 1;
                found.push((chars[start].0, "::".to_owned()));
            }
            first if first.is_alphanumeric() || first == '_' => {
                while char(at).is_alphanumeric() || char(at) == '_' {
                    at += 1;
                }
                let word = chars[start..at].iter().map(|(_, char)| *char).collect();
                found.push((chars[start].0, word));
            }
            blank if blank.is_whitespace() => {}
            sign => found.push((chars[start].0, sign.to_string())),
        }
    }
    found
}

/// Where a raw text ends whose hashes, or whose quote, are at `at`.
fn after_raw_text(at: usize, char: &impl Fn(usize) -> char, end: usize) -> usize {
    let hashes = (at..).take_while(|at| char(*at) == '#').count();
    let closes = |at: usize| char(at) == '"' && (1..=hashes).all(|hash| char(at + hash) == '#');
    let close = (at + hashes + 1..end).find(|at| closes(*at));
    close.unwrap_or(end) + hashes + 1
}

/// Where a text in quotes ends that has begun before `at`.
fn after_text(mut at: usize, char: &impl Fn(usize) -> char, end: usize) -> usize {
    while at < end && char(at) != '"' {
        at += if char(at) == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// Files that were never written.
fn made_up(files: &[(&str, &str)]) -> Vec<File> {
    files
        .iter()
        .map(|(path, text)| File::new(format!("src/{path}"), (*text).to_owned()))
        .collect()
}

#[test]
fn siblings_that_import_each_other_are_found_with_the_lines_that_tie_them() {
    let found = circles(&made_up(&[
        ("lib.rs", "mod shop;\n"),
        (
            "shop.rs",
            "mod cart;\nmod price;\nmod tax;\npub use cart::Cart;\n",
        ),
        (
            "shop/cart.rs",
            "use std::fmt;\n\nuse super::price::{Currency, list::{self, Price}};\n",
        ),
        (
            "shop/price.rs",
            "fn rate() -> u8 {\n    super::tax::rate()\n}\n",
        ),
        ("shop/tax.rs", "use crate::shop::cart;\n"),
    ]));
    assert_eq!(
        found,
        ["3 files import each other:\n  \
          src/shop/cart.rs:3 takes `super::price::Currency` from src/shop/price.rs\n  \
          src/shop/cart.rs:3 takes `super::price::list` from src/shop/price.rs\n  \
          src/shop/cart.rs:3 takes `super::price::list::Price` from src/shop/price.rs\n  \
          src/shop/price.rs:2 takes `super::tax::rate` from src/shop/tax.rs\n  \
          src/shop/tax.rs:1 takes `crate::shop::cart` from src/shop/cart.rs"]
    );
}

#[test]
fn cousins_and_grandchildren_that_close_a_circle_are_found() {
    let cousins = circles(&made_up(&[
        ("lib.rs", ""),
        ("shop.rs", ""),
        (
            "shop/cart/line.rs",
            "use super::super::price::list::Price;\n",
        ),
        ("shop/cart.rs", ""),
        (
            "shop/price/list.rs",
            "use crate::shop::cart::line::Line as Row;\n",
        ),
        ("shop/price.rs", ""),
    ]));
    assert_eq!(cousins.len(), 1, "{cousins:?}");
    let grandchildren = circles(&made_up(&[
        ("shop.rs", "mod cart;\nuse cart::Cart;\n"),
        ("shop/cart.rs", "mod line;\nuse self::line::Line;\n"),
        ("shop/cart/line.rs", "use super::super::Shop;\n"),
    ]));
    assert_eq!(grandchildren.len(), 1, "{grandchildren:?}");
}

#[test]
fn a_parent_and_its_children_may_import_each_other_and_what_is_no_import_does_not_count() {
    let found = circles(&made_up(&[
        (
            "shop.rs",
            "mod cart;\nmod price;\npub use price::Price;\nuse cart::Cart;\n",
        ),
        // Through the parent, although another child made it.
        (
            "shop/cart.rs",
            "use super::{Price, Shop};\npub(in crate::shop::price) struct Cart;\n",
        ),
        (
            "shop/price.rs",
            "use super::cart::Cart;\nuse ::cart::Foreign;\n// use super::price::Price;\n\
             const TEXT: &str = \"use super::cart;\";\n",
        ),
        (
            "shop/tax.rs",
            "#[cfg(test)]\nmod tests {\n    use super::super::bill;\n}\n",
        ),
        ("shop/bill.rs", "use super::tax;\n"),
    ]));
    assert_eq!(found, [""; 0]);
}
