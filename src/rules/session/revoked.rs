//! SESSION-11, the server's half: what was signed out is worth nothing any more.

use super::signed_out::NOTHING_AFTER;
use crate::domain::journal::{Fact, HarnessFact, Heard, Question};
use crate::domain::verdict::Subject;
use crate::rules::context::Context;
use crate::rules::rule::Rule;
use crate::rules::violation::Violation;

pub(super) struct Revoked;

impl Rule for Revoked {
    fn see(&mut self, context: &Context<'_>) {
        if let Fact::Harness(HarnessFact::Listened(heard)) = &context.entry.fact
            && heard.question == Question::AccessAfterSignOut
        {
            listened(heard, context);
        }
        let Some((question, ended)) = context.answered() else {
            return;
        };
        let token = match question {
            Question::RefreshAfterSignOut => "refresh token",
            Question::AccessAfterSignOut => "access token",
            _ => return,
        };
        let granted = Violation::new(format!(
            "the backend accepts the {token} of a session that was signed out"
        ))
        .expected(format!("the {token} is refused after sign-out"))
        .by(Subject::Backend);
        context.expects_refusal(&NOTHING_AFTER, &ended, granted);
    }

    fn hears_probes(&self) -> bool {
        true
    }
}

/// Whether the feed is told to who was signed out: by an event that came.
fn listened(heard: &Heard, context: &Context<'_>) {
    if !heard.joined {
        context.exercised(&NOTHING_AFTER);
    } else if !heard.events.is_empty() {
        context.violated(
            &NOTHING_AFTER,
            Violation::new(
                "the backend lets a socket into the live feed with the access token of a session \
                 that was signed out",
            )
            .expected("CONNECT_ERROR after sign-out")
            .observed(heard.words())
            .evidence([context.entry.id])
            .by(Subject::Backend),
        );
    } else if heard.namespace.is_none() {
        context.unable(
            &NOTHING_AFTER,
            "a socket joined the feed with the access token of a session that was signed out, and \
             nothing shows whether it would be sent anything",
        );
    }
}
