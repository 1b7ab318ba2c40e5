//! Engine.IO sessions: when they begin, which requests are theirs, and when they are over.
//!
//! Every session that is journalled as opened is journalled as closed, once: by a packet, by the loss of
//! what carries it, by silence, or with the gateway.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::time::Instant;

use super::lock::lock;
use super::scribe::Scribe;
use crate::domain::contract::TransportName;
use crate::domain::journal::{Fact, SocketEnd};

mod frame;
mod large;
mod packets;
mod session;

use packets::Handshake;
pub(super) use packets::{Passage, Piece};
use session::Ended;
pub(super) use session::Session;

/// A session, shared by the requests and the tunnel that carry it.
pub(super) type Shared = Arc<Mutex<Session>>;

/// How long a session may be without a request after the end of the WebSocket that it was moving to.
/// A client that has given polling up for it says nothing more; one that has not polls at once.
/// Clients wait longer than this before they connect anew.
const LULL: Duration = Duration::from_millis(250);

/// The sessions of a gateway: who finds them, and what ends them.
pub(super) struct Sessions {
    scribe: Arc<Scribe>,
    /// The number of the last session that was opened.
    opened: Arc<AtomicU64>,
    register: Mutex<Register>,
}

/// Which sessions are open.
#[derive(Default)]
struct Register {
    open: BTreeMap<u64, Shared>,
    by_sid: BTreeMap<String, u64>,
    forgotten: BTreeSet<String>,
    /// The gateway itself has ended: no session opens any more.
    over: bool,
}

impl Register {
    /// Strikes a session that has ended.
    fn strike(&mut self, ended: &Ended) {
        self.open.remove(&ended.number);
        if let Some(sid) = &ended.sid
            && self.by_sid.get(sid) == Some(&ended.number)
        {
            self.by_sid.remove(sid);
        }
    }

    /// Strikes sessions that the gateway ends; their ids are unknown from now on.
    fn forget(&mut self, sessions: &BTreeMap<u64, Shared>) {
        self.open.retain(|number, _| !sessions.contains_key(number));
        let (forgotten, known): (BTreeMap<_, _>, _) = std::mem::take(&mut self.by_sid)
            .into_iter()
            .partition(|(_, number)| sessions.contains_key(number));
        self.by_sid = known;
        self.forgotten.extend(forgotten.into_keys());
    }
}

impl Sessions {
    pub(super) fn new(scribe: Arc<Scribe>, opened: Arc<AtomicU64>) -> Self {
        Self {
            scribe,
            opened,
            register: Mutex::default(),
        }
    }

    /// An open session; ids of sessions that are over are unknown.
    pub(super) fn find(&self, sid: &str) -> Option<Shared> {
        let register = lock(&self.register);
        register.open.get(register.by_sid.get(sid)?).cloned()
    }

    /// Whether the gateway made this session end, so that its id must be unknown.
    pub(super) fn is_forgotten(&self, sid: &str) -> bool {
        lock(&self.register).forgotten.contains(sid)
    }

    /// Opens the session that an Engine.IO handshake begins; the text is empty when a client speaks
    /// before its handshake has come.
    pub(super) fn open(
        self: &Arc<Self>,
        service: &str,
        transport: TransportName,
        handshake: &str,
    ) -> Shared {
        let handshake = Handshake::read(handshake);
        let sid = handshake.as_ref().and_then(Handshake::sid);
        let session = {
            let mut register = lock(&self.register);
            let number = self.opened.fetch_add(1, Ordering::Relaxed) + 1;
            let session = Session::new(&self.scribe, number, transport, handshake, !register.over);
            let session = Arc::new(Mutex::new(session));
            if register.over {
                return session;
            }
            register.open.insert(number, Arc::clone(&session));
            if let Some(sid) = sid {
                register.by_sid.insert(sid, number);
            }
            // Nobody finds it, and ends it, before its beginning is journalled.
            self.scribe.record(Fact::SocketOpened {
                socket: number,
                service: service.to_owned(),
                transport,
            });
            session
        };
        if transport == TransportName::Polling {
            tokio::spawn(watch_silence(Arc::clone(self), Arc::downgrade(&session)));
        }
        session
    }

    /// Notes that a request of the session has ended.
    pub(super) fn leave(self: &Arc<Self>, session: &Shared) {
        lock(session).leave();
        self.watch_lull(session);
    }

    /// Ends the session with its WebSocket, unless it still lives on polling.
    pub(super) fn lose_tunnel(self: &Arc<Self>, session: &Shared, end: SocketEnd) {
        self.end_if(session, |session| session.lose_tunnel(end));
        self.watch_lull(session);
    }

    /// Ends a session that was about to leave polling for a WebSocket that is gone, if nobody polls.
    fn watch_lull(self: &Arc<Self>, session: &Shared) {
        if !lock(session).is_doubted() {
            return;
        }
        let (sessions, session) = (Arc::clone(self), Arc::downgrade(session));
        tokio::spawn(async move {
            tokio::time::sleep(LULL).await;
            if let Some(session) = session.upgrade() {
                sessions.end_if(&session, Session::give_up);
            }
        });
    }

    /// Ends a session.
    pub(super) fn end(&self, session: &Shared, end: SocketEnd) {
        self.end_if(session, |_| Some(end));
    }

    /// Ends a session that lives on polling still.
    pub(super) fn end_polling(&self, session: &Shared, end: SocketEnd) {
        self.end_if(session, |session| session.is_polling().then_some(end));
    }

    /// Ends a session, once, if there is an end for it. The register learns of it after that: a session
    /// and the register are never locked together.
    fn end_if(&self, session: &Shared, end: impl FnOnce(&mut Session) -> Option<SocketEnd>) {
        let ended = {
            let mut session = lock(session);
            end(&mut session).and_then(|end| session.end(end))
        };
        if let Some(ended) = ended {
            lock(&self.register).strike(&ended);
        }
    }

    /// Ends every session; their ids are unknown from now on.
    pub(super) fn forget_all(&self) {
        let sessions = {
            let mut register = lock(&self.register);
            let sessions = register.open.clone();
            register.forget(&sessions);
            sessions
        };
        self.end_forgotten(&sessions);
    }

    /// Ends every session on polling, whose id is unknown from now on: what a WebSocket carries needs
    /// no id.
    pub(super) fn forget_polled(&self) {
        let mut sessions = lock(&self.register).open.clone();
        sessions.retain(|_, session| lock(session).is_polling());
        lock(&self.register).forget(&sessions);
        self.end_forgotten(&sessions);
    }

    fn end_forgotten(&self, sessions: &BTreeMap<u64, Shared>) {
        for session in sessions.values() {
            self.end(session, SocketEnd::Gateway);
        }
    }

    /// Ends every session; none opens after them.
    pub(super) fn close(&self) {
        lock(&self.register).over = true;
        self.forget_all();
    }
}

/// Ends a session that nobody polls any more: no packet says so.
async fn watch_silence(sessions: Arc<Sessions>, session: Weak<Mutex<Session>>) {
    loop {
        let Some(due) = session.upgrade().and_then(|it| lock(&it).silent_at()) else {
            return;
        };
        tokio::time::sleep_until(due).await;
        let Some(session) = session.upgrade() else {
            return;
        };
        sessions.end_if(&session, |session| {
            let silent = session.silent_at().is_some_and(|due| due <= Instant::now());
            silent.then(|| SocketEnd::Network {
                detail: "nothing was heard of it any more".to_owned(),
            })
        });
    }
}
