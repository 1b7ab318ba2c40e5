//! The device: what carries the pure app out, in virtual and in real time.
//!
//! It performs the app's effects (requests, sockets, timers, secure storage) and hands back what
//! comes of them. It has what an app does not decide about: whether its process runs, whether it is
//! frozen in the background, whether there is a network, and what becomes of the storage meanwhile.
//! Whatever its user does and whatever its process sends is told to the journal.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::app::{Quirks, UserAct, View};
use crate::domain::contract::Contract;
use crate::domain::journal::Act;
use crate::domain::scenario::StorageAccident;
use crate::domain::secret::Secret;
use crate::net::{Recorder, ServiceAddress};

mod error;
pub mod http;
mod keep;
mod lifecycle;
mod process;
pub mod socket;
pub mod storage;
pub mod thin;
mod timers;
pub mod witness;

#[cfg(test)]
mod backend;
#[cfg(test)]
mod tests;

pub use error::{ActError, StartError};
pub use http::HttpError;
pub use storage::StorageError;

use lifecycle::{Command, Lifecycle};
use storage::SecureStorage;

/// What a device is made of.
pub struct Settings {
    /// What the app on it agreed on with its backend.
    pub contract: Arc<Contract>,
    /// The journal, and the time.
    pub recorder: Recorder,
    /// Where each of the contract's services is.
    pub services: Arc<BTreeMap<String, ServiceAddress>>,
    /// The folder of its secure storage.
    pub storage: PathBuf,
    /// The source of all randomness.
    pub seed: u64,
    /// What the app does wrong on purpose.
    pub quirks: Quirks,
}

/// A device with one app on it. Dropping it kills the app without a word.
///
/// Every method returns as soon as the app has been told, not when it has done what was asked.
pub struct Device {
    commands: mpsc::UnboundedSender<Order>,
    view: watch::Sender<View>,
    task: JoinHandle<()>,
}

type Reply = oneshot::Sender<Result<(), ActError>>;
/// In a box, because a channel keeps room for many.
type Order = Box<(Command, Reply)>;

impl Device {
    /// A device that is switched on, with a network, and whose app is not running yet.
    ///
    /// # Errors
    /// When its storage or its way to the services cannot be set up.
    pub fn start(settings: Settings) -> Result<Self, StartError> {
        // Found out now rather than at the first launch.
        http::Clients::new(&settings.services)?;
        let storage = SecureStorage::open(&settings.storage)?;
        let (commands, orders) = mpsc::unbounded_channel();
        let view = watch::Sender::new(View::default());
        let lifecycle = Lifecycle::new(settings, storage, view.clone());
        let task = tokio::spawn(lifecycle.run(orders));
        Ok(Self {
            commands,
            view,
            task,
        })
    }

    /// What the user sees, for as long as somebody looks; the view of a process that has not
    /// started when none runs.
    ///
    /// # Errors
    /// When the device has ended.
    pub async fn view(&self) -> Result<watch::Receiver<View>, ActError> {
        let view = self.view.subscribe();
        // Nothing was published while nobody looked.
        self.command(Command::Look).await?;
        Ok(view)
    }

    /// Starts the app's process.
    ///
    /// # Errors
    /// When it runs already.
    pub async fn launch(&self) -> Result<(), ActError> {
        self.command(Command::Launch).await
    }

    /// Kills the process: requests, sockets and timers just end, and only the storage stays.
    ///
    /// # Errors
    /// When none runs.
    pub async fn kill(&self) -> Result<(), ActError> {
        self.command(Command::Kill).await
    }

    /// Signs in. `account` is the name by which the journal knows the user.
    ///
    /// # Errors
    /// When the app is not in front of the user.
    pub async fn sign_in(
        &self,
        username: &str,
        password: Secret,
        account: &str,
    ) -> Result<(), ActError> {
        let act = Act::SignIn {
            account: account.to_owned(),
        };
        let username = username.to_owned();
        self.user(act, UserAct::SignIn { username, password }).await
    }

    /// Signs out.
    ///
    /// # Errors
    /// When the app is not in front of the user.
    pub async fn sign_out(&self) -> Result<(), ActError> {
        self.user(Act::SignOut, UserAct::SignOut).await
    }

    /// Pulls to refresh.
    ///
    /// # Errors
    /// When the app is not in front of the user.
    pub async fn refresh(&self) -> Result<(), ActError> {
        self.user(Act::Refresh, UserAct::Refresh).await
    }

    /// Opens a screen of the contract.
    ///
    /// # Errors
    /// When the app is not in front of the user.
    pub async fn open(&self, screen: &str) -> Result<(), ActError> {
        let act = Act::Open {
            screen: screen.to_owned(),
        };
        self.user(act, UserAct::Open(screen.to_owned())).await
    }

    /// Asks for older items of a resource until there are none.
    ///
    /// # Errors
    /// When the app is not in front of the user.
    pub async fn load_more(&self, resource: &str) -> Result<(), ActError> {
        let act = Act::LoadMore {
            resource: resource.to_owned(),
        };
        self.user(act, UserAct::LoadAll(resource.to_owned())).await
    }

    /// Leaves the app. A little later the system freezes its process.
    ///
    /// # Errors
    /// When the app is not in front of the user.
    pub async fn background(&self) -> Result<(), ActError> {
        self.command(Command::Background).await
    }

    /// Comes back to the app.
    ///
    /// # Errors
    /// When it does not run or was not left.
    pub async fn foreground(&self) -> Result<(), ActError> {
        self.command(Command::Foreground).await
    }

    /// The network is there, or is gone (airplane mode). Works without a process, too.
    ///
    /// # Errors
    /// When the device has ended.
    pub async fn network(&self, there: bool) -> Result<(), ActError> {
        self.command(Command::Network(there)).await
    }

    /// Lets something happen to the secure storage while the app is not running.
    ///
    /// # Errors
    /// When it runs, or the system refuses.
    pub async fn accident(&self, accident: StorageAccident) -> Result<(), ActError> {
        self.command(Command::Accident(accident)).await
    }

    /// Sets the device's wall clock so many seconds ahead of the right time, or behind it.
    ///
    /// # Errors
    /// When the device is gone.
    pub async fn set_clock(&self, offset: i64) -> Result<(), ActError> {
        self.command(Command::Clock(offset)).await
    }

    /// Ends the device at the end of a scenario. Afterwards nothing more is told to the journal,
    /// and requests that were still open have been told to be broken.
    ///
    /// # Errors
    /// When the storage could not be used when the app last tried.
    pub async fn stop(&mut self) -> Result<(), ActError> {
        let result = self.command(Command::Stop).await;
        let _ = (&mut self.task).await;
        result
    }

    async fn user(&self, act: Act, user: UserAct) -> Result<(), ActError> {
        self.command(Command::User(act, user)).await
    }

    async fn command(&self, command: Command) -> Result<(), ActError> {
        let (reply, result) = oneshot::channel();
        let sent = self.commands.send(Box::new((command, reply)));
        sent.map_err(|_| ActError::Ended)?;
        result.await.map_err(|_| ActError::Ended)?
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.task.abort();
    }
}
