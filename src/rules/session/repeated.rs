//! SESSION-16: what a client has told in confidence does not come back.

use crate::domain::contract::Role;
use crate::domain::journal::Answer;
use crate::rules::context::Context;
use crate::rules::labels;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// No answer repeats a password, and only token answers bring refresh tokens
    ///
    /// # Why
    /// A serializer that writes whole rows, or an error page that shows the request, hands the
    /// user's password to whatever caches, logs or displays the answer, and shows that it is stored
    /// so that it can be read.
    ///
    /// # How it is judged
    /// Passwords that were sent and refresh tokens that were handed out are searched in the bodies
    /// and headers of all answers; a refresh token may stand in the answers to sign-in and refresh,
    /// and in a cookie.
    ///
    /// # How to keep it
    /// List the fields of an answer instead of serializing the record; keep passwords only as
    /// salted hashes.
    ///
    /// # Source
    /// OWASP API3:2023, broken object property level authorization; RFC 9700 §2.2.2
    pub(super) REPEATED: "SESSION-16", Backend, from [Wire],
        set by ["session.sign-in", "session.refresh"]
}

pub(super) struct Repeated;

impl Rule for Repeated {
    fn see(&mut self, context: &Context<'_>) {
        let Some(ended) = context.ended_by_anyone() else {
            return;
        };
        let Some(answer) = ended.by_backend() else {
            return;
        };
        if ended.request.role == Some(Role::Realtime) {
            return;
        }
        context.exercised(&REPEATED);
        let brings_tokens = matches!(ended.request.role, Some(Role::SignIn | Role::Refresh));
        let is_secret = |label: &str| {
            let label = labels::bare(label);
            label.starts_with("password") || (label.starts_with("refresh-") && !brings_tokens)
        };
        if let Some((place, label)) = find(answer, &is_secret) {
            context.violated(
                &REPEATED,
                Violation::new(format!(
                    "the backend repeats {label} in {place} of an answer"
                ))
                .kind(place)
                .expected(
                    "answers without passwords, and without refresh tokens but where a session is \
                     handed out",
                )
                .observed(ended.words())
                .evidence([ended.opened.id(), context.entry.id])
                .exchanges([answer.exchange]),
            );
        }
    }
}

/// The first such label in an answer, and where it stands.
fn find<'a>(
    answer: &'a Answer,
    is_wanted: &dyn Fn(&str) -> bool,
) -> Option<(&'static str, &'a str)> {
    let in_headers = answer
        .headers
        .iter()
        .filter(|(name, _)| *name != "set-cookie")
        .flat_map(|(_, value)| labels::labels(value))
        .find(|label| is_wanted(label));
    in_headers
        .map(|label| ("a header", label))
        .or_else(|| labels::find(&answer.body, is_wanted).map(|label| ("the body", label)))
}
