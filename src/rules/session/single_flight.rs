//! SESSION-4: one refresh at a time.

use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::duration::show;
use crate::domain::journal::{Act, EntryId, Fact, LossReason, Request, TokenIssued, TokenKind};
use crate::rules::context::Context;
use crate::rules::exchange::Ended;
use crate::rules::labels;
use crate::rules::moment::{Milestone, Moment};
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// Refresh is single-flight: whatever asks for it at once causes one
    ///
    /// # Why
    /// Several 401s, the timer ahead of expiry and the socket may all want a new token at the same
    /// moment. With rotating refresh tokens the second refresh looks like a replayed one, and the
    /// whole session is revoked.
    ///
    /// # How it is judged
    /// No refresh begins while another is under way, none follows a successful one at once unless
    /// the new token was refused, and none presents a refresh token that was exchanged before, once
    /// the answer with its successor has arrived whole. After a restart that holds too, where the
    /// process before went on with the successor and lived for two seconds more: time enough to store
    /// it, unless something is marked to have happened to the storage.
    ///
    /// # How to keep it
    /// Keep the running refresh as one shared promise; everybody awaits it. After a 401 compare the
    /// token that was sent with the current one before refreshing. Write the new refresh token to
    /// storage before anything else is done with the answer.
    ///
    /// # Source
    /// axios/axios#10701; RFC 9700 §4.14.2 (rotation)
    pub(super) SINGLE_FLIGHT: "SESSION-4", App, from [Wire],
        needs [Refresh],
        set by ["session.refresh", "session.refresh-ahead"]
}

/// How soon after a refresh another one is told to be the same wish.
const AT_ONCE: Duration = Duration::from_secs(5);
/// How long after an overlap the gateway may take to notice that the client had given the first up.
const NOTICE: Duration = Duration::from_secs(1);
/// How long a process that had a new refresh token may take to store it.
const STORING: Duration = Duration::from_secs(2);
/// How many exchanged refresh tokens are remembered.
const SPENT: usize = 16;

#[derive(Default)]
pub(super) struct SingleFlight {
    overlaps: Vec<Overlap>,
    /// The refresh that succeeded last.
    succeeded: Option<Milestone>,
    spent: Vec<Spent>,
    /// The refresh token that was handed out last, and by which exchange.
    newest: Option<(u64, String)>,
    /// When the token in use was last refused, by an answer or on the socket.
    refused: Option<EntryId>,
}

/// A refresh that began while another was under way.
struct Overlap {
    first: Milestone,
    second: Milestone,
}

/// A refresh token that was exchanged for another.
struct Spent {
    token: String,
    /// The answer that brought its successor.
    answer: Milestone,
    /// Whether a successor was seen in it.
    replaced: bool,
    /// When the client last used what that answer brought, and until when the process lived that did.
    used: Option<Moment>,
    lived: Option<Duration>,
}

impl Rule for SingleFlight {
    fn see(&mut self, context: &Context<'_>) {
        self.refused = self.refused.max(context.sockets.refused.map(|own| own.id));
        if let Fact::TokenIssued(issued) = &context.entry.fact
            && issued.kind == TokenKind::Refresh
        {
            self.issued(issued);
        }
        match &context.entry.fact {
            Fact::Act(Act::Storage { .. }) => self.spent.clear(),
            Fact::Act(Act::Kill) => self.process_ends(Some(context.now)),
            Fact::Act(Act::Launch) => self.process_ends(None),
            _ => {}
        }
        if let Some(request) = context.request() {
            self.uses(request, context);
        }
        if let Some(request) = context.request()
            && request.role == Some(Role::Refresh)
        {
            context.exercised(&SINGLE_FLIGHT);
            self.overlap(request, context);
            self.repeat(request, context);
            self.present(request, context);
        }
        if let Some(ended) = context.ended() {
            if ended.request.role == Some(Role::Refresh) {
                self.refreshed(&ended, context);
            } else if ended.status() == Some(401) && is_about_current(&ended, context) {
                self.refused = self.refused.max(Some(context.entry.id));
            }
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        for overlap in self.overlaps.drain(..) {
            overlapped(&overlap, context);
        }
    }
}

impl SingleFlight {
    /// A token is noted before the answer that brings it, or after it.
    fn issued(&mut self, issued: &TokenIssued) {
        let label = labels::bare(&issued.label);
        for spent in &mut self.spent {
            spent.replaced |= spent.answer.exchange == issued.exchange && label != spent.token;
        }
        self.newest = Some((issued.exchange, label.to_owned()));
    }

