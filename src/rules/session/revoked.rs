//! SESSION-11, the server's half: what was signed out is worth nothing any more.

use std::sync::Arc;

use super::ending::NOTHING_AFTER;
use crate::domain::journal::{Entry, Fact, HarnessFact, Heard, Question};
use crate::domain::verdict::Subject;
use crate::rules::Rule;
use crate::rules::ledger::{Breach, Ledger};
use crate::rules::scene::{Scene, Verdict};

pub(super) struct Revoked;

impl Rule for Revoked {
    fn see(&mut self, entry: &Arc<Entry>, scene: &Scene, ledger: &mut Ledger) {
        if let Fact::Harness(HarnessFact::Listened(heard)) = &entry.fact
            && heard.question == Question::AccessAfterSignOut
        {
            listened(entry, heard, ledger);
        }
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

/// Whether the feed is told to who was signed out: by an event that came.
fn listened(entry: &Entry, heard: &Heard, ledger: &mut Ledger) {
    if !heard.joined {
        ledger.occasion(&NOTHING_AFTER);
    } else if !heard.events.is_empty() {
        ledger.breach(
            &NOTHING_AFTER,
            Breach {
                kind: "feed kept".to_owned(),
                message: "the backend lets a socket into the live feed with the access token of a session that was signed out".to_owned(),
                expected: "CONNECT_ERROR after sign-out".to_owned(),
                observed: heard.words(),
                evidence: vec![entry.id],
                by: Some(Subject::Backend),
                ..Breach::default()
            },
        );
    }
}
