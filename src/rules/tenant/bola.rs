//! TENANT-2 and -5: what is another's is refused, and no entity tag of theirs matches.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::distinctive::is_distinctive;
use super::flattened::{Flattened, plain};
use crate::domain::contract::{Contract, Resource, Role};
use crate::domain::journal::{Answer, Entry, EntryId, Question, Request};
use crate::rules::context::Context;
use crate::rules::exchange::Ended;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// An account that asks with another's ids, names or cursors gets nothing of the other's
    ///
    /// # Why
    /// Ids are guessable and cursors get about; what protects an object is the check of who asks.
    /// The harness reads as one account, then asks as another with the first one's cursors, with
    /// ids in reads that the contract allows below a list, and with its name wherever the contract
    /// puts the user's name into a path, a query or a header. A refusal keeps the rule, and so does
    /// an answer with the asking account's own data. An answer that holds an item or the body that
    /// the first account got, and the asking account did not, breaks it.
    ///
    /// # How it is judged
    ///
    /// # How to keep it
    /// Look objects up by id *and* the account of the verified token; bind cursors to their
    /// account.
    ///
    /// # Source
    /// OWASP API Security Top 10 2023, API1: broken object level authorization
    pub(super) OF_ANOTHER: "TENANT-2", Backend, from [Probe],
        set by ["resources[].paging", "resources[].key", "scope.allow"]
}

rule! {
    /// The entity tag of another account's answer is no match
    ///
    /// # Why
    /// A 304 says: what you have is current. When it is given for another account's tag, the app
    /// shows the other's data as its own, and whoever asks learns what the other has. The harness
    /// reads a resource as two accounts; where their tags differ, it asks as the second with the
    /// first one's tag. Where one tag is given for a resource that the contract calls `personal`,
    /// it is no match either if the two accounts got other items or texts: one tag for two
    /// representations lets any cache between give the first one's.
    ///
    /// # How it is judged
    /// A backend that sends no entity tags is not judged.
    ///
    /// # How to keep it
    /// Compare the tag with the representation that this account would get; make the account part
    /// of the tag.
    ///
    /// # Source
    /// RFC 9110 §8.8.3 and §13.1.2; runbook S9.4
    pub(super) TAG: "TENANT-5", Backend, from [Probe]
}

/// What each account got, by what was asked for.
#[derive(Default)]
pub(super) struct Bola {
    got: BTreeMap<(Arc<str>, String), Got>,
}

/// What an account got.
struct Got {
    entry: EntryId,
    body: Arc<Value>,
    items: Vec<String>,
    tag: Option<String>,
}

impl Rule for Bola {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        let Some((question, ended)) = context.answered() else {
            return;
        };
        let Some(answer) = ended.by_backend() else {
            return;
        };
        match question {
            Question::Own | Question::Walk { .. } => {
                self.own(entry, &ended, answer, &context.contract);
            }
            Question::OfAnother { what, owner } => {
                self.of_another(what, owner, entry, &ended, answer, context);
            }
            Question::TagOfAnother { owner } => {
                self.tag_of_another(owner, entry, &ended, answer, context);
            }
            _ => {}
        }
    }

    fn hears_probes(&self) -> bool {
        true
    }
}

