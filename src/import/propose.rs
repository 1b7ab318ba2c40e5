//! What a contract and a world should say instead, by what a target answered: changes to the texts, in their places.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use serde_json::{Value, json};

use super::compare::Difference;
use super::infer::{infer, is_id};
use super::yaml::{Yaml, block, inline};
use crate::suite::{Content, Node, Problems, Source, parse_up_to};

/// How many values a suite's file has at most.
const MOST: usize = 200_000;

/// A contract and a world with changes in them.
#[derive(Debug)]
pub(crate) struct Proposal {
    pub(crate) contract: String,
    pub(crate) world: String,
    /// What was changed, a line each.
    pub(crate) changed: Vec<String>,
}

/// What was recorded, by what it is about.
#[derive(Debug, Default)]
pub(crate) struct Evidence<'a> {
    /// Good answers, by resource.
    pub(crate) answers: BTreeMap<String, Vec<&'a Value>>,
    /// First arguments, by event.
    pub(crate) events: BTreeMap<String, Vec<&'a Value>>,
    /// How sign-ins and renewals were refused.
    pub(crate) refused: BTreeSet<u16>,
    pub(crate) ended: BTreeSet<u16>,
}

/// Proposes what the differences ask for.
///
/// # Errors
/// When a text cannot be read.
pub(crate) fn propose(
    contract: &Arc<Source>,
    world: &Arc<Source>,
    evidence: &Evidence<'_>,
    differences: &[Difference],
) -> Result<Proposal, Problems> {
    let mut contract = Text::read(contract)?;
    let mut world = Text::read(world)?;
    let mut changed = Vec::new();
    for (name, answers) in &evidence.answers {
        let own: Vec<&Difference> = differences
            .iter()
            .filter(|own| own.about == *name && !own.at.starts_with("header "))
            .filter(|own| !own.recorded.starts_with("status "))
            .collect();
        if own.is_empty() {
            continue;
        }
        let data = world.adapt(name, &own, answers);
        let mut all = answers.clone();
        all.extend(&data);
        if contract.set(&["resources", name, "schema"], &infer(&all, "")) {
            changed.push(format!("contract: the schema of `{name}`"));
        }
        if !data.is_empty() {
            changed.push(format!("world: the data of `{name}`"));
        }
    }
    for (name, payloads) in &evidence.events {
        let about = format!("event {name}");
        let is_about = |own: &&Difference| own.about == about && own.recorded != "always there";
        if payloads.is_empty() || !differences.iter().any(|own| is_about(&own)) {
            continue;
        }
        if contract.set(
            &["realtime", "events", name, "schema"],
            &infer(payloads, name),
        ) {
            changed.push(format!("contract: the schema of the event `{name}`"));
        }
    }
    for (key, statuses, about) in [
        ("refused-by", &evidence.refused, "sign-in"),
        ("ended-by", &evidence.ended, "refresh"),
    ] {
        let differs = |own: &Difference| own.about == about && own.recorded.starts_with("status 4");
        if !statuses.is_empty()
            && differences.iter().any(differs)
            && contract.set(&["session", key], &json!(statuses))
        {
            changed.push(format!("contract: `session.{key}`"));
        }
    }
    Ok(Proposal {
        contract: contract.written(),
        world: world.written(),
        changed,
    })
}

/// A text with changes that wait to be made.
struct Text {
    source: Arc<Source>,
    root: Node,
    edits: Vec<(Range<usize>, String)>,
}

impl Text {
    fn read(source: &Arc<Source>) -> Result<Self, Problems> {
        Ok(Self {
            root: parse_up_to(source, MOST)?,
            source: Arc::clone(source),
            edits: Vec::new(),
        })
    }

    /// The text with its changes, from the last to the first.
    fn written(mut self) -> String {
        let mut text = self.source.text().to_owned();
        self.edits
            .sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
        for (range, new) in self.edits {
            text.replace_range(range, &new);
        }
        text
    }

    /// Has the map at all but the last of these keys say this under the last one. Says whether it could.
    fn set(&mut self, path: &[&str], value: &Value) -> bool {
        let Some((key, parents)) = path.split_last() else {
            return false;
        };
        let mut here = &self.root;
        for (at, parent) in parents.iter().enumerate() {
            let Content::Map(entries) = &here.content else {
                return false;
            };
            match entries.iter().find(|own| own.key == *parent) {
                Some(own) => here = &own.value,
                // What is missing on the way is put there with all that belongs below it.
                None => {
                    let rest = parents[at + 1..].iter().rev();
                    let below = rest.fold(
                        json!({ *key: value }),
                        |below, name| json!({ *name: below }),
                    );
                    return self.insert(&here.clone(), parent, &below);
                }
            }
        }
        let here = here.clone();
        match &here.content {
            Content::Map(entries) => match entries.iter().find(|own| own.key == *key) {
                Some(own) => {
                    self.replace(own.key_span.clone(), &own.value, value);
                    true
                }
                None => self.insert(&here, key, value),
            },
            // A request in one line, or nothing at all.
            Content::Plain(line) if line.contains(' ') => {
                let whole = json!({"request": line, *key: value});
                let new = format!(
                    "\n{}",
                    block(&Yaml::Data(whole), self.column_of_line(here.span.start) + 2)
                );
                self.edits
                    .push((here.span.clone(), new.trim_end().to_owned()));
                true
            }
            _ => false,
        }
    }

