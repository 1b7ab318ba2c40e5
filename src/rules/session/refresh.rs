//! SESSION-4 and -5: one refresh at a time, and an end to trying.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::duration::show;
use crate::domain::journal::{Entry, EntryId, Fact, LossReason, Request, TokenKind};
use crate::domain::verdict::Subject;
use crate::rules::ledger::{Breach, Ledger};
use crate::rules::scene::{Scene, client_request, is_success};
use crate::rules::{JudgedFrom, Rule, RuleInfo, labels};

pub(super) static SINGLE_FLIGHT: RuleInfo = RuleInfo {
    id: "SESSION-4",
    title: "Refresh is single-flight: whatever asks for it at once causes one",
    subject: Subject::App,
    judged_from: &[JudgedFrom::Wire],
    source: "axios/axios#10701; RFC 9700 §4.14.2 (rotation)",
    explanation: "Several 401s, the timer ahead of expiry and the socket may all want a new token at the same moment. With rotating refresh tokens the second refresh looks like a replayed one, and the whole session is revoked. Judged: no refresh begins while another is under way, none follows a successful one at once unless the new token was refused, and none presents a refresh token that was exchanged before, once the answer with its successor has arrived whole.",
    fix: "Keep the running refresh as one shared promise; everybody awaits it. After a 401 compare the token that was sent with the current one before refreshing.",
    parameters: &["session.refresh", "session.refresh_ahead"],
};

pub(super) static BOUNDED: RuleInfo = RuleInfo {
    id: "SESSION-5",
    title: "A refused or lost refresh is not repeated without end",
    subject: Subject::App,
    judged_from: &[JudgedFrom::Wire],
    source: "zitadel/zitadel#9631",
    explanation: "When the answer to a refresh is lost the client holds a refresh token that may be used up. A few attempts are right; after a refusal the only way on is signing in. Judged: no refresh after the backend said that the session is over, and no more than ten failing ones within a minute.",
    fix: "Bound the attempts, back off between them, and go to sign-in on a refusal.",
    parameters: &["session.ended_by", "retry"],
};

/// How soon after a refresh another one is told to be the same wish.
const AT_ONCE: Duration = Duration::from_secs(5);
/// How long after an overlap the gateway may take to notice that the client had given the first up.
const NOTICE: Duration = Duration::from_secs(1);
/// How many exchanged refresh tokens are remembered.
const SPENT: usize = 16;
/// How many refreshes may fail within [`WINDOW`].
const FAILURES: usize = 10;
const WINDOW: Duration = Duration::from_secs(60);

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
    fn see(&mut self, entry: &Arc<Entry>, scene: &Scene, ledger: &mut Ledger) {
        if scene.contract.session.refresh.is_none() {
            ledger.unable(&SINGLE_FLIGHT, "the contract has no refresh");
            return;
        }
        if let Some(request) = client_request(entry)
            && request.role == Some(Role::Refresh)
        {
            ledger.occasion(&SINGLE_FLIGHT);
            self.overlap(entry, request, scene);
            self.repeat(entry, request, scene, ledger);
            self.present(entry, request, scene, ledger);
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
        if let Some(refused) = scene.sockets.refused {
            self.refused = self.refused.max(Some(refused.id));
        }
        let Some(ended) = scene.ended_by_client(entry) else {
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
                    confirm(&overlap, ledger);
                }
            }
            self.overlaps = rest;
            if ended.succeeded() && from_backend {
                let whole = entry.at < ended.opened.at() + scene.contract.request_timeout / 2
                    && !scene.world.is_disturbed();
                if let Some(token) = presented(ended.request, scene).filter(|_| whole) {
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
            let about_current = match (&ended.opened.credential, scene.session.current()) {
                (Some(sent), Some(current)) => *sent == current.label,
                _ => true,
            };
            if about_current {
                self.refused = self.refused.max(Some(entry.id));
            }
        }
    }

    fn end(&mut self, _scene: &Scene, ledger: &mut Ledger) {
        for overlap in self.overlaps.drain(..) {
            confirm(&overlap, ledger);
        }
    }
}

