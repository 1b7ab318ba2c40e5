//! SESSION-11, the server's half: what was signed out is worth nothing any more.

use super::signed_out::NOTHING_AFTER;
use crate::domain::journal::{Entry, Fact, HarnessFact, Heard, Question};
use crate::domain::verdict::Subject;
use crate::rules::context::Context;
use crate::rules::exchange::Reception;
use crate::rules::rule::Rule;
use crate::rules::violation::Violation;

pub(super) struct Revoked;

impl Rule for Revoked {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        if let Fact::Harness(HarnessFact::Listened(heard)) = &entry.fact
            && heard.question == Question::AccessAfterSignOut
        {
            listened(entry, heard, context);
        }
        let Some((question, ended)) = context.answered() else {
            return;
        };
        let token = match question {
            Question::RefreshAfterSignOut => "refresh token",
            Question::AccessAfterSignOut => "access token",
            _ => return,
        };
        match ended.reception() {
            Reception::Refused => context.exercised(&NOTHING_AFTER),
            Reception::Unclear(why) => context.unable(&NOTHING_AFTER, why),
            Reception::Granted => context.violated(
                &NOTHING_AFTER,
                Violation::new(format!(
                    "the backend accepts the {token} of a session that was signed out"
                ))
                .kind(format!("{token} kept"))
                .expected(format!("the {token} is refused after sign-out"))
                .observed(ended.words())
                .evidence([ended.opened.id(), entry.id])
                .exchanges([ended.request.exchange])
                .by(Subject::Backend),
            ),
        }
    }

    fn hears_probes(&self) -> bool {
        true
    }
}

/// Whether the feed is told to who was signed out: by an event that came.
fn listened(entry: &Entry, heard: &Heard, context: &Context<'_>) {
    if !heard.joined {
        context.exercised(&NOTHING_AFTER);
    } else if !heard.events.is_empty() {
        context.violated(
            &NOTHING_AFTER,
            Violation::new("the backend lets a socket into the live feed with the access token of a session that was signed out")
.kind("feed kept")
.expected("CONNECT_ERROR after sign-out")
.observed(heard.words())
.evidence([entry.id])
.by(Subject::Backend),
        );
    }
}
