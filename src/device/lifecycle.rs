//! The device's own task: whether a process runs, whether it is frozen, whether there is a network.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::error::ActError;
use super::http::Clients;
use super::process::{self, Process};
use super::storage::SecureStorage;
use super::{Order, Settings};
use crate::app::{App, Event, UserAct, View};
use crate::domain::journal::{Act, Fact};
use crate::domain::scenario::StorageAccident;

/// How long a process in the background goes on before the system freezes it: about what iOS
/// grants, and enough for what an app does when it is left.
const FROZEN_AFTER: Duration = Duration::from_secs(5);

/// What the device is told to do.
pub(super) enum Command {
    Launch,
    Kill,
    User(Act, UserAct),
    Background,
    Foreground,
    Network(bool),
    Accident(StorageAccident),
    Clock(i64),
    /// Somebody wants to see the view.
    Look,
    Stop,
}

/// The device without its handle: what outlives every process of the app, and the process that runs.
pub(super) struct Lifecycle {
    settings: Settings,
    storage: SecureStorage,
    publish: watch::Sender<View>,
    rng: fastrand::Rng,
    online: bool,
    /// How far the wall clock is off, in seconds.
    clock_offset: i64,
    running: Option<Running>,
}

/// A process that runs.
struct Running {
    process: Process,
    visibility: Visibility,
    /// What the app was last told about the network.
    told_online: bool,
}

/// Whether the user sees the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Visibility {
    Foreground,
    /// In the background, and frozen from this time of the run on.
    Background {
        frozen_at: Duration,
    },
}

impl Lifecycle {
    pub(super) fn new(
        settings: Settings,
        storage: SecureStorage,
        publish: watch::Sender<View>,
    ) -> Self {
        Self {
            rng: fastrand::Rng::with_seed(settings.seed),
            settings,
            storage,
            publish,
            online: true,
            clock_offset: 0,
            running: None,
        }
    }

    pub(super) async fn run(mut self, mut orders: mpsc::UnboundedReceiver<Order>) {
        loop {
            // What the user does goes before what arrives at the same instant.
            tokio::select! {
                biased;
                order = orders.recv() => {
                    let Some(order) = order else { return };
                    let (command, reply) = *order;
                    let stops = matches!(command, Command::Stop);
                    let result = self.carry_out(command);
                    self.publish();
                    if stops {
                        // The process is gone before its end is reported.
                        drop(self);
                        let _ = reply.send(result);
                        return;
                    }
                    let _ = reply.send(result);
                }
                () = self.next_event() => self.publish(),
            }
        }
    }

    /// Lets the process take one thing that arrives, unless it is frozen or none runs. Cancelling
    /// it loses nothing.
    async fn next_event(&mut self) {
        let clock = self.settings.recorder.clock();
        let Some(running) = &mut self.running else {
            return std::future::pending().await;
        };
        let frozen = async {
            match running.visibility {
                Visibility::Foreground => std::future::pending().await,
                Visibility::Background { frozen_at } => {
                    tokio::time::sleep_until(clock.instant(frozen_at)).await;
                }
            }
        };
        tokio::select! {
            biased;
            () = frozen => std::future::pending().await,
            () = running.process.arrive(&self.storage) => {}
        }
    }

    fn carry_out(&mut self, command: Command) -> Result<(), ActError> {
        match command {
            Command::Launch => self.launch(),
            Command::Kill => {
                self.running.as_ref().ok_or(ActError::NotRunning)?;
                self.record(Act::Kill);
                self.end()
            }
            Command::User(act, user) => {
                self.in_foreground()?;
                self.record(act);
                self.deliver(Event::User(user))
            }
            Command::Background => {
                self.in_foreground()?;
                self.record(Act::Background);
                let frozen_at = self.settings.recorder.clock().elapsed() + FROZEN_AFTER;
                if let Some(running) = &mut self.running {
                    running.visibility = Visibility::Background { frozen_at };
                }
                self.deliver(Event::User(UserAct::Background))
            }
            Command::Foreground => {
                let running = self.running.as_mut().ok_or(ActError::NotRunning)?;
                if running.visibility == Visibility::Foreground {
                    return Err(ActError::InForeground);
                }
                running.visibility = Visibility::Foreground;
                self.record(Act::Foreground);
                self.tell_network()?;
                self.deliver(Event::User(UserAct::Foreground))
            }
            Command::Network(online) => self.network(online),
            Command::Accident(accident) => {
                if self.running.is_some() {
                    return Err(ActError::Running);
                }
                self.record(Act::Storage { accident });
                Ok(self.storage.suffer(accident)?)
            }
            Command::Clock(offset) => {
                self.record(Act::Clock { offset });
                self.clock_offset = offset;
                if let Some(running) = &mut self.running {
                    running.process.set_clock(offset);
                }
                Ok(())
            }
            Command::Look => Ok(()),
            Command::Stop => self.end(),
        }
    }

