//! Whether a deployment knows its accounts at all: a password that was never right is no fault of a
//! backend, and nothing about it can be said with one.
//!
//! Only the first sign-in of a run tells. Once an account was let in, a refusal is the backend's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::contract::{Contract, Role, Session};
use crate::domain::journal::{Answer, Answerer, Content, Entry, Fact, Observer, Sender};
use crate::domain::verdict::{Outcome, STEP, Severity, Verdict};

/// What is known of a run's accounts, by name. Clones are handles on the same knowledge.
#[derive(Debug, Clone, Default)]
pub(crate) struct KnownAccounts(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// Those that were let in.
    good: BTreeSet<String>,
    /// Those whose first sign-in was refused, and how.
    bad: BTreeMap<String, String>,
}

impl KnownAccounts {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the first sign-in of one of these accounts was refused.
    pub(crate) fn refusal<'a>(
        &self,
        target: &str,
        mut accounts: impl Iterator<Item = &'a str>,
    ) -> Option<String> {
        let known = self.lock();
        let (name, how) = accounts.find_map(|name| Some((name, known.bad.get(name)?)))?;
        Some(format!(
            "the first sign-in of this run as `{name}` was refused: {how}. Look at `[targets.{target}.accounts.{name}]`: what to sign in with, and the variable that `password-env` names; then sign in by hand once"
        ))
    }

    /// Follows one journal.
    pub(crate) fn observer(&self, contract: &Arc<Contract>) -> Box<dyn Observer> {
        Box::new(Follower {
            accounts: self.clone(),
            contract: Arc::clone(contract),
            asked: BTreeMap::new(),
        })
    }
}

/// An outcome to which a refused account has led: what did not come true for that is nobody's fault.
pub(crate) fn instead_of(outcome: &mut Outcome, why: String) {
    outcome.findings.retain(|finding| finding.rule != STEP);
    let violated =
        |finding: &crate::domain::verdict::Finding| finding.severity > Severity::Information;
    if !outcome.findings.iter().any(violated) {
        outcome.verdict = Verdict::Misconfigured(why);
    }
}

struct Follower {
    accounts: KnownAccounts,
    contract: Arc<Contract>,
    /// Sign-ins under way with the password of the configuration, and as whom.
    asked: BTreeMap<u64, String>,
}

impl Observer for Follower {
    fn observe(&mut self, entry: &Arc<Entry>) {
        match &entry.fact {
            Fact::Request(request)
                if request.role == Some(Role::SignIn) && request.sender != Sender::Canary =>
            {
                if let Some(name) = whose(&request.body) {
                    self.asked.insert(request.exchange, name);
                }
            }
            Fact::Answer(answer) => {
                let name = self.asked.remove(&answer.exchange);
                let Some(name) = name.filter(|_| answer.from == Answerer::Backend) else {
                    return;
                };
                let mut known = self.accounts.lock();
                if brings_token(answer, &self.contract.session) {
                    known.good.insert(name);
                } else if let Some(how) = refusal(answer, &self.contract.session.refused_by)
                    && !known.good.contains(&name)
                {
                    known.bad.entry(name).or_insert(how);
                }
            }
            Fact::Lost { exchange, .. } => {
                self.asked.remove(exchange);
            }
            _ => {}
        }
    }
}

/// Whose password a body holds, by the label that stands in its place.
fn whose(body: &Content) -> Option<String> {
    let text = text(body);
    let (_, rest) = text.split_once("‹password ")?;
    rest.split_once('›').map(|(name, _)| name.to_owned())
}

/// Whether an answer lets in. A profile beside the token may well speak of second factors.
fn brings_token(answer: &Answer, session: &Session) -> bool {
    let token = answer.find(&session.sign_in.answer.access_token);
    answer.is_success() && token.is_some_and(|token| token.is_string())
}

/// How a sign-in was refused, if it was so for the account's sake.
fn refusal(answer: &Answer, refused_by: &[u16]) -> Option<String> {
    let said = text(&answer.body).to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let status = answer.status;
    let more = [
        "mfa",
        "2fa",
        "two-factor",
        "two_factor",
        "second factor",
        "one-time",
        "otp_",
    ];
    if (status < 300 || (400..500).contains(&status)) && says(&more) {
        return Some(format!(
            "{status}, and a second factor is asked for, which nobody can give here"
        ));
    }
    if status == 423 || ((400..500).contains(&status) && says(&["locked", "lockout"])) {
        return Some(format!("{status}, and the account is said to be locked"));
    }
    refused_by
        .contains(&status)
        .then(|| format!("{status}, which says that the credentials are wrong"))
}

fn text(body: &Content) -> String {
    match body {
        Content::Json { value, .. } => value.value().map(ToString::to_string).unwrap_or_default(),
        Content::Text { text, .. } => text.clone(),
        Content::Truncated { beginning, .. } => beginning.clone(),
        Content::Empty | Content::Binary { .. } | Content::Unread { .. } => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::contract::harbour::harbour;
    use crate::domain::journal::EntryId;

    /// What is known after sign-ins with these answers.
    fn after(answers: &[(u16, serde_json::Value)]) -> KnownAccounts {
        let accounts = KnownAccounts::default();
        let mut follower = accounts.observer(&Arc::new(harbour()));
        let mut observe = |fact: serde_json::Value| {
            follower.observe(&Arc::new(Entry {
                id: EntryId(1),
                at: std::time::Duration::ZERO,
                device: None,
                fact: serde_json::from_value(fact).unwrap(),
            }));
        };
        for (at, (status, body)) in answers.iter().enumerate() {
            let sent = json!({"json": {"value": {"mail": "ada", "password": "‹password ada›"}, "bytes": 9}});
            observe(
                json!({"request": {"exchange": at, "sender": "client", "service": "gate", "method": "POST",
                "target": "/board", "path": "/board", "host": "x", "headers": [], "body": sent, "role": "sign-in",
                "judgement": {"class": "allowed", "reason": "declared"}}}),
            );
            observe(
                json!({"answer": {"exchange": at, "status": status, "headers": [], "from": "backend",
                "body": {"json": {"value": body, "bytes": 9}}}}),
            );
        }
        accounts
    }

    fn told(answers: &[(u16, serde_json::Value)]) -> Option<String> {
        after(answers).refusal("port", ["ada"].into_iter())
    }

    #[test]
    fn credentials_that_were_never_right_are_the_configurations() {
        let told = told(&[(403, json!({}))]).unwrap();
        for word in ["`ada`", "403", "targets.port.accounts.ada", "password-env"] {
            assert!(told.contains(word), "{told}");
        }
        let locked = after(&[(423, json!({}))]);
        assert!(
            locked
                .refusal("port", ["ada"].into_iter())
                .unwrap()
                .contains("locked")
        );
        assert_eq!(locked.refusal("port", ["bo"].into_iter()), None);
    }

    #[test]
    fn a_second_factor_is_told_from_wrong_credentials() {
        let asked = told(&[(200, json!({"next": "mfa_required"}))]).unwrap();
        assert!(asked.contains("second factor"), "{asked}");
    }

    #[test]
    fn whoever_was_let_in_before_is_refused_by_the_backends_fault() {
        let let_in = json!({"pass": "‹access-1›", "mfaEnabled": true});
        assert_eq!(told(&[(200, let_in), (403, json!({}))]), None);
        assert_eq!(told(&[(500, json!({}))]), None);
    }
}
