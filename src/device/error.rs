//! What can go wrong with a device. None of it is the app's doing.

use super::http::HttpError;
use super::storage::StorageError;

/// The device could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its requests cannot be sent.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// Its storage cannot be used.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// An act that could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// No process runs that could be acted upon.
    #[error("the app is not running")]
    NotRunning,
    /// A process runs already, or still.
    #[error("the app is running")]
    Running,
    /// Nobody can use an app that is in the background.
    #[error("the app is in the background")]
    InBackground,
    /// It is in front already.
    #[error("the app is in the foreground")]
    InForeground,
    /// Requests cannot be sent.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The storage cannot be used: now, or when the app last tried.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The device itself has ended.
    #[error("the device has ended")]
    Ended,
}
