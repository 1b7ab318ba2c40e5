//! The simulated app: a pure state machine from events to effects.
//!
//! It behaves as a careful mobile app would, driven by nothing but its contract. It performs no
//! I/O, reads no clock and is not async: time comes in with every event, and whatever must be done
//! goes out as effects. So interleavings can be explored by property tests, thousands of apps are
//! cheap, and a quirk is one small deviation at one place.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;

use crate::domain::contract::Contract;
use crate::domain::journal::AppFact;

mod answer;
mod data;
mod effect;
mod event;
mod feed;
mod life;
mod load;
mod misbehave;
mod notice;
mod paging;
mod poller;
mod pool;
mod quirk;
mod refresh;
mod requests;
mod retry;
mod session;
mod status;
mod stored;
mod sync;
#[cfg(test)]
mod tests;
mod timers;
mod token;
mod view;

pub use effect::{
    Channel, Effect, OpenSocket, Request, RequestId, SocketId, SocketPayload, StorageContent,
    TimerId,
};
pub use event::{
    Answer, DisconnectReason, Event, Now, RequestFailure, SocketEvent, StorageRead, UserAct,
};
pub use notice::SIGN_IN_FAILED;
pub use pool::Pool;
pub use quirk::{Quirk, Quirks};
pub use view::{LOADING, MAINTENANCE, SIGNED_OUT, Shown, SignedIn, View};

use answer::Reply;
use data::ResourceState;
use timers::Timer;

/// What an app is made of.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What it agreed on with its backend.
    pub contract: Arc<Contract>,
    /// What it does wrong on purpose.
    pub quirks: Quirks,
    /// The source of its jitter.
    pub seed: u64,
}

/// The simulated app, from process start to process death.
///
/// Its parts live in the files beside this one, each with the state that it owns and the methods
/// that change it. Events are handed to the part that they concern; afterwards `settle`
/// compares where the app stands with what is going on, and starts or stops things. So no part has
/// to think of all the ways in which data can become forbidden.
#[derive(Debug)]
pub struct App {
    contract: Arc<Contract>,
    quirks: Quirks,
    rng: Rng,
    now: Now,
    /// What has to be done about the event at hand.
    out: Vec<Effect>,
    view: View,
    /// Whether the first screen has been told to the journal.
    screen_told: bool,
    timers: timers::Timers,
    requests: requests::Requests,
    /// Until when somebody wants to be left alone: services by name, and other requests by role.
    pauses: BTreeMap<String, Duration>,
    life: life::Life,
    status: status::Status,
    session: session::Sessions,
    /// Whether data flows: there is a session, a network, a visible screen and no maintenance.
    flowing: bool,
    feed: feed::Feed,
    poller: poller::Poller,
    /// What is held of each resource, in the contract's order.
    data: Vec<ResourceState>,
    quirk_state: misbehave::QuirkState,
    /// Whom what is shown is shared with.
    pool: Option<Pool>,
}

impl App {
    /// The app before its process has started.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let Settings {
            contract,
            quirks,
            seed,
        } = settings;
        Self {
            rng: Rng::with_seed(seed),
            now: Now::default(),
            out: Vec::new(),
            view: View::default(),
            screen_told: false,
            timers: timers::Timers::default(),
            requests: requests::Requests::default(),
            pauses: BTreeMap::new(),
            life: life::Life::new(contract.home()),
            status: status::Status::default(),
            session: session::Sessions::default(),
            flowing: false,
            feed: feed::Feed::default(),
            poller: poller::Poller::default(),
            data: contract
                .resources
                .iter()
                .map(|_| ResourceState::default())
                .collect(),
            quirk_state: misbehave::QuirkState::default(),
            pool: None,
            contract,
            quirks,
        }
    }

    /// The same, beside other apps of its process that may show the same.
    #[must_use]
    pub fn sharing(self, pool: Pool) -> Self {
        let pool = Some(pool);
        Self { pool, ..self }
    }

    /// Takes an event in, and says what is to be done about it, in order.
    pub fn handle(&mut self, event: Event, now: Now) -> Vec<Effect> {
        self.now = now;
        match event {
            Event::Started { online } => self.started(online),
            Event::StorageRead(read) => self.storage_read(read),
            Event::Answered { request, answer } => self.replied(request, Reply::Answer(answer)),
            Event::RequestFailed { request, .. } => self.replied(request, Reply::Lost),
            Event::Timer(id) => {
                if let Some(timer) = self.timers.due(id) {
                    self.timer(timer);
                }
            }
            Event::Socket { socket, event } => self.socket_event(socket, event),
            Event::Connectivity(online) => self.connectivity(online),
            Event::User(act) => self.user(act),
        }
        self.settle();
        std::mem::take(&mut self.out)
    }

    fn timer(&mut self, timer: Timer) {
        match timer {
            Timer::Status => self.status_timer(),
            Timer::Resume => self.resume_timer(),
            Timer::Load(resource) => self.load_timer(resource),
            Timer::Refetch(resource) => self.want(resource, load::Cause::Refetch),
            Timer::Fallback => self.fallback_timer(),
            Timer::Poll => self.poll_timer(),
            Timer::SecondPoll => self.second_poll_timer(),
            Timer::Upgrade => self.upgrade_timer(),
            Timer::Age => self.age_timer(),
            Timer::Leftover => self.send_leftover(),
            // Settling does whatever these were waiting for.
            Timer::RefreshAhead | Timer::RefreshRetry | Timer::Reopen => {}
        }
    }

    /// What the user sees.
    #[must_use]
    pub fn view(&self) -> &View {
        &self.view
    }

    /// The view, to be changed.
    fn view_mut(&mut self) -> &mut View {
        self.view.revision += 1;
        &mut self.view
    }

    fn journal(&mut self, fact: AppFact) {
        self.out.push(Effect::Journal(fact));
    }

    fn unexpected(&mut self, what: &str) {
        self.journal(AppFact::Unexpected { what: what.into() });
    }
}
