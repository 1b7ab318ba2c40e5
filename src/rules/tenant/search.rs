//! What an account is sent, searched for what is another's.

use std::sync::Arc;

use serde_json::Value;

use super::distinctive::Distinctive;
use super::leak::{Fingerprint, Leak};
use super::observed::{Answered, Observed, Tenant, event_in};
use super::word_index::WordIndex;
use crate::domain::contract::Contract;
use crate::domain::journal::{Entry, EntryId};

/// Something that an account is sent.
pub(super) struct Sent<'a> {
    contract: &'a Contract,
    /// Every word of it.
    words: WordIndex,
    /// What the account itself had sent: that is only its echo.
    echo: WordIndex,
    /// The resource that it is or changes.
    resource: Option<&'a str>,
    /// Whether it brings what the resource holds, and is no error.
    brings: bool,
    /// The answers among which it can be compared; nothing for an event.
    among: Option<Among<'a>>,
    entry: EntryId,
    /// What it is, in words.
    place: String,
}

/// An answer among the answers to the same request.
struct Among<'a> {
    exchange: u64,
    line: &'a str,
    values: &'a Distinctive,
    body: Option<&'a Value>,
    /// Whether nobody else's may be like the whole of it.
    is_telling: bool,
}

impl<'a> Sent<'a> {
    pub(super) fn answer(
        answered: &'a Answered<'_>,
        values: &'a Distinctive,
        entry: EntryId,
        contract: &'a Contract,
    ) -> Self {
        let (answer, request) = (answered.answer, answered.ended.request);
        let mut words = WordIndex::default();
        words.content(&answer.body);
        answer
            .headers
            .iter()
            .for_each(|(_, value)| words.text(value));
        let mut echo = WordIndex::default();
        echo.text(&request.target);
        echo.content(&request.body);
        let is_personal = answered.resource.is_some_and(|resource| resource.personal);
        let is_telling = is_personal && answered.ended.succeeded() && !values.is_empty();
        Self {
            contract,
            words,
            echo,
            resource: answered.resource.map(|resource| resource.name.as_str()),
            brings: answered.resource.is_some() && answered.ended.succeeded(),
            among: Some(Among {
                exchange: answer.exchange,
                line: &answered.line,
                values,
                body: answer.body.json(),
                is_telling,
            }),
            entry,
            place: answered.ended.words(),
        }
    }

    pub(super) fn event(entry: &Entry, contract: &'a Contract) -> Option<Self> {
        let (name, args) = event_in(entry)?;
        let mut words = WordIndex::default();
        words.content(args);
        let event = contract.event(name);
        Some(Self {
            contract,
            words,
            echo: WordIndex::default(),
            resource: event.and_then(|event| event.updates.as_deref()),
            brings: event.is_some_and(|event| event.updates.is_some()),
            among: None,
            entry: entry.id,
            place: format!("the event `{name}` on a socket"),
        })
    }

    /// What is somebody else's in what was sent to an account, and whose it is.
    pub(super) fn leak(&self, to: &str, observed: &Observed) -> Option<(Arc<str>, Leak)> {
        let own = observed.accounts.get(to)?;
        observed.others(to).find_map(|(name, owner)| {
            let fingerprint = self
                .name(owner, own)
                .or_else(|| self.text(owner, own))
                .or_else(|| self.in_place(owner, own))?;
            let leak = Leak {
                fingerprint,
                place: self.place.clone(),
                entry: self.entry,
                exchange: self.among.as_ref().map(|among| among.exchange),
                is_either: false,
            };
            Some((Arc::clone(name), leak))
        })
    }

    /// A name of the owner's.
    fn name(&self, owner: &Tenant, own: &Tenant) -> Option<Fingerprint> {
        let mut names = owner.names.iter();
        let (name, learnt) = names.find(|(name, _)| {
            !own.names.contains_key(*name) && !self.echo.names(name) && self.words.names(name)
        })?;
        Some(Fingerprint::new(name, *learnt))
    }

    /// A distinctive text that the owner's answer held and the account's own lacked. What both get
    /// of a list that is nobody's own, such as one of instruments, is common. Of a row that has a key it is the
    /// key that is its owner's: what stands beside it may be what the other's rows come to have, too, such as an
    /// instrument.
    fn text(&self, owner: &Tenant, own: &Tenant) -> Option<Fingerprint> {
        owner.reads.iter().find_map(|(line, read)| {
            // A list that goes on elsewhere may bring it to the other in its own right.
            let resource = self.contract.resource(&read.resource)?;
            if resource.paging.is_some() {
                return None;
            }
            let is_owned = |path: &str| match (row_of(path), &resource.key) {
                (Some(row), Some(key)) if self.brings => path[row.len()..] == key.to_string(),
                _ => true,
            };
            let (learnt, theirs) = &read.own.as_ref()?.first;
            let own = own.reads.get(line)?.own.as_ref()?;
            let sent = |text: &str| self.words.has(text) && !self.echo.has(text);
            let mut texts = theirs.texts();
            let (_, text) = texts.find(|(path, text)| {
                is_owned(path)
                    && sent(text)
                    && own.went_without(text, *learnt)
                    && !self.is_common(text, line, owner)
            })?;
            Some(Fingerprint::new(text, *learnt))
        })
    }

    /// Whether the owner gets a text in the same place too, which is not where it was learnt and not
    /// personal.
    fn is_common(&self, text: &str, learnt: &str, owner: &Tenant) -> bool {
        let mut there = owner.reads.iter().filter(|(line, read)| {
            self.resource == Some(read.resource.as_str()) && *line != learnt
        });
        there.any(|(_, read)| {
            let resource = self.contract.resource(&read.resource);
            let holds = read.own.as_ref().is_some_and(|own| own.first.1.holds(text));
            holds && resource.is_some_and(|resource| !resource.personal)
        })
    }

    /// A value of the owner's in the same place of this answer, where the account's own was another
    /// and the owner's stood still before and after that; or the whole answer. What stands in a row is nobody's as
    /// long as the row is another: two who trade at the same moment have the same price.
    fn in_place(&self, owner: &Tenant, own: &Tenant) -> Option<Fingerprint> {
        let among = self.among.as_ref()?;
        let theirs = owner.reads.get(among.line)?.own.as_ref()?;
        let (latest, body) = &theirs.last;
        if among.is_telling && among.body == Some(&**body) {
            return Some(Fingerprint::new("the whole answer", *latest));
        }
        let (mine, own) = &own.reads.get(among.line)?.own.as_ref()?.first;
        let (learnt, values) = &theirs.first;
        if learnt > mine || latest < mine {
            return None;
        }
        let mut still = values
            .iter()
            .filter(|(path, _)| !theirs.moved.contains(*path));
        let is_same_row = |path: &str| {
            row_of(path).is_none_or(|row| {
                let sent = among.body.and_then(|body| body.pointer(row));
                sent.is_some() && sent == body.pointer(row)
            })
        };
        let (_, value) = still.find(|(path, value)| {
            among.values.at(path) == Some(*value)
                && own.at(path).is_some_and(|own| own != *value)
                && is_same_row(path)
        })?;
        Some(Fingerprint::new(value, *learnt))
    }
}

/// The row of a list that a path leads into, as a pointer: the innermost one.
fn row_of(path: &str) -> Option<&str> {
    let mut rows = path.match_indices('/').rev().map(|(start, _)| start);
    let mut end = path.len();
    rows.find_map(|start| {
        let row = &path[..end];
        let is_index = path[start + 1..end].parse::<usize>().is_ok();
        end = start;
        is_index.then_some(row)
    })
}
