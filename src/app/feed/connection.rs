//! What follows a connect: the subscription, the snapshot, and the move to WebSocket.

use serde_json::Value;
use std::time::Duration;

use super::*;

/// The shortest time between two attempts to leave long-polling.
const UPGRADE_FLOOR: Duration = Duration::from_secs(5);

/// By how much an attempt is put off at random, so that apps which were thrown back together do not
/// return together.
const UPGRADE_SPREAD: f64 = 0.2;

impl App {
    /// Every CONNECT carries the token of that moment.
    pub(super) fn auth(&mut self, socket: SocketId, namespace: String, realtime: &Realtime) {
        if self.feed.socket == Some(socket) {
            self.feed.joined_with = self.session.current.as_ref().map(|own| own.tokens);
        }
        let bindings = self.bindings();
        let payload = if self.quirks.has(Quirk::SocketTokenInQuery) {
            Value::Null
        } else {
            bindings.value(&realtime.auth)
        };
        self.out.push(Effect::SocketAuth {
            socket,
            namespace,
            payload: SocketPayload(payload),
        });
    }

    pub(super) fn connected(
        &mut self,
        realtime: &Realtime,
        socket: SocketId,
        recovered: bool,
        transport: TransportName,
    ) {
        let is_first = self.feed.connects == 0;
        self.feed.connects += 1;
        self.feed.connected = true;
        self.feed.refusals = 0;
        self.feed.connected_at = self.now.elapsed;
        self.view_mut().transport = Some(transport);
        self.settle_transport(realtime, transport);
        let times = if self.quirks.has(Quirk::SubscribesAgain) {
            usize::try_from(self.feed.connects).unwrap_or(1)
        } else {
            usize::from(!self.quirks.has(Quirk::NeverSubscribes))
        };
        for emit in realtime
            .subscribe
            .iter()
            .cycle()
            .take(realtime.subscribe.len() * times)
        {
            let bindings = self.bindings();
            let args = emit.args.iter().map(|arg| bindings.value(arg)).collect();
            self.emit(socket, realtime, &emit.event, args, emit.ack);
        }
        self.hand_over_what_crossed();
        if self.quirks.has(Quirk::UndeclaredEmit) {
            let event = self.undeclared_event();
            self.emit(socket, realtime, &event, vec![], false);
        }
        self.stop_polling();
        let is_contiguous = recovered && self.feed.was_whole && !self.feed.read_meanwhile;
        let skips = !is_first && self.quirks.has(Quirk::NoSnapshot);
        let wanted = if is_contiguous || skips {
            Vec::new()
        } else {
            self.missed()
        };
        for index in 0..self.data.len() {
            self.data[index].stream.restart(wanted.contains(&index));
        }
        self.feed.due = wanted.iter().copied().collect();
        for index in wanted {
            self.want(index, Cause::Snapshot);
        }
        if !skips {
            // What failed while there was no feed is worth a try now.
            self.load_screen(Cause::Open, Wanted::Stale);
        }
        self.go_live_if_whole();
    }

    pub(in crate::app) fn emit(
        &mut self,
        socket: SocketId,
        realtime: &Realtime,
        event: &str,
        args: Vec<Value>,
        ack: bool,
    ) {
        self.feed.emits += 1;
        self.out.push(Effect::Emit {
            socket,
            namespace: realtime.namespace.clone(),
            event: event.to_owned(),
            args,
            ack: ack.then_some(self.feed.emits),
        });
        self.journal(AppFact::Emitted {
            namespace: realtime.namespace.clone(),
            event: event.to_owned(),
        });
    }

    /// A load has ended, one way or the other.
    pub(in crate::app) fn snapshot_settled(&mut self, index: usize, arrived: bool) {
        if !self.feed.connected {
            self.feed.read_meanwhile |= arrived;
            return;
        }
        // A load that began before the connect has `again` set, and its successor counts.
        if !self.data[index].again && self.feed.due.remove(&index) {
            self.go_live_if_whole();
        }
    }

    pub(super) fn go_live_if_whole(&mut self) {
        if self.feed.connected && self.feed.due.is_empty() && !self.feed.live {
            self.feed.live = true;
            self.feed.swapping = false;
            self.feed.read_meanwhile = false;
            self.feed.starting = false;
            self.stop_polling();
        }
    }

    /// A session on long-polling that should be on WebSocket tries again from time to time: the
    /// client itself probes only once, at open. Every attempt costs a working session and a snapshot,
    /// so there are as few as the agreed time and one reconnection delay allow.
    pub(super) fn settle_transport(&mut self, realtime: &Realtime, transport: TransportName) {
        let client = &realtime.client;
        let wants_websocket = client.transports.contains(&TransportName::Websocket)
            && (client.upgrade || client.transports.first() == Some(&TransportName::Websocket));
        if transport == TransportName::Polling && wants_websocket {
            let latest = realtime.live_within + client.delay_max;
            let every = latest.div_f64(1.0 + UPGRADE_SPREAD).max(UPGRADE_FLOOR);
            let wait = retry::lengthen(every, UPGRADE_SPREAD, &mut self.rng);
            self.set_timer(Timer::Upgrade, wait);
        } else {
            self.clear_timer(Timer::Upgrade);
        }
    }

    /// Exchanges a connection on long-polling for a new one.
    pub(in crate::app) fn upgrade_timer(&mut self) {
        if self.feed.connected {
            let was_live = self.feed.live;
            self.close_socket();
            self.feed.swapping = was_live;
            self.await_fallback();
        }
    }
}
