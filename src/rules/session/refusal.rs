//! SESSION-8: what a 401 and a 403 may cause.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::contract::{Contract, Role};
use crate::domain::duration::show;
use crate::domain::journal::{AppFact, EntryId, Fact, Request, SessionState};
use crate::rules::context::Context;
use crate::rules::crossing::Crossing;
use crate::rules::exchange::Ended;
use crate::rules::moment::{Milestone, Moment};
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
    /// What follows each refusal at once is looked at, request by request; polls and what the user
    /// does later are requests of their own. So are up to three that come within a second of a 401
    /// and before a renewal: other screens may have sent the same before the refusal arrived.
    ///
    /// # How to keep it
    /// Mark a request as replayed and hand its second 401 to the caller. Treat 403 as an answer,
    /// not as a session problem.
    ///
    /// # Source
    /// RFC 6750 §3.1; RFC 9110 §15.5.2 and §15.5.4
    pub(super) ON_401_AND_403: "SESSION-8", App, from [Wire],
        set by ["session.refresh", "session.refresh-ahead", "polling.floor"]
}

/// How many refused requests are remembered.
const CHAINS: usize = 64;

pub(super) struct Refusals {
    /// How soon after its cause a request is told to be a replay.
    at_once: Duration,
    /// What was refused, by the lines of the requests.
    chains: BTreeMap<String, Chain>,
    /// The last renewal that was answered.
    renewed: Option<Moment>,
    /// When a request that was no replay was last answered with 401.
    original: Option<EntryId>,
    /// The last 401 to a replay that carried a renewed token.
    fresh_refused: Option<Milestone>,
    /// The last 403.
    forbidden: Option<Milestone>,
}

/// One request that was refused.
struct Chain {
    /// How many replays its refusals allow.
    allowed: u32,
    /// Its last refusal.
    refused: Milestone,
    /// Replays under way.
    replays: Vec<u64>,
    /// Whether that was to a request which was no replay, and what was on its way then.
    original: bool,
    crossing: Crossing,
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
        if let Some(request) = context.request() {
            match &request.role {
                Some(Role::Resource(_)) => self.replay(request, context),
                Some(Role::Refresh) => self.refresh(request, context),
                Some(Role::SignOut) => self.sign_out(Some(request.exchange), context),
                _ => {}
            }
        }
        if let Fact::App(AppFact::Session {
            state: SessionState::Ended { .. },
        }) = &context.entry.fact
        {
            self.sign_out(None, context);
        }
        if let Some(ended) = context.ended() {
            self.ended(&ended, context);
        }
    }
}

impl Refusals {
    fn ended(&mut self, ended: &Ended<'_>, context: &Context<'_>) {
        let answer = Milestone::of(context.entry, ended.request.exchange);
        match (&ended.request.role, ended.status()) {
            (Some(Role::SignIn | Role::Refresh), _) if ended.succeeded() => {
                self.renewed = Some(context.moment());
                self.forbidden = None;
                if ended.request.role == Some(Role::SignIn) {
                    self.chains.clear();
                }
            }
            (Some(Role::Resource(_)), Some(401)) => {
                context.exercised(&ON_401_AND_403);
                self.refused(ended.request.operation(), answer);
            }
            (Some(Role::Resource(_)), Some(403)) => {
                context.exercised(&ON_401_AND_403);
                self.forbidden = Some(answer);
            }
            (Some(Role::Resource(_)), Some(_)) => {
                self.chains.remove(&ended.request.operation());
            }
            _ => {}
        }
    }

    /// A 401 allows one replay, unless it is the answer to a replay.
    fn refused(&mut self, line: String, refused: Milestone) {
        if self.chains.len() >= CHAINS {
            self.chains.pop_first();
        }
        let chain = self.chains.entry(line).or_insert(Chain {
            allowed: 0,
            refused,
            replays: Vec::new(),
            original: true,
            crossing: Crossing::of(refused.at),
        });
        chain.refused = refused;
        chain.crossing.told_again(refused.at);
        let replay = chain
            .replays
            .iter()
            .position(|own| *own == refused.exchange);
        chain.original = replay.is_none();
        match replay {
            Some(at) => {
                chain.replays.remove(at);
                if self.renewed.is_some() {
                    self.fresh_refused = Some(refused);
                }
            }
            None => {
                chain.allowed += 1;
                self.original = Some(refused.id);
            }
        }
    }

