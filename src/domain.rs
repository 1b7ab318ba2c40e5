//! What rehearsal talks about: contract, scenario, journal, scope, verdict.
//!
//! This room performs no I/O, reads no clock and is not async. Everything in it is a value or a
//! pure decision, so a run can be judged again from its journal alone.

pub mod access;
pub mod beginning;
pub mod bindings;
pub mod change;
pub mod changes;
pub mod class;
pub mod coding;
pub mod contract;
pub mod coverage;
pub mod diagnosis;
pub mod duration;
pub mod equal;
pub mod figures;
pub mod fleet;
pub mod formula;
pub mod incident;
pub mod journal;
pub mod known_failure;
pub mod malformed;
pub mod media_type;
pub(crate) mod misbehaviour;
pub mod moment;
pub mod proof;
pub mod result;
pub mod rpc;
pub mod runbook;
pub mod scenario;
pub(crate) mod schema;
pub mod scope;
pub mod secret;
pub mod secrets;
pub mod selector;
pub mod shard;
pub mod signoff;
pub mod subject;
pub mod token;
pub mod verdict;
pub mod wildcard;
pub mod world;
