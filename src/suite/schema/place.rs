//! What readers take at one place of a kind of file, gathered over all values that stand there.

use std::collections::BTreeMap;

use crate::suite::node::{Content, Node};
use crate::suite::problem::{Problem, Problems};
use crate::suite::schema::comments;
use crate::suite::source::Source;
use crate::suite::trace::{Keys, Seen, Trace};

/// What readers take in a kind of file.
#[derive(Debug, Default)]
pub(super) struct Shape {
    pub(super) root: Place,
    /// What is read at many places, by its name.
    pub(super) shared: BTreeMap<&'static str, Place>,
    /// Values of the reference files that nothing was noted to read.
    unread: Vec<String>,
    /// Whether any value of what is shared may be a flow's parameter.
    pub(super) has_parameters: bool,
}

/// What readers take at one place.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// What the comments say.
    pub(super) told: Option<String>,
    /// Forms of values without parts, and of maps with any names.
    pub(super) forms: Vec<Seen>,
    /// Maps with known keys: each way in which one was read.
    pub(super) maps: Vec<Keys>,
    /// What stands at known keys.
    pub(super) keys: Vec<(String, Place)>,
    /// What stands at names of the author's choice.
    pub(super) named: Option<Box<Place>>,
    /// What stands in lists.
    pub(super) items: Option<Box<Place>>,
    /// Whether an item may stand in the place of the list.
    pub(super) one_or_more: bool,
    /// The name of what is shared and stands here.
    pub(super) shared: Option<&'static str>,
}

impl Place {
    /// What stands at a key.
    pub(super) fn at(&self, key: &str) -> Option<&Self> {
        let mut keys = self.keys.iter();
        keys.find(|(own, _)| own == key).map(|(_, place)| place)
    }

    fn at_mut(&mut self, key: &str) -> &mut Self {
        let at = self.keys.iter().position(|(own, _)| own == key);
        let at = at.unwrap_or_else(|| {
            self.keys.push((key.to_owned(), Self::default()));
            self.keys.len() - 1
        });
        &mut self.keys[at].1
    }

    fn add_form(&mut self, form: &Seen) {
        if !self.forms.contains(form) {
            self.forms.push(form.clone());
        }
    }

    /// Adds what was taken at the same place elsewhere.
    fn merge(&mut self, other: Self) {
        other.forms.iter().for_each(|form| self.add_form(form));
        other.maps.iter().for_each(|keys| self.add_map(keys));
        for (key, place) in other.keys {
            self.at_mut(&key).merge(place);
        }
        if let Some(named) = other.named {
            self.named.get_or_insert_default().merge(*named);
        }
        if let Some(items) = other.items {
            self.items.get_or_insert_default().merge(*items);
        }
        self.one_or_more |= other.one_or_more;
        self.shared = self.shared.or(other.shared);
        if self.told.is_none() {
            self.told = other.told;
        }
    }

    fn add_map(&mut self, keys: &Keys) {
        if !self.maps.contains(keys) {
            self.maps.push(keys.clone());
        }
    }
}

impl Shape {
    /// Adds what was taken in one reference file.
    pub(super) fn add(&mut self, source: &Source, document: &Node, trace: &Trace) {
        let mut root = std::mem::take(&mut self.root);
        Walk {
            source,
            trace,
            shape: self,
        }
        .value(&mut root, document);
        self.root = root;
    }

    /// Takes what a step is from the shape of scenarios.
    pub(super) fn borrow_step(&mut self, scenario: Self) {
        self.shared.extend(scenario.shared);
        self.has_parameters = true;
        let steps = self.root.at_mut("steps");
        steps.forms.clear();
        steps.items = Some(Box::new(Place {
            shared: Some("step"),
            ..Place::default()
        }));
    }

    /// Whether the reference files have all that the readers ask for, and nothing else.
    pub(super) fn check(&self) -> Result<(), Problems> {
        let mut problems = Problems::default();
        for place in &self.unread {
            problems.push(Problem::new(format!(
                "nothing is noted to read what stands at {place}"
            )));
        }
        lacking(&self.root, &mut problems);
        for place in self.shared.values() {
            lacking(place, &mut problems);
        }
        problems.or(Some(()))
    }
}