    /// A request that follows its own refusal, or the renewal that it caused, at once is a replay.
    fn replay(&mut self, request: &Request, context: &Context<'_>) {
        let entry = context.entry;
        let line = request.operation();
        let Some(chain) = self.chains.get_mut(&line) else {
            return;
        };
        let refused = chain.refused;
        let cause = match self.renewed {
            Some(renewed) if renewed.id > refused.id => renewed.at,
            _ => refused.at,
        };
        if entry.at > cause + self.at_once
            || context.world.acted_since(refused.id)
            || !context.world.same_process_since(refused.id)
            || context.is_refetched(request.role.as_ref())
        {
            self.chains.remove(&line);
            return;
        }
        let renewed = self.renewed.is_some_and(|renewed| renewed.id > refused.id);
        if chain.original && !renewed && chain.crossing.takes(context.now) {
            return;
        }
        chain.replays.push(request.exchange);
        if chain.allowed > 0 {
            chain.allowed -= 1;
            return;
        }
        context.violated(
            &ON_401_AND_403,
            Violation::new("the app replays a request that was refused with 401 more than once")
                .kind("second round")
                .expected("one refresh and one replay, then the refusal stands")
                .observed(format!(
                    "{line} again, {} after its last 401",
                    show(entry.at - refused.at)
                ))
                .evidence([refused.id, entry.id])
                .exchanges([refused.exchange, request.exchange]),
        );
    }

    /// A refresh follows what was refused last, unless something else asks for it.
    fn refresh(&mut self, request: &Request, context: &Context<'_>) {
        let fresh_refused = self.fresh_refused.take();
        let forbidden = self.forbidden.take();
        if !self.is_renewed_since(self.original) || is_due(context) {
            return;
        }
        let entry = context.entry;
        let is_cause = |refused: &Milestone| {
            entry.at <= refused.at + self.at_once && !context.world.acted_since(refused.id)
        };
        if let Some(refused) = fresh_refused.filter(is_cause)
            && self.is_renewed_since(context.world.tokens_expired.map(|own| own.id))
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
                    show(entry.at - refused.at)
                ))
                .evidence([refused.id, entry.id])
                .exchanges([refused.exchange, request.exchange]),
            );
        }
        let left_feed = context.sockets.refused;
        if let Some(forbidden) = forbidden.filter(is_cause)
            && left_feed.is_none_or(|left| left.at + self.at_once * 2 < forbidden.at)
        {
            context.violated(
                &ON_401_AND_403,
                Violation::new("the app refreshes its token because of a 403")
                    .expected("a 403 is shown, and the session left alone")
                    .observed(format!(
                        "a refresh {} after the 403",
                        show(entry.at - forbidden.at)
                    ))
                    .evidence([forbidden.id, entry.id])
                    .exchanges([forbidden.exchange, request.exchange]),
            );
        }
    }

    /// Whether the session was renewed after this entry, or the entry never was.
    fn is_renewed_since(&self, entry: Option<EntryId>) -> bool {
        entry.is_none_or(|entry| self.renewed.is_some_and(|renewed| entry < renewed.id))
    }

    fn sign_out(&mut self, exchange: Option<u64>, context: &Context<'_>) {
        let entry = context.entry;
        let Some(forbidden) = self
            .forbidden
            .filter(|own| entry.at <= own.at + self.at_once)
        else {
            return;
        };
        // Without marks nobody knows whether it was the user who signed out.
        let by_user = context.session.wants_out
            || context.world.acted_since(forbidden.id)
            || (exchange.is_some() && !context.world.acts_marked);
        let session_refused = context.session.refused.map(|own| own.id);
        let other_cause = self.original > Some(forbidden.id)
            || session_refused.is_some_and(|id| id > forbidden.id && id != entry.id);
        if by_user || other_cause {
            return;
        }
        self.forbidden = None;
        context.violated(
            &ON_401_AND_403,
            Violation::new("the app ends the session because of a 403")
                .expected("a 403 is shown, and the session left alone")
                .observed(format!(
                    "the session ends {} after the 403",
                    show(entry.at - forbidden.at)
                ))
                .evidence([forbidden.id, entry.id])
                .exchanges(exchange.into_iter().chain([forbidden.exchange])),
        );
    }
}

/// Whether the token in use is so near its end that refreshing it is due anyway.
fn is_due(context: &Context<'_>) -> bool {
    let ahead = context.contract.session.refresh_ahead + Duration::from_secs(5);
    let Some(token) = context.session.current() else {
        return true;
    };
    match (token.ends, context.unix(context.entry.at)) {
        (Some(ends), Some(now)) => now + ahead.as_secs() >= ends,
        _ => false,
    }
}
