//! SESSION-16: what a client has told in confidence does not come back.

use std::sync::Arc;

use crate::domain::contract::Role;
use crate::domain::journal::{Answer, Entry};
use crate::domain::verdict::Subject;
use crate::rules::ledger::{Breach, Ledger};
use crate::rules::scene::Scene;
use crate::rules::{JudgedFrom, Rule, RuleInfo, labels};

pub(super) static REPEATED: RuleInfo = RuleInfo {
    id: "SESSION-16",
    title: "No answer repeats a password, and only token answers bring refresh tokens",
    subject: Subject::Backend,
    judged_from: &[JudgedFrom::Wire],
    source: "OWASP API3:2023, broken object property level authorization; RFC 9700 §2.2.2",
    explanation: "A serializer that writes whole rows, or an error page that shows the request, hands the user's password to whatever caches, logs or displays the answer, and shows that it is stored so that it can be read. Passwords that were sent and refresh tokens that were handed out are searched in the bodies and headers of all answers; a refresh token may stand in the answers to sign-in and refresh, and in a cookie.",
    fix: "List the fields of an answer instead of serializing the record; keep passwords only as salted hashes.",
    parameters: &["session.sign_in", "session.refresh"],
};

pub(super) struct Repeated;

impl Rule for Repeated {
    fn see(&mut self, entry: &Arc<Entry>, scene: &Scene, ledger: &mut Ledger) {
        let Some(ended) = scene.ended(entry) else {
            return;
        };
        let Some(answer) = ended.by_backend() else {
            return;
        };
        if ended.request.role == Some(Role::Realtime) {
            return;
        }
        ledger.occasion(&REPEATED);
        let brings_tokens = matches!(ended.request.role, Some(Role::SignIn | Role::Refresh));
        let is_secret = |label: &str| {
            let label = labels::bare(label);
            label.starts_with("password") || (label.starts_with("refresh-") && !brings_tokens)
        };
        if let Some((place, label)) = told(answer, &is_secret) {
            ledger.breach(
                &REPEATED,
                Breach {
                    kind: place.to_owned(),
                    message: format!("the backend repeats {label} in {place} of an answer"),
                    expected: "answers without passwords, and without refresh tokens but where a session is handed out".to_owned(),
                    observed: ended.words(),
                    evidence: vec![ended.opened.id(), entry.id],
                    exchanges: vec![answer.exchange],
                    ..Breach::default()
                },
            );
        }
    }
}

/// Where a label of this kind stands in an answer.
fn told<'a>(
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