/// Notes the keys that readers ask for and no reference file has.
fn lacking(place: &Place, problems: &mut Problems) {
    for map in &place.maps {
        for key in map.known.iter().filter(|key| place.at(key).is_none()) {
            problems.push(Problem::new(format!(
                "no reference file has the key `{key}` of {}",
                map.what
            )));
        }
    }
    let below = place.keys.iter().map(|(_, place)| place);
    let below = below
        .chain(place.named.as_deref())
        .chain(place.items.as_deref());
    for place in below {
        lacking(place, problems);
    }
}

/// Goes through a reference file.
struct Walk<'a> {
    source: &'a Source,
    trace: &'a Trace,
    shape: &'a mut Shape,
}

impl Walk<'_> {
    fn value(&mut self, place: &mut Place, node: &Node) {
        let mut seen = self.trace.at(node);
        if seen.contains(&Seen::OneOrMore) {
            place.one_or_more = true;
            seen.retain(|own| *own != Seen::OneOrMore);
            let items = place.items.get_or_insert_default();
            match &node.content {
                Content::List(all) => self.all(items, all),
                _ => self.single(items, node, &seen),
            }
            return;
        }
        self.single(place, node, &seen);
    }

    fn all(&mut self, items: &mut Place, nodes: &[Node]) {
        for node in nodes {
            self.value(items, node);
        }
    }

    fn single(&mut self, place: &mut Place, node: &Node, seen: &[Seen]) {
        let shared = seen.iter().find_map(|own| match own {
            Seen::Shared(name) => Some(*name),
            _ => None,
        });
        match shared {
            Some(name) => {
                place.shared = Some(name);
                let mut own = self.shape.shared.remove(name).unwrap_or_default();
                self.forms(&mut own, node, seen);
                // What stands below may have added to it.
                if let Some(below) = self.shape.shared.remove(name) {
                    own.merge(below);
                }
                self.shape.shared.insert(name, own);
            }
            None => self.forms(place, node, seen),
        }
    }

    fn forms(&mut self, place: &mut Place, node: &Node, seen: &[Seen]) {
        if seen.is_empty() {
            let (line, column) = self.source.line_and_column(node.span.start);
            let name = self.source.name();
            self.shape.unread.push(format!("{name}:{line}:{column}"));
        }
        for form in sharpest(seen) {
            match form {
                Seen::Keys(keys) => self.keys(place, node, keys),
                Seen::Shared(_) => {}
                Seen::Items if !seen.contains(&Seen::Json) => {
                    let items = place.items.get_or_insert_default();
                    if let Content::List(all) = &node.content {
                        self.all(items, all);
                    }
                }
                Seen::Names if !seen.contains(&Seen::Json) => {
                    place.add_form(form);
                    let named = place.named.get_or_insert_default();
                    if let Content::Map(entries) = &node.content {
                        for entry in entries {
                            self.value(named, &entry.value);
                        }
                    }
                }
                // Below a value of any form, nothing is told apart.
                Seen::Items => {}
                form => place.add_form(form),
            }
        }
    }

    fn keys(&mut self, place: &mut Place, node: &Node, keys: &Keys) {
        place.add_map(keys);
        let Content::Map(entries) = &node.content else {
            return;
        };
        for entry in entries
            .iter()
            .filter(|own| keys.known.contains(&own.key.as_str()))
        {
            let told = comments::of(self.source, entry);
            let below = place.at_mut(&entry.key);
            if below.told.is_none() {
                below.told = told;
            }
            let mut below = std::mem::take(below);
            self.value(&mut below, &entry.value);
            *place.at_mut(&entry.key) = below;
        }
    }
}

/// What was taken, without what a sharper form says as well: a duration is first read as a text.
fn sharpest(seen: &[Seen]) -> impl Iterator<Item = &Seen> {
    let last_form = seen.iter().rposition(|own| matches!(own, Seen::Form(_)));
    let is_sharp = |own: &Seen| {
        matches!(
            own,
            Seen::Form(_) | Seen::Words(_) | Seen::Status | Seen::Switch | Seen::Whole(_)
        )
    };
    let has_sharp = seen.iter().any(is_sharp);
    seen.iter().enumerate().filter_map(move |(at, own)| {
        let keep = match own {
            Seen::Text => !has_sharp,
            Seen::Form(_) => last_form == Some(at),
            _ => true,
        };
        keep.then_some(own)
    })
}
