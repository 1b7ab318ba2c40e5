//! SYNC-11, acknowledgements: what the app asks to be acknowledged is.

use std::collections::BTreeMap;
use std::time::Duration;

use super::push::ARRIVES;
use crate::domain::duration::show;
use crate::domain::journal::{EntryId, Fact, Frame};
use crate::rules::context::Context;
use crate::rules::rule::Rule;
use crate::rules::violation::Violation;

/// How many are waited for at once.
const WAITING: usize = 64;

/// Acknowledgements that are waited for, by socket and id.
#[derive(Default)]
pub(super) struct Acks(BTreeMap<(u64, u64), Asked>);

struct Asked {
    event: String,
    at: Duration,
    id: EntryId,
}

impl Rule for Acks {
    fn see(&mut self, context: &Context<'_>) {
        if let Some((
            socket,
            Frame::Event {
                name,
                ack,
                namespace,
                ..
            },
        )) = context.packet_up()
            && let Some(id) = ack
            && context.is_feed(namespace)
            && self.0.len() < WAITING
        {
            self.emitted(socket, *id, name, context);
        }
        match &context.entry.fact {
            Fact::Frame { socket, packet, .. } => match packet {
                Frame::Ack { id, .. } if context.packet_down().is_some() => {
                    self.0.remove(&(*socket, *id));
                }
                Frame::Disconnect { .. } | Frame::Close => self.forget(*socket),
                _ => {}
            },
            Fact::SocketClosed { socket, .. } => self.forget(*socket),
            _ => {}
        }
        if context.world.is_disturbed() || context.world.backend_is_stopped() {
            // What comes late then is nobody's.
            self.0.clear();
        }
        self.overdue(context);
    }

    fn end(&mut self, context: &Context<'_>) {
        self.overdue(context);
    }

    fn hears_routine(&self) -> bool {
        true
    }
}

impl Acks {
    /// Only what the contract has acknowledged is waited for.
    fn emitted(&mut self, socket: u64, id: u64, event: &str, context: &Context<'_>) {
        let mut emits = context
            .contract
            .realtime
            .iter()
            .flat_map(|feed| &feed.subscribe);
        if emits.any(|emit| emit.ack && emit.event == event) {
            context.exercised(&ARRIVES);
            self.0.insert(
                (socket, id),
                Asked {
                    event: event.to_owned(),
                    at: context.now,
                    id: context.entry.id,
                },
            );
        }
    }

    fn forget(&mut self, socket: u64) {
        self.0.retain(|(own, _), _| *own != socket);
    }

    fn overdue(&mut self, context: &Context<'_>) {
        let Some(feed) = &context.contract.realtime else {
            return;
        };
        let limit = feed.live_within;
        let overdue = self
            .0
            .iter()
            .find(|(_, asked)| context.now > asked.at + limit);
        let Some(key) = overdue.map(|(key, _)| *key) else {
            return;
        };
        if let Some(asked) = self.0.remove(&key) {
            let event = asked.event;
            context.violated(
                &ARRIVES,
                Violation::new(format!("the backend does not acknowledge `{event}`"))
                    .expected(format!("an acknowledgement within {}", show(limit)))
                    .observed(format!("none for {}", show(context.now - asked.at)))
                    .evidence([asked.id]),
            );
        }
    }
}
