//! The documents keep their word: what they link to is there, and the commands that they name can be typed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use super::commands::ends;
use super::sources::{File, files, none, root};

/// A link in a document: a file from the project's root, and the heading that is meant in it.
struct Link {
    written: String,
    file: String,
    anchor: Option<String>,
}

#[test]
fn every_document_can_be_found_from_the_readme_and_every_link_leads_somewhere() {
    let documents = documents();
    let mut reached = vec!["README.md".to_owned()];
    let mut broken = Vec::new();
    let mut at = 0;
    while let Some(path) = reached.get(at).cloned() {
        at += 1;
        let Some(document) = documents.get(&path) else {
            continue;
        };
        for link in links(&path, document) {
            if !root().join(&link.file).exists() {
                broken.push(format!(
                    "{path} links to `{}`, which is not there",
                    link.written
                ));
            }
            let headings = documents.get(&link.file).map(|text| anchors(text));
            if let (Some(anchor), Some(headings)) = (&link.anchor, headings)
                && !headings.contains(anchor)
            {
                broken.push(format!(
                    "{path} links to `{}`, and there is no such heading",
                    link.written
                ));
            }
            if !reached.contains(&link.file) {
                reached.push(link.file);
            }
        }
    }
    none(&broken, "mend the link, or write what it promises.");
    let lost: Vec<String> = documents
        .into_keys()
        .filter(|path| path.starts_with("docs/") && !reached.contains(path))
        .collect();
    none(
        &lost,
        "link the document from README.md, or from one that is linked there: what cannot be found \
         is not read.",
    );
}

#[test]
fn every_command_that_the_documents_name_can_be_typed() {
    let folder = tempfile::tempdir().unwrap();
    let mut helps: BTreeMap<String, String> = BTreeMap::new();
    let (overview, _) = ends(folder.path(), &["--help"], 0);
    let commands: BTreeSet<&str> = overview
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (path, document) in documents() {
        for line in command_lines(&document) {
            let mut words = line.split_whitespace();
            let Some(command) = words.next().filter(|word| word.starts_with(is_letter)) else {
                continue;
            };
            seen += 1;
            if !commands.contains(command) {
                wrong.push(format!(
                    "{path}: `rehearsal {line}`: there is no such command"
                ));
                continue;
            }
            let help = helps.entry(command.to_owned()).or_insert_with(|| {
                let (help, _) = ends(folder.path(), &["help", command], 0);
                help
            });
            for flag in words.filter_map(flag_of) {
                let is_known = help.split(|own: char| own != '-' && !own.is_alphanumeric());
                if !is_known.into_iter().any(|known| known == flag) {
                    wrong.push(format!(
                        "{path}: `rehearsal {line}`: there is no flag `{flag}`"
                    ));
                }
            }
        }
    }
    assert!(
        seen > 100,
        "only {seen} commands were found in the documents"
    );
    none(&wrong, "write the command as it can be typed.");
}

#[test]
fn every_variable_that_is_read_stands_in_the_table_and_no_other() {
    let names = |text: &str, begin: &str| -> BTreeSet<String> {
        let found = text.split(begin).skip(1);
        let name = |rest: &str| -> String {
            let is_own = |own: &char| own.is_ascii_uppercase() || *own == '_';
            rest.chars().take_while(is_own).collect()
        };
        found.map(name).filter(|name| !name.is_empty()).collect()
    };
    let sources = files(&["rs"]).into_iter();
    let own = sources.filter(|file| file.path.starts_with("src/") && !file.path.contains("/tests"));
    let read: BTreeSet<String> = own
        .flat_map(|file| names(&file.text, "\"REHEARSAL_"))
        .collect();
    let table = documents().remove("docs/CONFIG.md").unwrap();
    assert!(read.len() > 10, "{read:?}");
    assert_eq!(names(&table, "| `REHEARSAL_"), read);
}

fn is_letter(own: char) -> bool {
    own.is_ascii_lowercase()
}

/// The flag in a word, without what is assigned to it and without punctuation.
fn flag_of(word: &str) -> Option<&str> {
    let flag = word.split(['=', ',', ')', ']', '`', '"', '\'']).next()?;
    let flag = flag
        .trim_start_matches(['[', '('])
        .trim_end_matches(['.', ';', ':']);
    flag.strip_prefix("--").filter(|name| !name.is_empty())?;
    Some(flag)
}

/// Every document that people read, by its path.
fn documents() -> BTreeMap<String, String> {
    let all = files(&["md"]).into_iter();
    all.filter(|file| !file.path.starts_with("tests/"))
        .map(|File { path, text, .. }| (path, text))
        .collect()
}

fn links(path: &str, text: &str) -> Vec<Link> {
    let targets = text.split("](").skip(1);
    let targets = targets.filter_map(|rest| rest.split(')').next());
    let own = targets.filter(|target| !target.contains("://"));
    own.map(|target| {
        let (file, anchor) = match target.split_once('#') {
            Some((file, anchor)) => (file, Some(anchor.to_owned())),
            None => (target, None),
        };
        let folder = Path::new(path).parent().unwrap();
        let file = match file {
            "" => path.to_owned(),
            file => plain(&folder.join(file)),
        };
        Link {
            written: target.to_owned(),
            file,
            anchor,
        }
    })
    .collect()
}

/// A path without `..`, as the documents are named.
fn plain(path: &Path) -> String {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain.to_str().unwrap().to_owned()
}

/// The anchors that GitHub makes of a document's headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut fenced = false;
    let mut anchors = BTreeSet::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if !fenced && line.starts_with('#') {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = title
                .chars()
                .filter(|own| own.is_alphanumeric() || " -_".contains(*own));
            anchors.insert(kept.collect::<String>().replace(' ', "-"));
        }
    }
    anchors
}

/// What stands after `rehearsal` in code, up to where the command ends.
fn command_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut fenced = false;
    let mut block = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            continue;
        }
        if fenced {
            block.push_str(line.strip_suffix('\\').unwrap_or(line));
            block.push_str(if line.ends_with('\\') { " " } else { "\n" });
        }
    }
    let spans = text.split('`').skip(1).step_by(2);
    let pieces = block
        .lines()
        .chain(spans.filter(|span| span.starts_with("rehearsal ")));
    for piece in pieces {
        for part in piece.split(['|', ';', '#', '>', '&']) {
            let part = part.trim().trim_start_matches("$ ");
            if let Some(line) = part.strip_prefix("rehearsal ") {
                lines.push(line.split_whitespace().collect::<Vec<_>>().join(" "));
            }
        }
    }
    lines
}
