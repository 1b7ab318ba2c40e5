//! SESSION-20: a client that stays connected hands over its renewed token.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::socket::successor;
use crate::domain::contract::{Role, TokenChecked, TokenRenewal};
use crate::domain::duration::show;
use crate::domain::journal::{Content, Direction, EntryId, Fact, Frame, SocketEnd, TokenKind};
use crate::domain::secrets::is_missing;
use crate::domain::verdict::Subject;
use crate::rules::context::Context;
use crate::rules::labels;
use crate::rules::moment::Moment;
use crate::rules::placeholders::{Sent, find_text};
use crate::rules::rule::{Rule, rule};
use crate::rules::state::Token;
use crate::rules::violation::Violation;

rule! {
    /// A client that stays connected hands over its renewed token, where that was agreed
    ///
    /// # Why
    /// A backend that looks at a socket's token until its end drops whoever does not renew it there:
    /// the feed breaks once with every token, and what changes in the gap is seen late.
    ///
    /// # How it is judged
    /// Where the contract has `realtime.renewal`, each feed that is connected when a refresh is granted
    /// is watched: what was agreed is emitted on it with the new token by the end of the old one, or
    /// as long ahead of it as the contract says, and never sooner than ten seconds after the refresh.
    /// A token that no answer gave, one that was replaced, or what stands for a missing one hands
    /// nothing over. A feed that closes before is not judged, nor an app that slept or was cut off
    /// meanwhile. A feed that the backend ends at its token's end twice and more is a remark where no
    /// renewal was agreed, and a finding where one was. A backend that ends it twice at the end of a token
    /// in whose place the feed was handed another before is found itself.
    ///
    /// # How to keep it
    /// In the function that stores renewed tokens, emit the agreed event on every socket that is
    /// connected; the `auth` function of `socket.io-client` is asked at connects only.
    ///
    /// # Source
    /// Socket.IO, middlewares run once a connection; auth0-community/auth0-socketio-jwt#98
    pub(super) HANDED_OVER: "SESSION-20", Both, from [Wire],
        needs [Feed],
        set by ["realtime.renewal", "realtime.token-checked", "session.token.leeway"]
}

/// How long handing over may take after a refresh.
const LEEWAY: Duration = Duration::from_secs(10);
/// The same where nobody knows when the old token ends.
const UNKNOWN: Duration = Duration::from_secs(30);
/// What clocks and queues may add to a token's end.
const SLACK: Duration = Duration::from_secs(10);
/// How near to a token's end a feed is ended because of it.
const AT_ITS_END: Duration = Duration::from_secs(2);
/// How often a feed ends with its token until that is told.
const ENDS: u32 = 2;
/// What is said where nothing was agreed.
const NO_RENEWAL: &str = "the backend ends the feed whenever the token ends that it was joined with, \
    and the contract has no `realtime.renewal`: the feed breaks once with every token";

#[derive(Default)]
pub(super) struct HandedOver {
    /// What each feed that is connected, or about to be, holds.
    feeds: BTreeMap<u64, Held>,
    /// How often a feed ended with its token although nobody kept the app from renewing it.
    ends: u32,
    /// The refresh that was granted last, until its token is known.
    granted: Option<u64>,
    /// When a refresh last failed: then nobody let a token run out.
    failed: Option<EntryId>,
    /// How often the backend ended a feed with a token that had been replaced on it.
    deaf: u32,
}

/// What one feed was joined with, or was handed since.
struct Held {
    label: String,
    since: EntryId,
    handed: Duration,
    due: Option<Due>,
    /// Whether a renewed token was not handed over, and that was told.
    missed: bool,
    /// The token in whose place this one was handed over.
    replaced: Option<String>,
}

/// A renewed token that is to be handed over.
struct Due {
    refreshed: Moment,
    until: Duration,
    /// A token that was handed over since in its stead.
    instead: Option<String>,
}

impl Rule for HandedOver {
    fn see(&mut self, context: &Context<'_>) {
        self.overdue(context);
        if let Some(connect) = context.feed_connect()
            && let Some(label) = labels::in_content(connect.payload)
        {
            self.feeds.insert(connect.socket, Held::of(label, context));
        }
        if let Some(ended) = context.ended()
            && ended.request.role == Some(Role::Refresh)
        {
            match ended.succeeded() {
                true => self.granted = Some(ended.request.exchange),
                false => self.failed = Some(context.entry.id),
            }
        }
        // The token is noted before the answer that brings it, or after it.
        if let Some(current) = context.session.current()
            && self.granted == Some(current.exchange)
        {
            self.granted = None;
            self.refreshed(current, context);
        }
        match &context.entry.fact {
            Fact::Frame {
                socket,
                direction,
                packet,
                ..
            } => match (direction, packet) {
                (
                    Direction::Up,
                    Frame::Event {
                        namespace,
                        name,
                        args,
                        ..
                    },
                ) if context.is_feed(namespace) => self.emitted(*socket, name, args, context),
                (_, Frame::Disconnect { namespace }) if context.is_feed(namespace) => {
                    self.closed(*socket, *direction == Direction::Down, context);
                }
                _ => {}
            },
            Fact::SocketClosed { socket, end } => {
                self.closed(*socket, *end == SocketEnd::Backend, context);
            }
            _ => {}
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        self.overdue(context);
        for due in self.feeds.values().filter_map(|held| held.due.as_ref()) {
            let (had, takes) = (context.now - due.refreshed.at, due.until - due.refreshed.at);
            context.lacked(
                &HANDED_OVER,
                "a refresh while the feed was connected",
                had,
                takes,
            );
        }
    }
}

impl Held {
    fn of(label: &str, context: &Context<'_>) -> Self {
        Self {
            label: labels::bare(label).to_owned(),
            since: context.entry.id,
            handed: context.now,
            due: None,
            missed: false,
            replaced: None,
        }
    }

