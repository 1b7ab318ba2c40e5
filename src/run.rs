//! Stages one world per scenario and plays it: the only room that knows all others.

mod agreement;
mod backend;
mod call;
mod canary;
mod credentials;
mod deployment;
mod environment;
mod evaluation;
mod excerpt;
mod expect;
mod interrupt;
mod judge;
mod plan;
mod play;
mod probe;
mod proxy;
mod punctuality;
mod recording;
mod self_test;
mod stage;
mod steps;
mod summary;
mod supervise;
mod target;
#[cfg(test)]
mod tests;
mod trouble;
mod verdict;
mod watchdog;
mod window;

pub use interrupt::Interrupt;
pub use judge::{JudgedBy, Unjudgeable, judge};
pub use plan::{Plan, Target};
pub use proxy::{NotServed, Proxied, Ready, serve};
pub use self_test::{Matrix, Misbehaviour, Trial, self_test};
pub use supervise::perform;
pub use target::Unplayable;
