//! What follows the loss of a connection, and how the app comes back when the client does not.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::domain::contract::Reason;

/// The first delay before a new socket after the server has sent the app away; it doubles.
const REOPEN: Duration = Duration::from_secs(1);

/// The longest such delay.
const REOPEN_MAX: Duration = Duration::from_secs(60);

/// A connection that lasted so long was a good one: the delays begin anew.
const GOOD: Duration = Duration::from_secs(60);

/// Whether a refusal is about the token: as the contract tells, else by the words that servers use.
fn is_about_token(realtime: &Realtime, message: &str, data: Option<&Value>) -> bool {
    let payload = json!({"message": message, "data": data});
    match realtime.refusal(Some(&payload)) {
        Reason::Token => return true,
        Reason::NoNamespace | Reason::Other => return false,
        Reason::Unclear => {}
    }
    let mut text = message.to_ascii_lowercase();
    if let Some(data) = data {
        text.push_str(&data.to_string().to_ascii_lowercase());
    }
    ["auth", "token", "jwt", "expired", "401"]
        .iter()
        .any(|word| text.contains(word))
}

impl App {
    pub(super) fn disconnected(&mut self, reason: DisconnectReason) {
        let lasted = self.now.elapsed.saturating_sub(self.feed.connected_at);
        if self.feed.connected && lasted >= GOOD {
            self.feed.reopens = 0;
        }
        self.lost();
        if self.quirks.has(Quirk::TransportErrorsAreFinal)
            && reason == DisconnectReason::TransportError
        {
            return self.give_socket_up();
        }
        if self.quirks.has(Quirk::LetsFeedGo)
            && matches!(
                reason,
                DisconnectReason::TransportError | DisconnectReason::TransportClose
            )
        {
            return self.give_socket_up();
        }
        if matches!(
            reason,
            DisconnectReason::IoServerDisconnect | DisconnectReason::IoClientDisconnect
        ) {
            self.sent_away();
        }
    }

    /// Nothing arrives any more; the client may be trying again.
    pub(super) fn lost(&mut self) {
        self.feed.was_whole = self.feed.live;
        self.feed.connected = false;
        self.feed.live = false;
        self.feed.swapping = false;
        self.feed.starting = false;
        self.feed.due.clear();
        self.view_mut().transport = None;
        self.clear_timer(Timer::Upgrade);
        for state in &mut self.data {
            state.stream.restart(false);
        }
        self.await_fallback();
    }

    pub(super) fn refused(&mut self, realtime: &Realtime, message: &str, data: Option<&Value>) {
        self.lost();
        if self.returns_at_once() {
            return;
        }
        if is_about_token(realtime, message, data) {
            let current = self.session.current.as_ref().map(|own| own.tokens);
            self.feed.refused = self.feed.joined_with;
            self.feed.refusals += 1;
            // A token that was renewed meanwhile need not be renewed again, and a fresh one that is
            // refused as well would be refused for ever.
            let is_current = self.feed.joined_with == current;
            self.session.refreshing.wanted |=
                is_current && self.feed.refusals == 1 && self.can_refresh();
        }
        self.sent_away();
    }

    /// The server has sent the app away, so the client does not come back by itself: the app asks
    /// why, and comes back later, not at once.
    fn sent_away(&mut self) {
        if self.quirks.has(Quirk::StaysAway) || self.returns_at_once() {
            return;
        }
        self.close_socket();
        self.suspect_maintenance();
        let wait = REOPEN
            .saturating_mul(1 << self.feed.reopens.min(8))
            .min(REOPEN_MAX);
        self.feed.reopens += 1;
        let wait = retry::lengthen(wait, 0.5, &mut self.rng);
        self.set_timer(Timer::Reopen, wait);
        self.await_fallback();
    }

    /// Leaves the socket for good.
    pub(in crate::app) fn close_socket(&mut self) {
        if self.feed.connected {
            self.lost();
        }
        self.clear_timer(Timer::Reopen);
        self.clear_timer(Timer::Upgrade);
        self.feed.swapping = false;
        // A new socket has no session that could be recovered.
        self.feed.was_whole = false;
        if let Some(socket) = self.feed.socket.take() {
            self.leave(socket);
        }
    }
}
