//! The kill-switch: when it is asked, what its answer means, and what happens while it is silent.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::contract::{Asked, FailMode, KillSwitch};

use super::answer::Reply;
use super::requests::Purpose;
use super::timers::Timer;
use super::{App, Quirk, retry};

/// Share by which the interval is made longer.
const JITTER: f64 = 0.1;

/// The shortest time between two questions that refused data requests cause.
const AT_MOST_EVERY: Duration = Duration::from_secs(1);

/// What the app knows about the kill-switch.
#[derive(Debug, Default)]
pub(super) struct Status {
    /// The last answer, over restarts.
    pub(super) known: Option<bool>,
    /// Whether the app is blocked.
    pub(super) blocked: bool,
    /// Whether this process has evaluated it at least once.
    pub(super) settled: bool,
    /// Whether data has to wait for the next evaluation.
    pub(super) data_waits: bool,
    /// Whether the open screen is to be read again after the next evaluation.
    pub(super) then_reload: bool,
    answered_at: Option<Duration>,
    asked_at: Option<Duration>,
    attempts: u32,
}

/// What an answer says; nothing if it cannot be understood.
fn is_blocked(switch: &KillSwitch, reply: &Reply) -> Option<bool> {
    let Reply::Answer(answer) = reply else {
        return None;
    };
    let body = answer.json();
    let asked = Asked {
        status: answer.status,
        is_page: answer.is_page(),
        body: body.as_ref(),
    };
    switch.says(asked, |selector| {
        selector.in_answer(answer.header_pairs(), body.as_ref())
    })
}

impl App {
    /// The process has started and knows whether there is a session.
    pub(super) fn start_status(&mut self) {
        self.status_before_data();
        if !self.life.online {
            // Nobody can be asked, and nobody should look at a spinner meanwhile.
            self.status_is_silent();
        }
    }

    /// Lets data wait for an answer, unless there is one that is fresh enough.
    pub(super) fn status_before_data(&mut self) {
        let Some(switch) = &self.contract.kill_switch else {
            self.status.settled = true;
            return;
        };
        let is_fresh = self
            .status
            .answered_at
            .is_some_and(|at| self.now.elapsed <= at + switch.fresh_for);
        if is_fresh {
            return;
        }
        if self.quirks.has(Quirk::NoStatusFirst) {
            self.status.settled = true;
            self.wait_for_status();
            return;
        }
        self.status.data_waits = true;
    }

    /// Whether the switch can be asked: some backends only answer those who are signed in.
    fn may_ask(&self) -> bool {
        self.contract
            .kill_switch
            .as_ref()
            .is_some_and(|switch| !switch.operation.authorized || self.is_token_usable())
            && self.may_reach()
            && !(self.status.blocked && self.quirks.has(Quirk::MaintenanceForGood))
    }

    /// Asks now, unless a question is on its way or the backend wants to be left alone.
    pub(super) fn ask_status(&mut self) {
        let is_asked = self.in_flight(|purpose| *purpose == Purpose::Status);
        if is_asked || !self.may_ask() || !self.pause_left("status").is_zero() {
            return;
        }
        let contract = Arc::clone(&self.contract);
        let Some(switch) = &contract.kill_switch else {
            return;
        };
        self.clear_timer(Timer::Status);
        self.status.attempts += 1;
        self.status.asked_at = Some(self.now.elapsed);
        let bindings = self.bindings();
        self.send(&switch.operation, &[], &bindings, Purpose::Status);
    }

    /// Asks because data was refused or the server sent the app away.
    pub(super) fn suspect_maintenance(&mut self) {
        let is_recent = self
            .status
            .asked_at
            .is_some_and(|at| self.now.elapsed < at + AT_MOST_EVERY);
        // A switch that could not be asked is asked again in its own time: whoever refuses every
        // request for data would otherwise have it asked without end.
        let is_silent = self.status.asked_at > self.status.answered_at;
        if !is_recent && !is_silent {
            self.ask_status();
        }
    }

    /// Asks if data waits for it and nobody has asked.
    pub(super) fn settle_status(&mut self) {
        if !self.life.storage_read || !self.status.data_waits {
            return;
        }
        let needs_session = self
            .contract
            .kill_switch
            .as_ref()
            .is_some_and(|switch| switch.operation.authorized);
        if needs_session && self.session.current.is_none() {
            self.status.settled = true;
            return;
        }
        if self.may_reach() && !self.pause_left("status").is_zero() {
            self.status_is_silent();
            self.wait_for_status();
            return;
        }
        if self.life.visible {
            self.ask_status();
        }
    }

