//! NET-4: a socket at whose other end nobody is left is noticed.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::domain::duration::show;
use crate::domain::journal::{EntryId, Fact, Request};
use crate::rules::context::Context;
use crate::rules::rule::{Rule, rule};
use crate::rules::state::Socket;
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
        self.judge(context);
        if context.request().is_some_and(Request::is_handshake) {
            self.another = context.entry.id;
        }
        if let Fact::SocketClosed { socket, .. } = &context.entry.fact {
            self.found.remove(socket);
            if context
                .sockets
                .get(*socket)
                .is_some_and(|own| own.is_silent(context.now))
            {
                context.exercised(&HALF_OPEN);
            }
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        self.judge(context);
        for (_, socket) in context.sockets.iter() {
            if let (Some(_), Some(patience)) = (socket.connected, socket.patience)
                && socket.is_silent(context.now)
            {
                let had = context.now - socket.heard.at;
                let since = "the last packet of a socket that fell silent";
                context.lacked(&HALF_OPEN, since, had, patience + SLACK);
            }
        }
    }
}

impl HalfOpen {
    fn judge(&mut self, context: &Context<'_>) {
        for (number, socket) in context.sockets.iter() {
            if let (Some(joined), Some(patience)) = (socket.connected, socket.patience)
                && self.is_clung_to(socket, patience, context)
                && self.found.insert(number)
            {
                let silence = context.now - socket.heard.at;
                context.violated(
                    &HALF_OPEN,
                    Violation::new("the app keeps a socket on which nothing arrives any more")
                        .expected(format!(
                            "the socket is left {} after its last packet",
                            show(patience)
                        ))
                        .observed(format!("still joined {} after it", show(silence)))
                        .evidence([joined.id]),
                );
            }
        }
    }

    /// Whether the app ought to have left a joined socket, or to have opened another one.
    fn is_clung_to(&self, socket: &Socket, patience: Duration, context: &Context<'_>) -> bool {
        // Without a ping nobody knows whether whoever wrote the journal kept them.
        let known = socket.pinged || context.world.is_disturbed();
        let last = socket.heard;
        known
            && context.now > last.at + patience + SLACK
            && context.app_is_awake_since(last.id)
            && self.another <= last.id
    }
}
