//! What is tried again, when, and what is given up for now.

use std::sync::Arc;
use std::time::Duration;

use super::*;

/// How long a resource that could not be loaded is left alone.
const LATER: Duration = Duration::from_secs(30);

impl App {
    pub(super) fn try_again(&mut self, load: Load) {
        let contract = Arc::clone(&self.contract);
        let operation = &contract.resources[load.resource].operation;
        let hammers = self.quirks.has(Quirk::RetryWithoutBackoff);
        let insists = self.quirks.has(Quirk::AttemptsWhileOffline) && !self.life.online;
        let layers = if self.quirks.has(Quirk::TwoLayersRetry) {
            contract.retry.attempts
        } else {
            1
        };
        let attempts = contract.retry.attempts * layers;
        // A poll is repeated by the next poll, and by nobody else.
        let is_repeated = (load.cause != Cause::Poll || hammers)
            && load.attempt < attempts
            && is_safe(&operation.method);
        if !is_repeated && !insists {
            self.give_up(load, true);
            return;
        }
        let resource = load.resource;
        let wait = if hammers {
            Duration::from_millis(60)
        } else if insists {
            Duration::from_millis(700)
        } else {
            retry::backoff(&contract.retry, load.attempt, &mut self.rng)
                .max(self.pause_left(&operation.service))
        };
        self.data[resource].progress = Progress::Waiting(load);
        self.set_timer(Timer::Load(resource), wait);
    }

    /// Keeps the last good data, says that it is old, and leaves the resource alone for a while.
    pub(super) fn give_up(&mut self, load: Load, later: bool) {
        if self.quirks.has(Quirk::AllOrNothing) {
            self.give_socket_up();
        }
        let resource = load.resource;
        let cause = load.cause;
        let state = &mut self.data[resource];
        let again = std::mem::take(&mut state.again);
        state.pages.walking = false;
        if cause == Cause::Poll {
            self.poll_failed();
        }
        if again && matches!(cause, Cause::Poll | Cause::Walk) {
            self.want(resource, Cause::Snapshot);
            return;
        }
        if cause == Cause::Walk {
            return;
        }
        self.mark_stale(resource);
        if later && cause != Cause::Poll && self.flowing {
            let pause = self.pause_left(&self.contract.resources[resource].operation.service);
            let wait = retry::lengthen(LATER.max(pause), 0.2, &mut self.rng);
            self.data[resource].progress = Progress::Later(load);
            self.set_timer(Timer::Load(resource), wait);
        }
        self.snapshot_settled(resource, false);
    }
}