    fn launch(&mut self) -> Result<(), ActError> {
        if self.running.is_some() {
            return Err(ActError::Running);
        }
        // A process has its own connections, and they end with it.
        let clients = Clients::new(&self.settings.services)?;
        self.record(Act::Launch);
        let app = App::new(crate::app::Settings {
            contract: self.settings.contract.clone(),
            quirks: self.settings.quirks.clone(),
            seed: self.rng.u64(..),
        });
        self.running = Some(Running {
            process: Process::new(process::Settings {
                app,
                clients,
                witness: Arc::new(self.settings.recorder.clone()),
                online: self.online,
                clock_offset: self.clock_offset,
                seed: self.rng.u64(..),
            }),
            visibility: Visibility::Foreground,
            told_online: self.online,
        });
        let online = self.online;
        self.deliver(Event::Started { online })
    }

    fn network(&mut self, online: bool) -> Result<(), ActError> {
        if self.online == online {
            return Ok(());
        }
        self.online = online;
        self.record(if online { Act::Online } else { Act::Offline });
        if let Some(running) = &mut self.running {
            running.process.set_network(online);
        }
        if self.is_frozen() {
            return Ok(());
        }
        self.tell_network()
    }

    fn tell_network(&mut self) -> Result<(), ActError> {
        let online = self.online;
        match &mut self.running {
            Some(running) if running.told_online != online => {
                running.told_online = online;
                self.deliver(Event::Connectivity(online))
            }
            _ => Ok(()),
        }
    }

    fn is_frozen(&self) -> bool {
        match self.running.as_ref().map(|running| running.visibility) {
            Some(Visibility::Background { frozen_at }) => {
                self.settings.recorder.clock().elapsed() >= frozen_at
            }
            Some(Visibility::Foreground) | None => false,
        }
    }

    fn in_foreground(&self) -> Result<(), ActError> {
        match self.running.as_ref().map(|running| running.visibility) {
            Some(Visibility::Foreground) => Ok(()),
            Some(Visibility::Background { .. }) => Err(ActError::InBackground),
            None => Err(ActError::NotRunning),
        }
    }

    /// Hands an event to the app, and reports what its storage could not do since the last one.
    fn deliver(&mut self, event: Event) -> Result<(), ActError> {
        let running = self.running.as_mut().ok_or(ActError::NotRunning)?;
        running.process.handle(event, &self.storage);
        running.process.take_storage_error()
    }

    fn end(&mut self) -> Result<(), ActError> {
        match self.running.take() {
            Some(mut running) => running.process.take_storage_error(),
            None => Ok(()),
        }
    }

    fn record(&self, act: Act) {
        self.settings.recorder.record(Fact::Act(act));
    }

    /// Shows the view to whoever looks. While nobody does, the app changes what it shows without
    /// leaving a copy behind.
    fn publish(&self) {
        let looked_at = self.publish.receiver_count() > 0;
        let running = self.running.as_ref().filter(|_| looked_at);
        let view = running.map(|running| running.process.view());
        self.publish.send_if_modified(|shown| match view {
            Some(view) if view.revision == shown.revision => false,
            Some(view) => {
                view.clone_into(shown);
                true
            }
            None if shown.revision == 0 => false,
            None => {
                *shown = View::default();
                true
            }
        });
    }
}
