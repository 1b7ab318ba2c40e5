//! SESSION-9: a device whose clock is wrong does not refresh in a loop.

use std::time::Duration;

use crate::domain::change::Change;
use crate::domain::contract::Role;
use crate::domain::duration::show;
use crate::domain::journal::{Act, Changed, Direction, Fact, Frame, HarnessFact};
use crate::rules::context::Context;
use crate::rules::moment::Milestone;
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
    /// Successful refreshes that follow one another although nothing refused the token between them
    /// are counted: four within half of the token's life are a loop. Setting the device's clock
    /// puts the rule to the test; without that it is judged all the same.
    ///
    /// # How to keep it
    /// Count a token's life from its receipt, by `expires_in` or `exp` minus `iat`, on a clock that
    /// only goes forward; never compare `exp` with the wall clock alone.
    ///
    /// # Source
    /// RFC 7519 §4.1.4 (leeway); RFC 6749 §5.1 (`expires_in`)
    pub(super) CLOCK: "SESSION-9", App, from [Wire, Sim],
        needs [Refresh],
        set by ["session.refresh-ahead"]
}

/// How many refreshes make a loop.
const LOOP: usize = 4;
/// The life of a token that says nothing about it.
const UNKNOWN_LIFE: Duration = Duration::from_secs(300);

/// The refreshes that nothing explains, within half of a token's life.
#[derive(Default)]
pub(super) struct Clock(Vec<Milestone>);

impl Rule for Clock {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        if matches!(entry.fact, Fact::Act(Act::Clock { offset }) if offset != 0) {
            context.exercised(&CLOCK);
        }
        if explains_a_refresh(context) {
            self.0.clear();
        }
        let Some(refresh) = context
            .ended()
            .filter(|ended| ended.request.role == Some(Role::Refresh) && ended.succeeded())
        else {
            return;
        };
        let life = life(context);
        self.0.push(Milestone::of(entry, refresh.request.exchange));
        self.0.retain(|own| own.at + life / 2 >= entry.at);
        if self.0.len() < LOOP {
            return;
        }
        let took = entry.at - self.0[0].at;
        context.violated(
            &CLOCK,
            Violation::new("the app refreshes again and again although its token is fresh")
                .expected(format!("about one refresh in {}", show(life)))
                .observed(format!("{} within {}", self.0.len(), show(took)))
                .evidence(self.0.iter().map(|own| own.id))
                .exchanges(self.0.iter().map(|own| own.exchange)),
        );
        self.0.clear();
    }
}

/// Whether the user or the backend wants the session renewed, or time itself was moved.
fn explains_a_refresh(context: &Context<'_>) -> bool {
    match &context.entry.fact {
        Fact::Act(act) => matches!(
            act,
            Act::Clock { .. } | Act::Launch | Act::Refresh | Act::Foreground | Act::Online
        ),
        Fact::Frame {
            direction: Direction::Down,
            packet: Frame::ConnectError { .. },
            ..
        } => true,
        Fact::Harness(HarnessFact::Changed(Changed { change, .. })) => {
            *change == Change::ExpireTokens
        }
        _ => context
            .ended()
            .is_some_and(|ended| ended.status() == Some(401)),
    }
}

/// How long the token in use lives.
fn life(context: &Context<'_>) -> Duration {
    let lifetime = context.session.current().and_then(|token| token.lifetime);
    lifetime
        .filter(|life| !life.is_zero())
        .unwrap_or(UNKNOWN_LIFE)
}
