//! SESSION-12: the live feed ends with the token that it was joined with.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::duration::show;
use crate::domain::journal::{Direction, Fact, Frame};
use crate::rules::context::Context;
use crate::rules::labels;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// No live events after the token's expiry without re-authentication
    ///
    /// # Why
    /// A socket that is authenticated once at CONNECT outlives its token: a user who was locked out
    /// keeps receiving data.
    ///
    /// # How it is judged
    /// The limit is the `exp` of the token that CONNECT carried, with the contract's leeway; a
    /// newer token sent over the same socket moves it. A contract with `token-checked: handshake`
    /// says that a socket outlives its token; then it is not judged.
    ///
    /// # How to keep it
    /// Disconnect a socket when its token expires, or ask for a new token on it.
    ///
    /// # Source
    /// auth0-community/auth0-socketio-jwt#98
    pub(super) EXPIRED: "SESSION-12", Backend, from [Wire],
        needs [Feed, TokenChecked],
        set by ["session.token.leeway", "realtime.token-checked"]
}

/// What clocks and queues may add to an expiry.
const SLACK: Duration = Duration::from_secs(10);

/// Until when each socket may bring events, and by which token.
#[derive(Default)]
pub(super) struct ExpiredFeed(BTreeMap<u64, (Duration, String)>);

impl Rule for ExpiredFeed {
    fn see(&mut self, context: &Context<'_>) {
        match &context.entry.fact {
            Fact::Frame {
                socket,
                direction: Direction::Up,
                packet:
                    Frame::Connect {
                        payload: content, ..
                    }
                    | Frame::Event { args: content, .. },
                ..
            } => {
                if let Some(label) = labels::in_content(content) {
                    self.authenticated(*socket, label, context);
                }
            }
            Fact::Frame {
                socket,
                direction: Direction::Down,
                packet: Frame::Event { name, .. },
                ..
            } => self.came(*socket, name, context),
            Fact::SocketClosed { socket, .. } => {
                self.0.remove(socket);
            }
            _ => {}
        }
    }

    fn hears_routine(&self) -> bool {
        true
    }
}

impl ExpiredFeed {
    fn authenticated(&mut self, socket: u64, label: &str, context: &Context<'_>) {
        let Some(token) = context.session.token(label) else {
            return;
        };
        let (Some(ends), Some(epoch)) = (token.ends, context.epoch) else {
            context.unable(&EXPIRED, "the tokens do not say when they end");
            return;
        };
        context.exercised(&EXPIRED);
        let leeway = context.contract.session.token.leeway().unwrap_or_default();
        let limit = Duration::from_secs(ends.saturating_sub(epoch)) + leeway + SLACK;
        self.0.insert(socket, (limit, token.label.clone()));
    }

    fn came(&self, socket: u64, event: &str, context: &Context<'_>) {
        let entry = context.entry;
        let Some((limit, label)) = self.0.get(&socket).filter(|(limit, _)| entry.at > *limit)
        else {
            return;
        };
        context.violated(
            &EXPIRED,
            Violation::new("live events go on after the socket's token has expired")
                .expected("a disconnect, or re-authentication, at the token's expiry")
                .observed(format!(
                    "`{event}` came {} after the limit of ‹{label}›",
                    show(entry.at - *limit)
                ))
                .evidence([entry.id]),
        );
    }
}
