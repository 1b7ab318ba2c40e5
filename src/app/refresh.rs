//! Renewing a session: one refresh at a time, ahead of expiry or after a 401.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::journal::{AppFact, SessionState};

use super::answer::Reply;
use super::requests::Purpose;
use super::timers::Timer;
use super::{App, Quirk, notice, retry, token};

/// The first pause after a round of failed refreshes; each further one doubles.
const PAUSE: Duration = Duration::from_secs(30);

/// How far a refresh is.
#[derive(Debug, Default)]
pub(super) struct Refreshing {
    /// Whether somebody needs a new token although the old one is not known to be over.
    pub(super) wanted: bool,
    /// Whether data waits for the first attempt, as after a restore or a time without network.
    pub(super) first: bool,
    /// Attempts of this round.
    attempts: u32,
    /// Rounds that failed.
    rounds: u32,
    /// Nothing is tried before.
    not_before: Option<Duration>,
}

impl Refreshing {
    /// Fresh tokens are there.
    pub(super) fn taken(&mut self) {
        *self = Self::default();
    }

    /// Conditions have changed: what failed before may work now.
    pub(super) fn again(&mut self) {
        self.attempts = 0;
        self.not_before = None;
    }

    /// Whether a whole round has failed and the next one is some way off.
    pub(super) fn is_paused(&self, now: Duration) -> bool {
        self.attempts == 0 && self.not_before.is_some_and(|at| now < at)
    }
}

impl App {
    /// Whether there is any way to renew the session.
    pub(super) fn can_refresh(&self) -> bool {
        self.contract.session.refresh.is_some()
            && self
                .session
                .current
                .as_ref()
                .is_some_and(|session| session.refresh.is_some())
    }

    /// How long before its expiry the token is renewed: never more than half of its life.
    fn ahead(&self, lifetime: Option<Duration>) -> Duration {
        let ahead = self.contract.session.refresh_ahead;
        lifetime.map_or(ahead, |lifetime| ahead.min(lifetime / 2))
    }

    /// Sets the timer that renews the token ahead of its expiry.
    pub(super) fn wake_for_refresh(&mut self) {
        let Some(session) = &self.session.current else {
            return;
        };
        match session.expires {
            Some(at) => {
                let at = at.saturating_sub(self.ahead(session.lifetime));
                self.set_timer(Timer::RefreshAhead, at.saturating_sub(self.now.elapsed));
            }
            None => self.clear_timer(Timer::RefreshAhead),
        }
    }

    pub(super) fn is_refresh_due(&self) -> bool {
        let Some(session) = &self.session.current else {
            return false;
        };
        let spent = session.expires.is_some_and(|at| self.now.elapsed >= at);
        self.session.refreshing.wanted
            || session.access.is_none()
            || session
                .expires
                .is_some_and(|at| self.now.elapsed + self.ahead(session.lifetime) >= at)
                && !(spent && self.quirks.has(Quirk::SpentTokenFirst))
    }

    /// Whether data has to wait until a due refresh has been tried.
    pub(super) fn refresh_first(&mut self) {
        self.session.refreshing.first = self.can_refresh() && self.is_refresh_due();
    }

    fn is_refreshing(&self) -> bool {
        self.in_flight(|purpose| *purpose == Purpose::Refresh)
    }

    /// Refreshes if it is due and possible. This is the only place where a refresh begins.
    pub(super) fn settle_refresh(&mut self) {
        if !self.can_refresh() {
            let over = self.session.current.is_some() && !self.is_token_usable();
            if over && self.life.storage_read {
                self.notice(notice::SESSION_EXPIRED);
                self.end("expired");
            }
            return;
        }
        let is_too_soon = self
            .session
            .refreshing
            .not_before
            .is_some_and(|at| self.now.elapsed < at);
        if !self.is_refresh_due() || self.is_refreshing() || is_too_soon || !self.may_reach() {
            return;
        }
        let pause = self.pause_left("refresh");
        if !pause.is_zero() {
            self.session.refreshing.first = false;
            self.session.refreshing.not_before = Some(self.now.elapsed + pause);
            self.set_timer(Timer::RefreshRetry, pause);
            return;
        }
        let contract = Arc::clone(&self.contract);
        let Some(refresh) = &contract.session.refresh else {
            return;
        };
        self.session.refreshing.attempts += 1;
        let bindings = self.bindings();
        let copies = if self.quirks.has(Quirk::ParallelRefreshes) {
            2
        } else {
            1
        };
        for _ in 0..copies {
            self.send(&refresh.operation, &[], &bindings, Purpose::Refresh);
        }
    }

    /// A refresh was answered, or not.
    pub(super) fn refresh_replied(&mut self, reply: &Reply) {
        let contract = Arc::clone(&self.contract);
        let Some(refresh) = &contract.session.refresh else {
            return;
        };
        if let Reply::Answer(answer) = reply {
            let body = answer.json();
            let tokens = if answer.is_success() && !answer.is_page() {
                token::read(&refresh.answer, answer, body.as_ref(), self.now.unix)
            } else {
                None
            };
            if let Some(tokens) = tokens {
                let before = self
                    .session
                    .current
                    .as_ref()
                    .and_then(|own| own.access.clone());
                self.adopt(tokens);
                self.journal(AppFact::Session {
                    state: SessionState::Refreshed,
                });
                self.hand_token_over(before);
                self.release_parked();
                return;
            }
            let is_invalid_grant = (400..500).contains(&answer.status)
                && body.as_ref().and_then(|body| body.get("error"))
                    == Some(&serde_json::Value::from("invalid_grant"));
            let is_ending = contract.session.ended_by.contains(&answer.status)
                && !answer.is_success()
                && !answer.is_page();
            if is_invalid_grant || is_ending {
                self.notice(notice::SESSION_EXPIRED);
                self.end("the backend refused to renew it");
                return;
            }
        }
        self.refresh_failed(reply);
    }

    /// Only the backend's refusal ends a session; anything else is tried again, a few times and
    /// then ever more rarely.
    fn refresh_failed(&mut self, reply: &Reply) {
        self.heed_retry_after("refresh", reply);
        if self.quirks.has(Quirk::SignsOutOnTrouble) {
            self.end("it could not be renewed");
            return;
        }
        if self.quirks.has(Quirk::RefreshesForEver) {
            let wait = Duration::from_secs(1);
            self.session.refreshing.not_before = Some(self.now.elapsed + wait);
            self.set_timer(Timer::RefreshRetry, wait);
            return;
        }
        self.session.refreshing.first = false;
        self.status_cannot_be_asked();
        let retry = &self.contract.retry;
        let refreshing = &mut self.session.refreshing;
        let is_permanent = matches!(reply, Reply::Answer(answer)
            if (400..500).contains(&answer.status) && !matches!(answer.status, 408 | 425 | 429));
        let wait = if refreshing.attempts < retry.attempts && !is_permanent {
            retry::backoff(retry, refreshing.attempts, &mut self.rng)
        } else {
            refreshing.attempts = 0;
            refreshing.rounds += 1;
            let pause = PAUSE.saturating_mul(1 << (refreshing.rounds - 1).min(5));
            retry::lengthen(pause.min(retry::RETRY_AFTER_CAP), 0.2, &mut self.rng)
        };
        let round_is_over = refreshing.attempts == 0;
        let wait = wait.max(self.pause_left("refresh"));
        self.session.refreshing.not_before = Some(self.now.elapsed + wait);
        self.set_timer(Timer::RefreshRetry, wait);
        if round_is_over {
            self.session.refreshing.wanted = false;
            self.give_up_parked();
        }
    }
}
