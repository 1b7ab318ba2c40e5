//! TENANT-2 and -5: what is another's is refused, and no entity tag of theirs matches. Broken
//! object level authorization (BOLA) is what OWASP calls it.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::distinctive::{Distinctive, is_distinctive};
use super::observed::{Observed, Received};
use super::word_index::WordIndex;
use crate::domain::contract::{Contract, Resource};
use crate::domain::journal::{EntryId, Question, Reference};
use crate::rules::context::Context;
use crate::rules::exchange::Ended;
use crate::rules::flattened::{Flattened, plain};
use crate::rules::rule::rule;
use crate::rules::violation::Violation;

rule! {
    /// An account that asks with another's ids, names or cursors gets nothing of the other's
    ///
    /// # Why
    /// Ids are guessable and cursors get about; what protects an object is the check of who asks.
    ///
    /// # How it is judged
    /// The harness reads as one account, then asks as another with the first one's cursors, with
    /// ids in reads that the contract allows below a list, with its name wherever the contract
    /// puts the user's name into a path, a query or a header, and with its name and its token's
    /// subject in parameters, body fields and headers by which backends usually take them (`user`, `userId`,
    /// `account`, `tenant` and their like) and those under `session.user-parameters`. A refusal keeps the rule, and so does
    /// an answer with the asking account's own data. An answer that holds an item or the body that
    /// the first account got, and the asking account did not, breaks it; and so does one for a single object
    /// or a `personal` list that has a distinctive text of the first account in its place, unless it was sent. An item that is asked for by its
    /// id is told by its key; below a list that is not `personal` it is *not judged* where the list has
    /// pages, for then it may be everybody's.
    ///
    /// # How to keep it
    /// Look objects up by id *and* the account of the verified token; bind cursors to their
    /// account.
    ///
    /// # Source
    /// OWASP API Security Top 10 2023, API1: broken object level authorization
    pub(super) OF_ANOTHER: "TENANT-2", Backend, from [Probe],
        set by ["resources[].paging", "resources[].key", "scope.allow", "session.user-parameters"]
}

rule! {
    /// The entity tag of another account's answer is no match
    ///
    /// # Why
    /// A 304 says: what you have is current. When it is given for another account's tag, the app
    /// shows the other's data as its own, and whoever asks learns what the other has.
    ///
    /// # How it is judged
    /// The harness reads a resource as two accounts; where their tags differ, it asks as the second
    /// with the first one's tag. Where one tag is given for a resource that the contract calls
    /// `personal`, it is no match either if the two accounts got other items or texts: one tag for
    /// two representations lets any cache between give the first one's. A backend that sends no
    /// entity tags, or takes not even an account's own for a match, is not judged.
    ///
    /// # How to keep it
    /// Compare the tag with the representation that this account would get; make the account part
    /// of the tag.
    ///
    /// # Source
    /// RFC 9110 §8.8.3 and §13.1.2; runbook S9.4
    pub(super) TAG: "TENANT-5", Backend, from [Probe],
        set by ["resources[].personal"]
}

/// Judges what the backend answers the harness, which asks as one account with what is another's.
pub(super) fn judge(observed: &Observed, tags: &mut OwnTags, context: &Context<'_>) {
    let Some((question, ended)) = context.answered() else {
        return;
    };
    if ended.by_backend().is_none() {
        return;
    }
    match question {
        Question::OfAnother { what, owner } => of_another(*what, owner, &ended, observed, context),
        Question::OwnTag => {
            let is_match = ended.status() == Some(304);
            tags.0.insert(ended.request.operation(), is_match);
        }
        Question::TagOfAnother { owner } => {
            if tags.0.get(&ended.request.operation()) == Some(&false) && ended.status() != Some(304)
            {
                context.unable(
                    &TAG,
                    format!(
                        "{}: not even its own entity tag is a match",
                        ended.request.line()
                    ),
                );
                return;
            }
            tag_of_another(owner, &ended, observed, context);
        }
        _ => {}
    }
}

