//! NET-15: pings are answered.

use crate::domain::duration::show;
use crate::domain::journal::{EntryId, Fact, SocketEnd};
use crate::rules::context::Context;
use crate::rules::moment::Moment;
use crate::rules::rule::{Rule, rule};
use crate::rules::state::Socket;
use crate::rules::violation::Violation;

rule! {
    /// The server's pings are answered
    ///
    /// # Why
    /// A server closes the socket of a client that leaves a ping unanswered for the ping timeout. An
    /// app that never answers loses its feed once a minute, comes back each time, and looks as if the
    /// network were bad.
    ///
    /// # How it is judged
    /// Judged on sockets that the backend closes, or that break, when a ping has been unanswered for
    /// the handshake's `pingTimeout`: the app was in front and online all the while, no lever and no
    /// fault was moved, and it sent something else meanwhile, so that it was there to answer. Twice in a row is no accident.
    /// Pings that the harness withholds never came, and do not count.
    ///
    /// # How to keep it
    /// Leave the heartbeat to the client library, and do not keep it from its timers and its thread.
    ///
    /// # Source
    /// Engine.IO protocol v4, heartbeat
    pub(super) ANSWERED: "NET-15", App, from [Wire],
        needs [Feed],
        set by ["the handshake's pingTimeout"]
}

/// How often in a row it must be seen.
const TIMES: usize = 2;

#[derive(Default)]
pub(super) struct Answered {
    /// When the app last sent anything but an answer to a ping.
    sign: EntryId,
    /// The pings that were left unanswered in a row, and how each socket ended.
    unanswered: Vec<EntryId>,
}

impl Rule for Answered {
    fn see(&mut self, context: &Context<'_>) {
        if context.request().is_some() || context.packet_up().is_some() {
            self.sign = context.entry.id;
        }
        if let Fact::SocketClosed { socket, end } = &context.entry.fact
            && let Some(own) = context.sockets.get(*socket).filter(|own| own.pinged)
        {
            self.closed(own, end, context);
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        let mut open = context.sockets.iter();
        if open.any(|(_, own)| own.pinged && own.unanswered.is_none()) {
            context.exercised(&ANSWERED);
        }
    }
}

impl Answered {
    fn closed(&mut self, own: &Socket, end: &SocketEnd, context: &Context<'_>) {
        let Some(ping) = own.unanswered else {
            context.exercised(&ANSWERED);
            self.unanswered.clear();
            return;
        };
        let by_others = matches!(end, SocketEnd::Backend | SocketEnd::Network { .. });
        if !by_others || !self.was_there(own, ping, context) {
            return;
        }
        self.unanswered.extend([ping.id, context.entry.id]);
        if self.unanswered.len() < TIMES * 2 {
            return;
        }
        context.violated(
            &ANSWERED,
            Violation::new("the app does not answer the server's pings")
                .expected("a pong for each ping within the handshake's `pingTimeout`")
                .observed(format!(
                    "none for {}, until the socket was closed, {} times in a row",
                    show(context.now.saturating_sub(ping.at)),
                    self.unanswered.len() / 2
                ))
                .evidence(self.unanswered.drain(..)),
        );
    }

    /// Whether the app could have answered a ping, and had the time for it.
    fn was_there(&self, own: &Socket, ping: Moment, context: &Context<'_>) -> bool {
        let moved = context.world.changed;
        let patience = own.answer_within;
        patience.is_some_and(|patience| context.now >= ping.at + patience)
            && self.sign > ping.id
            && context.app_is_awake_since(ping.id)
            && !context.world.is_disturbed()
            && moved.is_none_or(|moved| moved.id < ping.id)
    }
}
