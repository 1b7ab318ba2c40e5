//! SESSION-4: one refresh at a time.

use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::duration::show;
use crate::domain::journal::{Entry, EntryId, Fact, LossReason, Request, TokenKind};
use crate::rules::context::Context;
use crate::rules::labels;
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
    /// Judged: no refresh begins while another is under way, none follows a successful one at once
    /// unless the new token was refused, and none presents a refresh token that was exchanged
    /// before, once the answer with its successor has arrived whole.
    ///
    /// # How to keep it
    /// Keep the running refresh as one shared promise; everybody awaits it. After a 401 compare the
    /// token that was sent with the current one before refreshing.
    ///
    /// # Source
    /// axios/axios#10701; RFC 9700 §4.14.2 (rotation)
    pub(super) SINGLE_FLIGHT: "SESSION-4", App, from [Wire],
        needs [Refresh],
        set by ["session.refresh", "session.refresh_ahead"]
}

/// How soon after a refresh another one is told to be the same wish.
const AT_ONCE: Duration = Duration::from_secs(5);
/// How long after an overlap the gateway may take to notice that the client had given the first up.
const NOTICE: Duration = Duration::from_secs(1);
/// How many exchanged refresh tokens are remembered.
const SPENT: usize = 16;

#[derive(Default)]
pub(super) struct SingleFlight {
    /// Refreshes that began while another was under way: the other's exchange and ours.
    overlaps: Vec<Overlap>,
    /// The refresh that succeeded last.
    succeeded: Option<(EntryId, Duration, u64)>,
    /// The refresh tokens that were exchanged, by the answers that brought their successors.
    spent: Vec<Spent>,
    /// The refresh token that was handed out last, and by which exchange.
    newest: Option<(u64, String)>,
    /// When the token in use was last refused, by an answer or on the socket.
    refused: Option<EntryId>,
}

/// A refresh token that was exchanged for another.
struct Spent {
    token: String,
    answer: EntryId,
    at: Duration,
    exchange: u64,
    /// Whether a successor was seen in the answer.
    replaced: bool,
}

struct Overlap {
    first: u64,
    first_id: EntryId,
    second: u64,
    second_id: EntryId,
    at: Duration,
}

impl Rule for SingleFlight {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        if context.contract.session.refresh.is_none() {
            context.unable(&SINGLE_FLIGHT, "the contract has no refresh");
            return;
        }
        if let Some(request) = context.request()
            && request.role == Some(Role::Refresh)
        {
            context.exercised(&SINGLE_FLIGHT);
            self.overlap(entry, request, context);
            self.repeat(entry, request, context);
            self.present(entry, request, context);
        }
        if let Fact::TokenIssued(issued) = &entry.fact
            && issued.kind == TokenKind::Refresh
        {
            let label = labels::bare(&issued.label);
            for spent in &mut self.spent {
                spent.replaced |= spent.exchange == issued.exchange && label != spent.token;
            }
            self.newest = Some((issued.exchange, label.to_owned()));
        }
        if let Some(refused) = context.sockets.refused {
            self.refused = self.refused.max(Some(refused.id));
        }
        let Some(ended) = context.ended() else {
            return;
        };
        let exchange = ended.request.exchange;
        if ended.request.role == Some(Role::Refresh) {
            let given_up = matches!(ended.lost, Some(LossReason::ClientGone));
            let from_backend = ended.by_backend().is_some();
            let mut rest = Vec::new();
            for overlap in self.overlaps.drain(..) {
                if overlap.first != exchange {
                    rest.push(overlap);
                } else if !(given_up && entry.at <= overlap.at + NOTICE) {
                    confirm(&overlap, context);
                }
            }
            self.overlaps = rest;
            if ended.succeeded() && from_backend {
                let whole = entry.at < ended.opened.at() + context.contract.request_timeout / 2
                    && !context.world.is_disturbed();
                if let Some(token) = presented(ended.request, context).filter(|_| whole) {
                    if self.spent.len() == SPENT {
                        self.spent.remove(0);
                    }
                    // It is noted before the answer or after it.
                    let replaced = self
                        .newest
                        .as_ref()
                        .is_some_and(|(by, label)| *by == exchange && *label != token);
                    self.spent.push(Spent {
                        token,
                        answer: entry.id,
                        at: entry.at,
                        exchange,
                        replaced,
                    });
                }
                self.succeeded = Some((entry.id, entry.at, exchange));
            }
        } else if ended.status() == Some(401) {
            // Late refusals of the token before say nothing about the new one.
            let about_current = match (&ended.opened.credential, context.session.current()) {
                (Some(sent), Some(current)) => *sent == current.label,
                _ => true,
            };
            if about_current {
                self.refused = self.refused.max(Some(entry.id));
            }
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        for overlap in self.overlaps.drain(..) {
            confirm(&overlap, context);
        }
    }
}

