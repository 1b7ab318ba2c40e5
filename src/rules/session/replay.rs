//! SESSION-6: a refresh token is good once, and one that comes again gives a thief away.

use crate::domain::journal::Question;
use crate::rules::context::Context;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// A used refresh token is refused when it comes again, and ends its whole family
    ///
    /// # Why
    /// Whoever presents a refresh token that was already exchanged is the thief or the victim, and
    /// the server cannot tell which; so the token is refused, and its successor must be worth
    /// nothing either.
    ///
    /// # How it is judged
    /// The harness signs in, refreshes once, sends the first token again (after the contract's
    /// `reuse-grace`, if there is one) and then the second. Where there is a grace, the first token is
    /// sent once more within it, too, and must be good. Backends that never rotate the token are not
    /// judged, which is remarked on. Where the contract says that it `rotates`, every refresh that
    /// succeeds, the app's and the harness's, must bring another refresh token than was sent.
    ///
    /// # How to keep it
    /// Mark refresh tokens as used when they are exchanged, keep the family's id with each, and
    /// revoke the family when a used one comes back after the grace.
    ///
    /// # Source
    /// RFC 9700 §2.2.2 and §4.14.2
    pub(super) REPLAY: "SESSION-6", Backend, from [Wire, Probe],
        needs [Refresh],
        set by ["session.refresh", "session.reuse-grace", "session.rotates"]
}

pub(super) struct Replay;

impl Rule for Replay {
    fn see(&mut self, context: &Context<'_>) {
        let Some((question, ended)) = context.answered() else {
            return;
        };
        let (message, expected) = match question {
            Question::UsedRefresh => (
                "the backend exchanges a refresh token that was already used",
                "the used refresh token is refused",
            ),
            Question::SuccessorRefresh => (
                "the backend keeps a session going although its used refresh token came back",
                "the successor of a replayed refresh token is refused too",
            ),
            _ => return,
        };
        let granted = Violation::new(message).expected(expected);
        context.expects_refusal(&REPLAY, &ended, granted);
    }

    fn hears_probes(&self) -> bool {
        true
    }
}