    /// When its token ends, on the journal's clock.
    fn end(&self, context: &Context<'_>) -> Option<Duration> {
        end_of(&self.label, context)
    }

    /// The token that ends just now although another was handed over in its place, long before and
    /// good for long.
    fn ends_replaced(&self, now: Moment, context: &Context<'_>) -> Option<&str> {
        let replaced = self.replaced.as_deref()?;
        let end = end_of(replaced, context)?;
        let leeway = context.contract.session.token.leeway().unwrap_or_default();
        let from = end.saturating_sub(AT_ITS_END);
        let is_now = (from..=end + leeway + AT_ITS_END).contains(&now.at);
        let is_good = self.end(context)? > now.at + AT_ITS_END * 2;
        (is_now && is_good && self.handed + AT_ITS_END < from).then_some(replaced)
    }
}

impl HandedOver {
    /// A refresh was granted: whoever is connected has something to hand over.
    fn refreshed(&mut self, current: &Token, context: &Context<'_>) {
        let Some(renewal) = renewal(context) else {
            return;
        };
        for (socket, held) in &mut self.feeds {
            let is_live = context
                .sockets
                .get(*socket)
                .is_some_and(|own| own.connected.is_some());
            let own = context.session.token(&held.label);
            let is_theirs = own.is_some_and(|own| own.username == current.username);
            if !is_live || !is_theirs || held.due.is_some() || held.label == current.label {
                continue;
            }
            let until = match held.end(context) {
                Some(end) => {
                    let ahead = renewal.ahead.unwrap_or_default();
                    (context.now + LEEWAY).max(end.saturating_sub(ahead))
                }
                None => context.now + UNKNOWN,
            };
            held.due = Some(Due {
                refreshed: context.moment(),
                until,
                instead: None,
            });
        }
    }

    /// What was to be handed over by now and was not.
    fn overdue(&mut self, context: &Context<'_>) {
        for held in self.feeds.values_mut() {
            let Some(due) = held.due.take_if(|due| context.now > due.until) else {
                continue;
            };
            if is_free_since(due.refreshed.id, context) {
                held.missed = true;
                never(&due, context);
            }
        }
    }

    /// Something was emitted on a feed.
    fn emitted(&mut self, socket: u64, name: &str, args: &Content, context: &Context<'_>) {
        let Some(renewal) = renewal(context).filter(|own| own.emit.event == name) else {
            return;
        };
        context.exercised(&HANDED_OVER);
        let templates = renewal.emit.args.iter().map(|arg| arg.0.clone());
        let template = Value::Array(templates.collect());
        let Some(args) = args.json() else {
            context.unable(&HANDED_OVER, "what was handed over was not read whole");
            return;
        };
        let text = match find_text(&template, "access-token", args) {
            Sent::Unknown => return,
            Sent::Missing => String::new(),
            Sent::Text(text) => text,
        };
        if is_missing(&text) {
            wrong(name, "nothing where the token stands", context);
        } else if let Some(label) = labels::first(&text) {
            self.handed(socket, name, labels::bare(label), context);
        }
    }

    fn handed(&mut self, socket: u64, name: &str, label: &str, context: &Context<'_>) {
        let Some(held) = self.feeds.get_mut(&socket) else {
            return;
        };
        let Some(token) = context.session.token(label) else {
            // One that is older than the journal is the one that the feed was joined with.
            if context.session.current().is_some() && held.label != label {
                wrong(name, &format!("‹{label}›, which no answer gave"), context);
            }
            return;
        };
        if token.kind == TokenKind::Refresh {
            wrong(name, &format!("the refresh token ‹{label}›"), context);
            return;
        }
        let is_current = context
            .session
            .current()
            .is_some_and(|own| own.label == label);
        match &mut held.due {
            // The answer to the refresh and what was emitted before it may cross: only the last
            // moment shows whether the old token was meant.
            Some(due) if !is_current => due.instead = Some(label.to_owned()),
            None if successor(label, context).is_some() => {
                wrong(name, &format!("‹{label}›, which was replaced"), context);
            }
            _ if held.label == label => *held = Held::of(label, context),
            _ => {
                let replaced = Some(std::mem::take(&mut held.label));
                *held = Held {
                    replaced,
                    ..Held::of(label, context)
                };
            }
        }
    }