/// Whether an account's own entity tag was a match, by the line of the request.
#[derive(Default)]
pub(super) struct OwnTags(BTreeMap<String, bool>);

fn of_another(
    what: Reference,
    owner: &str,
    ended: &Ended<'_>,
    observed: &Observed,
    context: &Context<'_>,
) {
    context.exercised(&OF_ANOTHER);
    let body = ended.answer.and_then(|answer| answer.body.json());
    let Some(body) = body.filter(|_| ended.succeeded()) else {
        return;
    };
    let asking = ended.opened.account.as_deref().unwrap_or_default();
    // A read below a list brings one of its items, and is none of a resource.
    let read = context.read_by_anyone().map(|read| read.resource);
    let brought = read.map(|resource| keys(resource, body));
    let theirs = got(owner, observed, &context.contract);
    let own = got(asking, observed, &context.contract);
    let mut brought = brought.unwrap_or_default();
    if what == Reference::Id {
        let why = match asked_for(ended, body, &context.contract) {
            Some((list, key)) if list.personal || (list.paging.is_none() && !own.is_empty()) => {
                brought.push(key);
                None
            }
            Some(_) => Some("its list may be everybody's and was not read to its end"),
            None => Some("nothing in the answer says which item it is"),
        };
        if let Some(why) = why {
            let line = ended.request.line();
            context.unable(&OF_ANOTHER, format!("{line} was granted, and {why}"));
        }
    }
    let found = stolen(body, &brought, &theirs, &own);
    let told = || {
        let resource = read?;
        let is_own = resource.items.is_none() || resource.personal;
        is_own.then(|| told(body, ended, &theirs, &own)).flatten()
    };
    let Some((learnt, stolen)) = found.or_else(told) else {
        return;
    };
    let message = format!("an account gets what is another's by using the other's {what}");
    context.violated(
        &OF_ANOTHER,
        Violation::new(message)
            .kind(what.to_string())
            .expected("403, 404 or 400, or the asking account's own data")
            .observed(format!("{}, with {stolen} of `{owner}`", ended.words()))
            .evidence([learnt, ended.opened.id(), context.entry.id])
            .exchanges([ended.request.exchange]),
    );
}

/// The item that was asked for by its id below a list, if the answer brings it: its list, and its key,
/// at the top of the answer or in an object right below.
fn asked_for<'c>(
    ended: &Ended<'_>,
    body: &Value,
    contract: &'c Contract,
) -> Option<(&'c Resource, String)> {
    let (folder, id) = ended.request.path.rsplit_once('/')?;
    let below = body.as_object().into_iter().flat_map(|body| body.values());
    let items: Vec<&Value> = std::iter::once(body).chain(below).collect();
    contract.resources.iter().find_map(|list| {
        let key = list.key.as_ref()?;
        let is_below = list.operation.path.trim_end_matches('/') == folder;
        let mut found = items.iter().filter_map(|item| key.in_body(item));
        let is_it =
            |key: &&Value| key.as_str().map_or_else(|| key.to_string(), str::to_owned) == id;
        Some((list, found.find(is_it).filter(|_| is_below)?.to_string()))
    })
}

/// An answer, and the keys of its items.
type Got<'a> = (&'a Received, Vec<String>);

/// What an account got when the harness read as it.
fn got<'a>(account: &str, observed: &'a Observed, contract: &Contract) -> Vec<Got<'a>> {
    let account = observed.accounts.get(account).into_iter();
    let reads = account.flat_map(|account| account.reads.values());
    let got = reads.filter_map(|read| {
        let (received, resource) = (read.probed()?, contract.resource(&read.resource)?);
        Some((received, keys(resource, &received.body)))
    });
    got.collect()
}

