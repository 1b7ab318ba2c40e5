//! The catalogue in `docs/rules/`: made from the rules' own doc comments, as `rehearsal rules --json`
//! tells them. `UPDATE_DOCS=1 cargo test --test main catalogue` writes it anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

/// A rule as the command tells it to programs.
#[derive(Deserialize)]
struct Rule {
    id: String,
    title: String,
    subject: String,
    judged_from: Vec<String>,
    needs: Vec<String>,
    parameters: Vec<String>,
    why: String,
    how_judged: String,
    fix: String,
    source: String,
    quirks: Vec<String>,
    defects: Vec<String>,
}

impl Rule {
    /// `session` of `SESSION-4`.
    fn family(&self) -> String {
        let (family, _) = self.id.split_once('-').unwrap();
        family.to_lowercase()
    }

    fn section(&self) -> String {
        let mut facts = format!(
            "Broken by: {}. Judged from: {}.",
            self.subject,
            self.judged_from.join(", ")
        );
        if !self.needs.is_empty() {
            let _ = write!(facts, " Needs {}.", self.needs.join(", "));
        }
        if !self.parameters.is_empty() {
            let keys: Vec<String> = (self.parameters.iter())
                .map(|key| format!("`{key}`"))
                .collect();
            let _ = write!(facts, " Set in the contract by {}.", keys.join(", "));
        }
        let quirks = self.quirks.iter().map(|name| format!("--quirk {name}"));
        let defects = self.defects.iter().map(|name| format!("--defect {name}"));
        let trips: Vec<String> = quirks
            .chain(defects)
            .map(|flag| format!("`rehearsal run {flag}`"))
            .collect();
        format!(
            "## {}\n\n**{}**\n\n{facts}\n\n- **Why.** {}\n- **How it is judged.** {}\n- **How to keep it.** {}\n\
             - **Source.** {}\n- **See it trip.** {}\n",
            self.id,
            self.title,
            self.why.replace('\n', " "),
            self.how_judged.replace('\n', " "),
            self.fix.replace('\n', " "),
            self.source,
            trips.join(", ")
        )
    }
}

fn rules() -> Vec<Rule> {
    let output = Command::new(env!("CARGO_BIN_EXE_rehearsal"))
        .args(["rules", "--json"])
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Every page by its file name: one a family, and the index.
fn pages() -> BTreeMap<String, String> {
    let note =
        "Made from the rules' doc comments by `UPDATE_DOCS=1 cargo test --test main catalogue`.";
    let mut index = format!(
        "# All rules\n\n{note} How rules are judged: [RULES](../RULES.md).\n\n| rule | broken by | asks for |\n|---|---|---|\n"
    );
    let mut pages: BTreeMap<String, String> = BTreeMap::new();
    for rule in rules() {
        let file = format!("{}.md", rule.family());
        let _ = writeln!(
            index,
            "| [{id}]({file}#{anchor}) | {} | {} |",
            rule.subject,
            rule.title,
            id = rule.id,
            anchor = rule.id.to_lowercase()
        );
        let page = pages
            .entry(file)
            .or_insert_with(|| format!("# {}\n\n{note}\n", rule.family().to_uppercase()));
        let _ = write!(page, "\n{}", rule.section());
    }
    pages.insert("README.md".to_owned(), index);
    pages
}

#[test]
fn the_catalogue_says_what_the_rules_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules");
    let update = std::env::var_os("UPDATE_DOCS").is_some();
    let mut stale = Vec::new();
    let pages = pages();
    for (file, text) in &pages {
        let path = folder.join(file);
        if update {
            fs::write(&path, text).unwrap();
        }
        if fs::read_to_string(&path).ok().as_ref() != Some(text) {
            stale.push(file.clone());
        }
    }
    let there = fs::read_dir(&folder).unwrap();
    let names = there.map(|file| file.unwrap().file_name().into_string().unwrap());
    stale.extend(names.filter(|name| !pages.contains_key(name)));
    assert!(
        stale.is_empty(),
        "docs/rules/ is not what the rules say: {}. Run UPDATE_DOCS=1 cargo test --test main catalogue, \
         and remove what belongs to no family.",
        stale.join(", ")
    );
}
