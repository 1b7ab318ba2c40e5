//! What an operator moves while the gateway runs: levers and faults, and what they cut.

use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use super::lock::lock;
use crate::domain::change::{Disposition, Levers, RequestFacts};
use crate::domain::contract::Contract;
use crate::domain::journal::Direction;
use crate::domain::scenario::{Fault, RequestMatch, Withheld};
use crate::protocol::packet::EnginePacket;

/// The levers and faults, and the signals by which moving them reaches what is under way.
pub(super) struct Controls {
    contract: Arc<Contract>,
    levers: Mutex<Levers>,
    tunnels: watch::Sender<()>,
    polls: watch::Sender<()>,
    frozen: watch::Sender<bool>,
}

impl Controls {
    pub(super) fn new(contract: Arc<Contract>) -> Self {
        Self {
            contract,
            levers: Mutex::default(),
            tunnels: watch::Sender::new(()),
            polls: watch::Sender::new(()),
            frozen: watch::Sender::new(false),
        }
    }

    /// What is done to a client's request. The scope has let it pass.
    pub(super) fn decide(&self, request: &RequestFacts<'_>) -> Disposition {
        lock(&self.levers).decide(&self.contract, request)
    }

    /// Whether a service's listener is open.
    pub(super) fn lets_in(&self, service: &str) -> bool {
        lock(&self.levers).lets_in(service)
    }

    /// Whether a service shows the certificate that its clients trust.
    pub(super) fn is_trusted(&self, service: &str) -> bool {
        lock(&self.levers).is_trusted(service)
    }

    /// Whether a fault keeps this packet back. Such a packet is not journalled: it arrived nowhere.
    pub(super) fn withholds(&self, direction: Direction, packet: &EnginePacket<'_>) -> bool {
        let kind = match (direction, packet) {
            (Direction::Down, EnginePacket::Ping("")) => Withheld::Ping,
            (Direction::Up, EnginePacket::Ping("probe")) => Withheld::Probe,
            _ => return false,
        };
        lock(&self.levers).withholds(&self.contract, kind)
    }

    pub(super) fn set_network(&self, on: bool) {
        lock(&self.levers).network = on;
    }

    pub(super) fn set_running(&self, service: &str, running: bool) {
        lock(&self.levers).set_running(service, running);
    }

    pub(super) fn set_websocket(&self, on: bool) {
        lock(&self.levers).websocket = on;
        if !on {
            self.cut_tunnels();
        }
    }

    pub(super) fn set_socket(&self, on: bool) {
        lock(&self.levers).socket = on;
        if !on {
            self.cut_sockets();
        }
    }

    pub(super) fn set_maintenance(&self, on: bool) {
        lock(&self.levers).maintenance = on;
        let switch = self.contract.kill_switch.as_ref();
        if on && switch.is_some_and(|switch| switch.data_refusal.is_some()) {
            self.cut_sockets();
        }
    }

    pub(super) fn set_fault(&self, on: RequestMatch, fault: Option<Fault>) {
        let begins = fault.is_some();
        let (severs, freezes) = {
            let mut levers = lock(&self.levers);
            levers.set_fault(on, fault);
            (
                levers.severs_sockets(&self.contract),
                levers.freezes_sockets(&self.contract),
            )
        };
        self.frozen
            .send_if_modified(|frozen| std::mem::replace(frozen, freezes) != freezes);
        if begins && severs {
            self.cut_sockets();
        }
    }

    /// Cuts the live feed on both of its transports.
    pub(super) fn cut_sockets(&self) {
        self.cut_tunnels();
        self.polls.send_replace(());
    }

    /// Cuts upgraded connections.
    pub(super) fn cut_tunnels(&self) {
        self.tunnels.send_replace(());
    }

    pub(super) fn tunnel_cuts(&self) -> watch::Receiver<()> {
        self.tunnels.subscribe()
    }

    pub(super) fn poll_cuts(&self) -> watch::Receiver<()> {
        self.polls.subscribe()
    }

    /// Whether open WebSockets swallow what they carry, as a black hole does.
    pub(super) fn is_frozen(&self) -> bool {
        *self.frozen.borrow()
    }

    /// Waits until open WebSockets carry again.
    pub(super) async fn thawed(&self) {
        // The sender lives as long as this, so there is nothing else to wait for.
        let _ = self.frozen.subscribe().wait_for(|frozen| !frozen).await;
    }
}