    /// Puts a further key in front of a map's first one.
    fn insert(&mut self, map: &Node, key: &str, value: &Value) -> bool {
        let Content::Map(entries) = &map.content else {
            return false;
        };
        let Some(first) = entries.first() else {
            return false;
        };
        let at = first.key_span.start;
        let entry = json!({ key: value });
        let new = match self.is_flow(map) {
            true => {
                let line = inline(&Yaml::Data(entry));
                let line = line
                    .strip_prefix("{ ")
                    .and_then(|own| own.strip_suffix(" }"));
                let line = line.unwrap_or_default();
                format!("{line}, ")
            }
            false => {
                let column = self.column(at);
                let text = block(&Yaml::Data(entry), column);
                format!("{}{}", text.trim_start_matches(' '), " ".repeat(column))
            }
        };
        self.edits.push((at..at, new));
        true
    }

    /// Puts another value in the place of one, whatever its form.
    fn replace(&mut self, key: Range<usize>, old: &Node, value: &Value) {
        let text = self.source.text();
        let is_alias = old.span.start < key.end;
        let start = match is_alias {
            // The value stands elsewhere; here stands its name.
            true => key.end + text[key.end..].find('*').unwrap_or_default(),
            false => old.span.start,
        };
        let end = match is_alias {
            true => {
                let rest = &text[start..];
                start + rest.find([' ', ',', '}', ']', '\n']).unwrap_or(rest.len())
            }
            false => self.end(old),
        };
        let is_block = !is_alias && matches!(old.content, Content::Map(_)) && !self.is_flow(old);
        let new = match (is_block, value) {
            (true, Value::Object(_)) => {
                let column = self.column(old.span.start);
                block(&Yaml::Data(value.clone()), column).trim().to_owned()
            }
            _ => inline(&Yaml::Data(value.clone())),
        };
        self.edits.push((start..end, new));
    }

    /// Where a value really ends: behind its last word, not where the next thing begins.
    fn end(&self, node: &Node) -> usize {
        match &node.content {
            Content::Map(entries) if !self.is_flow(node) => {
                entries.last().map_or(node.span.end, |last| {
                    self.end(&last.value).max(last.key_span.end + 1)
                })
            }
            Content::List(items) if !self.is_flow(node) => {
                items.last().map_or(node.span.end, |last| self.end(last))
            }
            _ => node.span.end,
        }
    }

    fn is_flow(&self, node: &Node) -> bool {
        self.source.text()[node.span.start..].starts_with(['{', '['])
    }

    fn column(&self, byte: usize) -> usize {
        self.source.line_and_column(byte).1 - 1
    }

    /// How far the line is indented that a byte stands on.
    fn column_of_line(&self, byte: usize) -> usize {
        let text = self.source.text();
        let start = text[..byte].rfind('\n').map_or(0, |at| at + 1);
        text[start..].chars().take_while(|own| *own == ' ').count()
    }

    /// Has every user's data of a resource be as the target answers; comes back with all of it.
    fn adapt(&mut self, name: &str, differences: &[&Difference], answers: &[&Value]) -> Vec<Value> {
        let mut places: Vec<Vec<String>> = vec![vec!["shared".to_owned()]];
        if let Some(Content::Map(users)) = child(&self.root, "users").map(|own| &own.content) {
            let users = users.iter();
            places.extend(
                users.map(|own| vec!["users".to_owned(), own.key.clone(), "data".to_owned()]),
            );
        }
        let mut adapted = Vec::new();
        for mut place in places {
            place.push(name.to_owned());
            let path: Vec<&str> = place.iter().map(String::as_str).collect();
            let found = path
                .iter()
                .try_fold(&self.root, |node, key| child(node, key));
            let Some(node) = found else { continue };
            let mut data = node.to_json();
            for own in differences {
                change(&mut data, own, answers);
            }
            self.set(&path, &data);
            adapted.push(data);
        }
        adapted
    }
}

fn child<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    match &node.content {
        Content::Map(entries) => entries
            .iter()
            .find(|own| own.key == key)
            .map(|own| &own.value),
        _ => None,
    }
}

/// Changes data in one place, as the target has it.
fn change(data: &mut Value, difference: &Difference, answers: &[&Value]) {
    let path: Vec<&str> = difference.at.split('/').skip(1).collect();
    if path.is_empty() || difference.mock.starts_with("the contract's schema") {
        return;
    }
    let sample = answers.iter().find_map(|own| first(own, &path));
    let is_gone = difference.recorded == "never there";
    let is_new = difference.mock == "not there";
    each(data, &path, &mut |holder, name| match (is_gone, sample) {
        (true, _) => {
            holder.remove(name);
        }
        (false, Some(sample)) if is_new != holder.contains_key(name) => {
            holder.insert(name.to_owned(), sample.clone());
        }
        _ => {}
    });
}