impl Bola {
    fn own(&mut self, entry: &Entry, ended: &Ended<'_>, answer: &Answer, contract: &Contract) {
        let (Some(account), true, Some(value)) = (
            &ended.opened.account,
            ended.succeeded(),
            answer.body.shared(),
        ) else {
            return;
        };
        let got = Got {
            entry: entry.id,
            body: Arc::clone(value),
            items: items(ended.request, value, contract),
            tag: answer.headers.get("etag").map(str::to_owned),
        };
        if self.got.len() < 256 {
            let key = (Arc::clone(account), ended.request.target.clone());
            self.got.entry(key).or_insert(got);
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one question and its answer in all their parts"
    )]
    fn of_another(
        &self,
        what: &str,
        owner: &str,
        entry: &Entry,
        ended: &Ended<'_>,
        answer: &Answer,
        context: &Context<'_>,
    ) {
        context.exercised(&OF_ANOTHER);
        let (true, Some(body)) = (ended.succeeded(), answer.body.json()) else {
            return;
        };
        let asking = ended.opened.account.as_deref().unwrap_or_default();
        let of = |account: &str| {
            let account = account.to_owned();
            self.got
                .iter()
                .filter(move |((own, _), _)| **own == account)
                .map(|(_, got)| got)
        };
        let is_own = |item: &String| of(asking).any(|got| got.items.contains(item));
        let brought = items(ended.request, body, &context.contract);
        let stolen = of(owner).find_map(|got| {
            let item = brought
                .iter()
                .find(|item| got.items.contains(item) && !is_own(item));
            let whole = *got.body == *body && !of(asking).any(|own| *own.body == *body);
            item.cloned()
                .or_else(|| whole.then(|| "the whole answer".to_owned()))
                .map(|stolen| (got.entry, stolen))
        });
        let Some((learnt, stolen)) = stolen else {
            return;
        };
        context.violated(
            &OF_ANOTHER,
            Violation::new(format!(
                "an account gets what is another's by using the other's {what}"
            ))
            .kind(what.to_owned())
            .expected("403, 404 or 400, or the asking account's own data")
            .observed(format!("{}, with {stolen} of `{owner}`", ended.words()))
            .evidence([learnt, ended.opened.id(), entry.id])
            .exchanges([ended.request.exchange]),
        );
    }

    fn tag_of_another(
        &self,
        owner: &str,
        entry: &Entry,
        ended: &Ended<'_>,
        answer: &Answer,
        context: &Context<'_>,
    ) {
        let Some(asking) = &ended.opened.account else {
            return;
        };
        let target = &ended.request.target;
        let of = |account: &str| {
            let got = self.got.get(&(Arc::from(account), target.clone()))?;
            Some((got, got.tag.as_ref()?))
        };
        let (Some((first, theirs)), Some((second, own))) = (of(owner), of(asking)) else {
            return;
        };
        let learnt = first.entry;
        let resource = match &ended.request.role {
            Some(Role::Resource(name)) => context.contract.resource(name),
            _ => None,
        };
        let differ = |resource: &Resource| {
            resource.personal && are_others(resource, &first.body, &second.body)
        };
        if theirs == own && !resource.is_some_and(differ) {
            return;
        }
        context.exercised(&TAG);
        if answer.status == 304 {
            context.violated(
                &TAG,
                Violation::new("the backend takes another account's entity tag for this one's")
                    .kind("tag")
                    .expected("200 with the asking account's own data")
                    .observed(ended.words())
                    .evidence([learnt, ended.opened.id(), entry.id])
                    .exchanges([ended.request.exchange]),
            );
        }
    }
}

/// Whether two answers are of different things: other items, or other texts that tell. A moment that
/// has gone on makes no other answer.
fn are_others(resource: &Resource, one: &Value, other: &Value) -> bool {
    let (one, other) = (Flattened::of(resource, one), Flattened::of(resource, other));
    let telling = |leaves: &Flattened| -> Vec<String> {
        let texts = leaves.single.values().filter(|value| value.is_string());
        texts
            .map(plain)
            .filter(|text| is_distinctive(text))
            .collect()
    };
    !one.items.keys().eq(other.items.keys()) || telling(&one) != telling(&other)
}

/// The keys of the items in an answer, if it is a list's.
fn items(request: &Request, body: &Value, contract: &Contract) -> Vec<String> {
    let resource = match &request.role {
        Some(Role::Resource(name)) => contract.resource(name),
        // A read below a list brings one of its items.
        _ => None,
    };
    let Some((selector, key)) = resource.and_then(|own| own.items.as_ref().zip(own.key.as_ref()))
    else {
        return Vec::new();
    };
    let list = selector.in_body(body).and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(|item| key.in_body(item).map(ToString::to_string))
        .collect()
}
