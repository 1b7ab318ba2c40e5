//! Past runs: what each came to, in one SQLite database, and what they tell together.
//!
//! A run gets in from its run file and from nowhere else, whole or not at all, and once however often
//! it is handed in. When something was is what run files say; nothing here asks what time it is.
//! Runs of one contract at one target make a series, and are compared with nothing else.

mod changes;
mod database;
mod nights;
mod past;
mod prune;
mod read;
mod sign;
mod take;
mod trend;

pub use changes::changes;
pub use database::{History, Purpose, Unusable, VERSION};
pub use nights::nights;
pub use past::{Kept, Kind, Past, PastRun};
pub use prune::Pruned;
pub use read::{Asked, Series, Thing, Told};
pub use sign::Sign;
pub use take::Taken;
pub use trend::{Trend, trend};

#[cfg(test)]
mod tests;
