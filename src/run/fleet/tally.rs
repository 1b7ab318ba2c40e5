//! What the apps of one thread do and meet, counted as they do it; and what the scope says about it before it is
//! done.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::device::witness::{Ticket, Witness};
use crate::domain::contract::{Contract, Role};
use crate::domain::figures::OTHER;
use crate::domain::fleet::{Counts, Denied, Scope};
use crate::domain::journal::{
    AppFact, Class, ClientExchange, ClientOutcome, Fact, FeedState, Judgement,
};
use crate::domain::scope::{RequestView, judge, judge_frame};
use crate::net::{Clock, Pace};
use crate::protocol::client::{ConnectError, Event};

/// The ticket of whatever carries a socket: its end is told by the socket itself.
const CARRIER: Ticket = Ticket(u64::MAX);

/// How many bits of a ticket say which route it is.
const ROUTE_BITS: u32 = 8;

/// Longer than this a segment of a path may be a token, and is not told.
const LONG_SEGMENT: usize = 24;

/// What is counted of the apps of one thread.
pub(super) struct Tally {
    contract: Arc<Contract>,
    clock: Clock,
    pace: Pace,
    /// Room for the connections of requests, shared by all threads.
    room: Option<Arc<Semaphore>>,
    /// What a feed is that has come to what the contract has.
    best: FeedState,
    state: Mutex<State>,
}

struct State {
    counts: Counts,
    scope: Scope,
    /// Every route that was asked, by the number that tickets have of it.
    routes: Vec<Option<Role>>,
    apps: Vec<App>,
    standing: Standing,
}

/// What is known of one app.
#[derive(Debug, Clone, Copy, Default)]
struct App {
    is_live: bool,
    /// Since when it is on its way to be live.
    waits_since: Option<Duration>,
    /// The routes whose last request failed.
    failed: u64,
}

/// How many apps stand where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// Apps that were started.
    pub(super) started: u64,
    /// … that are live.
    pub(super) live: u64,
    /// … that are on their way to be live and whose time is taken.
    pub(super) waiting: u64,
    /// … that have done what was last ordered.
    pub(super) obeyed: u64,
}

impl Tally {
    /// Nothing is counted yet of so many apps.
    pub(super) fn new(contract: Arc<Contract>, clock: Clock, pace: Pace, apps: usize) -> Self {
        Self {
            best: match contract.realtime {
                Some(_) => FeedState::Live,
                None => FeedState::Polling,
            },
            contract,
            clock,
            pace,
            room: None,
            state: Mutex::new(State {
                counts: Counts::default(),
                scope: Scope::default(),
                routes: Vec::new(),
                apps: vec![App::default(); apps],
                standing: Standing::default(),
            }),
        }
    }

    /// The same, with room for so many requests at once in all threads together.
    pub(super) fn within(self, room: Option<Arc<Semaphore>>) -> Self {
        Self { room, ..self }
    }

    /// The time.
    pub(super) fn clock(&self) -> Clock {
        self.clock
    }

    /// An app is started, for the first time or once more: it is not live, and from now on it could be.
    pub(super) fn starts(&self, app: usize, anew: bool) {
        let mut state = self.state();
        state.standing.started += u64::from(!anew);
        state.feed(app, false, self.clock.elapsed());
        state.waits(app, self.clock.elapsed());
    }

    /// From now on an app could become live.
    pub(super) fn waits(&self, app: usize) {
        self.state().waits(app, self.clock.elapsed());
    }

    /// From now on every app could become live, or those alone that are not.
    pub(super) fn all_wait(&self, only_those_not_live: bool) {
        let now = self.clock.elapsed();
        let mut state = self.state();
        for app in 0..state.apps.len() {
            if !(only_those_not_live && state.apps[app].is_live) {
                state.waits(app, now);
            }
        }
    }

    /// An app has done what was ordered.
    pub(super) fn obeyed(&self) {
        self.state().standing.obeyed += 1;
    }

    /// Something is about to be ordered.
    pub(super) fn is_ordered(&self) {
        self.state().standing.obeyed = 0;
    }

    /// How many apps stand where.
    pub(super) fn standing(&self) -> Standing {
        self.state().standing
    }

    /// What was counted since this was last asked.
    pub(super) fn take_counts(&self) -> Counts {
        std::mem::take(&mut self.state().counts)
    }