/// The item or body of the owner's that the asking account was brought and did not get itself, and
/// where the owner got it.
fn stolen(
    body: &Value,
    brought: &[String],
    theirs: &[Got<'_>],
    own: &[Got<'_>],
) -> Option<(EntryId, String)> {
    let is_own = |key: &String| own.iter().any(|(_, keys)| keys.contains(key));
    let is_body = |(received, _): &Got<'_>| *received.body == *body;
    theirs.iter().find_map(|got| {
        let (received, keys) = got;
        let mut brought = brought.iter();
        let item = brought.find(|key| keys.contains(key) && !is_own(key));
        let is_whole = || is_body(got) && !own.iter().any(is_body);
        let whole = || is_whole().then(|| "the whole answer".to_owned());
        Some((received.id, item.cloned().or_else(whole)?))
    })
}

/// A distinctive text of the owner's that the asking account was brought in its place, did not get itself
/// and did not send: of two answers with a body that differs each time it shows whose they are.
fn told(
    body: &Value,
    ended: &Ended<'_>,
    theirs: &[Got<'_>],
    own: &[Got<'_>],
) -> Option<(EntryId, String)> {
    let mut echo = WordIndex::default();
    echo.text(&percent_decode_str(&ended.request.target).decode_utf8_lossy());
    echo.content(&ended.request.body);
    let headers = ended.request.headers.iter();
    headers.for_each(|(_, value)| echo.text(value));
    let brought = Distinctive::of(body);
    let of = |got: &Got<'_>| Distinctive::of(&got.0.body);
    let own: Vec<Distinctive> = own.iter().map(of).collect();
    theirs.iter().find_map(|got| {
        let theirs = of(got);
        let mut texts = brought
            .iter()
            .filter(|(path, text)| theirs.at(path) == Some(*text));
        let (_, text) = texts.find(|(_, text)| {
            let is_figure = text.parse::<f64>().is_ok();
            !is_figure && !echo.names(text) && !own.iter().any(|own| own.holds(text))
        })?;
        Some((got.0.id, format!("`{text}`")))
    })
}

/// The keys of the items in a list's answer, as they are written.
fn keys(resource: &Resource, body: &Value) -> Vec<String> {
    let Some((items, key)) = resource.items.as_ref().zip(resource.key.as_ref()) else {
        return Vec::new();
    };
    let list = items.in_body(body).and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(|item| key.in_body(item).map(ToString::to_string))
        .collect()
}

fn tag_of_another(owner: &str, ended: &Ended<'_>, observed: &Observed, context: &Context<'_>) {
    let line = ended.request.operation();
    let of = |account: &str| {
        let read = observed.accounts.get(account)?.reads.get(&line)?;
        let received = read.probed()?;
        let resource = context.contract.resource(&read.resource)?;
        Some((received, received.tag.as_ref()?, resource))
    };
    let asking = ended.opened.account.as_deref();
    let (Some((first, theirs, resource)), Some((second, own, _))) =
        (of(owner), asking.and_then(of))
    else {
        return;
    };
    let is_shared = || resource.personal && are_others(resource, &first.body, &second.body);
    if theirs == own && !is_shared() {
        return;
    }
    context.exercised(&TAG);
    if ended.status() == Some(304) {
        context.violated(
            &TAG,
            Violation::new("the backend takes another account's entity tag for this one's")
                .kind("tag")
                .expected("200 with the asking account's own data")
                .observed(ended.words())
                .evidence([first.id, ended.opened.id(), context.entry.id])
                .exchanges([ended.request.exchange]),
        );
    }
}

/// Whether two answers are of different things: other items, or other texts that tell. A moment that
/// has gone on makes no other answer.
fn are_others(resource: &Resource, one: &Value, other: &Value) -> bool {
    let (one, other) = (Flattened::of(resource, one), Flattened::of(resource, other));
    let telling = |answer: &Flattened| -> Vec<String> {
        let texts = answer.single.values().filter(|value| value.is_string());
        texts
            .map(plain)
            .filter(|text| is_distinctive(text))
            .collect()
    };
    !one.items.keys().eq(other.items.keys()) || telling(&one) != telling(&other)
}
