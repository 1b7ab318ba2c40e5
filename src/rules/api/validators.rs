//! API-13: a validator stands for what it was given with.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::journal::{Answer, Content, EntryId, Request};
use crate::rules::context::Context;
use crate::rules::exchange::Ended;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// An entity tag or a date of change stands for what it was given with, and 304 for nothing else
    ///
    /// # Why
    /// An app, its HTTP library or a cache between asks again with the validator of what it has, and
    /// shows that as long as it is told 304. One that is told so although something changed shows what
    /// is over: an old balance, or a service that is open although its kill-switch is on.
    ///
    /// # How it is judged
    /// Judged on `GET` requests for resources, the kill-switch, the key set and health, whoever asks,
    /// for each account on its own. The harness asks each of them plainly and then with the validator
    /// that the answer brought, waits two seconds, and asks three times with the validator of what has
    /// changed meanwhile; for the kill-switch it does so with the validator from before its lever was
    /// moved, both ways. Found are one strong entity tag for two contents; 304 for what an answer
    /// before and an answer after it contradict, three times in a row; 304 for the kill-switch two
    /// seconds after its lever was moved, when an answer has already said what it is now; and 304 to
    /// a request that names no validator. A tag that changes although its content does not, and an
    /// answer in full under the very tag that was asked with, are remarked on. Weak tags and dates
    /// stand for more than one content; of them 304 is judged, and nothing else. What nobody was
    /// given before is not judged, and neither is a resource that the harness spoils on purpose.
    ///
    /// # How to keep it
    /// Make the tag from the bytes that are sent, or from a version that every change raises; leave it
    /// away where neither is at hand. Never let a cache answer for the kill-switch.
    ///
    /// # Source
    /// RFC 9110 §8.8, §13.1.2 and §15.4.5
    pub(super) VALIDATORS: "API-13", Backend, from [Wire, Probe]
}

/// How many routes are followed, and how many validators of each.
const ROUTES: usize = 128;
const GIVEN: usize = 8;
/// How often 304 must be contradicted.
const TIMES: u32 = 3;
/// How long the parts of a backend may take to hear of its kill-switch.
const SPREAD: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(super) struct Validators(BTreeMap<String, Route>);

/// What one account is given of one route.
#[derive(Default)]
struct Route {
    given: VecDeque<Given>,
    /// The last answer in full.
    last: Option<Seen>,
    /// A 304 that the answer before it contradicts, until the answer after it is seen.
    doubtful: Option<(u64, EntryId)>,
    /// How many in a row were contradicted from both sides.
    wrong: u32,
}

/// A content, and what it was given with.
struct Given {
    validator: String,
    seen: Seen,
}

#[derive(Clone, Copy)]
struct Seen {
    /// What tells contents apart.
    content: u64,
    /// Whether it says that the kill-switch is on, if it is about that.
    blocked: Option<bool>,
    id: EntryId,
}

impl Rule for Validators {
    fn see(&mut self, context: &Context<'_>) {
        let Some(ended) = context.ended_by_anyone() else {
            return;
        };
        let Some(answer) = ended.by_backend() else {
            return;
        };
        let of = match &ended.request.role {
            Some(Role::Resource(name)) if context.world.is_spoilt(name) => return,
            Some(role @ (Role::Resource(_) | Role::Status | Role::Keys | Role::Health)) => role,
            _ => return,
        };
        let has_validator = validators(answer).next().is_some();
        if ended.request.method != "GET" || (answer.status == 200 && !has_validator) {
            return;
        }
        let key = key(&ended);
        if !self.0.contains_key(&key) && self.0.len() == ROUTES {
            return;
        }
        let route = self.0.entry(key).or_default();
        match answer.status {
            200 => route.answered(&ended, answer, context),
            304 => route.unchanged(*of == Role::Status, &ended, context),
            _ => {}
        }
    }

    fn hears_probes(&self) -> bool {
        true
    }
}

impl Route {
    fn answered(&mut self, ended: &Ended<'_>, answer: &Answer, context: &Context<'_>) {
        let Some(content) = digest(&answer.body) else {
            return;
        };
        let switch = context.contract.kill_switch.as_ref();
        let is_status = ended.request.role == Some(Role::Status);
        let seen = Seen {
            content,
            blocked: switch
                .filter(|_| is_status)
                .and_then(|own| answer.blocks(own)),
            id: context.entry.id,
        };
        self.settle(content, ended, context);
        if let Some(tag) = answer.headers.get("etag").map(str::trim) {
            self.tagged(tag, seen, ended, context);
        }
        for validator in validators(answer) {
            self.given.retain(|own| own.validator != validator);
            if self.given.len() == GIVEN {
                self.given.pop_front();
            }
            self.given.push_back(Given { validator, seen });
        }
        self.last = Some(seen);
    }

    /// Holds an entity tag against those that were given before.
    fn tagged(&self, tag: &str, seen: Seen, ended: &Ended<'_>, context: &Context<'_>) {
        if is_weak(tag) {
            return;
        }
        context.exercised(&VALIDATORS);
        let before = self.given.iter().find(|own| own.validator == tag);
        if let Some(before) = before.filter(|own| own.seen.content != seen.content) {
            context.violated(
                &VALIDATORS,
                Violation::new(format!(
                    "the backend gives two contents of `{}` one entity tag",
                    ended.request.path
                ))
                .kind("one tag")
                .expected("another entity tag for another content")
                .observed(format!("{} with `etag: {tag}`, as before", ended.words()))
                .evidence([before.seen.id, ended.opened.id(), context.entry.id])
                .exchanges([ended.request.exchange]),
            );
        }
        let path = &ended.request.path;
        let same = self.last.filter(|last| last.content == seen.content);
        if same.is_some() && before.is_none() && self.has_strong() {
            context.remark(
                &VALIDATORS,
                format!("the entity tag of `{path}` changes although what it stands for does not: whoever asks conditionally is sent all of it again"),
            );
        }
        if before.is_some_and(|own| own.seen.content == seen.content)
            && asked_with(ended.request).any(|own| own == tag)
        {
            context.remark(
                &VALIDATORS,
                format!("`{path}` is sent in full to who names the very entity tag that it has: conditional requests save nothing"),
            );
        }
    }

