//! The apps of one thread: each is started when its time has come, does what is ordered, and leaves.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::tally::{Member, Tally};
use crate::app::{Pool, Quirks, SIGN_IN_FAILED, SIGNED_OUT, UserAct};
use crate::device::http::Clients;
use crate::device::thin::{Settings, ThinDevice};
use crate::domain::contract::Contract;
use crate::domain::secret::Account;

/// How long a sign-out has for its answer when an app leaves.
const FAREWELL: Duration = Duration::from_secs(5);

/// After how long at least somebody whose sign-in has failed tries again; after twice as long at most.
const AGAIN: Duration = Duration::from_secs(5);

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
            user,
            again: None,
            rng: fastrand::Rng::with_seed(seed),
            leaving: self.leaving,
        };
        Some(seat.hold())
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
    /// What signs in.
    user: UserAct,
    /// When that is done again.
    again: Option<Instant>,
    rng: fastrand::Rng,
    /// Over how long all leave.
    leaving: Duration,
}

impl Seat {
    async fn hold(mut self) {
        self.tally.starts(self.app, false);
        self.device.launch();
        self.device.act(self.user.clone());
        loop {
            let again = async {
                match self.again {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
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
                () = again => {
                    self.again = None;
                    self.device.act(self.user.clone());
                }
                () = self.device.arrive() => {}
            }
            self.look();
        }
        self.leave().await;
    }

    /// Looks at the screen: who is asked to sign in, and was not refused, tries again in a while.
    fn look(&mut self) {
        let is_asked = self.device.view().is_some_and(|view| {
            let may = view.notice.is_none_or(|notice| notice == SIGN_IN_FAILED);
            view.session.is_none() && may && *view.screen == *SIGNED_OUT
        });
        if !is_asked {
            self.again = None;
        } else if self.again.is_none() {
            let wait = AGAIN.mul_f64(1.0 + self.rng.f64());
            let clock = self.tally.clock();
            self.again = Some(clock.instant(clock.elapsed() + wait));
        }
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
        let after = self.leaving.mul_f64(self.rng.f64());
        let turn = clock.instant(clock.elapsed() + after);
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
