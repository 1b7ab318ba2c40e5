//! NET-4: a socket at whose other end nobody is left is noticed.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::domain::duration::show;
use crate::domain::journal::{EntryId, Fact, Request};
use crate::rules::context::Context;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// A socket on which nothing arrives any more is noticed within ping interval and ping timeout
    ///
    /// # Why
    /// A phone that changes networks keeps a socket that looks open and is dead. The server pings
    /// at the interval of its handshake, so a client that has heard nothing for interval and
    /// timeout together knows.
    ///
    /// # How it is judged
    /// Judged on joined sockets, from the last packet that the gateway passed down: a visible app
    /// with a network leaves the socket, or opens another one, in that time and five seconds.
    ///
    /// # How to keep it
    /// Use the protocol's own heartbeat, and do not replace it by a timer of your own that stops in
    /// the background.
    ///
    /// # Source
    /// Engine.IO protocol v4, heartbeat
    pub(super) HALF_OPEN: "NET-4", App, from [Wire],
        needs [Feed],
        set by ["the handshake's pingInterval and pingTimeout"]
}

/// How long leaving may take.
const SLACK: Duration = Duration::from_secs(5);

#[derive(Default)]
pub(super) struct HalfOpen {
    found: BTreeSet<u64>,
    /// When a client last opened another session.
    another: EntryId,
}

impl Rule for HalfOpen {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        if context.contract.realtime.is_none() {
            context.unable(&HALF_OPEN, "the contract has no live feed");
            return;
        }
        self.judge(context);
        if context.request().is_some_and(Request::is_handshake) {
            self.another = entry.id;
        }
        if let Fact::SocketClosed { socket, .. } = &entry.fact {
            self.found.remove(socket);
            let silent = context.sockets.get(*socket).is_some_and(|own| {
                own.patience
                    .is_some_and(|patience| entry.at >= own.heard.at + patience)
            });
            if silent {
                context.exercised(&HALF_OPEN);
            }
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        self.judge(context);
    }
}

impl HalfOpen {
    fn judge(&mut self, context: &Context<'_>) {
        for (number, socket) in context.sockets.iter() {
            let (Some(joined), Some(patience)) = (socket.connected, socket.patience) else {
                continue;
            };
            let world = &context.world;
            let since = socket.heard;
            let awake = context.app_is_awake()
                && world.same_life_since(since.id)
                && world.same_visit_since(since.id);
            // Without a ping nobody knows whether whoever wrote the journal kept them.
            let known = socket.pinged || world.is_disturbed();
            let left = !awake || self.another > since.id;
            if context.now <= since.at + patience + SLACK || left || !known {
                continue;
            }
            if !self.found.insert(number) {
                continue;
            }
            context.violated(
                &HALF_OPEN,
                Violation::new("the app keeps a socket on which nothing arrives any more")
                    .kind("half-open")
                    .expected(format!(
                        "the socket is left {} after its last packet",
                        show(patience)
                    ))
                    .observed(format!(
                        "still joined {} after it",
                        show(context.now - since.at)
                    ))
                    .evidence([joined.id]),
            );
        }
    }
}
