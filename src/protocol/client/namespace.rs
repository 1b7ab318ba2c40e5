//! One namespace as the client sees it: what it has to send, what it waits for, what it remembers.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::{Map, Value};

use super::Emit;
use crate::protocol::packet::{Args, Auth, Body};

/// The client's side of a namespace, over all its connects.
#[derive(Debug)]
pub(super) struct Namespace {
    pub(super) name: String,
    /// Whether it takes part in the connection: it was connected by the application and not sent away since.
    pub(super) active: bool,
    pub(super) connected: bool,
    /// When the faulty client returns although it was sent away.
    pub(super) return_at: Option<Duration>,
    /// Events that came before the CONNECT was answered.
    pub(super) early: Vec<Received>,
    /// Events emitted while not connected.
    pub(super) unsent: Vec<Unsent>,
    pub(super) acks: BTreeMap<u64, Awaited>,
    pub(super) queue: VecDeque<Queued>,
    next_ack: u64,
    recovery_id: Option<String>,
    last_offset: Option<String>,
}

/// An event from the server.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) id: Option<u64>,
    pub(super) name: String,
    pub(super) args: Args,
}

/// An event that waits for the namespace to connect.
#[derive(Debug)]
pub(super) struct Unsent {
    pub(super) id: Option<u64>,
    pub(super) body: Body,
}

/// An acknowledgement awaited.
#[derive(Debug, Clone, Copy)]
pub(super) struct Awaited {
    pub(super) by: Option<Duration>,
    pub(super) owner: AckOwner,
}

/// Who waits for an acknowledgement.
#[derive(Debug, Clone, Copy)]
pub(super) enum AckOwner {
    /// The application's, with its token.
    App(u64),
    /// That of the event at the front of the queue.
    Queue,
}

/// An event that is sent again until it is acknowledged.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) emit: Emit,
    pub(super) tries: u32,
    pub(super) pending: bool,
}

impl Namespace {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            active: false,
            connected: false,
            return_at: None,
            early: Vec::new(),
            unsent: Vec::new(),
            acks: BTreeMap::new(),
            queue: VecDeque::new(),
            next_ack: 0,
            recovery_id: None,
            last_offset: None,
        }
    }

    /// Notes an acknowledgement to wait for and gives it an id.
    pub(super) fn await_ack(&mut self, awaited: Awaited) -> u64 {
        let id = self.next_ack;
        self.next_ack += 1;
        self.acks.insert(id, awaited);
        id
    }

    /// The CONNECT for this auth payload; with recovery the session's id and the last offset go in front.
    pub(super) fn connect_body(&self, auth: Option<Auth>) -> Body {
        let Some(recovery_id) = &self.recovery_id else {
            return Body::Connect(auth);
        };
        let mut fields = Map::new();
        fields.insert("pid".to_owned(), Value::from(recovery_id.as_str()));
        if let Some(offset) = &self.last_offset {
            fields.insert("offset".to_owned(), Value::from(offset.as_str()));
        }
        fields.extend(auth.unwrap_or_default().0);
        Body::Connect(Some(Auth(fields)))
    }

    /// Takes the answer to a CONNECT and says whether the old session was recovered.
    pub(super) fn connected(&mut self, recovery_id: Option<String>) -> bool {
        let recovered = recovery_id.is_some() && self.recovery_id == recovery_id;
        self.recovery_id = recovery_id;
        self.connected = true;
        recovered
    }

    /// With recovery, the last argument of every event is its offset.
    pub(super) fn note_offset(&mut self, received: &Received) {
        if self.recovery_id.is_none() || received.id.is_some() {
            return;
        }
        let last = match received.args.values.last() {
            Some(value) => value.as_str(),
            None => Some(received.name.as_str()),
        };
        if let Some(offset) = last {
            self.last_offset = Some(offset.to_owned());
        }
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        let ack = self.acks.values().filter_map(|awaited| awaited.by).min();
        [ack, self.return_at].into_iter().flatten().min()
    }

    /// Takes one acknowledgement whose time is up, and the event itself if it was never sent.
    pub(super) fn take_overdue(&mut self, now: Duration) -> Option<Awaited> {
        let overdue = |awaited: &Awaited| awaited.by.is_some_and(|by| by <= now);
        let (&id, _) = self.acks.iter().find(|(_, awaited)| overdue(awaited))?;
        self.unsent.retain(|unsent| unsent.id != Some(id));
        self.acks.remove(&id)
    }

    /// Takes the acknowledgements that can no longer come; those of events not yet sent stay.
    pub(super) fn take_lost(&mut self) -> Vec<Awaited> {
        let unsent = &self.unsent;
        let (kept, lost) = std::mem::take(&mut self.acks)
            .into_iter()
            .partition(|(id, _)| unsent.iter().any(|unsent| unsent.id == Some(*id)));
        self.acks = kept;
        let lost: BTreeMap<u64, Awaited> = lost;
        lost.into_values().collect()
    }
}