    /// A feed was left. By the backend, at its token's end?
    fn closed(&mut self, socket: u64, by_backend: bool, context: &Context<'_>) {
        let Some(held) = self.feeds.remove(&socket).filter(|_| by_backend) else {
            return;
        };
        if let Some(replaced) = held.ends_replaced(context.moment(), context)
            && is_free_since(held.since, context)
        {
            self.deaf += 1;
            if self.deaf >= ENDS {
                is_deaf(&held, replaced, context);
            }
            return;
        }
        let leeway = context.contract.session.token.leeway().unwrap_or_default();
        let is_at_its_end = held.end(context).is_some_and(|end| {
            let from = end.saturating_sub(Duration::from_secs(1));
            (from..=end + leeway + SLACK).contains(&context.now)
        });
        let is_checked = context
            .contract
            .realtime
            .as_ref()
            .is_some_and(|feed| feed.token_checked == TokenChecked::Expiry);
        // A renewal that was granted long before could have been handed over by then.
        let end = held.end(context).unwrap_or_default();
        let is_on_its_way = |due: &Due| context.now.min(end) < due.refreshed.at + AT_ITS_END * 2;
        let is_coming = held.due.as_ref().is_some_and(is_on_its_way);
        let is_told = held.missed || is_coming || self.failed > Some(held.since);
        if is_told || !is_checked || !is_at_its_end || !is_free_since(held.since, context) {
            return;
        }
        self.ends += 1;
        if self.ends < ENDS {
            return;
        }
        match renewal(context) {
            None => context.remark(&HANDED_OVER, NO_RENEWAL),
            Some(renewal) if context.contract.session.refresh.is_some() => {
                ran_out(&held, renewal, context);
            }
            Some(_) => {}
        }
    }
}

fn renewal<'a>(context: &'a Context<'_>) -> Option<&'a TokenRenewal> {
    context.contract.realtime.as_ref()?.renewal.as_ref()
}

/// Whether nothing has kept the app from its feed and from renewing its token since this entry.
fn is_free_since(entry: EntryId, context: &Context<'_>) -> bool {
    context.app_is_awake_since(entry)
        && context.app_is_free()
        && !context.world.is_disturbed()
        && !context.world.backend_is_stopped()
}

fn never(due: &Due, context: &Context<'_>) {
    let Some(renewal) = renewal(context) else {
        return;
    };
    let event = &renewal.emit.event;
    let took = show(context.now - due.refreshed.at);
    let (message, observed) = match &due.instead {
        Some(label) => (
            "the app hands an old token over on its socket after a refresh",
            format!("`{event}` with ‹{label}›, and no other for {took} after the refresh"),
        ),
        None => (
            "a renewed token is not handed over on the socket in time",
            format!("no `{event}` for {took} after the refresh"),
        ),
    };
    let within = show(due.until - due.refreshed.at);
    context.violated(
        &HANDED_OVER,
        Violation::new(message)
            .kind("not handed over")
            .by(Subject::App)
            .expected(format!(
                "`{event}` with the new token within {within} of the refresh"
            ))
            .observed(observed)
            .evidence([due.refreshed.id, context.entry.id]),
    );
}

fn wrong(event: &str, what: &str, context: &Context<'_>) {
    context.violated(
        &HANDED_OVER,
        Violation::new("what the app hands over on its socket is not its access token")
            .kind("not its token")
            .by(Subject::App)
            .expected(format!("`{event}` with the access token handed out last"))
            .observed(format!("`{event}` with {what}"))
            .evidence([context.entry.id]),
    );
}

/// When the token of this label ends, on the journal's clock.
fn end_of(label: &str, context: &Context<'_>) -> Option<Duration> {
    let ends = context.session.token(label)?.ends?;
    Some(Duration::from_secs(ends.saturating_sub(context.epoch?)))
}

fn is_deaf(held: &Held, replaced: &str, context: &Context<'_>) {
    context.violated(
        &HANDED_OVER,
        Violation::new(
            "the backend ends the feed with a token that was replaced on it, time after time",
        )
        .kind("deaf")
        .expected(format!("a feed that lives on with ‹{}›", held.label))
        .observed(format!(
            "the backend ended it at the end of ‹{replaced}›, which it had been joined with before"
        ))
        .evidence([held.since, context.entry.id])
        .by(Subject::Backend),
    );
}

fn ran_out(held: &Held, renewal: &TokenRenewal, context: &Context<'_>) {
    let event = &renewal.emit.event;
    let instead = held.due.as_ref().and_then(|due| due.instead.as_ref());
    let again = instead.map_or_else(String::new, |label| {
        format!(": it was renewed, and `{event}` brought ‹{label}› in its place")
    });
    context.violated(
        &HANDED_OVER,
        Violation::new("the app lets its feed end with the token, time after time")
            .kind("ran out")
            .by(Subject::App)
            .expected(format!("a refresh, and `{event}`, before the token ends"))
            .observed(format!(
                "the backend ended the feed at the end of ‹{}›{again}",
                held.label
            ))
            .evidence([held.since])
            .evidence(held.due.as_ref().map(|due| due.refreshed.id))
            .evidence([context.entry.id]),
    );
}
