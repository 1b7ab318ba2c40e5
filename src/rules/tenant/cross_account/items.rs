//! Items of the owner's, in a list or an event that the other was sent.

use super::history::History;
use super::names::Mark;
use super::{Both, Pair};
use crate::domain::contract::{EventRule, Resource};
use crate::domain::journal::Entry;
use crate::domain::selector::Selector;
use crate::rules::flattened::{Fields, Flattened, plain};
use crate::rules::tenant::distinctive::is_handed_out;
use crate::rules::tenant::leak::{Fingerprint, Leak};
use crate::rules::tenant::observed::event_in;

impl Pair<'_> {
    /// An item of the owner's in the other's list.
    pub(super) fn item(&self, both: &Both<'_>) -> Option<Leak> {
        let Both { theirs, own } = both;
        let mut later = own.later.iter();
        let came = later.find(|(key, (_, fields))| both.is_theirs(key, fields));
        let came = came.map(|(key, (sent, _))| (key, *sent));
        let was_there = || {
            // From the first answer on both had it, so whose it is cannot be told, but that it is
            // not both's.
            let mut items = own.first.items.iter().filter(|_| self.tells());
            let (key, _) = items.find(|(key, fields)| {
                is_handed_out(key) && !self.is_common(key) && theirs.holds(key, fields)
            })?;
            Some((key, own.shown))
        };
        let is_either = came.is_none();
        let (key, sent) = came.or_else(was_there)?;
        let place = format!("`{}`", own.resource.name);
        Some(Leak {
            is_either,
            ..both.leak(format!("the item {key}"), place, sent)
        })
    }

    /// Items of the owner's in pages that the other alone was sent: one a list, where nothing else of the
    /// owner's was found in it. Cursors differ between accounts, and with them the lines of requests.
    pub(super) fn on_another_page(&self, known: &[Leak]) -> Vec<Leak> {
        // From the first answer on both had it, so whose it is cannot be told.
        let lists = self.contract.resources.iter();
        let lists = lists.filter(|list| self.tells() && list.personal && list.key.is_some());
        let found = lists.filter_map(|list| {
            let place = format!("`{}`", list.name);
            let is_new = known.iter().all(|leak| leak.place != place);
            is_new.then(|| self.strayed(list, place)).flatten()
        });
        found.collect()
    }

    fn strayed(&self, list: &Resource, place: String) -> Option<Leak> {
        let theirs = self.owner.reads.values();
        let theirs: Vec<_> = theirs
            .filter(|read| read.resource.name == list.name)
            .collect();
        let answers = self.answers_of(&list.name);
        answers.iter().find_map(|(sent, answer)| {
            answer.items.iter().find_map(|(key, fields)| {
                let holds = |read: &&&History<'_>| read.holds(key, fields);
                let read = theirs.iter().find(holds)?;
                let is_own = is_handed_out(key) && !self.is_common(key);
                is_own.then(|| Leak {
                    fingerprint: Fingerprint::new(format!("the item {key}"), read.shown.id),
                    place: place.clone(),
                    entry: sent.id,
                    exchange: Some(sent.exchange),
                    is_either: true,
                })
            })
        })
    }

    /// Whether a key is found in what everybody may read, such as a list of instruments.
    fn is_common(&self, key: &str) -> bool {
        let reads = [self.owner, self.other]
            .into_iter()
            .flat_map(|side| side.reads.values());
        let mut everybodys = reads.filter(|read| !read.resource.personal);
        everybodys.any(|read| {
            let items = &read.first.items;
            let fields = items.values().chain([&read.first.single]);
            items.contains_key(key)
                || fields
                    .flat_map(Fields::values)
                    .any(|value| plain(value) == key)
        })
    }

    /// An event that brings the other an item of the owner's, or names the owner.
    pub(super) fn event(&self) -> Option<Leak> {
        let feed = self.contract.realtime.as_ref()?;
        feed.events.iter().find_map(|event| {
            let resource = self.contract.resource(event.updates.as_deref()?)?;
            let sent = self.other.account.events.get(&event.name)?;
            let both = Both {
                theirs: self.owner.read_of(resource)?,
                own: self.other.read_of(resource)?,
            };
            let marks = Mark::all(both.theirs, &self.names.all);
            let mut sent = sent.iter().filter(|_| resource.personal);
            sent.find_map(|entry| {
                let brought = brought(event, resource, entry)?;
                let what = brought.items.iter().find_map(|(key, fields)| {
                    if both.is_theirs(key, fields) {
                        return Some(format!("the item {key}"));
                    }
                    let is_marked = marks.iter().any(|mark| mark.is_in(fields));
                    is_marked.then(|| format!("the name of its owner in the item {key}"))
                })?;
                Some(Leak {
                    fingerprint: Fingerprint::new(what, both.theirs.shown.id),
                    place: format!("the event `{}` on a socket", event.name),
                    entry: entry.id,
                    exchange: None,
                    is_either: false,
                })
            })
        })
    }
}

impl Both<'_> {
    /// Whether an item is the owner's, and the other had none of its key.
    fn is_theirs(&self, key: &str, fields: &Fields) -> bool {
        !self.own.first.items.contains_key(key) && self.theirs.holds(key, fields)
    }
}

/// The items that an event brings.
fn brought(event: &EventRule, resource: &Resource, entry: &Entry) -> Option<Flattened> {
    let (_, args) = event_in(entry)?;
    let first = args.json()?.get(0)?;
    let whole = Selector::Pointer(String::new());
    let items = event.items.as_ref().unwrap_or(&whole);
    Some(Flattened::split(Some(items), resource.key.as_ref(), first))
}
