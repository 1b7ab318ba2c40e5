//! Rounds of polling that no careful app makes: beside others, and in place of those that it missed.

use std::sync::Arc;
use std::time::Duration;

use super::{App, Purpose, Quirk, Timer};

/// How far the pollers are apart.
const BESIDE: Duration = Duration::from_millis(100);
/// So many missed rounds are made up for.
const ROUNDS: u32 = 12;

/// What is still to be polled.
#[derive(Debug, Default)]
pub(super) struct Pollers {
    /// So many further pollers are still to go in this round.
    others: u32,
    /// When the app was left.
    left_at: Option<Duration>,
    /// The rounds that it missed since.
    missed: u32,
}

impl App {
    /// A quirk: further pollers follow the first one.
    pub(in crate::app) fn poll_beside(&mut self) {
        if self.quirks.has(Quirk::TwoPollers) {
            self.quirk_state.pollers.others = 2;
            self.set_timer(Timer::SecondPoll, BESIDE);
        }
    }

    /// The next of the further pollers.
    pub(in crate::app) fn second_poll_timer(&mut self) {
        if self.poller.active {
            self.poll_round();
            let others = self.quirk_state.pollers.others.saturating_sub(1);
            self.quirk_state.pollers.others = others;
            if others > 0 {
                self.set_timer(Timer::SecondPoll, BESIDE);
            }
        }
    }

    /// The app is left.
    pub(in crate::app) fn note_leaving(&mut self) {
        self.quirk_state.pollers.left_at = Some(self.now.elapsed);
    }

    /// A quirk: each round of polling since the app was left counts.
    pub(in crate::app) fn count_missed(&mut self) {
        let left = self.quirk_state.pollers.left_at.take();
        if let (Some(left), Some(polling)) = (left, &self.contract.polling)
            && self.quirks.has(Quirk::CatchesUp)
        {
            let away = self.now.elapsed.saturating_sub(left);
            let rounds = away.as_secs() / polling.every.as_secs().max(1);
            self.quirk_state.pollers.missed = u32::try_from(rounds).unwrap_or(u32::MAX).min(ROUNDS);
        }
    }

    /// A quirk: all of them are made up for at once, and nobody looks at what is on its way.
    pub(in crate::app) fn catch_up(&mut self) {
        let contract = Arc::clone(&self.contract);
        for _ in 0..std::mem::take(&mut self.quirk_state.pollers.missed) {
            for name in contract.polling.iter().flat_map(|own| &own.resources) {
                if let Some(index) = self.resource_named(name) {
                    self.send_stray_poll(index);
                }
            }
        }
    }

    /// One poll in which nobody looks at what is on its way.
    pub(in crate::app) fn send_stray_poll(&mut self, resource: usize) {
        let contract = Arc::clone(&self.contract);
        let bindings = self.bindings();
        let operation = &contract.resources[resource].operation;
        self.send(operation, &[], &bindings, Purpose::Stray);
    }
}
