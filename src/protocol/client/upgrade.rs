//! From polling to WebSocket: the probe, the pause, the moment of the change.

use super::engine::{DeferredClose, Engine};
use super::link::{Link, Probe, Stage};
use super::wire::{Signal, Wire};
use super::{DisconnectReason, Options, Output};
use crate::protocol::packet::{EnginePacket, Frame};

impl Engine {
    pub(super) fn upgrade_if_paused(&mut self, options: &Options, wire: &mut Wire) {
        let Link::Polling(polling) = &mut self.link else {
            return;
        };
        if polling.stage != Stage::Pausing || polling.poll.is_some() || polling.post.is_some() {
            return;
        }
        polling.stage = Stage::Paused;
        let Some(Probe { socket, .. }) = self.probe.take() else {
            return;
        };
        self.link = Link::WebSocket { socket, open: true };
        let frame = Frame::from(&EnginePacket::Upgrade);
        wire.outputs.push_back(Output::SendWs { socket, frame });
        self.signal(Signal::Upgraded, wire);
        if self.deferred_close == Some(DeferredClose::UntilUpgraded) {
            self.end(DisconnectReason::ForcedClose, options, wire);
        }
        self.upgrading = false;
        self.flush(options, wire);
    }

    pub(super) fn upgrade_failed(&mut self, options: &Options, wire: &mut Wire) {
        self.signal(Signal::UpgradeFailed, wire);
        if self.deferred_close == Some(DeferredClose::UntilUpgraded) {
            self.end(DisconnectReason::ForcedClose, options, wire);
        }
    }
}
