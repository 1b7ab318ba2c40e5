//! The mock from outside: driven over pipes in memory, in virtual time, by clients it did not write.

mod contracts;
mod data;
mod defects;
mod edit;
mod faults;
mod levers;
mod live;
#[cfg(feature = "official-suite")]
mod official;
mod operator;
mod other_contract;
mod platform;
mod realtime;
mod reload;
mod shipped;
mod stage;
