//! TENANT-6: the next user of a device gets nothing of the one before.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::distinctive::is_name;
use super::word_index::WordIndex;
use crate::domain::contract::Role;
use crate::domain::journal::{
    Act, AppFact, Content, DataSource, Direction, EntryId, Fact, Frame, Request, TokenIssued,
};
use crate::rules::context::Context;
use crate::rules::crossing::Crossing;
use crate::rules::labels;
use crate::rules::rule::{Rule, rule};
use crate::rules::state::Account;
use crate::rules::violation::Violation;

rule! {
    /// After a change of users on one device nothing of the one before is shown, sent or asked for
    ///
    /// # Why
    /// Caches, sockets and queues outlive a session unless somebody empties them.
    ///
    /// # How it is judged
    /// Judged from the sign-in of another user: what the app shows comes from answers to that
    /// user's requests, never from storage or from an answer that was still on its way; a
    /// conditional request never carries an ETag of the user before, and no page is asked for by a cursor
    /// that only that user was given; CONNECT never asks for the
    /// recovery of that user's session; no request carries that user's token (but for up to three in
    /// the first second where nobody had signed out, which were on their way); and no event leaves
    /// over the socket that the app did not emit since. Of an app that nobody wrote here the last
    /// is judged by what names somebody: the events that leave with the first CONNECT, where an
    /// emptied queue would show, hold neither name nor token of another user whom no answer of this
    /// session has named.
    ///
    /// # How to keep it
    /// Make everything that holds a user's data a child of the session, and drop it with the
    /// session: caches, ETags, the socket object with its buffers, requests under way.
    ///
    /// # Source
    /// Socket.IO connection state recovery (`pid` outlives `disconnect()`); RFC 9110 §13.1.2;
    /// runbook S9.3
    pub(super) NEXT_USER: "TENANT-6", App, from [Wire, Sim],
        set by ["session.sign-in"]
}

/// How many ETags, and how many cursors, of each user are remembered.
const ETAGS: usize = 256;
/// How short a cursor may be that is no number of a page.
const TELLING: usize = 6;
/// How long after a CONNECT is answered what was queued leaves: at once, but for the wire.
const FLUSHED: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(super) struct NextUser {
    user: Option<String>,
    change: Option<Change>,
    /// Whether somebody signed out since the last token was handed out.
    left: bool,
    /// What each user was given on this device.
    given: BTreeMap<String, Given>,
}

/// What could be used again, or give somebody away.
#[derive(Default)]
struct Given {
    /// The last ones, each once.
    etags: VecDeque<String>,
    cursors: VecDeque<String>,
    pids: BTreeSet<String>,
    /// What others call the user, and the labels of the tokens.
    names: BTreeSet<String>,
}

impl Given {
    fn etag(&mut self, etag: &str) {
        keep(&mut self.etags, etag);
    }

    /// Keeps what leads on to a further page, unless it may be a mere number.
    fn cursor(&mut self, cursor: &str) {
        let is_number = cursor.chars().all(|sign| sign.is_ascii_digit());
        if !is_number && cursor.len() >= TELLING {
            keep(&mut self.cursors, cursor);
        }
    }

    fn token(&mut self, token: &TokenIssued, user: Option<&Account>) {
        let names = user.into_iter().flat_map(Account::texts);
        let names = names.map(|(name, _)| name).filter(|name| is_name(name));
        self.names.extend(names.map(str::to_owned));
        self.names.insert(labels::bare(&token.label).to_owned());
    }
}

/// Keeps one of the last few, each once.
fn keep(kept: &mut VecDeque<String>, one: &str) {
    if kept.iter().any(|own| own == one) {
        return;
    }
    if kept.len() == ETAGS {
        kept.pop_front();
    }
    kept.push_back(one.to_owned());
}

/// Another user has signed in.
struct Change {
    since: EntryId,
    /// What was on its way with the token of the user before, if nobody had signed out.
    crossing: Option<Crossing>,
    /// The exchange that did it.
    exchange: u64,
    /// Resources that were read since.
    read: BTreeSet<String>,
    emitted: u64,
    sent: u64,
    /// When the first CONNECT since was answered.
    joined: Option<Duration>,
    /// What the backend has said since, until what was queued has left.
    told: WordIndex,
}

impl Change {
    /// Whether what was queued may still leave.
    fn may_flush(&self, at: Duration) -> bool {
        self.joined.is_none_or(|joined| at <= joined + FLUSHED)
    }
}

