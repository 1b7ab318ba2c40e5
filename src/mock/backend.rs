//! What the mock is, apart from its listeners: its users and their data, its sessions and its sockets.
//!
//! Everything that changes stands behind one lock, which is never held across an await. What the
//! realtime machine wants sent goes into queues, so nothing is written under the lock either.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use serde_json::Value;
use tokio::sync::Notify;

use super::defect::{Defect, Defects};
use super::keys::Signer;
use super::pages::Pages;
use super::paging::Cursors;
use super::resource_state::ResourceState;
use super::sessions::Sessions;
use super::sockets::Sockets;
use super::{Settings, StartError, feeds, readiness};
use crate::domain::contract::{Contract, Resource};
use crate::domain::malformed::Malformed;
use crate::domain::world::{Feed, ItemMove, User};
use crate::net::Clock;

/// The mock without its listeners.
pub(super) struct Backend {
    pub(super) contract: Arc<Contract>,
    pub(super) clock: Clock,
    pub(super) feeds: Vec<Feed>,
    /// Changes that the world names.
    pub(super) changes: BTreeMap<String, ItemMove>,
    pub(super) access_lifetime: Duration,
    pub(super) refresh_lifetime: Duration,
    pub(super) signer: Signer,
    pub(super) cursors: Cursors,
    /// Wakes the realtime driver when something is due earlier than it thinks.
    pub(super) wake: Notify,
    defects: Defects,
    pub(super) pages: Pages,
    core: Mutex<Core>,
}

/// What changes.
pub(super) struct Core {
    pub(super) people: Vec<Person>,
    /// Resources that are the same for everybody.
    pub(super) shared: BTreeMap<String, ResourceState>,
    pub(super) sessions: Sessions,
    pub(super) sockets: Sockets,
    pub(super) maintenance: bool,
    /// Whether it ever was on. Only a defect looks at it.
    pub(super) was_maintained: bool,
    /// Resources that are answered with bad data.
    pub(super) malformed: BTreeMap<String, Malformed>,
    /// Drift, tokens and everything else that is made up.
    pub(super) rng: Rng,
    pub(super) requests: u64,
    /// Forbidden requests, emits and namespaces that reached the mock.
    pub(super) forbidden: u64,
    /// When each event was last emitted, since the run began.
    pub(super) emitted: BTreeMap<String, Duration>,
}

/// A user and what is theirs.
pub(super) struct Person {
    pub(super) user: User,
    pub(super) data: BTreeMap<String, ResourceState>,
}

impl Backend {
    /// # Errors
    /// When the world does not hold what the contract needs.
    pub(super) fn new(settings: Settings) -> Result<Self, StartError> {
        let Settings {
            contract,
            mut world,
            clock,
            seed,
            defects,
            pages,
            ..
        } = settings;
        readiness::check(&contract, &world)?;
        let feeds = feeds::of(&contract, world.feeds);
        let people = world
            .users
            .drain(..)
            .map(|mut user| Person {
                data: states(&contract, std::mem::take(&mut user.data)),
                user,
            })
            .collect();
        let core = Core {
            people,
            shared: states(&contract, world.shared),
            sessions: Sessions::default(),
            sockets: Sockets::new(
                &contract,
                seed,
                feeds.len(),
                defects.has(Defect::MainNamespaceOpen),
            ),
            maintenance: false,
            was_maintained: false,
            malformed: BTreeMap::new(),
            rng: Rng::with_seed(seed),
            requests: 0,
            forbidden: 0,
            emitted: BTreeMap::new(),
        };
        Ok(Self {
            contract,
            clock,
            feeds,
            changes: world.changes,
            access_lifetime: world.access_token_lifetime,
            refresh_lifetime: world.refresh_token_lifetime,
            signer: Signer::new().map_err(|error| StartError::Key(error.to_string()))?,
            cursors: Cursors::new(seed),
            wake: Notify::new(),
            defects,
            pages,
            core: Mutex::new(core),
        })
    }

    /// Everything that changes. Not to be held across an await.
    pub(super) fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the mock misbehaves in this way.
    pub(super) fn has(&self, defect: Defect) -> bool {
        self.defects.has(defect)
    }

    /// Moves a resource on that no feed has moved because nobody listens: the world does not stand
    /// still for those who poll. Whoever listens gets every step as an event instead.
    pub(super) fn catch_up(&self, core: &mut Core, user: Option<usize>, resource: &Resource) {
        let now = self.clock.elapsed();
        let own = user.filter(|user| core.people[*user].data.contains_key(&resource.name));
        if core.sockets.has_listener(own) {
            return;
        }
        let Some(realtime) = &self.contract.realtime else {
            return;
        };
        for feed in &self.feeds {
            let rule = realtime
                .events
                .iter()
                .find(|rule| rule.name == feed.event)
                .filter(|rule| rule.updates.as_deref() == Some(&resource.name));
            let Some(rule) = rule else { continue };
            let Core {
                people,
                shared,
                rng,
                ..
            } = core;
            let own = own.and_then(|user| people[user].data.get_mut(&resource.name));
            let Some(state) = own.or_else(|| shared.get_mut(&resource.name)) else {
                continue;
            };
            if now >= state.changed + feed.every {
                state.changed = now;
                let change = super::resource_state::Change::Drift(&feed.drift);
                let _ = state.advance(resource, rule, change, rng);
            }
        }
    }
}

impl Core {
    /// Sets every position in the stream of changes back.
    pub(super) fn count_anew(&mut self) {
        let own = self
            .people
            .iter_mut()
            .flat_map(|person| person.data.values_mut());
        for state in own.chain(self.shared.values_mut()) {
            state.sequence = 0;
        }
    }

    /// A new request id: unique, and the same for the same seed and order.
    pub(super) fn request_id(&mut self) -> String {
        self.requests += 1;
        format!("req-{:06}-{:08x}", self.requests, self.rng.u32(..))
    }

    /// Text that nobody can guess, as long as this.
    pub(super) fn opaque(&mut self, length: usize) -> String {
        std::iter::repeat_with(|| self.rng.alphanumeric())
            .take(length)
            .collect()
    }
}

fn states(contract: &Contract, data: BTreeMap<String, Value>) -> BTreeMap<String, ResourceState> {
    data.into_iter()
        .filter_map(|(name, answer)| {
            let state = ResourceState::new(contract.resource(&name)?, answer);
            Some((name, state))
        })
        .collect()
}
