//! rehearsal: a conformance test harness for mobile clients.
//!
//! *A scenario drives an actor whose whole traffic crosses a gateway into a journal; rules read the
//! journal and give verdicts; reports show verdicts with their evidence.*
//!
//! This is the face for other projects' `cargo test`: load a [`Suite`], make a [`Plan`], and let
//! [`assert_conforms`] fail the test with the report that the command would show. `docs/RUST.md` is
//! the way in.
//!
//! ```
//! let suite = rehearsal::Suite::shipped()?;
//! let plan = rehearsal::Plan::of(&suite).seed(7).scenario("sign-in");
//! rehearsal::assert_conforms(&plan);
//! # Ok::<(), rehearsal::Error>(())
//! ```
//!
//! Everything else belongs to the program. The rooms stand below in reading order;
//! `docs/ARCHITECTURE.md` says what is never in each of them.

mod domain;

mod rules;

mod protocol;

mod app;

mod net;

mod web;

mod operator;

mod device;
mod gateway;
mod mock;

mod suite;

mod import;

mod runfile;

mod history;

mod run;

mod report;

mod cli;

mod face;

/// The document's examples, tried.
#[cfg(doctest)]
#[doc = include_str!("../docs/RUST.md")]
struct Documented;

pub use face::{
    Error, Finding, Moment, Plan, Report, Scenario, Suite, Target, assert_conforms, judge,
};

/// The door for this project's own program, tests, benches and fuzzing. No promise is made of anything
/// behind it: it changes from one commit to the next.
///
/// The rooms are handed on whole, so that `pub` keeps meaning what a room shows to the others, and the
/// compiler still tells what is shown to nobody.
#[doc(hidden)]
pub mod internals {
    pub mod app {
        pub use crate::app::*;
    }
    pub mod cli {
        pub use crate::cli::*;
    }
    pub mod device {
        pub use crate::device::*;
    }
    pub mod domain {
        pub use crate::domain::*;
    }
    pub mod gateway {
        pub use crate::gateway::*;
    }
    pub mod history {
        pub use crate::history::*;
    }
    pub mod mock {
        pub use crate::mock::*;
    }
    pub mod net {
        pub use crate::net::*;
    }
    pub mod protocol {
        pub use crate::protocol::*;
    }
    pub mod report {
        pub use crate::report::*;
    }
    pub mod rules {
        pub use crate::rules::*;
    }
    pub mod run {
        pub use crate::run::*;
    }
    pub mod runfile {
        pub use crate::runfile::*;
    }
    pub mod suite {
        pub use crate::suite::*;
    }
}
