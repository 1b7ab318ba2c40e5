//! Engine.IO sessions: when they begin, which requests are theirs, and when they are over.
//!
//! Every session that is journalled as opened is journalled as closed, once: by a packet, by the loss of
//! what carries it, by silence, or with the gateway.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

use super::hub::Hub;
use super::lock::lock;
use crate::domain::contract::TransportName;
use crate::domain::journal::{Fact, SocketEnd};
use crate::protocol::packet::{Packet, payload};

mod packets;

use packets::Half;
pub(super) use packets::{Passage, Piece};

/// A session, shared by the requests and the tunnel that carry it.
pub(super) type Shared = Arc<Mutex<Session>>;

/// The sessions that are open.
#[derive(Default)]
pub(super) struct Sessions {
    opened: u64,
    open: BTreeMap<u64, Shared>,
    by_sid: BTreeMap<String, u64>,
    forgotten: BTreeSet<String>,
    /// The gateway itself has ended: no session opens any more.
    over: bool,
}

/// One Engine.IO session.
pub(super) struct Session {
    number: u64,
    sid: Option<String>,
    transport: TransportName,
    open: bool,
    up: Half,
    down: Half,
    /// Answers to packets that were kept back on polling, until a poll or the WebSocket that the session
    /// moves to can carry them.
    owed: Vec<Packet>,
    /// How many attachments of a packet that was kept back are still to come.
    unwanted: usize,
    /// How long the session may be silent on polling before it counts as gone.
    silence: Duration,
    heard: Instant,
    /// How many requests of the session are under way.
    exchanges: usize,
    /// How the WebSocket ended that the session was to move to, until the next request shows that it
    /// goes on polling.
    doubt: Option<SocketEnd>,
}

/// How long a session may be without a request after the end of the WebSocket that it was moving to.
/// A client that has given polling up for it says nothing more; one that has not polls at once.
/// Clients wait longer than this before they connect anew.
const LULL: Duration = Duration::from_millis(250);

/// How many answers wait for a poll.
const OWED: usize = 16;

impl Sessions {
    /// An open session; ids of sessions that are over are unknown.
    pub(super) fn find(&self, sid: &str) -> Option<Shared> {
        self.open.get(self.by_sid.get(sid)?).cloned()
    }

    /// Whether the gateway made this session end, so that its id must be unknown.
    pub(super) fn is_forgotten(&self, sid: &str) -> bool {
        self.forgotten.contains(sid)
    }

    pub(super) fn forget_all(&mut self) -> Vec<Shared> {
        self.forgotten
            .extend(std::mem::take(&mut self.by_sid).into_keys());
        std::mem::take(&mut self.open).into_values().collect()
    }

    /// Those on polling only: what a WebSocket carries needs no id.
    pub(super) fn forget_polled(&mut self) -> Vec<Shared> {
        let polled: Vec<u64> = self
            .open
            .iter()
            .filter(|(_, session)| lock(session).transport == TransportName::Polling)
            .map(|(number, _)| *number)
            .collect();
        let by_sid = std::mem::take(&mut self.by_sid);
        for (sid, number) in by_sid {
            if polled.contains(&number) {
                self.forgotten.insert(sid);
            } else {
                self.by_sid.insert(sid, number);
            }
        }
        polled
            .iter()
            .filter_map(|number| self.open.remove(number))
            .collect()
    }

    /// Lets no session open any more.
    pub(super) fn end(&mut self) {
        self.over = true;
    }
}

/// The settings of a handshake.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Handshake {
    #[serde(default)]
    sid: String,
    #[serde(default)]
    ping_interval: u64,
    #[serde(default)]
    ping_timeout: u64,
}

/// Opens the session that an Engine.IO handshake begins; the text is empty when a client speaks
/// before its handshake has come.
pub(super) fn opened(
    hub: &Arc<Hub>,
    service: &str,
    transport: TransportName,
    handshake: &str,
) -> Shared {
    let settings: Option<Handshake> = serde_json::from_str(handshake).ok();
    let silence = settings.as_ref().map_or(Duration::from_secs(45), |it| {
        Duration::from_millis(it.ping_interval.saturating_add(it.ping_timeout))
    });
    let sid = settings.map(|it| it.sid).filter(|sid| !sid.is_empty());
    begin(hub, service, sid, transport, silence)
}

