//! The apps of one thread: each is started when its time has come, does what is ordered, and leaves.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::tally::{Member, Tally};
use crate::app::{Pool, Quirks, UserAct};
use crate::device::http::Clients;
use crate::device::thin::{Settings, ThinDevice};
use crate::domain::contract::Contract;
use crate::domain::secret::Account;

/// How long a sign-out has for its answer when an app leaves.
const FAREWELL: Duration = Duration::from_secs(5);

/// What all apps are to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Be as apps are.
    Live,
    /// Lose every connection.
    Cut,
    /// Have no network.
    Offline,
    /// Have a network again.
    Online,
    /// Be killed and started again.
    Restart,
    /// Sign out and end.
    Leave,
}

/// What the apps of one thread are made of.
pub(super) struct Crew {
    pub(super) contract: Arc<Contract>,
    pub(super) quirks: Quirks,
    /// Who signs in: the apps take them in turn.
    pub(super) accounts: Arc<[Account]>,
    /// The way to the services, from each address that connections come from.
    pub(super) clients: Vec<Clients>,
    /// What the apps show alike.
    pub(super) pool: Pool,
    pub(super) tally: Arc<Tally>,
    pub(super) orders: watch::Receiver<Order>,
    /// Which of the fleet's apps are in this thread.
    pub(super) numbers: Vec<u64>,
    /// How long after the beginning one app is started after the other.
    pub(super) every: Duration,
    /// Over how long the apps leave.
    pub(super) leaving: Duration,
    pub(super) seed: u64,
}

impl Crew {
    /// Holds the apps until all have left.
    pub(super) async fn hold(mut self) {
        let clock = self.tally.clock();
        let began = clock.elapsed();
        let mut apps: Vec<JoinHandle<()>> = Vec::with_capacity(self.numbers.len());
        for (place, number) in std::mem::take(&mut self.numbers).into_iter().enumerate() {
            let at = began + self.every.mul_f64(number as f64);
            let leaves = self.orders.wait_for(|order| *order == Order::Leave);
            tokio::select! {
                biased;
                _ = leaves => break,
                () = tokio::time::sleep_until(clock.instant(at)) => {}
            }
            if let Some(app) = self.app(place, number) {
                apps.push(tokio::spawn(app));
            }
        }
        for app in apps {
            if let Err(error) = app.await
                && let Ok(panic) = error.try_into_panic()
            {
                std::panic::resume_unwind(panic);
            }
        }
    }

    fn app(&self, place: usize, number: u64) -> Option<impl Future<Output = ()> + Send + use<>> {
        let account = in_turn(&self.accounts, number)?;
        let user = UserAct::SignIn {
            username: account.username.clone(),
            password: account.password.clone(),
        };
        let seed = self.seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let device = ThinDevice::new(Settings {
            contract: Arc::clone(&self.contract),
            quirks: self.quirks.clone(),
            clients: in_turn(&self.clients, number)?.clone(),
            witness: Arc::new(Member {
                tally: Arc::clone(&self.tally),
                app: place,
                number,
            }),
            pool: self.pool.clone(),
            seed,
        });
        let seat = Seat {
            device,
            tally: Arc::clone(&self.tally),
            app: place,
            orders: self.orders.clone(),
            leaves_after: self.leaving.mul_f64(fastrand::Rng::with_seed(seed).f64()),
        };
        Some(seat.hold(user))
    }
}

fn in_turn<T>(all: &[T], number: u64) -> Option<&T> {
    let place = number.checked_rem(all.len() as u64)?;
    all.get(usize::try_from(place).ok()?)
}

/// One app and whoever uses it.
struct Seat {
    device: ThinDevice,
    tally: Arc<Tally>,
    app: usize,
    orders: watch::Receiver<Order>,
    leaves_after: Duration,
}

impl Seat {
    async fn hold(mut self, user: UserAct) {
        self.tally.starts(self.app, false);
        self.device.launch();
        self.device.act(user);
        loop {
            tokio::select! {
                biased;
                changed = self.orders.changed() => {
                    let order = match changed {
                        Ok(()) => *self.orders.borrow_and_update(),
                        Err(_) => Order::Leave,
                    };
                    if order == Order::Leave {
                        break;
                    }
                    self.obey(order);
                }
                () = self.device.arrive() => {}
            }
        }
        self.leave().await;
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Live | Order::Leave => {}
            Order::Cut => {
                self.tally.waits(self.app);
                self.device.cut();
            }
            Order::Offline => self.device.network(false),
            Order::Online => {
                self.tally.waits(self.app);
                self.device.network(true);
            }
            Order::Restart => {
                self.device.kill();
                self.tally.starts(self.app, true);
                self.device.launch();
            }
        }
        self.tally.obeyed();
    }

    /// Signs out when its turn has come, and ends when that is done.
    async fn leave(mut self) {
        let clock = self.tally.clock();
        let turn = clock.instant(clock.elapsed() + self.leaves_after);
        loop {
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(turn) => break,
                () = self.device.arrive() => {}
            }
        }
        self.device.act(UserAct::SignOut);
        let limit = clock.instant(clock.elapsed() + FAREWELL);
        while self.device.is_busy() {
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(limit) => break,
                () = self.device.arrive() => {}
            }
        }
    }
}
