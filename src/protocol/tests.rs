//! Tests of the whole room: the codec against tables and random input, the client against the server on a virtual
//! network with virtual time.

mod bench;
mod network;

mod client_cases;
mod client_faults;
mod codec;
mod conversations;
mod engine_rules;
mod reconnection;
mod server_cases;
mod server_rules;
mod suspension;
mod transcripts;
