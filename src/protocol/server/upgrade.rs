//! A session's way from polling to WebSocket: the probe and the change of transport.

use std::time::Duration;

use super::link::{Link, Probe};
use super::session::{CHECK_EVERY, Effects, Session, Signal, State};
use super::{CloseReason, Options, Output, SocketId};
use crate::protocol::packet::{DecodeError, EnginePacket, Frame};

impl Session {
    /// A WebSocket has been opened for this session; it may become its transport.
    pub(super) fn probe(
        &mut self,
        socket: SocketId,
        options: &Options,
        now: Duration,
        effects: &mut Effects,
    ) {
        effects.outputs.push_back(Output::AcceptWs { socket });
        if self.probe.is_some() || self.upgraded || !matches!(self.link, Link::Polling(_)) {
            return effects
                .outputs
                .push_back(Output::CloseWs { socket, code: None });
        }
        self.probe = Some(Probe {
            socket,
            give_up: now + options.upgrade_timeout,
            check: None,
        });
    }

    pub(super) fn probe_packet(
        &mut self,
        packet: Result<EnginePacket<'_>, DecodeError>,
        now: Duration,
        effects: &mut Effects,
    ) {
        let Some(probe) = &mut self.probe else { return };
        match packet {
            Ok(EnginePacket::Ping("probe")) => {
                let socket = probe.socket;
                let frame = Frame::from(&EnginePacket::Pong("probe"));
                effects.outputs.push_back(Output::SendWs { socket, frame });
                probe.check = Some(now + CHECK_EVERY);
            }
            Ok(EnginePacket::Upgrade) => self.upgrade(now, effects),
            _ => self.drop_probe(effects),
        }
    }

    pub(super) fn upgrade(&mut self, now: Duration, effects: &mut Effects) {
        let Some(probe) = self.probe.take() else {
            return;
        };
        self.close_link(effects);
        self.link = Link::WebSocket(probe.socket);
        self.upgraded = true;
        // Node forgets an outstanding pong when it changes the transport.
        self.pong_by = None;
        let session = self.sid.clone();
        effects
            .signals
            .push_back((self.id, Signal::Upgraded { session }));
        self.flush(now, effects);
        if self.state == State::Closing {
            self.end(CloseReason::ForcedClose, effects);
        }
    }

    pub(super) fn drop_probe(&mut self, effects: &mut Effects) {
        if let Some(probe) = self.probe.take() {
            let socket = probe.socket;
            effects
                .outputs
                .push_back(Output::CloseWs { socket, code: None });
        }
    }
}
