//! Stages one world per scenario and plays it: the only room that knows all others.

mod applicability;
mod backend;
mod board;
mod call;
mod canary;
mod checks;
mod course;
mod deployment;
mod doctor;
mod environment;
mod evaluation;
mod excerpt;
mod expect;
mod failure;
mod gather;
mod handed_in;
mod interrupt;
mod judge;
mod known_accounts;
mod lag;
mod lateness;
mod lease;
mod likely_causes;
mod moment;
mod plan;
mod play;
mod probe;
mod process;
mod proxy;
mod recording;
mod runbook;
mod selection;
mod self_test;
mod stage;
mod steps;
mod summary;
mod supervise;
mod target;
#[cfg(test)]
mod tests;
mod variables;
mod verdict;
mod watchdog;
mod window;

pub use board::{Board, Doing};
pub use call::CallFailed;
pub use checks::run_checks;
pub use course::Course;
pub use deployment::Complaint;
pub use doctor::{Examined, State, examine};
pub use failure::SetUpError;
pub use gather::gathered;
pub use handed_in::{HandedIn, Own};
pub use interrupt::Interrupt;
pub use judge::{JudgedBy, Unjudgeable, judge};
pub use lease::{
    Holder, Lease, LeaseError, Leftover, NotBack, StillSwitched, Use, left_at, settle, users_of,
};
pub use moment::Moment;
pub use plan::{Plan, Target};
pub use proxy::{NotServed, ProxyPlan, Ready, finding_in_brief, serve};
pub use selection::{Selection, Unselected};
pub use self_test::{Matrix, Misbehaviour, Trial, self_test};
pub use supervise::perform;
pub use target::Unplayable;
pub use variables::check_variables;