impl Rule for NextUser {
    fn see(&mut self, context: &Context<'_>) {
        match &context.entry.fact {
            Fact::TokenIssued(token) => {
                if let Some(user) = &token.username {
                    self.signed_in(user, token.exchange, context);
                    self.own().token(token, context.accounts.get(user));
                }
            }
            Fact::Act(Act::SignOut) => self.left = true,
            Fact::Request(_) => self.asks(context),
            Fact::Answer(_) => self.answered(context),
            Fact::Frame {
                direction, packet, ..
            } => match direction {
                Direction::Down => self.arrived(packet, context.entry.at),
                Direction::Up => self.sends(packet, context),
            },
            Fact::App(AppFact::Emitted { .. }) => {
                if let Some(change) = &mut self.change {
                    change.emitted += 1;
                }
            }
            Fact::App(AppFact::Shown {
                resource, source, ..
            }) => self.shows(resource, *source, context),
            _ => {}
        }
    }
}

impl NextUser {
    fn signed_in(&mut self, user: &str, exchange: u64, context: &Context<'_>) {
        let left = std::mem::take(&mut self.left);
        let Some(before) = self.user.replace(user.to_owned()) else {
            // What was given before anybody was known to be signed in was theirs.
            let unknown = self.given.remove("").unwrap_or_default();
            self.given.insert(user.to_owned(), unknown);
            return;
        };
        if before == user {
            return;
        }
        context.exercised(&NEXT_USER);
        if !context.world.simulated {
            context.unable(
                &NEXT_USER,
                "whether the app showed something of the user before, and whether an event that names \
                 nobody was emitted for them, only it can say; what else it sent was judged",
            );
        }
        self.change = Some(Change {
            since: context.entry.id,
            crossing: (!left).then(|| Crossing::of(context.now)),
            exchange,
            read: BTreeSet::new(),
            emitted: 0,
            sent: 0,
            joined: None,
            told: WordIndex::default(),
        });
    }

    /// What the user who is signed in was given.
    fn own(&mut self) -> &mut Given {
        let user = self.user.clone().unwrap_or_default();
        self.given.entry(user).or_default()
    }

    /// What users other than the one who is signed in were given.
    fn others(&self) -> impl Iterator<Item = &Given> {
        let own = self.user.as_deref();
        let others = self.given.iter();
        others
            .filter(move |(user, _)| Some(user.as_str()) != own)
            .map(|(_, given)| given)
    }

    fn answered(&mut self, context: &Context<'_>) {
        let Some(ended) = context.ended() else {
            return;
        };
        let (Some(answer), Some(Role::Resource(name))) = (ended.answer, &ended.request.role) else {
            return;
        };
        let label = ended.opened.credential.as_deref();
        let owner = label.and_then(|label| context.session.token(label)?.username.as_ref());
        if let Some(change) = &mut self.change
            && owner.is_some()
            && owner == self.user.as_ref()
        {
            // Who has an answer for the new user's own token has had the news for longer.
            change.crossing = None;
        }
        let resource = context.contract.resource(name);
        let is_authorized = resource.is_some_and(|resource| resource.operation.authorized);
        if is_authorized {
            let paging = resource.and_then(|resource| resource.paging.as_ref());
            let cursor = paging.and_then(|paging| {
                paging
                    .next
                    .cursor(answer.headers.iter(), answer.body.json())
            });
            // An answer may still have been on its way when another user signed in.
            let given = match owner.cloned() {
                Some(user) => self.given.entry(user).or_default(),
                None => self.own(),
            };
            answer
                .headers
                .get("etag")
                .into_iter()
                .for_each(|own| given.etag(own));
            cursor.into_iter().for_each(|own| given.cursor(&own));
        }
        if let Some(change) = &mut self.change
            && ended.request.exchange > change.exchange
        {
            if ended.succeeded() {
                change.read.insert(name.clone());
            }
            if change.may_flush(context.entry.at) {
                change.told.content(&answer.body);
            }
        }
    }

    fn arrived(&mut self, packet: &Frame, at: Duration) {
        match packet {
            Frame::Connect { payload, .. } => {
                if let Some(pid) = pid(payload) {
                    self.own().pids.insert(pid.to_owned());
                }
                if let Some(change) = &mut self.change {
                    change.joined = change.joined.or(Some(at));
                }
            }
            Frame::Event { args, .. } => {
                if let Some(change) = &mut self.change
                    && change.may_flush(at)
                {
                    change.told.content(args);
                }
            }
            _ => {}
        }
    }

    /// A request may carry something of another user.
    fn asks(&mut self, context: &Context<'_>) {
        let role = context.request().and_then(|request| request.role.as_ref());
        self.left |= role == Some(&Role::SignOut);
        let (Some(request), Some(_)) = (context.request(), &self.change) else {
            return;
        };
        let what = request.line();
        if self.is_foreign_etag(request) {
            let observed = format!("{what} with an ETag of the user before");
            self.outlives("etag", Some(request.exchange), observed, context);
        }
        if self.is_foreign_cursor(request, context) {
            let observed = format!("{what} with a cursor of the user before");
            self.outlives("cursor", Some(request.exchange), observed, context);
        }
        let opened = context.opened(request.exchange);
        let label = opened.and_then(|opened| opened.credential.as_deref());
        let token = label.and_then(|label| context.session.token(label));
        let user = token.and_then(|token| token.username.as_ref());
        let is_foreign = user.is_some() && user != self.user.as_ref();
        let crossing = self.change.as_mut().and_then(|own| own.crossing.as_mut());
        if is_foreign
            && request.role.as_ref().is_some_and(Role::is_data)
            && !crossing.is_some_and(|own| own.takes(context.now))
        {
            let observed = format!("{what} with a token of the user before");
            self.outlives("token", Some(request.exchange), observed, context);
        }
    }

