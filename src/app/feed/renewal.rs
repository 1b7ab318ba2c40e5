//! A renewed token is handed over on the socket that stays connected, where that was agreed.

use super::*;
use crate::domain::secret::Secret;

impl App {
    /// Fresh tokens have taken the place of this one.
    pub(in crate::app) fn hand_token_over(&mut self, before: Option<Secret>) {
        let contract = Arc::clone(&self.contract);
        let feed = contract.realtime.as_ref();
        let (Some(realtime), Some(socket), true) = (feed, self.feed.socket, self.feed.connected)
        else {
            return;
        };
        let Some(renewal) = &realtime.renewal else {
            return;
        };
        if self.quirks.has(Quirk::NeverRenewsSocket) {
            return;
        }
        self.feed.joined_with = self.session.current.as_ref().map(|own| own.tokens);
        let mut bindings = self.bindings();
        if self.quirks.has(Quirk::RenewsWithOldToken) {
            bindings.access = before;
        }
        let args = renewal.emit.args.iter().map(|arg| bindings.value(arg));
        let args = args.collect();
        self.emit(
            socket,
            realtime,
            &renewal.emit.event,
            args,
            renewal.emit.ack,
        );
    }

    /// The socket is connected: the token may have been renewed since it was asked for.
    pub(super) fn hand_over_what_crossed(&mut self) {
        let tokens = self.session.current.as_ref().map(|own| own.tokens);
        if self.feed.joined_with.is_some() && self.feed.joined_with != tokens {
            self.hand_token_over(None);
        }
    }
}
