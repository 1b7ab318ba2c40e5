//! SESSION-6: a refresh token is good once, and one that comes again gives a thief away.

use std::sync::Arc;

use crate::domain::journal::{Entry, Question};
use crate::domain::verdict::Subject;
use crate::rules::ledger::{Breach, Ledger};
use crate::rules::scene::{Scene, Verdict};
use crate::rules::{JudgedFrom, Rule, RuleInfo};

pub(super) static REPLAY: RuleInfo = RuleInfo {
    id: "SESSION-6",
    title: "A used refresh token is refused when it comes again, and ends its whole family",
    subject: Subject::Backend,
    judged_from: &[JudgedFrom::Probe],
    source: "RFC 9700 §2.2.2 and §4.14.2",
    explanation: "Whoever presents a refresh token that was already exchanged is the thief or the victim, and the server cannot tell which; so the token is refused, and its successor must be worth nothing either. The harness signs in, refreshes once, sends the first token again (after the contract's `reuse-grace`, if there is one) and then the second. Backends that never rotate the token are not judged.",
    fix: "Mark refresh tokens as used when they are exchanged, keep the family's id with each, and revoke the family when a used one comes back after the grace.",
    parameters: &["session.refresh", "session.reuse_grace"],
};

pub(super) struct Replay;

impl Rule for Replay {
    fn see(&mut self, entry: &Arc<Entry>, scene: &Scene, ledger: &mut Ledger) {
        let Some((question, ended)) = scene.answered(entry) else {
            return;
        };
        let (kind, message, expected) = match question {
            Question::UsedRefresh => (
                "used",
                "the backend exchanges a refresh token that was already used",
                "the used refresh token is refused",
            ),
            Question::SuccessorRefresh => (
                "family",
                "the backend keeps a session going although its used refresh token came back",
                "the successor of a replayed refresh token is refused too",
            ),
            _ => return,
        };
        match ended.verdict() {
            Verdict::Refused => ledger.occasion(&REPLAY),
            Verdict::Unclear(why) => ledger.unable(&REPLAY, why),
            Verdict::Granted => ledger.breach(
                &REPLAY,
                Breach {
                    kind: kind.to_owned(),
                    message: message.to_owned(),
                    expected: expected.to_owned(),
                    observed: ended.words(),
                    evidence: vec![ended.opened.id(), entry.id],
                    exchanges: vec![ended.request.exchange],
                    ..Breach::default()
                },
            ),
        }
    }

    fn hears_probes(&self) -> bool {
        true
    }
}