    /// What the scope has said so far.
    pub(super) fn scope(&self) -> Scope {
        self.state().scope.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn waits(&mut self, app: usize, now: Duration) {
        let own = &mut self.apps[app];
        self.standing.waiting += u64::from(own.waits_since.is_none());
        own.waits_since = Some(now);
    }

    fn feed(&mut self, app: usize, is_live: bool, now: Duration) {
        let own = &mut self.apps[app];
        if own.is_live == is_live {
            return;
        }
        own.is_live = is_live;
        if !is_live {
            self.standing.live -= 1;
            return;
        }
        self.standing.live += 1;
        if let Some(since) = own.waits_since.take() {
            self.standing.waiting -= 1;
            self.counts.time_to_live.record(now.saturating_sub(since));
        }
    }

    /// The number of a route; a contract with more than there are numbers has its last ones in one.
    fn route(&mut self, role: Option<&Role>) -> usize {
        let known = self.routes.iter().position(|own| own.as_ref() == role);
        known.unwrap_or_else(|| {
            if self.routes.len() + 1 < 1 << ROUTE_BITS {
                self.routes.push(role.cloned());
            }
            self.routes.len() - 1
        })
    }

    /// Notes what became of a request, and takes the time of its answer.
    fn ended(&mut self, app: usize, route: usize, took: Duration, outcome: &ClientOutcome) {
        let role = self.routes.get(route).and_then(Option::as_ref);
        let name = role.map_or_else(|| OTHER.to_owned(), ToString::to_string);
        if let ClientOutcome::NotSent { why } | ClientOutcome::Broken { why } = outcome {
            *self.counts.failures.entry(why.clone()).or_default() += 1;
        }
        let requests = self.counts.requests.entry(name).or_default();
        let count = match outcome {
            ClientOutcome::Answered { status } => {
                requests.latency.record(took);
                match status {
                    0..400 => &mut requests.succeeded,
                    400..500 => &mut requests.client_errors,
                    _ => &mut requests.server_errors,
                }
            }
            ClientOutcome::NotSent { .. } => &mut requests.not_sent,
            ClientOutcome::Broken { .. } => &mut requests.lost,
        };
        *count += 1;
        let failed = !matches!(outcome, ClientOutcome::Answered { status } if *status < 400);
        let own = &mut self.apps[app].failed;
        *own = match failed {
            true => *own | bit(route),
            false => *own & !bit(route),
        };
    }
}

/// One app, as its device's witness.
pub(super) struct Member {
    pub(super) tally: Arc<Tally>,
    /// Its place in the tally.
    pub(super) app: usize,
    /// Its number in the whole fleet.
    pub(super) number: u64,
}

impl Member {
    fn deny(&self, state: &mut State, what: String, judgement: Judgement) -> String {
        let reason = match judgement.class {
            // Made of words of the contract alone.
            Class::Forbidden => judgement.reason,
            Class::UndeclaredWrite => "a write that the contract does not declare".to_owned(),
            _ => "it cannot be read well enough to decide".to_owned(),
        };
        let why = format!("the scope forbids it: {reason}");
        state.scope.deny(Denied {
            at: self.tally.clock.elapsed(),
            app: self.number,
            what,
            class: judgement.class,
            reason,
        });
        why
    }
}

impl Witness for Member {
    fn clock(&self) -> Clock {
        self.tally.clock
    }

    fn tell(&self, fact: Fact) {
        if let Fact::App(AppFact::Feed { feed }) = fact {
            let now = self.tally.clock.elapsed();
            let is_live = feed == self.tally.best;
            self.tally.state().feed(self.app, is_live, now);
        }
    }

    fn asks(&self, request: &RequestView<'_>) -> Result<Ticket, String> {
        let lowered = lowered(request.headers);
        let request = RequestView {
            headers: lowered.as_deref().unwrap_or(request.headers),
            ..*request
        };
        let decision = judge(&self.tally.contract, &request);
        let mut state = self.tally.state();
        state.scope.requests += 1;
        if !decision.judgement.class.passes() {
            let path = short(&decision.path);
            let what = format!("{} {} {path}", request.method, request.service);
            return Err(self.deny(&mut state, what, decision.judgement));
        }
        let now = self.tally.clock.elapsed();
        if decision.role == Some(Role::Realtime) {
            if !request.target.contains("sid=") {
                let second = self.tally.clock.unix().as_secs();
                *state.counts.connects.entry(second).or_default() += 1;
            }
            return Ok(CARRIER);
        }
        let route = state.route(decision.role.as_ref());
        if state.apps[self.app].failed & bit(route) != 0 {
            state.counts.retries.requests += 1;
        }
        // One more, so that no ticket is that of a request which was denied.
        let micros = u64::try_from(now.as_micros()).unwrap_or(u64::MAX) + 1;
        Ok(Ticket(micros << ROUTE_BITS | route as u64))
    }

    fn ended(&self, ticket: Ticket, exchange: ClientExchange) {
        if ticket == CARRIER || ticket == Ticket::default() {
            return;
        }
        let began = Duration::from_micros((ticket.0 >> ROUTE_BITS) - 1);
        let route = (ticket.0 & ((1 << ROUTE_BITS) - 1)) as usize;
        let took = self.tally.clock.elapsed().saturating_sub(began);
        let mut state = self.tally.state();
        state.ended(self.app, route, took, &exchange.outcome);
    }