impl SingleFlight {
    fn overlap(&mut self, entry: &Entry, request: &Request, context: &Context<'_>) {
        let first = context.under_way().find(|(opened, other)| {
            other.role == Some(Role::Refresh)
                && other.exchange != request.exchange
                && entry.at < opened.at() + context.contract.request_timeout.mul_f64(0.9)
                && context.world.same_life_since(opened.id())
        });
        if let Some((opened, other)) = first {
            self.overlaps.push(Overlap {
                first: other.exchange,
                first_id: opened.id(),
                second: request.exchange,
                second_id: entry.id,
                at: entry.at,
            });
        }
    }

    /// A refresh token is presented once its successor is in the client's hands.
    fn present(&self, entry: &Entry, request: &Request, context: &Context<'_>) {
        let Some(token) = presented(request, context) else {
            return;
        };
        let grace = context.contract.session.reuse_grace.max(NOTICE);
        let spent = self.spent.iter().find(|spent| {
            spent.replaced
                && spent.token == token
                && entry.at > spent.at + grace
                && context.world.same_life_since(spent.answer)
        });
        let Some(spent) = spent else {
            return;
        };
        context.violated(
            &SINGLE_FLIGHT,
            Violation::new("the app presents a refresh token that it had already exchanged")
                .kind("spent token")
                .expected("the refresh token that was handed out last")
                .observed(format!(
                    "‹{token}› again, {} after the answer that brought its successor",
                    show(entry.at - spent.at)
                ))
                .evidence([spent.answer, entry.id])
                .exchanges([spent.exchange, request.exchange]),
        );
    }

    fn repeat(&mut self, entry: &Entry, request: &Request, context: &Context<'_>) {
        let Some((id, at, exchange)) = self.succeeded else {
            return;
        };
        let short_lived = context
            .session
            .current()
            .and_then(|token| token.lifetime)
            .is_some_and(|lifetime| {
                lifetime <= context.contract.session.refresh_ahead + AT_ONCE * 2
            });
        let levered = context
            .world
            .tokens_expired
            .is_some_and(|moment| moment.id > id);
        if entry.at > at + AT_ONCE
            || short_lived
            || levered
            || self.refused.is_some_and(|refused| refused > id)
            || context.world.acted_since(id)
            || !context.world.same_process_since(id)
        {
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
                show(entry.at - at)
            ))
            .evidence([id, entry.id])
            .exchanges([exchange, request.exchange]),
        );
    }
}

/// The one refresh token that a request presents.
fn presented(request: &Request, context: &Context<'_>) -> Option<String> {
    let is_refresh = |label: &str| {
        let token = context.session.token(label);
        token.is_some_and(|token| token.kind == TokenKind::Refresh)
    };
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

fn confirm(overlap: &Overlap, context: &Context<'_>) {
    context.violated(
        &SINGLE_FLIGHT,
        Violation::new("two refreshes were under way at once")
            .kind("refresh")
            .expected("one refresh for all that wanted one")
            .observed(format!(
                "exchange {} began while exchange {} was unanswered",
                overlap.second, overlap.first
            ))
            .evidence([overlap.first_id, overlap.second_id])
            .exchanges([overlap.first, overlap.second]),
    );
}