    fn is_foreign_etag(&self, request: &Request) -> bool {
        request.header("if-none-match").is_some_and(|value| {
            value.split(',').any(|etag| {
                let etag = etag.trim();
                self.is_foreign(|given| given.etags.iter().any(|own| own == etag))
            })
        })
    }

    fn is_foreign_cursor(&self, request: &Request, context: &Context<'_>) -> bool {
        let Some(Role::Resource(name)) = &request.role else {
            return false;
        };
        let resource = context.contract.resource(name);
        let Some(paging) = resource.and_then(|resource| resource.paging.as_ref()) else {
            return false;
        };
        let (_, query) = request.target.split_once('?').unwrap_or_default();
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        let asked = pairs.find(|(name, _)| *name == paging.next.query());
        asked.is_some_and(|(_, asked)| {
            self.is_foreign(|given| given.cursors.iter().any(|own| *own == asked))
        })
    }

    /// Whether something was given to another user, and not to this one as well.
    fn is_foreign(&self, has: impl Fn(&Given) -> bool) -> bool {
        let user = self.user.as_deref().unwrap_or_default();
        let is_own = self.given.get(user).is_some_and(&has);
        !is_own && self.others().any(has)
    }

    /// A packet may be meant for another user's session.
    fn sends(&mut self, packet: &Frame, context: &Context<'_>) {
        match packet {
            Frame::Connect { payload, .. } => {
                let pid = pid(payload);
                if pid.is_some_and(|pid| self.is_foreign(|given| given.pids.contains(pid))) {
                    let observed = "CONNECT asks for the recovery of a session of the user before";
                    self.outlives("pid", None, observed.to_owned(), context);
                }
            }
            Frame::Event { name, args, .. } => {
                if let Some(why) = self.emitted_before(args, context) {
                    self.outlives("emit", None, format!("`{name}` left{why}"), context);
                }
            }
            _ => {}
        }
    }

    /// What shows that an event leaves which was emitted for another user.
    fn emitted_before(&mut self, args: &Content, context: &Context<'_>) -> Option<&'static str> {
        let change = self.change.as_mut()?;
        change.sent += 1;
        if !context.world.simulated {
            let is_named = self.names_another(args, context.entry.at);
            return is_named.then_some(" with the first CONNECT, and names the user before");
        }
        let is_more = change.sent > change.emitted;
        // It is counted once.
        change.emitted = change.emitted.max(change.sent);
        is_more.then_some(", which the app did not emit since")
    }

    /// Whether the arguments of an event that may come from a queue name another user, whom this
    /// session has not heard of.
    fn names_another(&self, args: &Content, at: Duration) -> bool {
        let Some(change) = self.change.as_ref().filter(|change| change.may_flush(at)) else {
            return false;
        };
        let mut sent = WordIndex::default();
        sent.content(args);
        let names = self.others().flat_map(|given| &given.names);
        names
            .filter(|name| sent.names(name))
            .any(|name| !change.told.names(name) && self.is_foreign(|own| own.names.contains(name)))
    }

    /// Something may be shown that was not read for this user.
    fn shows(&self, resource: &str, source: DataSource, context: &Context<'_>) {
        let change = self.change.as_ref();
        let is_unread = change.is_some_and(|change| !change.read.contains(resource));
        if source != DataSource::Event && is_unread {
            let observed = format!(
                "{resource} was shown from {source} before this user's request for it was answered"
            );
            self.outlives("shown", None, observed, context);
        }
    }

    /// Something outlives the change of users, if there was one.
    fn outlives(&self, what: &str, exchange: Option<u64>, observed: String, context: &Context<'_>) {
        let Some(change) = &self.change else {
            return;
        };
        let expected =
            "nothing of an earlier session is shown, sent or asked for in the next user's";
        context.violated(
            &NEXT_USER,
            Violation::new("something of the user before outlives the change of users")
                .kind(what)
                .expected(expected)
                .observed(observed)
                .evidence([change.since, context.entry.id])
                .exchanges(exchange),
        );
    }
}

/// The session in a CONNECT by which it can be recovered.
fn pid(payload: &Content) -> Option<&str> {
    payload.json()?.get("pid")?.as_str()
}