    /// A refresh has ended, and with it every overlap that began with it.
    fn refreshed(&mut self, ended: &Ended<'_>, context: &Context<'_>) {
        let answer = Milestone::of(context.entry, ended.request.exchange);
        let given_up = matches!(ended.lost, Some(LossReason::ClientGone));
        let own = |overlap: &mut Overlap| overlap.first.exchange == answer.exchange;
        for overlap in self.overlaps.extract_if(.., own) {
            if !(given_up && answer.at <= overlap.second.at + NOTICE) {
                overlapped(&overlap, context);
            }
        }
        if ended.succeeded() && ended.by_backend().is_some() {
            let arrived_whole = answer.at
                < ended.opened.at() + context.contract.request_timeout / 2
                && !context.world.is_disturbed();
            if let Some(token) = presented(ended.request, context).filter(|_| arrived_whole) {
                self.spend(token, answer);
            }
            self.succeeded = Some(answer);
        }
    }

    fn spend(&mut self, token: String, answer: Milestone) {
        if self.spent.len() == SPENT {
            self.spent.remove(0);
        }
        let newest = self.newest.as_ref();
        let replaced = newest.is_some_and(|(by, label)| *by == answer.exchange && *label != token);
        self.spent.push(Spent {
            token,
            answer,
            replaced,
            used: None,
            lived: None,
        });
    }

    /// Whether another refresh is under way.
    fn overlap(&mut self, request: &Request, context: &Context<'_>) {
        let second = Milestone::of(context.entry, request.exchange);
        let first = context.under_way().find(|(opened, other)| {
            other.role == Some(Role::Refresh)
                && other.exchange != request.exchange
                && second.at < opened.at() + context.contract.request_timeout.mul_f64(0.9)
                && context.world.same_life_since(opened.id())
        });
        if let Some((opened, other)) = first {
            self.overlaps.push(Overlap {
                first: Milestone::of(&opened.entry, other.exchange),
                second,
            });
        }
    }

    /// Whether another refresh has just succeeded, and nothing since asks for one more.
    fn repeat(&self, request: &Request, context: &Context<'_>) {
        let entry = context.entry;
        let Some(first) = self.succeeded.filter(|own| entry.at <= own.at + AT_ONCE) else {
            return;
        };
        if self.asks_for_another(first.id, context) {
            return;
        }
        context.violated(
            &SINGLE_FLIGHT,
            Violation::new(
                "the app refreshed again at once although the new token was not refused",
            )
            .kind("refresh")
            .expected("one refresh for all that wanted one")
            .observed(format!(
                "a second refresh {} after the first was answered",
                show(entry.at - first.at)
            ))
            .evidence([first.id, entry.id])
            .exchanges([first.exchange, request.exchange]),
        );
    }

    /// Whether anything since a refresh is a reason for another.
    fn asks_for_another(&self, first: EntryId, context: &Context<'_>) -> bool {
        let ahead = context.contract.session.refresh_ahead;
        let lifetime = context.session.current().and_then(|token| token.lifetime);
        let levered = context.world.tokens_expired;
        self.refused > Some(first)
            || lifetime.is_some_and(|lifetime| lifetime <= ahead + AT_ONCE * 2)
            || levered.is_some_and(|moment| moment.id > first)
            || context.world.acted_since(first)
            || !context.world.same_process_since(first)
    }

