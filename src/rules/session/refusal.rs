//! SESSION-8: what a 401 and a 403 may cause.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::contract::{Contract, Role};
use crate::domain::duration::show;
use crate::domain::journal::{AppFact, Entry, EntryId, Fact, Request, SessionState};
use crate::rules::context::Context;
use crate::rules::moment::Moment;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// On 401 at most one refresh and one replay; on 403 neither refresh nor sign-out
    ///
    /// # Why
    /// A 401 says that the token is no longer good: one refresh and one replay of the request
    /// settle whether a new one helps. A 403 says that this user may not do this: no token will
    /// change it, and the session is fine.
    ///
    /// # How it is judged
    /// Judged by what follows each refusal at once, request by request; polls and what the user
    /// does later are requests of their own.
    ///
    /// # How to keep it
    /// Mark a request as replayed and hand its second 401 to the caller. Treat 403 as an answer,
    /// not as a session problem.
    ///
    /// # Source
    /// RFC 6750 §3.1; RFC 9110 §15.5.2 and §15.5.4
    pub(super) ON_401_AND_403: "SESSION-8", App, from [Wire],
        set by ["session.refresh", "session.refresh_ahead", "polling.floor"]
}

/// How many refused requests are remembered.
const CHAINS: usize = 64;

pub(super) struct Refusals {
    /// How soon after its cause a request is told to be a replay.
    at_once: Duration,
    chains: BTreeMap<String, Chain>,
    /// The last renewal that was answered.
    renewed: Option<Moment>,
    /// When a request that was no replay was last answered with 401.
    original: Option<Moment>,
    /// The last 401 to a replay that carried a renewed token.
    fresh_refused: Option<(EntryId, Duration, u64)>,
    forbidden: Option<(EntryId, Duration, u64)>,
}

/// One request that was refused, by service, method and target.
struct Chain {
    /// How many replays its refusals allow.
    allowed: u32,
    refused: Duration,
    id: EntryId,
    exchange: u64,
    /// Replays under way.
    replays: Vec<u64>,
}

impl Refusals {
    pub(super) fn new(contract: &Contract) -> Self {
        let floor = contract.polling.as_ref().map_or(Duration::MAX, |polling| {
            polling.floor.min(polling.every) / 2
        });
        Self {
            at_once: floor.min(Duration::from_secs(2)),
            chains: BTreeMap::new(),
            renewed: None,
            original: None,
            fresh_refused: None,
            forbidden: None,
        }
    }
}

impl Rule for Refusals {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        if let Some(request) = context.request() {
            match &request.role {
                Some(Role::Resource(_)) => self.replay(entry, request, context),
                Some(Role::Refresh) => self.refresh(entry, request, context),
                Some(Role::SignOut) => self.sign_out(entry, Some(request.exchange), context),
                _ => {}
            }
        }
        if let Fact::App(AppFact::Session {
            state: SessionState::Ended { .. },
        }) = &entry.fact
        {
            self.sign_out(entry, None, context);
        }
        let Some(ended) = context.ended() else {
            return;
        };
        match (&ended.request.role, ended.status()) {
            (Some(Role::SignIn | Role::Refresh), _) if ended.succeeded() => {
                self.renewed = Some(Moment::of(entry));
                self.forbidden = None;
                if ended.request.role == Some(Role::SignIn) {
                    self.chains.clear();
                }
            }
            (Some(Role::Resource(_)), Some(401)) => {
                context.exercised(&ON_401_AND_403);
                self.refused(entry, ended.request);
            }
            (Some(Role::Resource(_)), Some(403)) => {
                context.exercised(&ON_401_AND_403);
                self.forbidden = Some((entry.id, entry.at, ended.request.exchange));
            }
            (Some(Role::Resource(_)), Some(_)) => {
                self.chains.remove(&key(ended.request));
            }
            _ => {}
        }
    }
}

impl Refusals {
    fn refused(&mut self, entry: &Entry, request: &Request) {
        if self.chains.len() >= CHAINS {
            self.chains.pop_first();
        }
        let chain = self.chains.entry(key(request)).or_insert(Chain {
            allowed: 0,
            refused: entry.at,
            id: entry.id,
            exchange: request.exchange,
            replays: Vec::new(),
        });
        chain.refused = entry.at;
        chain.id = entry.id;
        chain.exchange = request.exchange;
        let replay = chain
            .replays
            .iter()
            .position(|own| *own == request.exchange);
        match replay {
            Some(at) => {
                chain.replays.remove(at);
                if self.renewed.is_some() {
                    self.fresh_refused = Some((entry.id, entry.at, request.exchange));
                }
            }
            None => {
                chain.allowed += 1;
                self.original = Some(Moment::of(entry));
            }
        }
    }