impl SingleFlight {
    fn overlap(&mut self, entry: &Entry, request: &Request, scene: &Scene) {
        let first = scene.under_way().find(|(opened, other)| {
            other.role == Some(Role::Refresh)
                && other.exchange != request.exchange
                && entry.at < opened.at() + scene.contract.request_timeout.mul_f64(0.9)
                && scene.world.same_life_since(opened.id())
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
    fn present(&self, entry: &Entry, request: &Request, scene: &Scene, ledger: &mut Ledger) {
        let Some(token) = presented(request, scene) else {
            return;
        };
        let grace = scene.contract.session.reuse_grace.max(NOTICE);
        let spent = self.spent.iter().find(|spent| {
            spent.replaced
                && spent.token == token
                && entry.at > spent.at + grace
                && scene.world.same_life_since(spent.answer)
        });
        let Some(spent) = spent else {
            return;
        };
        ledger.breach(
            &SINGLE_FLIGHT,
            Breach {
                kind: "spent token".to_owned(),
                message: "the app presents a refresh token that it had already exchanged"
                    .to_owned(),
                expected: "the refresh token that was handed out last".to_owned(),
                observed: format!(
                    "‹{token}› again, {} after the answer that brought its successor",
                    show(entry.at - spent.at)
                ),
                evidence: vec![spent.answer, entry.id],
                exchanges: vec![spent.exchange, request.exchange],
                ..Breach::default()
            },
        );
    }

    fn repeat(&mut self, entry: &Entry, request: &Request, scene: &Scene, ledger: &mut Ledger) {
        let Some((id, at, exchange)) = self.succeeded else {
            return;
        };
        let short_lived = scene
            .session
            .current()
            .and_then(|token| token.lifetime)
            .is_some_and(|lifetime| lifetime <= scene.contract.session.refresh_ahead + AT_ONCE * 2);
        let levered = scene
            .world
            .tokens_expired
            .is_some_and(|moment| moment.id > id);
        if entry.at > at + AT_ONCE
            || short_lived
            || levered
            || self.refused.is_some_and(|refused| refused > id)
            || scene.world.acted_since(id)
            || !scene.world.same_process_since(id)
        {
            return;
        }
        ledger.breach(
            &SINGLE_FLIGHT,
            Breach {
                kind: "refresh".to_owned(),
                message: "the app refreshed again at once although the new token was not refused"
                    .to_owned(),
                expected: "one refresh for all that wanted one".to_owned(),
                observed: format!(
                    "a second refresh {} after the first was answered",
                    show(entry.at - at)
                ),
                evidence: vec![id, entry.id],
                exchanges: vec![exchange, request.exchange],
                ..Breach::default()
            },
        );
    }
}

/// The one refresh token that a request presents.
fn presented(request: &Request, scene: &Scene) -> Option<String> {
    let is_refresh = |label: &str| {
        let token = scene.session.token(label);
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

fn confirm(overlap: &Overlap, ledger: &mut Ledger) {
    ledger.breach(
        &SINGLE_FLIGHT,
        Breach {
            kind: "refresh".to_owned(),
            message: "two refreshes were under way at once".to_owned(),
            expected: "one refresh for all that wanted one".to_owned(),
            observed: format!(
                "exchange {} began while exchange {} was unanswered",
                overlap.second, overlap.first
            ),
            evidence: vec![overlap.first_id, overlap.second_id],
            exchanges: vec![overlap.first, overlap.second],
            ..Breach::default()
        },
    );
}

#[derive(Default)]
pub(super) struct Bounded {
    /// The refusal by which the backend ended the session, while nobody signed in since.
    over: Option<(EntryId, Duration, u64)>,
    failures: VecDeque<(EntryId, Duration)>,
}

impl Rule for Bounded {
    fn see(&mut self, entry: &Arc<Entry>, scene: &Scene, ledger: &mut Ledger) {
        if scene.contract.session.refresh.is_none() {
            ledger.unable(&BOUNDED, "the contract has no refresh");
            return;
        }
        if let Some(request) = client_request(entry)
            && request.role == Some(Role::Refresh)
            && let Some((id, at, exchange)) = self.over
            // A refresh that was already on its way when the refusal came is no repetition.
            && entry.at > at + NOTICE
            && scene.world.same_process_since(id)
        {
            ledger.breach(
                &BOUNDED,
                Breach {
                    kind: "after the end".to_owned(),
                    message:
                        "the app refreshes again although the backend said that the session is over"
                            .to_owned(),
                    expected: "sign-in after a refused refresh".to_owned(),
                    observed: format!("another refresh {} after the refusal", show(entry.at - at)),
                    evidence: vec![id, entry.id],
                    exchanges: vec![exchange, request.exchange],
                    ..Breach::default()
                },
            );
        }
        if matches!(entry.fact, Fact::TokenIssued(_)) {
            self.over = None;
            self.failures.clear();
        }
        let Some(ended) = scene.ended_by_client(entry) else {
            return;
        };
        if ended.request.role != Some(Role::Refresh) {
            return;
        }
        match ended.status() {
            Some(status) if is_success(status) => {
                self.over = None;
                self.failures.clear();
                return;
            }
            Some(status) if scene.contract.session.ended_by.contains(&status) => {
                ledger.occasion(&BOUNDED);
                if self.over.is_none() {
                    self.over = Some((entry.id, entry.at, ended.request.exchange));
                }
            }
            _ => {}
        }
        ledger.occasion(&BOUNDED);
        self.failures.push_back((entry.id, entry.at));
        while self
            .failures
            .front()
            .is_some_and(|(_, at)| *at + WINDOW < entry.at)
        {
            self.failures.pop_front();
        }
        if self.failures.len() > FAILURES && self.over.is_none() {
            let first = self.failures.front().map(|(id, _)| *id);
            ledger.breach(
                &BOUNDED,
                Breach {
                    kind: "loop".to_owned(),
                    message: "the app repeats a failing refresh in a loop".to_owned(),
                    expected: format!("at most {FAILURES} attempts within {}", show(WINDOW)),
                    observed: format!(
                        "{} failing refreshes within {}",
                        self.failures.len(),
                        show(WINDOW)
                    ),
                    evidence: first.into_iter().chain([entry.id]).collect(),
                    exchanges: vec![ended.request.exchange],
                    ..Breach::default()
                },
            );
        }
    }
}
