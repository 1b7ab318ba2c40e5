//! One client in one namespace, and what it would miss while it is away.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::{Map, Value};

use super::session::SessionId;
use crate::protocol::packet::{Args, Auth, Body};

/// Where a peer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PeerState {
    /// It has asked and waits for an answer.
    Pending(SessionId),
    /// It is in.
    Joined(SessionId),
    /// Its connection is lost; until then it may come back as itself.
    Away { until: Duration },
}

/// A client of a namespace, as the server knows it.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) namespace: String,
    pub(super) state: PeerState,
    pub(super) recovery_id: Option<String>,
    /// Acknowledgements awaited: id on the wire, the caller's token.
    pub(super) acks: BTreeMap<u64, u64>,
    sid: String,
    logged: u64,
    log: VecDeque<Logged>,
}

/// An event that can be sent again.
#[derive(Debug)]
struct Logged {
    offset: String,
    at: Duration,
    name: String,
    args: Args,
}

impl Peer {
    pub(super) fn new(
        session: SessionId,
        namespace: String,
        sid: String,
        recovery_id: Option<String>,
    ) -> Self {
        Self {
            namespace,
            state: PeerState::Pending(session),
            recovery_id,
            acks: BTreeMap::new(),
            sid,
            logged: 0,
            log: VecDeque::new(),
        }
    }

    /// What the client is told when it is let in.
    pub(super) fn connect_body(&self) -> Body {
        let mut fields = Map::new();
        fields.insert("sid".to_owned(), Value::from(self.sid.as_str()));
        if let Some(recovery_id) = &self.recovery_id {
            fields.insert("pid".to_owned(), Value::from(recovery_id.as_str()));
        }
        Body::Connect(Some(Auth(fields)))
    }

    /// Keeps an event for the length of the window and gives it its offset, a trailing argument the client remembers.
    pub(super) fn log(&mut self, name: &str, args: &mut Args, now: Duration, window: Duration) {
        while self
            .log
            .front()
            .is_some_and(|oldest| oldest.at + window < now)
        {
            self.log.pop_front();
        }
        let offset = format!("{}-{:x}", self.sid, self.logged);
        self.logged += 1;
        args.values.push(Value::from(offset.as_str()));
        self.log.push_back(Logged {
            offset,
            at: now,
            name: name.to_owned(),
            args: args.clone(),
        });
    }

    /// The events after an offset, or `None` if that offset is not known any more.
    pub(super) fn missed_since(&self, offset: &str) -> Option<Vec<Body>> {
        let last_seen = self
            .log
            .iter()
            .rposition(|logged| logged.offset == offset)?;
        let missed = self
            .log
            .iter()
            .skip(last_seen + 1)
            .map(|logged| Body::Event {
                id: None,
                name: logged.name.clone(),
                args: logged.args.clone(),
            });
        Some(missed.collect())
    }
}
