//! What the mock is, apart from its listeners: its users and their data, its sessions and its sockets.
//!
//! Everything that changes stands behind one lock, which is never held across an await. What the
//! realtime machine wants sent goes into queues, so nothing is written under the lock either.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::defect::{Defect, Defects};
use super::edits::Edits;
use super::faults::{Faults, ReadChange};
use super::kept::Kept;
use super::keys::Signer;
use super::lively::Lively;
use super::pages::Pages;
use super::paging::Cursors;
use super::resource_state::ResourceState;
use super::secured::Secured;
use super::sessions::Sessions;
use super::shown::Shown;
use super::sockets::Sockets;
use super::{Settings, StartError, feeds, readiness};
use crate::domain::contract::{Contract, Resource};
use crate::domain::malformed::Malformed;
use crate::domain::world::{Feed, User, World};
use crate::net::Clock;
use crate::operator::Tape;

/// The mock without its listeners.
pub(super) struct Backend {
    pub(super) contract: Arc<Contract>,
    pub(super) clock: Clock,
    pub(super) signer: Signer,
    pub(super) cursors: Cursors,
    /// Wakes the realtime driver when something is due earlier than it thinks.
    pub(super) wake: Notify,
    /// How often anything was looked at or changed.
    pub(super) touched: AtomicU64,
    defects: Defects,
    pub(super) pages: Pages,
    pub(super) secured: Option<Secured>,
    pub(super) reads: Option<ReadChange>,
    pub(super) faults: Faults,
    /// Where it is noted what happens, once somebody wants to know.
    pub(super) tape: OnceLock<Arc<Tape>>,
    pub(super) shown: Shown,
    core: Mutex<Core>,
}

/// What changes.
pub(super) struct Core {
    /// What it began with, or was given last.
    pub(super) world: Arc<World>,
    /// What is emitted by itself.
    pub(super) feeds: Arc<[Feed]>,
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
    /// How often it went on from what an earlier process has written down.
    pub(super) starts: u64,
    /// Forbidden requests, emits and namespaces that reached the mock.
    pub(super) forbidden: u64,
    /// Worlds that were kept by name.
    pub(super) kept: BTreeMap<String, Arc<Kept>>,
    /// What an operator has written, so that it can be undone.
    pub(super) edits: Edits,
    /// When each event was last emitted, since the run began.
    pub(super) emitted: BTreeMap<String, Duration>,
    /// What goes on by itself.
    pub(super) live: Lively,
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
            world,
            clock,
            seed,
            defects,
            pages,
            secured,
            faults: reads,
            live: is_live,
            ..
        } = settings;
        readiness::check(&contract, &world)?;
        let feeds: Arc<[Feed]> = feeds::of(&contract, world.feeds.clone()).into();
        let shown = Shown::new(&contract, &world.users);
        let people = world.users.iter();
        let mut core = Core {
            people: people.map(|user| Person::new(&contract, user)).collect(),
            shared: states(&contract, &world.shared),
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
            starts: 0,
            forbidden: 0,
            kept: BTreeMap::new(),
            edits: Edits::default(),
            emitted: BTreeMap::new(),
            live: Lively::new(is_live, seed),
            world,
            feeds,
        };
        core.begin_live(&contract, clock.elapsed());
        Ok(Self {
            shown,
            contract,
            clock,
            signer: Signer::new().map_err(|error| StartError::Key(error.to_string()))?,
            cursors: Cursors::new(seed),
            wake: Notify::new(),
            touched: AtomicU64::new(1),
            defects,
            pages,
            secured,
            reads,
            faults: Faults::default(),
            tape: OnceLock::new(),
            core: Mutex::new(core),
        })
    }

    /// Everything that changes. Not to be held across an await.
    pub(super) fn core(&self) -> MutexGuard<'_, Core> {
        self.touched.fetch_add(1, Ordering::Relaxed);
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what happened, if anybody wants to know.
    pub(super) fn note(&self, kind: &str, what: impl FnOnce() -> Value) {
        let Some(tape) = self.tape.get() else { return };
        let at = u64::try_from(self.clock.elapsed().as_millis()).unwrap_or(u64::MAX);
        // Said before the tape is held: it may have to look at what changes.
        let what = what();
        tape.add(kind, |number| {
            json!({ "id": number, "at_ms": at, (kind): what }).to_string()
        });
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
        let feeds = Arc::clone(&core.feeds);
        let mut moved = false;
        for feed in feeds.iter() {
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
                let _ = state.step(resource, rule, change, rng);
                // Counted on as if it had been said.
                if rule.sequence.is_some() {
                    state.sequence += 1;
                }
                moved = true;
            }
        }
        if moved {
            core.follow(&self.contract, user.unwrap_or_default(), &resource.name);
        }
    }
}

impl Person {
    /// A user with the data that the world has for them.
    pub(super) fn new(contract: &Contract, user: &User) -> Self {
        let User {
            name,
            username,
            password,
            subject,
            claims,
            admin,
            data,
        } = user;
        Self {
            data: states(contract, data),
            // The data is in use, and stands nowhere twice.
            user: User {
                name: name.clone(),
                username: username.clone(),
                password: password.clone(),
                subject: subject.clone(),
                claims: claims.clone(),
                admin: *admin,
                data: BTreeMap::new(),
            },
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

/// Answers of resources, to be moved on from here.
pub(super) fn states(
    contract: &Contract,
    data: &BTreeMap<String, Value>,
) -> BTreeMap<String, ResourceState> {
    data.iter()
        .filter_map(|(name, answer)| {
            let state = ResourceState::new(contract.resource(name)?, answer.clone());
            Some((name.clone(), state))
        })
        .collect()
}
