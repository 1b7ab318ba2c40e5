//! `runbook.yaml` into a [`Runbook`].
//!
//! Nothing may stand in it that no run could ever answer: rules, scenarios and expectations are
//! looked up, an item that nothing proves is refused, and so is a published version that has changed.

mod rollback;

use std::sync::Arc;

use super::cursor::{Cursor, Fields};
use super::diagnostics::Diagnostics;
use super::node::{Content, Span};
use super::problem::{Problem, Problems};
use super::source::Source;
use super::suggest::suggest;
use super::trace::Seen;
use crate::domain::runbook::{Capability, Group, Item, Proof, Runbook, Vouching};
use crate::domain::scenario::Scenario;
use crate::domain::verdict::PROOF;
use crate::rules;

/// A runbook whose scenarios are not looked up yet, since they are read with its ids in hand.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) runbook: Runbook,
    source: Arc<Source>,
    named: Vec<(Span, Proof)>,
}

/// The file's own names, by which items are checked, as far as they could be read.
struct Names {
    groups: Option<Vec<String>>,
    versions: Option<Vec<String>>,
    items: Option<Vec<String>>,
}

impl Names {
    /// A name that must be among these.
    fn one_of(cursor: &Cursor<'_>, what: &str, known: Option<&[String]>) -> Option<String> {
        match known {
            Some(known) => {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                cursor.known_name(what, &known)
            }
            None => cursor.text(),
        }
    }
}

/// Reads all that can be understood without the scenarios.
pub(super) fn read(root: &Cursor<'_>) -> Option<Draft> {
    let fields = root.fields("a runbook")?;
    let name = fields.need("name").and_then(|cursor| cursor.name_text());
    let version = fields.need("version").and_then(|cursor| cursor.name_text());
    let hashes = fields.or("published", Vec::new(), hashes);
    let groups = fields.need("groups").and_then(|cursor| groups(&cursor));
    let names = Names {
        groups: fields.get("groups").and_then(|cursor| keys(&cursor)),
        versions: version.as_ref().zip(hashes.as_ref()).map(versions),
        items: fields.get("items").and_then(|cursor| keys(&cursor)),
    };
    let mut named = Vec::new();
    let items = fields.need("items");
    let items = items.and_then(|cursor| items_of(&cursor, &names, &mut named));
    let beside = rollback::Beside {
        names: &names,
        items: items.as_deref(),
    };
    let rollback = fields.or("rollback", Vec::new(), |cursor| {
        rollback::triggers(cursor, &beside, &mut named)
    });
    let hashes = hashes?;
    let runbook = Runbook {
        name: name?,
        version: version?,
        published: hashes.iter().map(|(own, ..)| own.clone()).collect(),
        groups: groups?,
        items: items?,
        rollback: rollback?,
        ..Runbook::default()
    };
    for (version, span, hash) in &hashes {
        check_hash(&runbook, version, span, hash.as_deref(), root.diagnostics);
    }
    Some(Draft {
        runbook,
        source: Arc::clone(root.diagnostics.source()),
        named,
    })
}

/// The keys of a map, whatever is wrong with their values.
fn keys(cursor: &Cursor<'_>) -> Option<Vec<String>> {
    let entries = cursor.entries()?;
    Some(entries.iter().map(|(entry, _)| entry.key.clone()).collect())
}

/// Every version that the file knows.
fn versions((version, hashes): (&String, &Vec<Hash>)) -> Vec<String> {
    let mut versions: Vec<String> = hashes.iter().map(|(own, ..)| own.clone()).collect();
    if !versions.contains(version) {
        versions.push(version.clone());
    }
    versions
}

/// A published version, where it stands, and the hash of its items.
type Hash = (String, Span, Option<String>);

fn hashes(cursor: &Cursor<'_>) -> Option<Vec<Hash>> {
    let hash = |(entry, hash): &(&super::node::Entry, Cursor<'_>)| {
        let written = if hash.node.is_null() {
            hash.takes(|| Seen::Nothing);
            None
        } else {
            Some(hash.text()?)
        };
        Some((entry.key.clone(), entry.key_span.clone(), written))
    };
    cursor.entries()?.iter().map(hash).collect()
}

