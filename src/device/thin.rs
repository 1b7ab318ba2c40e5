//! One of thousands of devices: an app that is carried out without a task, a handle and connections of its own.
//!
//! Whoever holds many of them owns what they share: the HTTP clients with their pools and TLS sessions, and the
//! witness in place of a journal. The entry of the secure storage is in memory. The app is the same, and so are
//! its sockets, its requests and its timers.

use std::sync::Arc;

use super::http::Clients;
use super::keep::Memory;
use super::process::{self, Process};
use super::witness::Witness;
use crate::app::{App, Event, Pool, Quirks, UserAct, View};
use crate::domain::contract::Contract;

/// What a thin device is made of.
pub struct Settings {
    /// What the app on it agreed on with its backend.
    pub contract: Arc<Contract>,
    /// What the app does wrong on purpose.
    pub quirks: Quirks,
    /// The way to the services, shared with others.
    pub clients: Clients,
    /// Who hears what it does.
    pub witness: Arc<dyn Witness>,
    /// What is shown, shared with others.
    pub pool: Pool,
    /// The source of all randomness.
    pub seed: u64,
}

/// A thin device. Dropping it kills its app without a word.
pub struct ThinDevice {
    settings: Settings,
    storage: Memory,
    rng: fastrand::Rng,
    online: bool,
    process: Option<Process>,
}

impl ThinDevice {
    /// A device that is switched on, with a network, and whose app is not running yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            rng: fastrand::Rng::with_seed(settings.seed),
            settings,
            storage: Memory::default(),
            online: true,
            process: None,
        }
    }

    /// Starts the app's process, in place of one that runs.
    pub fn launch(&mut self) {
        let app = App::new(crate::app::Settings {
            contract: Arc::clone(&self.settings.contract),
            quirks: self.settings.quirks.clone(),
            seed: self.rng.u64(..),
        });
        let app = app.sharing(self.settings.pool.clone());
        self.process = Some(Process::new(process::Settings {
            app,
            clients: self.settings.clients.clone(),
            witness: Arc::clone(&self.settings.witness),
            online: self.online,
            clock_offset: 0,
            seed: self.rng.u64(..),
        }));
        let online = self.online;
        self.deliver(Event::Started { online });
    }

    /// Kills the process: requests, sockets and timers just end, and only the storage stays.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// The user does something with the app, if it runs.
    pub fn act(&mut self, act: UserAct) {
        self.deliver(Event::User(act));
    }

    /// The network is there, or is gone.
    pub fn network(&mut self, there: bool) {
        if self.online == there {
            return;
        }
        self.online = there;
        if let Some(process) = &mut self.process {
            process.set_network(there);
        }
        self.deliver(Event::Connectivity(there));
    }

    /// Every connection breaks at this moment; the network is there as before.
    pub fn cut(&mut self) {
        if let Some(process) = &mut self.process
            && self.online
        {
            process.cut();
        }
    }

    /// Whether a request of the app is under way, or a socket has last words to send.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.process.as_ref().is_some_and(Process::is_busy)
    }

    /// What the user sees, while the app runs.
    #[must_use]
    pub fn view(&self) -> Option<&View> {
        self.process.as_ref().map(Process::view)
    }

    /// Waits for the next thing that arrives, and lets the app act on it. Cancelling it loses nothing.
    pub async fn arrive(&mut self) {
        match &mut self.process {
            Some(process) => process.arrive(&self.storage).await,
            None => std::future::pending().await,
        }
    }

    fn deliver(&mut self, event: Event) {
        if let Some(process) = &mut self.process {
            process.handle(event, &self.storage);
        }
    }
}
