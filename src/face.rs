//! What other projects use in their own `cargo test`: a suite, a plan, a report, and little else.
//!
//! Nothing here names a type of another room, so that those may change. `docs/face.txt` lists all of it,
//! and a test holds the list.

mod conformance;
mod error;
mod moment;
mod plan;
mod report;
mod scenario;
mod suite;
mod target;

pub use conformance::{assert_conforms, judge};
pub use error::Error;
pub use moment::Moment;
pub use plan::Plan;
pub use report::{Finding, Report};
pub use scenario::Scenario;
pub use suite::Suite;
pub use target::Target;