    /// A request that follows its own refusal, or the renewal that it caused, at once is a replay.
    fn replay(&mut self, entry: &Entry, request: &Request, context: &Context<'_>) {
        let key = key(request);
        let Some(chain) = self.chains.get_mut(&key) else {
            return;
        };
        let cause = match self.renewed {
            Some(renewed) if renewed.id > chain.id => renewed.at,
            _ => chain.refused,
        };
        if entry.at > cause + self.at_once
            || context.world.acted_since(chain.id)
            || !context.world.same_process_since(chain.id)
            || context.is_refetched(request.role.as_ref())
        {
            self.chains.remove(&key);
            return;
        }
        if chain.allowed > 0 {
            chain.allowed -= 1;
            chain.replays.push(request.exchange);
            return;
        }
        context.violated(
            &ON_401_AND_403,
            Violation::new("the app replays a request that was refused with 401 more than once")
                .kind("second round")
                .expected("one refresh and one replay, then the refusal stands")
                .observed(format!(
                    "{key} again, {} after its last 401",
                    show(entry.at - chain.refused)
                ))
                .evidence([chain.id, entry.id])
                .exchanges([chain.exchange, request.exchange]),
        );
        chain.replays.push(request.exchange);
    }

    fn refresh(&mut self, entry: &Entry, request: &Request, context: &Context<'_>) {
        let due = is_due(context, entry.at);
        if let Some((id, at, exchange)) = self.fresh_refused.take()
            && entry.at <= at + self.at_once
            && self
                .original
                .is_none_or(|original| self.renewed.is_some_and(|renewed| original.id < renewed.id))
            && !due
            && !context.world.acted_since(id)
            && context
                .world
                .tokens_expired
                .is_none_or(|moment| self.renewed.is_some_and(|renewed| moment.id < renewed.id))
        {
            context.violated(
                &ON_401_AND_403,
                Violation::new(
                    "the app refreshes again because a replayed request was refused too",
                )
                .kind("second round")
                .expected("one refresh and one replay, then the refusal stands")
                .observed(format!(
                    "another refresh {} after the replay's 401",
                    show(entry.at - at)
                ))
                .evidence([id, entry.id])
                .exchanges([exchange, request.exchange]),
            );
        }
        if let Some((id, at, exchange)) = self.forbidden.take()
            && entry.at <= at + self.at_once
            && self
                .original
                .is_none_or(|original| self.renewed.is_some_and(|renewed| original.id < renewed.id))
            && context
                .sockets
                .refused
                .is_none_or(|refused| refused.at + self.at_once * 2 < at)
            && !due
            && !context.world.acted_since(id)
        {
            context.violated(
                &ON_401_AND_403,
                Violation::new("the app refreshes its token because of a 403")
                    .kind("refresh on 403")
                    .expected("a 403 is shown, and the session left alone")
                    .observed(format!("a refresh {} after the 403", show(entry.at - at)))
                    .evidence([id, entry.id])
                    .exchanges([exchange, request.exchange]),
            );
        }
    }

    fn sign_out(&mut self, entry: &Entry, exchange: Option<u64>, context: &Context<'_>) {
        let Some((id, at, forbidden)) = self.forbidden else {
            return;
        };
        // Without marks nobody knows whether it was the user who signed out.
        let by_itself =
            (context.world.acts_marked || exchange.is_none()) && !context.world.acted_since(id);
        let other_cause = self.original.is_some_and(|original| original.id > id)
            || context
                .session
                .refused
                .is_some_and(|refused| refused.id > id && refused.id != entry.id);
        if entry.at <= at + self.at_once && by_itself && !context.session.wants_out && !other_cause
        {
            context.violated(
                &ON_401_AND_403,
                Violation::new("the app ends the session because of a 403")
                    .kind("sign-out on 403")
                    .expected("a 403 is shown, and the session left alone")
                    .observed(format!(
                        "the session ends {} after the 403",
                        show(entry.at - at)
                    ))
                    .evidence([id, entry.id])
                    .exchanges(exchange.into_iter().chain([forbidden])),
            );
            self.forbidden = None;
        }
    }
}

/// Whether the token in use is so near its end that refreshing it is due anyway.
fn is_due(context: &Context<'_>, at: Duration) -> bool {
    let ahead = context.contract.session.refresh_ahead + Duration::from_secs(5);
    let Some(token) = context.session.current() else {
        return true;
    };
    match (token.ends, context.unix(at)) {
        (Some(ends), Some(now)) => now + ahead.as_secs() >= ends,
        _ => false,
    }
}

fn key(request: &Request) -> String {
    request.line()
}
