//! Whose socket it is: by the token that its CONNECT carries.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::journal::{Direction, Fact, Frame};
use crate::rules::context::Context;
use crate::rules::labels;

/// Whose socket it is.
#[derive(Default)]
pub(super) struct SocketOwners(BTreeMap<u64, Arc<str>>);

impl SocketOwners {
    pub(super) fn follow(&mut self, context: &Context<'_>) {
        match &context.entry.fact {
            Fact::Frame {
                socket,
                direction: Direction::Up,
                packet: Frame::Connect { payload, .. },
                ..
            } => {
                let label = labels::in_content(payload).map(labels::bare);
                if let Some(account) = label.and_then(|label| context.account_of(label)) {
                    self.0.insert(*socket, account);
                }
            }
            Fact::SocketClosed { socket, .. } => {
                self.0.remove(socket);
            }
            _ => {}
        }
    }

    pub(super) fn of(&self, socket: u64) -> Option<Arc<str>> {
        self.0.get(&socket).cloned()
    }
}
