//! One scenario, from an empty world to its result.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::failure::SetUpError;
use super::interrupt::Interrupt;
use super::known_accounts::{self, KnownAccounts};
use super::plan::{Plan, Target};
use super::probe::{OwnSession, Prober};
use super::stage::Stage;
use super::steps;
use super::summary::unplayed;
use crate::domain::class;
use crate::domain::contract::Contract;
use crate::domain::result::ScenarioResult;
use crate::domain::scenario::Scenario;
use crate::domain::verdict::Verdict;

/// How long what is under way has to come to its end once the client is gone.
pub(super) const UNDER_WAY: Duration = Duration::from_millis(50);

/// Plays a scenario from an empty world to its result, on a runtime of its own. The gateway judges by
/// `policy`: where that is another one than the suite's contract, what it lets through must be missed.
pub(crate) fn play_with(
    plan: &Plan,
    scenario: &Scenario,
    interrupt: &Interrupt,
    policy: &Arc<Contract>,
    accounts: &KnownAccounts,
) -> ScenarioResult {
    let began = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(plan.virtual_time())
        .build();
    let played = runtime.map_err(SetUpError::Runtime).and_then(|runtime| {
        runtime.block_on(async {
            let stage = Stage::set_up(plan, scenario, interrupt, policy).await?;
            Ok(stage.play(scenario, plan, accounts).await)
        })
    });
    let mut result = played.unwrap_or_else(|why| ScenarioResult {
        down: is_unanswered(&why).then(|| why.to_string()),
        ..unplayed(scenario, Verdict::Errored(why.to_string()), Duration::ZERO)
    });
    // Only what runs outside of this process can be down.
    match &plan.target {
        Target::Deployment(_) => class::forgive_if_down(&mut result),
        Target::Mock => result.down = None,
    }
    result.duration_wall = began.elapsed();
    result
}

/// Whether a world could not be set up because nothing answers behind the gateway.
fn is_unanswered(why: &SetUpError) -> bool {
    matches!(why, SetUpError::KeySet(_) | SetUpError::Health(_))
}

impl Stage {
    async fn play(
        mut self,
        scenario: &Scenario,
        plan: &Plan,
        accounts: &KnownAccounts,
    ) -> ScenarioResult {
        if matches!(plan.target, Target::Deployment(_)) {
            let observer = accounts.observer(&self.environment.contract);
            self.environment.recorder.journal().watch(observer);
        }
        let held = self.before().await;
        steps::play(&self, scenario).await;
        // Whatever the app could still not write was said when it happened.
        for actor in self.actors_mut() {
            let _ = actor.device.stop().await;
        }
        // What is under way is let come to its end, so that both ends of every exchange are known.
        tokio::time::sleep(UNDER_WAY).await;
        self.environment.end();
        let own = self.in_use.iter().map(String::as_str);
        if let Some(why) = accounts.refusal(plan.target.name(), own) {
            // Asking more as an account that is refused may lock it.
            let mut result = self.environment.conclude();
            known_accounts::instead_of(&mut result.outcome, why);
            return result;
        }
        self.after(held).await;
        self.environment.conclude()
    }

    /// What the harness asks before the app starts, and the session that it holds until its end.
    async fn before(&self) -> Option<OwnSession> {
        let mut prober = Prober::new(&self.environment);
        prober.health().await;
        if !self.asks_afterwards {
            return None;
        }
        prober.hold(&self.permission, &self.in_use).await
    }

    /// What it asks when the app is gone, unless somebody breaks off.
    async fn after(&self, held: Option<OwnSession>) {
        if self.interrupt.is_triggered() {
            return;
        }
        let mut prober = Prober::new(&self.environment);
        prober.health().await;
        let asked = async {
            if self.asks_afterwards {
                prober
                    .afterwards(&self.permission, held, self.switched())
                    .await;
            } else if let Some(switched) = self.switched() {
                prober.after_maintenance(&self.permission, &switched).await;
            }
        };
        tokio::select! {
            biased;
            () = self.interrupt.triggered() => {}
            () = asked => {}
        }
    }
}

/// Plays a scenario as if it were a run's only one.
#[cfg(test)]
pub(crate) fn play(plan: &Plan, scenario: &Scenario, interrupt: &Interrupt) -> ScenarioResult {
    let contract = &plan.suite.contract;
    play_with(
        plan,
        scenario,
        interrupt,
        contract,
        &KnownAccounts::default(),
    )
}