/// The first value at a path in which `*` is any item.
fn first<'v>(value: &'v Value, path: &[&str]) -> Option<&'v Value> {
    let Some((name, rest)) = path.split_first() else {
        return Some(value);
    };
    match value {
        Value::Array(items) if *name == "*" => items.iter().find_map(|own| first(own, rest)),
        Value::Object(fields) => {
            let mut fields = fields.iter().filter(|(own, _)| is_named(own, name));
            fields.find_map(|(_, own)| first(own, rest))
        }
        _ => None,
    }
}

/// Shows every object in which the last of a path's names may stand.
fn each(
    value: &mut Value,
    path: &[&str],
    see: &mut dyn FnMut(&mut serde_json::Map<String, Value>, &str),
) {
    let Some((name, rest)) = path.split_first() else {
        return;
    };
    match value {
        Value::Array(items) if *name == "*" => {
            items.iter_mut().for_each(|own| each(own, rest, see))
        }
        Value::Object(fields) if rest.is_empty() => {
            see(fields, &name.replace("~1", "/").replace("~0", "~"));
        }
        Value::Object(fields) => {
            let fields = fields.iter_mut().filter(|(own, _)| is_named(own, name));
            fields.for_each(|(_, own)| each(own, rest, see));
        }
        _ => {}
    }
}

fn is_named(own: &str, name: &str) -> bool {
    match name {
        "*" => is_id(own),
        name => own == name.replace("~1", "/").replace("~0", "~"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proposed(
        contract: &str,
        world: &str,
        answers: &Value,
        differences: &[Difference],
    ) -> Proposal {
        let evidence = Evidence {
            answers: [("tasks".to_owned(), vec![answers])].into(),
            refused: [422].into(),
            ..Evidence::default()
        };
        let (contract, world) = (Source::new("c", contract), Source::new("w", world));
        propose(&contract, &world, &evidence, differences).unwrap()
    }

    fn difference(at: &str, recorded: &str, mock: &str) -> Difference {
        Difference {
            about: "tasks".to_owned(),
            at: at.to_owned(),
            recorded: recorded.to_owned(),
            mock: mock.to_owned(),
            change: String::new(),
        }
    }

    #[test]
    fn changes_stand_where_they_belong_and_everything_else_stays_as_it_is() {
        let world = "# mine\nusers:\n  tester:\n    username: t # a name\n    data:\n      tasks: { total: 1, old: 1, tasks: [{ id: 1 }, { id: 2 }] }\n      # more\n      other: {}\n";
        let answers = json!({"total": "5", "tasks": [{"id": 9, "done": true}]});
        let differences = [
            difference("/total", "text", "number"),
            difference("/old", "never there", "there"),
            difference("/tasks/*/done", "always there", "not there"),
        ];
        for contract in [
            "# kept\nsession:\n  sign-in: x\nresources:\n  tasks:\n    request: GET /tasks\n    schema: # s\n      type: object\n      required: [total]\n    # after\n    items: /tasks\n# end\nscreens: {}\n",
            "session: { sign-in: x }\nresources: { tasks: { request: GET /tasks, items: /tasks } }\nscreens: {}\n",
            "session: {sign-in: x}\nresources:\n  tasks: GET /tasks\nscreens: {}\n",
            "a: &s { type: object }\nsession: {sign-in: x}\nresources:\n  tasks: { schema: *s, request: GET /tasks }\nscreens: {}\n",
        ] {
            let made = proposed(contract, world, &answers, &differences);
            let read = |text: &str| {
                parse_up_to(&Source::new("t", text), MOST)
                    .unwrap_or_else(|why| panic!("{why}\n{text}"))
                    .to_json()
            };
            let (own, before) = (read(&made.contract), read(contract));
            let schema = &own["resources"]["tasks"]["schema"];
            assert_eq!(
                schema["properties"]["total"]["type"], "string",
                "{}",
                made.contract
            );
            assert_eq!(own["screens"], before["screens"]);
            let comments = |text: &str| text.matches("# ").count();
            assert!(
                comments(&made.contract) >= comments(contract),
                "{}",
                made.contract
            );
            assert_eq!(comments(&made.world), comments(world), "{}", made.world);
            let data = read(&made.world)["users"]["tester"]["data"]["tasks"].clone();
            assert_eq!(
                data,
                json!({"total": "5", "tasks": [{"id": 1, "done": true}, {"id": 2, "done": true}]})
            );
        }
    }

    #[test]
    fn how_a_sign_in_is_refused_is_said_as_the_target_does() {
        let mut differs = difference("", "status 422", "status 401");
        differs.about = "sign-in".to_owned();
        for (contract, told) in [
            (
                "session:\n  refused-by: [401] # so\n  sign-in: x\n",
                "session:\n  refused-by: [422] # so\n  sign-in: x\n",
            ),
            (
                "session:\n  sign-in: x\n",
                "session:\n  refused-by: [422]\n  sign-in: x\n",
            ),
        ] {
            let made = proposed(contract, "users: {}\n", &json!({}), &[differs.clone()]);
            assert_eq!(made.contract, told);
        }
    }
}
