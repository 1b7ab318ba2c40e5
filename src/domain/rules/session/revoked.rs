//! SESSION-11, the server's half: what was signed out is worth nothing any more.

use std::sync::Arc;

use super::ending::NOTHING_AFTER;
use crate::domain::journal::{Entry, Question};
use crate::domain::rules::Rule;
use crate::domain::rules::ledger::{Breach, Ledger};
use crate::domain::rules::scene::{Scene, Verdict};
use crate::domain::verdict::Subject;

pub(super) struct Revoked;

impl Rule for Revoked {
    fn see(&mut self, entry: &Arc<Entry>, scene: &Scene, ledger: &mut Ledger) {
        let Some((question, ended)) = scene.answered(entry) else {
            return;
        };
        let token = match question {
            Question::RefreshAfterSignOut => "refresh token",
            Question::AccessAfterSignOut => "access token",
            _ => return,
        };
        match ended.verdict() {
            Verdict::Refused => ledger.occasion(&NOTHING_AFTER),
            Verdict::Unclear(why) => ledger.unable(&NOTHING_AFTER, why),
            Verdict::Granted => ledger.breach(
                &NOTHING_AFTER,
                Breach {
                    kind: format!("{token} kept"),
                    message: format!(
                        "the backend accepts the {token} of a session that was signed out"
                    ),
                    expected: format!("the {token} is refused after sign-out"),
                    observed: ended.words(),
                    evidence: vec![ended.opened.id(), entry.id],
                    exchanges: vec![ended.request.exchange],
                    by: Some(Subject::Backend),
                    ..Breach::default()
                },
            ),
        }
    }

    fn hears_probes(&self) -> bool {
        true
    }
}