/// What a published version says is what it said when it was published.
fn check_hash(
    runbook: &Runbook,
    version: &str,
    span: &Span,
    written: Option<&str>,
    diagnostics: &Diagnostics,
) {
    let hash = Source::new("", runbook.text_of(version)).fingerprint();
    let problem = match written {
        Some(written) if written == hash => return,
        Some(_) => Problem::new(format!(
            "the items of the published version `{version}` have changed"
        ))
        .hint(
            "take the change back, or add an item with a new id and `since`; to give the version up, \
             take it out of `published` and raise `version`",
        ),
        None => Problem::new(format!(
            "`{version}` is published without the hash of its items"
        ))
        .hint(format!("write `\"{version}\": {hash}`")),
    };
    diagnostics.note(span, problem);
}

fn groups(cursor: &Cursor<'_>) -> Option<Vec<Group>> {
    let entries = cursor.entries()?;
    let groups = entries.iter().map(|(entry, title)| {
        Some(Group {
            id: entry.key.clone(),
            title: title.name_text()?,
        })
    });
    // Every group is read, whatever is wrong with the one before it.
    let groups: Vec<Option<Group>> = groups.collect();
    groups.into_iter().collect()
}

fn items_of(
    cursor: &Cursor<'_>,
    names: &Names,
    named: &mut Vec<(Span, Proof)>,
) -> Option<Vec<Item>> {
    let entries = cursor.entries()?;
    if entries.is_empty() {
        return cursor.refuse("this runbook has no items", "add one: `id: { title: … }`");
    }
    let items: Vec<Option<Item>> = entries
        .iter()
        .map(|(entry, cursor)| item(&entry.key, &cursor.fields("an item")?, names, named))
        .collect();
    items.into_iter().collect()
}

/// Refuses what cannot be named in a list.
fn check_id(id: &str, of: &str, fields: &Fields<'_>) {
    if id.is_empty() || id.contains(|char: char| char.is_whitespace() || char == ',') {
        fields.refuse::<()>(
            format!("`{id}` is no id of {of}"),
            "write one word, like `S4.1`",
        );
    }
}

fn item(
    id: &str,
    fields: &Fields<'_>,
    names: &Names,
    named: &mut Vec<(Span, Proof)>,
) -> Option<Item> {
    check_id(id, "an item", fields);
    let title = fields.need("title").and_then(|cursor| cursor.name_text());
    let group = fields
        .need("group")
        .and_then(|cursor| Names::one_of(&cursor, "group", names.groups.as_deref()));
    let since = fields.maybe("since", |cursor| {
        Names::one_of(cursor, "version", names.versions.as_deref())
    });
    let needs = fields.or("needs", Vec::new(), needs);
    let attest = fields.or("attest", Vouching::Nobody, vouching);
    let proofs = proofs(fields, named);
    let (attest, proofs) = (attest?, proofs?);
    if proofs.is_empty() && attest != Vouching::Somebody {
        return fields.refuse(
            format!("nothing can prove `{id}`"),
            "name `rules`, `scenarios`, `expectations` or `checks` that do, or write `attest: on` if \
             only a person can vouch for it",
        );
    }
    Some(Item {
        id: id.to_owned(),
        title: title?,
        group: group?,
        since: since?,
        needs: needs?,
        proofs,
        attest,
    })
}

/// Reads `on`, or `{ unless: parity }` where a contract may have what proves the item.
fn vouching(cursor: &Cursor<'_>) -> Option<Vouching> {
    if !matches!(cursor.node.content, Content::Map(_)) {
        return cursor.switch().map(|on| match on {
            true => Vouching::Somebody,
            false => Vouching::Nobody,
        });
    }
    let fields = cursor.fields("`attest`")?;
    let unless = fields.need("unless")?;
    unless.word(&Capability::ALL).map(Vouching::Unless)
}

fn needs(cursor: &Cursor<'_>) -> Option<Vec<Capability>> {
    let items = cursor.one_or_more();
    let needs: Vec<Option<Capability>> = items
        .iter()
        .map(|item| item.word(&Capability::ALL))
        .collect();
    needs.into_iter().collect()
}

