//! What the gateway wrote down about a conversation between the client and the real server.

use rehearsal::internals::domain::contract::TransportName;
use rehearsal::internals::domain::journal::{Direction, Fact, Frame};
use serde_json::Value;

use super::client::Peer;

/// One event, as short as an assertion wants it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seen {
    pub(super) args: Value,
    pub(super) attachments: usize,
}

impl Peer {
    /// Whether there is a gateway that could have seen anything.
    pub(super) fn is_watched(&self) -> bool {
        self.gateway.is_some()
    }

    /// The events of this name that passed this way, in order.
    pub(super) fn passed(&self, way: Direction, event: &str) -> Vec<Seen> {
        self.facts(|fact| match fact {
            Fact::Frame {
                direction,
                packet:
                    Frame::Event {
                        name,
                        args,
                        attachments,
                        ..
                    },
                ..
            } if *direction == way && name == event => Some(Seen {
                args: args.json().cloned().unwrap_or_default(),
                attachments: *attachments,
            }),
            _ => None,
        })
    }

    /// The packets that passed this way and are like that.
    pub(super) fn packets(&self, way: Direction, like: impl Fn(&Frame) -> bool) -> usize {
        let found = self.facts(|fact| match fact {
            Fact::Frame {
                direction, packet, ..
            } if *direction == way && like(packet) => Some(()),
            _ => None,
        });
        found.len()
    }

    /// The transports on which the server opened sessions, in order.
    pub(super) fn sessions(&self) -> Vec<TransportName> {
        self.facts(|fact| match fact {
            Fact::Frame {
                transport,
                packet: Frame::Open { .. },
                ..
            } => Some(*transport),
            _ => None,
        })
    }

    /// How many sessions moved to WebSocket.
    pub(super) fn upgrades(&self) -> usize {
        let upgrade = |fact: &Fact| matches!(fact, Fact::SocketUpgraded { .. }).then_some(());
        self.facts(upgrade).len()
    }

    /// Whether the gateway could read everything that passed.
    pub(super) fn was_readable(&self) -> bool {
        let unreadable = |packet: &Frame| matches!(packet, Frame::Unreadable { .. });
        self.packets(Direction::Up, unreadable) + self.packets(Direction::Down, unreadable) == 0
    }

    fn facts<T>(&self, pick: impl Fn(&Fact) -> Option<T>) -> Vec<T> {
        let journal = self.recorder.journal();
        journal
            .entries()
            .filter_map(|entry| pick(&entry.fact))
            .collect()
    }
}
