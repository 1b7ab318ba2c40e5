//! Engine.IO v4 and Socket.IO v5 as pure state machines, for the app's socket, for the mock's server and for the gateway's decoder.
//!
//! This room never does I/O: it names no runtime, no socket, no HTTP library and no clock. Time enters as `now`, a
//! [`Duration`](std::time::Duration) since a start of the caller's choosing that never runs backwards; randomness comes
//! from a seed in the options. So every interleaving can be tested, and the same seed gives the same wire.
//!
//! Reading order: [`packet`] is the codec that all three share, [`client`] behaves as a `socket.io-client` 4.8
//! manager with its namespaces, [`server`] as a Node `socket.io` 4.8 server.

pub mod packet;

pub mod client;

pub mod server;

#[cfg(test)]
mod tests;
