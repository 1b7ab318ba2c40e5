//! rehearsal: a conformance test harness for mobile clients.
//!
//! *A scenario drives an actor whose whole traffic crosses a gateway into a journal; rules read the
//! journal and give verdicts; reports show verdicts with their evidence.* The rooms stand below in
//! reading order; `docs/ARCHITECTURE.md` says what is never in each of them.

pub mod domain;

pub mod rules;

pub mod protocol;

pub mod app;

pub mod net;

pub(crate) mod operator;

pub mod device;
pub mod gateway;
pub mod mock;

pub mod suite;

pub mod runfile;

pub mod run;

pub mod report;

pub mod cli;