    fn process_ends(&mut self, at: Option<Duration>) {
        for spent in &mut self.spent {
            spent.process_ends(at);
        }
    }

    /// A request may carry what the answer to a refresh brought.
    fn uses(&mut self, request: &Request, context: &Context<'_>) {
        let credential = context.credential(request.exchange);
        let Some(token) = credential.and_then(|label| context.session.token(label)) else {
            return;
        };
        let brought = |own: &&mut Spent| own.answer.exchange == token.exchange;
        if let Some(spent) = self.spent.iter_mut().find(brought) {
            spent.used = Some(context.moment());
        }
    }

    /// Whether a refresh token is presented although its successor is in the client's hands.
    fn present(&self, request: &Request, context: &Context<'_>) {
        let Some(token) = presented(request, context) else {
            return;
        };
        let entry = context.entry;
        let grace = context.contract.session.reuse_grace.max(NOTICE);
        let spent = self.spent.iter().find(|spent| {
            spent.replaced && spent.token == token && entry.at > spent.answer.at + grace
        });
        let Some(spent) = spent else {
            return;
        };
        let answer = spent.answer;
        let same_life = context.world.same_life_since(answer.id);
        if !same_life && !spent.was_kept(context) {
            return;
        }
        let what = if same_life {
            "the app presents a refresh token that it had already exchanged"
        } else {
            "after a restart the app presents a refresh token that it had already exchanged: it did \
             not store the new one"
        };
        context.violated(
            &SINGLE_FLIGHT,
            Violation::new(what)
                .expected("the refresh token that was handed out last")
                .observed(format!(
                    "‹{token}› again, {} after the answer that brought its successor",
                    show(entry.at - answer.at)
                ))
                .evidence([answer.id, entry.id])
                .exchanges([answer.exchange, request.exchange]),
        );
    }
}

impl Spent {
    /// The process ends, as is marked now; where only the next start is marked, what was sent last
    /// shows how long it lived.
    fn process_ends(&mut self, at: Option<Duration>) {
        if let Some(used) = self.used {
            self.lived.get_or_insert(at.unwrap_or(used.at));
        }
    }

    /// Whether what came in its place must be in storage: the process that runs used it, or one that
    /// did lived long enough to store it.
    fn was_kept(&self, context: &Context<'_>) -> bool {
        let stored = self
            .lived
            .is_some_and(|until| until >= self.answer.at + STORING);
        let here = |used: Moment| context.world.same_life_since(used.id);
        stored || self.used.is_some_and(here)
    }
}

/// Whether a refusal is about the token in use. Late refusals of the token before say nothing about
/// the new one.
fn is_about_current(ended: &Ended<'_>, context: &Context<'_>) -> bool {
    match (&ended.opened.credential, context.session.current()) {
        (Some(sent), Some(current)) => *sent == current.label,
        _ => true,
    }
}

/// The one refresh token that a request presents.
fn presented(request: &Request, context: &Context<'_>) -> Option<String> {
    let is_refresh = |label: &str| context.session.is_refresh(label);
    let mut found = request
        .headers
        .iter()
        .flat_map(|(_, value)| labels::labels(value))
        .filter(|label| is_refresh(label))
        .chain(labels::find(&request.body, &is_refresh))
        .map(labels::bare);
    let first = found.next()?;
    found.all(|other| other == first).then(|| first.to_owned())
}

fn overlapped(Overlap { first, second }: &Overlap, context: &Context<'_>) {
    context.violated(
        &SINGLE_FLIGHT,
        Violation::new("two refreshes were under way at once")
            .kind("refresh")
            .expected("one refresh for all that wanted one")
            .observed(format!(
                "exchange {} began while exchange {} was unanswered",
                second.exchange, first.exchange
            ))
            .evidence([first.id, second.id])
            .exchanges([first.exchange, second.exchange]),
    );
}
