//! What connects the parts of one run: a clock, and transports for virtual and for real time.
//!
//! In virtual time everything runs on one paused single-threaded runtime and talks over Unix-domain
//! sockets or pipes in memory: their data is there the moment it is written, so the paused clock never
//! jumps ahead of a message that is under way. In real time the same parts talk over loopback TCP.

mod address;
mod clock;
mod endpoint;
mod memory;
mod pace;
mod recorder;

pub use address::ServiceAddress;
pub use clock::Clock;
pub(crate) use endpoint::ACCEPT_PAUSE;
pub use endpoint::{Endpoint, Listener, Net, Stream};
pub use pace::{Pace, Used};
pub use recorder::Recorder;
