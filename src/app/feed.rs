//! The live feed: when the socket is open, what happens on it, and what follows its loss.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::contract::{Realtime, TransportName};
use crate::domain::journal::AppFact;

use super::effect::{Effect, OpenSocket, SocketId, SocketPayload};
use super::event::{DisconnectReason, SocketEvent};
use super::load::Cause;
use super::timers::Timer;
use super::{App, Quirk, retry};

mod connection;
mod loss;
mod renewal;

/// What the app knows about its feed.
#[derive(Debug, Default)]
pub(super) struct Feed {
    last: u64,
    /// The socket that is open, connected or not.
    pub(super) socket: Option<SocketId>,
    pub(super) connected: bool,
    /// Connected, and everything that events keep up to date has been read since.
    pub(super) live: bool,
    /// A working connection is being exchanged for a better one.
    swapping: bool,
    pub(super) connected_at: Duration,
    /// What still has to be read after the connect.
    due: BTreeSet<usize>,
    /// Whether the snapshot was complete on the connection before.
    was_whole: bool,
    /// Whether anything was read by other ways since then.
    read_meanwhile: bool,
    connects: u64,
    /// Whether the session has only begun, and no connect could be expected yet.
    pub(super) starting: bool,
    /// Refusals since the last connect.
    refusals: u32,
    pub(super) reopens: u32,
    /// The access token that the server refused.
    refused: Option<u64>,
    emits: u64,
    /// Which of all access tokens the socket was joined with, or was handed since.
    joined_with: Option<u64>,
}

impl Feed {
    /// Nothing flows any more; what was counted for this stretch of time is forgotten.
    pub(super) fn reset(&mut self) {
        self.reopens = 0;
        self.was_whole = false;
    }

    /// The period of grace is over.
    pub(super) fn fallen_back(&mut self) {
        self.starting = false;
        self.swapping = false;
    }

    /// Whether data arrives over the socket, or will again in a moment.
    pub(super) fn is_shown_live(&self) -> bool {
        self.live || self.swapping
    }
}

impl App {
    /// Opens the socket if it should be open and is not.
    pub(super) fn settle_socket(&mut self) {
        if !self.flowing
            || self.feed.socket.is_some()
            || self.has_given_up()
            || self.timers.runs(Timer::Reopen)
        {
            return;
        }
        let tokens = self.session.current.as_ref().map(|own| own.tokens);
        if self.feed.refused.is_some() && self.feed.refused == tokens {
            return;
        }
        let contract = Arc::clone(&self.contract);
        let Some(realtime) = &contract.realtime else {
            return;
        };
        self.feed.refused = None;
        if self.rejoin() {
            return;
        }
        let socket = self.next_socket();
        self.feed.socket = Some(socket);
        let bindings = self.bindings();
        let mut query: Vec<(String, String)> = realtime
            .query
            .iter()
            .map(|(name, value)| (name.clone(), bindings.text(value)))
            .collect();
        if self.quirks.has(Quirk::SocketTokenInQuery)
            && let Some(access) = &bindings.access
        {
            query.push(("token".into(), access.expose().into()));
        }
        let mut namespaces = vec![realtime.namespace.clone()];
        if self.quirks.has(Quirk::ForbiddenNamespace) {
            namespaces.push(self.namespace_not_for_it());
        }
        let mut client = realtime.client.clone();
        if self.quirks.has(Quirk::ReconnectWithoutBackoff) {
            client.delay = Duration::from_millis(100);
            client.delay_max = client.delay;
            client.jitter = 0.0;
        }
        let open = OpenSocket {
            socket,
            service: realtime.service.clone(),
            path: realtime.path.clone(),
            query,
            namespaces,
            client,
            notices_silence: !self.quirks.has(Quirk::Deaf),
            answers_pings: !self.quirks.has(Quirk::Mute),
        };
        self.open_twin(&open);
        self.out.push(Effect::OpenSocket(open));
    }

    /// A number that no socket has had.
    pub(super) fn next_socket(&mut self) -> SocketId {
        self.feed.last += 1;
        SocketId(self.feed.last)
    }

    /// Something happened on a socket.
    pub(super) fn socket_event(&mut self, socket: SocketId, event: SocketEvent) {
        let contract = Arc::clone(&self.contract);
        if let (Some(realtime), SocketEvent::AuthWanted { namespace }) =
            (&contract.realtime, &event)
            && self.is_twin(socket)
        {
            return self.auth(socket, namespace.clone(), realtime);
        }
        let (Some(realtime), true) = (&contract.realtime, self.feed.socket == Some(socket)) else {
            return;
        };
        let is_ours = |namespace: &str| namespace == realtime.namespace;
        match event {
            SocketEvent::AuthWanted { namespace } => self.auth(socket, namespace, realtime),
            SocketEvent::Connected {
                namespace,
                recovered,
                transport,
            } if is_ours(&namespace) => self.connected(realtime, socket, recovered, transport),
            SocketEvent::Upgraded { transport } => {
                self.view_mut().transport = self.feed.connected.then_some(transport);
                self.settle_transport(realtime, transport);
            }
            SocketEvent::Received {
                namespace,
                name,
                args,
            } if is_ours(&namespace) => self.event_received(&name, args),
            SocketEvent::Refused {
                namespace,
                message,
                data,
            } if is_ours(&namespace) => self.refused(realtime, &message, data.as_ref()),
            SocketEvent::Disconnected { namespace, reason } if is_ours(&namespace) => {
                self.disconnected(reason);
            }
            SocketEvent::ConnectFailed { .. } => {
                self.feed.swapping = false;
                self.feed.starting = false;
            }
            SocketEvent::Acked { .. }
            | SocketEvent::Connected { .. }
            | SocketEvent::Received { .. }
            | SocketEvent::Refused { .. }
            | SocketEvent::Disconnected { .. } => {}
        }
    }
}

/// Which of a screen's resources are to be loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of them.
    All,
    /// Those that nobody keeps up to date.
    Uncovered,
    /// Those that are not there or marked stale.
    Stale,
}