/// Reads one name of something that proves.
type ProofReader = fn(&Cursor<'_>) -> Option<Proof>;

/// What proves an item, in the order rules, scenarios, expectations, checks.
fn proofs(fields: &Fields<'_>, named: &mut Vec<(Span, Proof)>) -> Option<Vec<Proof>> {
    let mut all = Vec::new();
    let readers: [(&'static str, ProofReader); 4] = [
        ("rules", rule),
        ("scenarios", |cursor| {
            cursor.name_text().map(Proof::Scenario)
        }),
        ("expectations", expectation),
        ("checks", |cursor| {
            let name = cursor.name_text()?;
            Some(Proof::Check((name != "each").then_some(name)))
        }),
    ];
    for (key, read) in readers {
        for cursor in fields.get(key).iter().flat_map(Cursor::one_or_more) {
            let proof = read(&cursor);
            if let Some(proof) = &proof {
                if all.contains(&Some(proof.clone())) {
                    cursor.refuse::<()>(format!("`{proof}` is named twice"), "name it once");
                }
                named.push((cursor.node.span.clone(), proof.clone()));
            }
            all.push(proof);
        }
    }
    all.into_iter().collect()
}

fn rule(cursor: &Cursor<'_>) -> Option<Proof> {
    let id = cursor.text()?;
    let ids = || rules::catalogue().map(|rule| rule.id).chain([PROOF]);
    if !ids().any(|own| own == id) {
        let known: Vec<&str> = ids().collect();
        let hint = match super::suggest::nearest(&id, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`rehearsal rules` lists them".to_owned(),
        };
        return cursor.refuse(format!("there is no rule `{id}`"), hint);
    }
    Some(Proof::Rule(id))
}

fn expectation(cursor: &Cursor<'_>) -> Option<Proof> {
    let text = cursor.text()?;
    match text.split_once('/') {
        Some((scenario, label)) if !scenario.is_empty() && !label.is_empty() => {
            Some(Proof::Expectation {
                scenario: scenario.to_owned(),
                label: label.to_owned(),
            })
        }
        _ => cursor.refuse(
            format!("`{text}` names no expectation"),
            "write `scenario/label`: the scenario's id and the `label` of the step",
        ),
    }
}

impl Draft {
    /// Looks up scenarios and expectations. `ids` are those of every scenario, `read` are the ones
    /// that could be read.
    pub(super) fn check(&self, ids: &[String], read: &[Arc<Scenario>]) -> Problems {
        let diagnostics = Diagnostics::new(&self.source);
        for (span, proof) in &self.named {
            if let Some(problem) = lookup(proof, ids, read) {
                diagnostics.note(span, problem);
            }
        }
        diagnostics.into_problems()
    }
}

fn lookup(proof: &Proof, ids: &[String], read: &[Arc<Scenario>]) -> Option<Problem> {
    let wanted = proof.scenario()?;
    if !ids.iter().any(|id| id == wanted) {
        let problem = Problem::new(format!("the suite has no scenario `{wanted}`"));
        return Some(problem.hint(suggest(wanted, ids.iter().map(String::as_str))));
    }
    let Proof::Expectation { label, .. } = proof else {
        return None;
    };
    // What is wrong with a scenario that could not be read is told already.
    let scenario = read.iter().find(|own| own.id == wanted)?;
    let known = scenario.labels.iter().map(|own| own.label.as_str());
    if known.clone().any(|own| own == label) {
        return None;
    }
    let problem = Problem::new(format!("`{wanted}` has no expectation `{label}`"));
    Some(problem.hint(match known.clone().next() {
        None => format!("add `label: {label}` to the step that proves it"),
        Some(_) => suggest(label, known),
    }))
}

impl Runbook {
    /// Lets scenarios that name items by themselves prove them, each as a whole.
    pub(super) fn named_by(mut self, scenarios: &[Arc<Scenario>]) -> Self {
        for scenario in scenarios {
            for item in self
                .items
                .iter_mut()
                .filter(|item| scenario.runbook.contains(&item.id))
            {
                let proof = Proof::Scenario(scenario.id.clone());
                if !item.proofs.contains(&proof) {
                    item.proofs.push(proof);
                }
            }
        }
        self
    }
}