    fn has_strong(&self) -> bool {
        let mut given = self.given.iter();
        given.any(|own| own.validator.starts_with('"'))
    }

    fn unchanged(&mut self, is_status: bool, ended: &Ended<'_>, context: &Context<'_>) {
        let mut asked = asked_with(ended.request).peekable();
        context.exercised(&VALIDATORS);
        if asked.peek().is_none() {
            context.violated(
                &VALIDATORS,
                found(ended, "304 to a request that names no validator", context)
                    .kind("unasked")
                    .expected("200 with what was asked for"),
            );
            return;
        }
        let named: Vec<&Given> = asked
            .filter_map(|asked| self.given.iter().find(|own| own.validator == asked))
            .collect();
        let Some(last) = self.last.filter(|last| last.id < ended.opened.id()) else {
            return;
        };
        // Of several validators nobody knows which one is meant.
        let [given] = named[..] else {
            return;
        };
        if is_status && says_otherwise(given.seen, last, ended, context) {
            context.violated(
                &VALIDATORS,
                found(ended, "304 for the kill-switch although it was moved", context)
                    .kind("switch")
                    .expected("200 with what the kill-switch says now, so that an app which asks conditionally sees it")
                    .evidence([given.seen.id, last.id, ended.opened.id(), context.entry.id]),
            );
        } else if given.seen.content == last.content {
            self.doubtful = None;
            self.wrong = 0;
        } else {
            self.doubtful = Some((given.seen.content, context.entry.id));
        }
    }

    /// An answer in full shows whether the 304 before it was right.
    fn settle(&mut self, content: u64, ended: &Ended<'_>, context: &Context<'_>) {
        let Some((claimed, id)) = self.doubtful.take() else {
            return;
        };
        if claimed == content {
            // It was so again.
            self.wrong = 0;
            return;
        }
        self.wrong += 1;
        if self.wrong < TIMES {
            return;
        }
        let path = &ended.request.path;
        context.violated(
            &VALIDATORS,
            Violation::new(format!(
                "the backend says that `{path}` has not changed, and it has"
            ))
            .kind("stale")
            .expected("200 with what it is now")
            .observed(format!(
                "304 {} times in a row, each between two answers with other contents",
                self.wrong
            ))
            .evidence([id, ended.opened.id(), context.entry.id])
            .exchanges([ended.request.exchange]),
        );
    }
}

/// Whether a 304 hides what the kill-switch says since its lever was moved.
fn says_otherwise(given: Seen, last: Seen, ended: &Ended<'_>, context: &Context<'_>) -> bool {
    let Some((on, moved)) = context.world.maintenance else {
        return false;
    };
    let (Some(before), Some(now)) = (given.blocked, last.blocked) else {
        return false;
    };
    before != now && now == on && last.id > moved.id && ended.opened.at() >= moved.at + SPREAD
}

fn found(ended: &Ended<'_>, what: &str, context: &Context<'_>) -> Violation {
    Violation::new(format!("the backend answers {what}"))
        .observed(ended.words())
        .evidence([ended.opened.id(), context.entry.id])
        .exchanges([ended.request.exchange])
}

/// What one requester asks for: an account's answers are its own, and another language is another
/// content.
fn key(ended: &Ended<'_>) -> String {
    let request = ended.request;
    let who = ended.opened.account.as_deref();
    let who = who.or(ended.opened.credential.as_deref());
    let kind = ["accept", "accept-language"].map(|name| request.header(name).unwrap_or_default());
    format!(
        "{} {:?} {:?} {kind:?}",
        request.operation(),
        request.sender,
        who
    )
}

/// What an answer was given with.
fn validators(answer: &Answer) -> impl Iterator<Item = String> {
    let names = ["etag", "last-modified"];
    let values = names
        .into_iter()
        .filter_map(|name| answer.headers.get(name));
    values.map(|value| value.trim().to_owned())
}

/// The validators that a request names. Where it names entity tags, its date counts for nothing.
fn asked_with(request: &Request) -> impl Iterator<Item = &str> {
    let tags = request.header("if-none-match");
    let date = request
        .header("if-modified-since")
        .filter(|_| tags.is_none());
    let tags = tags.into_iter().flat_map(|tags| tags.split(','));
    tags.chain(date)
        .map(str::trim)
        .filter(|own| !own.is_empty())
}

fn is_weak(tag: &str) -> bool {
    !tag.starts_with('"')
}

/// What tells contents apart and holds nothing of them; nothing where the journal has no trace of all.
fn digest(body: &Content) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    match body {
        Content::Empty => {}
        Content::Json { value, .. } => value.value()?.hash(&mut hasher),
        Content::Text { text, .. } => text.hash(&mut hasher),
        Content::Binary { sha256, .. } => sha256.hash(&mut hasher),
        Content::Truncated { .. } | Content::Unread { .. } => return None,
    }
    Some(hasher.finish())
}
