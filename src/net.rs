//! What connects the parts of one run: a clock, and transports for virtual and for real time.
//!
//! In virtual time everything runs on one paused single-threaded runtime and talks over pipes in memory:
//! what is written to one is there at once, and so is its end, so the paused clock never jumps ahead of
//! what is under way. In real time the same parts talk over loopback TCP.

mod address;
mod authority;
mod clock;
mod connector;
mod endpoint;
mod memory;
mod owner;
mod pace;
mod recorder;
mod tls;

pub use address::ServiceAddress;
pub use authority::{Authority, NoAuthority};
pub(crate) use authority::{CERTIFICATE as AUTHORITY_FILE, EMULATOR};
pub use clock::Clock;
pub use connector::Connector;
pub(crate) use endpoint::ACCEPT_PAUSE;
pub use endpoint::{Endpoint, Listener, Net, Stream};
pub use owner::{Owner, Users};
pub use pace::{Pace, Used};
pub use recorder::Recorder;
pub use tls::Tls;
pub(crate) use tls::{Begun, HANDSHAKE};
