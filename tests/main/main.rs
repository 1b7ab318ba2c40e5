//! Everything that is tested from outside, in one binary: linking many takes longer than running
//! them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[cfg(unix)]
mod access;
mod catalogue;
mod circles;
mod commands;
mod console;
mod corpus;
mod course;
#[cfg(unix)]
mod doctor;
#[cfg(unix)]
mod doctor_device;
mod documents;
mod engines;
#[cfg(feature = "interop")]
mod evasion;
mod examples;
mod export;
mod face;
mod fleet;
#[cfg(feature = "interop")]
mod foreign;
#[cfg(feature = "interop")]
mod foreign_app;
mod history;
mod hostile;
mod import;
mod independent;
mod install;
#[cfg(feature = "interop")]
mod interop;
#[cfg(unix)]
mod levers;
mod local;
mod matrix;
#[cfg(unix)]
mod mock;
#[cfg(unix)]
mod mock_tls;
mod pace;
mod ports;
mod proxy;
mod recording;
mod run_file;
mod runbook;
mod scenarios;
#[cfg(unix)]
mod secrets;
mod shards;
mod signoff;
#[cfg(feature = "interop")]
mod slurm;
mod sources;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod supply;
mod tidy;
mod tutorial;
