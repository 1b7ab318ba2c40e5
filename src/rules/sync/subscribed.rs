//! Who waits for events: the sockets that joined the feed and subscribed to what the contract names.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::journal::{Fact, Frame};
use crate::rules::context::Context;

/// How long a subscription that nobody acknowledges may take to be heard.
const SETTLED: Duration = Duration::from_secs(1);

/// What the app subscribed to, by socket.
#[derive(Default)]
pub(super) struct Subscribed(BTreeMap<u64, Vec<Emitted>>);

/// Something that the app emitted to subscribe.
struct Emitted {
    event: String,
    /// The id by which it is acknowledged, if that was asked for.
    awaits: Option<u64>,
    /// From when on the backend is taken to know of it.
    heard: Duration,
}

impl Subscribed {
    /// Follows what the app subscribed to, as far as the contract has it subscribe.
    pub(super) fn follow(&mut self, context: &Context<'_>) {
        if let Some((socket, packet)) = context.packet_up()
            && let Frame::Event { name, ack, .. } = packet
            && context.contract.subscribes_by(name)
        {
            let own = self.0.entry(socket).or_default();
            own.retain(|emitted| emitted.event != *name);
            own.push(Emitted {
                event: name.clone(),
                awaits: *ack,
                heard: context.now + SETTLED,
            });
        }
        match (context.packet_down(), &context.entry.fact) {
            (Some((socket, Frame::Ack { id, .. })), _) => {
                let own = self.0.get_mut(&socket).into_iter().flatten();
                own.filter(|emitted| emitted.awaits == Some(*id))
                    .for_each(|emitted| emitted.heard = emitted.heard.min(context.now));
            }
            (Some((socket, Frame::Connect { .. })), _) => {
                self.0.remove(&socket);
            }
            (_, Fact::SocketClosed { socket, .. }) => {
                self.0.remove(socket);
            }
            _ => {}
        }
    }

    /// Since when the backend knows of everything that this socket waits for; nothing where it does
    /// not yet, or where the socket is not joined.
    pub(super) fn since(&self, socket: u64, context: &Context<'_>) -> Option<Duration> {
        let joined = context.sockets.get(socket)?.connected?.at;
        let own = self.0.get(&socket).map_or(&[][..], Vec::as_slice);
        let feed = context.contract.realtime.as_ref()?;
        let since = feed.subscribe.iter().try_fold(joined, |since, emit| {
            let emitted = own.iter().find(|own| own.event == emit.event)?;
            Some(since.max(emitted.heard))
        });
        since.filter(|since| *since <= context.now)
    }

    /// Whether any socket waits for events, and something still comes on it.
    pub(super) fn is_anybody(&self, context: &Context<'_>) -> bool {
        let mut sockets = context.sockets.iter();
        sockets.any(|(number, socket)| {
            self.since(number, context).is_some() && !socket.is_silent(context.now)
        })
    }
}

/// Whether events that do not come are the backend's fault: nobody keeps them away, and nobody has agreed
/// that they stay away.
pub(super) fn are_owed(context: &Context<'_>) -> bool {
    let world = &context.world;
    world.online
        && world.visible
        && !world.is_disturbed()
        && !world.backend_is_stopped()
        && !context.is_blocked_by_lever()
        && !context.may_be_blocked()
}