    /// The switch has answered, or not.
    pub(super) fn status_replied(&mut self, reply: &Reply) {
        let contract = Arc::clone(&self.contract);
        let Some(switch) = &contract.kill_switch else {
            return;
        };
        match is_blocked(switch, reply) {
            Some(blocked) => {
                let is_news = self.status.known != Some(blocked);
                self.status.known = Some(blocked);
                self.status.answered_at = Some(self.now.elapsed);
                self.status.attempts = 0;
                self.evaluate(blocked);
                if is_news {
                    self.store();
                }
                self.wait_for_status();
            }
            None => {
                self.heed_retry_after("status", reply);
                if matches!(reply, Reply::Answer(answer) if answer.status == 401)
                    && switch.operation.authorized
                    && self.status.attempts <= 1
                {
                    self.session.refreshing.wanted = true;
                }
                self.status_is_silent();
                self.retry_status();
            }
        }
    }

    /// Applies the contract's fail mode.
    fn status_is_silent(&mut self) {
        let Some(switch) = &self.contract.kill_switch else {
            return;
        };
        let blocked = match switch.fail_mode {
            _ if self.quirks.has(Quirk::FailsOpen) => false,
            _ if self.quirks.has(Quirk::FailsClosed) => true,
            FailMode::LastKnown => self.status.known.unwrap_or(false),
            FailMode::Open => false,
            FailMode::Closed => true,
        };
        self.evaluate(blocked);
    }

    /// The switch only answers those who are signed in, and the session could not be renewed:
    /// nobody should look at a spinner for that long. Data goes on waiting for an answer.
    pub(super) fn status_cannot_be_asked(&mut self) {
        if !self.status.settled && !self.in_flight(|purpose| *purpose == Purpose::Status) {
            self.status_is_silent();
            self.status.data_waits = true;
        }
    }

    fn evaluate(&mut self, blocked: bool) {
        let starts = !std::mem::replace(&mut self.status.settled, true);
        if blocked && starts {
            self.load_into_maintenance();
        }
        // Without a network the question stays open; it is asked as soon as there is one.
        self.status.data_waits = self.status.data_waits && !self.life.online;
        if blocked && !self.status.blocked && self.quirks.has(Quirk::SignOutOnMaintenance) {
            self.sign_out();
        }
        self.status.blocked = blocked;
        if std::mem::take(&mut self.status.then_reload) {
            self.life.reload = true;
        }
    }

    fn retry_status(&mut self) {
        let retry = &self.contract.retry;
        if self.status.attempts < retry.attempts {
            let wait = retry::backoff(retry, self.status.attempts, &mut self.rng);
            let wait = wait.max(self.pause_left("status"));
            self.set_timer(Timer::Status, wait);
        } else {
            self.status.attempts = 0;
            self.wait_for_status();
        }
    }

    /// Sets the timer of the next question, if anybody would want to know.
    pub(super) fn wait_for_status(&mut self) {
        let Some(switch) = &self.contract.kill_switch else {
            return;
        };
        let is_of_use = self.session.current.is_some() || self.status.blocked;
        if !is_of_use || !self.life.visible {
            self.clear_timer(Timer::Status);
            return;
        }
        let every = if self.quirks.has(Quirk::StatusTooOften) {
            switch.every / 6
        } else {
            switch.every
        };
        let jitter = if self.quirks.has(Quirk::StatusWithoutJitter) {
            0.0
        } else {
            JITTER
        };
        let wait = retry::lengthen(every.max(AT_MOST_EVERY), jitter, &mut self.rng);
        let wait = wait.max(self.pause_left("status"));
        self.set_timer(Timer::Status, wait);
    }

    /// The interval is over.
    pub(super) fn status_timer(&mut self) {
        let before = self.status.asked_at;
        self.ask_status();
        if self.status.asked_at != before || !self.may_reach() {
            return;
        }
        self.wait_for_status();
    }

    /// The question of an ended session went with its other requests.
    pub(super) fn forget_status_request(&mut self) {
        self.status.attempts = 0;
        self.status.then_reload = false;
        self.status.settled = true;
        self.status.data_waits = false;
        if self.status.blocked {
            self.wait_for_status();
        }
    }
}
