//! What can go wrong with a world, apart from whoever is judged in it: a scenario to which one of
//! these happens is *errored*, and nobody is blamed for it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::applicability::Lacks;
use super::call::CallFailed;
use super::deployment::OperatorError;
use super::lease::LeaseError;
use crate::{device, mock};

/// Why a world could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// The system gives no runtime to play in.
    #[error("no runtime: {0}")]
    Runtime(io::Error),
    /// The journal file cannot be begun.
    #[error("the journal {} cannot be written: {error}", path.display())]
    Journal {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The gateway's own certificate cannot be used.
    #[error("TLS could not be set up: {0}")]
    Tls(io::Error),
    /// The mock does not start.
    #[error("the mock could not be started: {0}")]
    Mock(mock::StartError),
    /// The gateway cannot listen.
    #[error("the gateway could not be started: {0}")]
    Gateway(io::Error),
    /// There is no place for what the device keeps.
    #[error("no folder for the device's storage: {0}")]
    Storage(io::Error),
    /// The device does not start.
    #[error("the device could not be started: {0}")]
    Device(device::StartError),
    /// The backend's keys, by which tokens are checked, cannot be had.
    #[error("the key set could not be asked for: {0}")]
    KeySet(CallFailed),
    /// The first round trip through the gateway fails.
    #[error("the health check could not be asked for: {0}")]
    Health(CallFailed),
    /// The first round trip through the gateway costs virtual time.
    #[error(
        "virtual time moved by {0:?} during one round trip; times in this run would mean nothing"
    )]
    ClockMoved(Duration),
}

/// Why the world could not be changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LeverError {
    /// The target has nothing to change it by.
    #[error(transparent)]
    Lacks(#[from] Lacks),
    /// What is asked for is no change of a backend.
    #[error("no lever")]
    NoLever,
    /// The configuration leaves to the gateway what only a backend can do.
    #[error("the gateway cannot imitate this")]
    NotImitable,
    /// The mock refuses.
    #[error(transparent)]
    Mock(#[from] mock::LeverError),
    /// The gateway cannot listen again.
    #[error(transparent)]
    Gateway(#[from] io::Error),
    /// The operator's calls did not bring it about.
    #[error(transparent)]
    Operator(#[from] OperatorError),
    /// That it would have to be put back cannot be kept, so it is not done.
    #[error(transparent)]
    Lease(#[from] LeaseError),
}

/// Why a step could not be carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    /// The world could not be changed.
    #[error(transparent)]
    Lever(#[from] LeverError),
    /// The device could not act.
    #[error(transparent)]
    Device(#[from] device::ActError),
    /// Nobody of that name can sign in.
    #[error("the target has no account `{0}`")]
    NoAccount(String),
    /// The device ended on its own.
    #[error("the device is gone")]
    DeviceGone,
}