fn begin(
    hub: &Arc<Hub>,
    service: &str,
    sid: Option<String>,
    transport: TransportName,
    silence: Duration,
) -> Shared {
    let mut sessions = hub.sessions();
    sessions.opened += 1;
    let number = sessions.opened;
    let session = Arc::new(Mutex::new(Session {
        number,
        sid: sid.clone(),
        transport,
        open: !sessions.over,
        up: Half::new(),
        down: Half::new(),
        owed: Vec::new(),
        unwanted: 0,
        silence,
        heard: Instant::now(),
        exchanges: 0,
        doubt: None,
    }));
    if sessions.over {
        return session;
    }
    // Nobody ends it before its beginning is journalled.
    let beginning = lock(&session);
    sessions.open.insert(number, Arc::clone(&session));
    if let Some(sid) = sid {
        sessions.by_sid.insert(sid, number);
    }
    drop(sessions);
    hub.record(Fact::SocketOpened {
        socket: number,
        service: service.to_owned(),
        transport,
    });
    drop(beginning);
    if transport == TransportName::Polling {
        tokio::spawn(watch_silence(Arc::clone(hub), Arc::downgrade(&session)));
    }
    session
}

/// Ends a session that nobody polls any more: no packet says so.
async fn watch_silence(hub: Arc<Hub>, session: std::sync::Weak<Mutex<Session>>) {
    loop {
        let Some(due) = session.upgrade().and_then(|it| lock(&it).silent_at()) else {
            return;
        };
        tokio::time::sleep_until(due).await;
        let Some(session) = session.upgrade() else {
            return;
        };
        let mut session = lock(&session);
        if session.silent_at().is_some_and(|due| due <= Instant::now()) {
            let detail = "nothing was heard of it any more".to_owned();
            session.end(&hub, SocketEnd::Network { detail });
        }
    }
}

/// Notes that a request of the session has begun.
pub(super) fn join(session: &Shared) {
    let mut session = lock(session);
    session.hear();
    session.exchanges += 1;
    session.doubt = None;
}

/// Notes that a request of the session has ended.
pub(super) fn leave(hub: &Arc<Hub>, session: &Shared) {
    {
        let mut session = lock(session);
        session.hear();
        session.exchanges -= 1;
    }
    watch_lull(hub, session);
}

/// Ends the session with its WebSocket, unless it still lives on polling.
pub(super) fn lose_tunnel(hub: &Arc<Hub>, session: &Shared, end: SocketEnd) {
    {
        let mut session = lock(session);
        if session.transport == TransportName::Websocket {
            return session.end(hub, end);
        }
        session.doubt = Some(end);
    }
    watch_lull(hub, session);
}

/// Ends a session that was about to leave polling for a WebSocket that is gone, if nobody polls.
fn watch_lull(hub: &Arc<Hub>, session: &Shared) {
    let doubted =
        |session: &Session| session.exchanges == 0 && session.transport == TransportName::Polling;
    let now = lock(session);
    if !now.open || now.doubt.is_none() || !doubted(&now) {
        return;
    }
    drop(now);
    let (hub, session) = (Arc::clone(hub), Arc::downgrade(session));
    tokio::spawn(async move {
        tokio::time::sleep(LULL).await;
        let Some(session) = session.upgrade() else {
            return;
        };
        let mut session = lock(&session);
        if doubted(&session)
            && let Some(end) = session.doubt.take()
        {
            session.end(&hub, end);
        }
    });
}

impl Session {
    fn silent_at(&self) -> Option<Instant> {
        (self.open && self.transport == TransportName::Polling)
            .then(|| self.heard + self.silence + Duration::from_secs(1))
    }

    /// Keeps an answer for the next poll. A client that asks on without polling gets the first ones.
    pub(super) fn owe(&mut self, answer: Option<Packet>) {
        if self.owed.len() < OWED {
            self.owed.extend(answer);
        }
    }

    /// What a poll is answered before the backend's own packets, journalled.
    pub(super) fn pay(&mut self, hub: &Hub) -> String {
        let mut before = String::new();
        for packet in std::mem::take(&mut self.owed) {
            let frames = packet.encode();
            let text = payload::join(&frames);
            self.record_answer(hub, packet, text.len() as u64);
            before.push_str(&text);
            before.push(payload::SEPARATOR);
        }
        before
    }

    /// What polling still owes when the session has left it: its WebSocket carries that.
    pub(super) fn left_owing(&mut self) -> Vec<Packet> {
        match self.transport {
            TransportName::Polling => Vec::new(),
            TransportName::Websocket => std::mem::take(&mut self.owed),
        }
    }

    pub(super) fn transport(&self) -> TransportName {
        self.transport
    }

    /// Notes that a request or an answer of the session passed.
    pub(super) fn hear(&mut self) {
        self.heard = Instant::now();
    }

    /// Ends the session, once.
    pub(super) fn end(&mut self, hub: &Hub, end: SocketEnd) {
        if !std::mem::replace(&mut self.open, false) {
            return;
        }
        {
            let mut sessions = hub.sessions();
            sessions.open.remove(&self.number);
            if let Some(sid) = &self.sid
                && sessions.by_sid.get(sid) == Some(&self.number)
            {
                sessions.by_sid.remove(sid);
            }
        }
        hub.record(Fact::SocketClosed {
            socket: self.number,
            end,
        });
    }
}
