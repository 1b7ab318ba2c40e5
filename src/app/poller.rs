//! Polling in the app itself, while there is no feed: one poller, one round at a time.

use std::sync::Arc;
use std::time::Duration;

use super::load::Cause;
use super::timers::Timer;
use super::{App, Quirk, retry};

/// Share by which the interval is made longer.
const JITTER: f64 = 0.05;

/// What the app knows about its poller.
#[derive(Debug, Default)]
pub(super) struct Poller {
    pub(super) active: bool,
    /// Whether anything arrived in this round.
    arrived: bool,
    /// Whether polling brings data at the moment.
    pub(super) works: bool,
}

impl App {
    /// Starts the period of grace after which polling begins.
    pub(super) fn await_fallback(&mut self) {
        let Some(polling) = &self.contract.polling else {
            return;
        };
        if !self.flowing || self.poller.active || self.quirks.has(Quirk::NoFallback) {
            return;
        }
        if !self.timers.runs(Timer::Fallback) {
            let after = polling.after;
            self.set_timer(Timer::Fallback, after);
        }
    }

    /// The period of grace is over.
    pub(super) fn fallback_timer(&mut self) {
        if !self.flowing || (self.feed.connected && !self.quirks.has(Quirk::PollsBesideSocket)) {
            return;
        }
        self.feed.fallen_back();
        if self.quirks.has(Quirk::StaysOnPolling) {
            self.give_socket_up();
        }
        self.poller.active = true;
        self.poll_timer();
    }

    /// The interval is over: a round begins.
    pub(super) fn poll_timer(&mut self) {
        if !self.flowing || !self.poller.active {
            return;
        }
        self.poller.works &= self.poller.arrived;
        self.poller.arrived = false;
        let wait = self.interval();
        self.set_timer(Timer::Poll, wait);
        self.poll_round();
        self.poll_beside();
    }

    pub(super) fn poll_round(&mut self) {
        let contract = Arc::clone(&self.contract);
        let Some(polling) = &contract.polling else {
            return;
        };
        for name in &polling.resources {
            if let Some(index) = self.resource_named(name) {
                self.want(index, Cause::Poll);
            }
        }
    }

    fn interval(&mut self) -> Duration {
        let Some(polling) = &self.contract.polling else {
            return Duration::from_secs(60);
        };
        if self.quirks.has(Quirk::PollsTooFast) {
            return (polling.floor / 4).max(Duration::from_millis(200));
        }
        // The floor counts from request to request, which a late timer must not undercut.
        let every = polling.every.max(polling.floor);
        retry::lengthen(every.max(Duration::from_secs(1)), JITTER, &mut self.rng)
    }

    /// A poll brought data.
    pub(super) fn poll_succeeded(&mut self) {
        self.poller.arrived = true;
        self.poller.works = self.poller.active;
    }

    /// A poll brought nothing.
    pub(super) fn poll_failed(&mut self) {
        self.poller.works &= self.poller.arrived;
    }

    /// Stops polling, as there is a feed again.
    pub(super) fn stop_polling(&mut self) {
        let keeps =
            self.quirks.has(Quirk::NeverStopsPolling) || self.quirks.has(Quirk::PollsBesideSocket);
        if self.flowing && keeps {
            return;
        }
        self.clear_timer(Timer::Fallback);
        self.clear_timer(Timer::Poll);
        self.clear_timer(Timer::SecondPoll);
        self.poller = Poller::default();
    }
}