    fn lets_frame(&self, text: &str) -> bool {
        let Some(judgement) = judge_frame(&self.tally.contract, text) else {
            return true;
        };
        let mut state = self.tally.state();
        state.scope.frames += 1;
        if judgement.class.passes() {
            return true;
        }
        self.deny(&mut state, "a frame of its socket".to_owned(), judgement);
        false
    }

    fn heard(&self, event: &Event) {
        match event {
            Event::Received { .. } => self.tally.state().counts.events += 1,
            Event::ReconnectAttempt { attempt } if *attempt > 1 => {
                self.tally.state().counts.retries.connects += 1;
            }
            Event::ConnectError { error, .. } => {
                let why = match error {
                    // Its message is the server's, and may hold whatever it likes.
                    ConnectError::Refused(_) => "refused by the namespace".to_owned(),
                    ConnectError::Transport(transport) => format!("{} error", transport.name()),
                    ConnectError::Timeout => "timeout".to_owned(),
                    ConnectError::OldServer => "older protocol".to_owned(),
                };
                let mut state = self.tally.state();
                *state.counts.connect_errors.entry(why).or_default() += 1;
            }
            Event::Disconnected { reason, .. } => {
                let why = reason.as_str().to_owned();
                let mut state = self.tally.state();
                *state.counts.disconnects.entry(why).or_default() += 1;
            }
            _ => {}
        }
    }

    fn pace(&self) -> Option<&Pace> {
        Some(&self.tally.pace)
    }

    fn room(&self) -> Option<&Semaphore> {
        self.tally.room.as_deref()
    }
}

/// The bit of a route; none of one too many.
fn bit(route: usize) -> u64 {
    let shift = u32::try_from(route).unwrap_or(u32::MAX);
    1_u64.checked_shl(shift).unwrap_or(0)
}

/// Headers with their names in lower case, where one is not.
fn lowered(headers: &[(String, String)]) -> Option<Vec<(String, String)>> {
    let is_upper = |name: &str| name.bytes().any(|byte| byte.is_ascii_uppercase());
    headers.iter().any(|(name, _)| is_upper(name)).then(|| {
        let all = headers.iter();
        all.map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
            .collect()
    })
}

/// A path without what may be a token.
fn short(path: &str) -> String {
    let shown = path.split('/').map(|own| match own.len() {
        0..=LONG_SEGMENT => own,
        _ => "…",
    });
    shown.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::Suite;

    fn member() -> Member {
        let contract = Arc::clone(&Suite::shipped().unwrap().contract);
        let tally = Tally::new(contract, Clock::virtual_time(), Pace::default(), 1);
        Member {
            tally: Arc::new(tally),
            app: 0,
            number: 40,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_frame_is_sent_or_kept_back_as_the_contract_says() {
        let member = member();
        for (text, is_sent) in [
            ("3", true),
            (r#"40/trading,{"token":"t"}"#, true),
            (r#"42/trading,["close_trade",{"id":1}]"#, false),
            ("40/admin,", false),
        ] {
            assert_eq!(member.lets_frame(text), is_sent, "{text}");
        }
        let scope = member.tally.scope();
        assert_eq!((scope.frames, scope.denied), (3, 2));
        assert_eq!(scope.evidence[0].app, 40);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_denied_is_told_without_what_may_be_a_token() {
        let member = member();
        let token = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9";
        let target = format!("/edge/trading/api/orders/{token}?token={token}");
        let refused = member.asks(&RequestView {
            service: "trading",
            base_path: "/edge/trading",
            method: "POST",
            target: &target,
            host: "h",
            expected_authority: "h",
            headers: &[("Authorization".to_owned(), token.to_owned())],
            body: Some(b""),
        });
        assert!(refused.is_err());
        let told = format!("{refused:?} {:?}", member.tally.scope());
        assert!(
            told.contains("POST trading") && !told.contains(token),
            "{told}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_to_live_begins_when_an_app_could_be_live() {
        let member = member();
        let second = Duration::from_secs(1);
        let tell = |feed| member.tell(Fact::App(AppFact::Feed { feed }));
        member.tally.starts(0, false);
        tokio::time::advance(second).await;
        tell(FeedState::Live);
        tell(FeedState::Polling);
        tokio::time::advance(second * 9).await;
        member.tally.waits(0);
        tokio::time::advance(second * 3).await;
        tell(FeedState::Live);
        let standing = member.tally.standing();
        assert_eq!(
            (standing.started, standing.live, standing.waiting),
            (1, 1, 0)
        );
        let counts = member.tally.take_counts();
        let times = counts.time_to_live;
        let longest = times.at(crate::domain::figures::Quantile::Max).unwrap();
        assert_eq!(times.count(), 2);
        assert!(longest > second * 2 && longest <= second * 3);
    }
}
