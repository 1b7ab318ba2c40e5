//! SESSION-9: a device whose clock is wrong does not refresh in a loop.

use std::collections::VecDeque;
use std::time::Duration;

use crate::domain::change::Change;
use crate::domain::contract::Role;
use crate::domain::duration::show;
use crate::domain::journal::{Act, Changed, Direction, EntryId, Fact, Frame, HarnessFact};
use crate::rules::context::Context;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// However wrong the device's clock is, a session is refreshed a bounded number of times
    ///
    /// # Why
    /// An app that compares a token's `exp` with a clock that is a day ahead takes every fresh
    /// token for expired, and refreshes as fast as the backend answers.
    ///
    /// # How it is judged
    /// Judged on successful refreshes that follow one another although nothing refused the token
    /// between them: four within half of the token's life. It is put to the test when the device's
    /// clock is set; without that it is judged all the same.
    ///
    /// # How to keep it
    /// Count a token's life from its receipt, by `expires_in` or `exp` minus `iat`, on a clock that
    /// only goes forward; never compare `exp` with the wall clock alone.
    ///
    /// # Source
    /// RFC 7519 §4.1.4 (leeway); RFC 6749 §5.1 (`expires_in`)
    pub(super) CLOCK: "SESSION-9", App, from [Wire, Sim],
        needs [Refresh],
        set by ["session.refresh_ahead"]
}

/// How many refreshes make a loop.
const LOOP: usize = 4;
/// The life of a token that says nothing about it.
const UNKNOWN_LIFE: Duration = Duration::from_secs(300);

#[derive(Default)]
pub(super) struct Clock {
    refreshes: VecDeque<(EntryId, Duration, u64)>,
}

impl Rule for Clock {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        if context.contract.session.refresh.is_none() {
            context.unable(&CLOCK, "the contract has no refresh request");
            return;
        }
        match &entry.fact {
            Fact::Act(Act::Clock { offset }) => {
                if *offset != 0 {
                    context.exercised(&CLOCK);
                }
                self.refreshes.clear();
            }
            // What the user or the backend wants renewed is renewed for a reason.
            Fact::Act(Act::Launch | Act::Refresh | Act::Foreground | Act::Online)
            | Fact::Frame {
                direction: Direction::Down,
                packet: Frame::ConnectError { .. },
                ..
            } => self.refreshes.clear(),
            Fact::Harness(HarnessFact::Changed(Changed {
                change: Change::ExpireTokens,
                ..
            })) => {
                self.refreshes.clear();
            }
            _ => {}
        }
        let Some(ended) = context.ended() else {
            return;
        };
        if ended.status() == Some(401) {
            self.refreshes.clear();
        }
        if ended.request.role != Some(Role::Refresh) || !ended.succeeded() {
            return;
        }
        let life = context
            .session
            .current()
            .and_then(|token| token.lifetime)
            .filter(|life| !life.is_zero())
            .unwrap_or(UNKNOWN_LIFE);
        self.refreshes
            .push_back((entry.id, entry.at, ended.request.exchange));
        while self
            .refreshes
            .front()
            .is_some_and(|(_, at, _)| *at + life / 2 < entry.at)
        {
            self.refreshes.pop_front();
        }
        if self.refreshes.len() < LOOP {
            return;
        }
        let first = self.refreshes.front().map_or(entry.at, |(_, at, _)| *at);
        context.violated(
            &CLOCK,
            Violation::new("the app refreshes again and again although its token is fresh")
                .kind("loop")
                .expected(format!("about one refresh in {}", show(life)))
                .observed(format!(
                    "{} within {}",
                    self.refreshes.len(),
                    show(entry.at - first)
                ))
                .evidence(self.refreshes.iter().map(|(id, ..)| *id))
                .exchanges(self.refreshes.iter().map(|(.., own)| *own)),
        );
        self.refreshes.clear();
    }
}
