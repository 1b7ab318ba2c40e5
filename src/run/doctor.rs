//! What works at a target and what is missing, found before anything is played against it.
//!
//! Everything is tried the way a run does it, and every question is given up after a while: a sick
//! deployment is what this is for.

mod answers;
mod inside;
mod levers;
mod wire;

use std::future::Future;
use std::time::Duration;

use super::failure::SetUpError;
use super::interrupt::Interrupt;
use super::plan::{Plan, Target};
use crate::domain::contract::Contract;
use crate::suite::config;

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// One thing that was examined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// What it is about: `tls trading`.
    pub what: String,
    /// What it came to.
    pub state: State,
    /// What was seen, without secrets.
    pub said: String,
    /// What to do next, where something is to be done.
    pub next: Option<String>,
}

/// What something that was examined came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It works.
    Ok,
    /// It works, and somebody should know.
    Warning,
    /// It does not work.
    Failure,
    /// It was not tried.
    NotTried,
}

impl State {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failure => "failure",
            Self::NotTried => "not-tried",
        }
    }
}

impl Examined {
    /// Something that came to this.
    #[must_use]
    pub fn new(what: impl Into<String>, state: State, said: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            state,
            said: said.into(),
            next: None,
        }
    }

    /// Something that works.
    #[must_use]
    pub fn ok(what: impl Into<String>, said: impl Into<String>) -> Self {
        Self::new(what, State::Ok, said)
    }

    /// Something that does not work.
    #[must_use]
    pub fn failure(what: impl Into<String>, said: impl Into<String>) -> Self {
        Self::new(what, State::Failure, said)
    }

    /// Says what to do next.
    #[must_use]
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }
}

/// Where everything that was examined is shown, as soon as it was.
pub(super) type Show<'s> = dyn FnMut(Examined) + 's;

/// Examines the plan's target. Levers are moved only where the plan holds a lease for them.
///
/// # Errors
/// When there is no runtime to ask on.
pub fn examine(plan: &Plan, interrupt: &Interrupt, show: &mut Show<'_>) -> Result<(), SetUpError> {
    let Target::Deployment(target) = &plan.target else {
        show(Examined::ok(
            "mock",
            "it is part of the program, and needs nothing",
        ));
        return Ok(());
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(SetUpError::Runtime)?;
    runtime.block_on(async {
        let contract = &plan.suite.contract;
        let examined = outside(target, contract, show);
        let reached = tokio::select! {
            biased;
            () = interrupt.triggered() => return,
            reached = examined => reached,
        };
        if !reached {
            for what in ["sign-in", "socket", "levers"] {
                let said = "a service is not reached as a run would reach it";
                show(Examined::new(what, State::NotTried, said));
            }
            return;
        }
        inside::examine(plan, target, interrupt, show).await;
    });
    Ok(())
}

/// Whether every service is reached and answers as the contract says.
async fn outside(target: &config::Target, contract: &Contract, show: &mut Show<'_>) -> bool {
    let mut reached = true;
    for service in &contract.services {
        let Some(url) = target.services.get(&service.name) else {
            continue;
        };
        let connected = wire::examine(&service.name, url, &target.access, show).await;
        let answers = connected && answers::examine(target, contract, &service.name, show).await;
        reached &= answers;
    }
    reached
}

/// What something comes to, unless it takes too long.
async fn within<T>(patience: Duration, asked: impl Future<Output = T>) -> Result<T, String> {
    let answer = tokio::time::timeout(patience, asked).await;
    answer.map_err(|_| format!("nothing came within {} s", patience.as_secs()))
}
