//! A request and its answer for whoever follows the mock: heads and bodies, with labels in the place of secrets.

use std::sync::{Mutex, PoisonError};

use futures_util::FutureExt;
use http::{HeaderMap, Response};
use http_body_util::BodyExt;
use serde_json::{Map, Value, json};

use super::call::Call;
use super::reply::Body;
use crate::domain::contract::{Contract, Role};
use crate::domain::secrets::{SecretKind, Vault};
use crate::domain::world::User;

/// Bytes of a body that are shown; of a longer one its beginning is.
const MOST: usize = 64 * 1024;

/// What hides secrets.
pub(super) struct Shown(Mutex<Vault>);

impl Shown {
    pub(super) fn new(contract: &Contract, users: &[User]) -> Self {
        let mut vault = Vault::new();
        for user in users {
            vault.learn(SecretKind::PasswordOf(&user.name), user.password.expose());
        }
        vault.agree(&contract.secrecy);
        Self(Mutex::new(vault))
    }

    /// Has a token kept out from now on, wherever it stands.
    pub(super) fn learn(&self, kind: SecretKind<'_>, token: &str) {
        let mut vault = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        vault.learn(kind, token);
    }

    /// A value of the world with labels in the place of secrets.
    pub(super) fn concealed(&self, value: &Value) -> Value {
        let mut shown = value.clone();
        let mut vault = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        vault.conceal_value(&mut shown);
        shown
    }

    /// Has a label that stands where it was shown be again what it stands for.
    pub(super) fn revealed(&self, value: &mut Value, known: &Value) {
        if value != known {
            reveal(value, known, &self.concealed(known));
        }
    }

    /// What was sent and answered. The bodies of what begins, renews and ends a session are secrets above all, and
    /// are left out.
    pub(super) fn exchange(
        &self,
        contract: &Contract,
        service: &str,
        call: &Call,
        response: &Response<Body>,
    ) -> Map<String, Value> {
        let role = call.role(contract, service);
        let opens = matches!(role, Some(Role::SignIn | Role::Refresh | Role::SignOut));
        let answer = response.body().clone().collect().now_or_never();
        let answer = answer.and_then(Result::ok).map(|body| body.to_bytes());
        let mut vault = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut body = |bytes: &[u8]| match opens && !bytes.is_empty() {
            true => {
                json!({ "unread": { "why": "it holds what opens a session", "bytes": bytes.len() } })
            }
            false => content(&mut vault, bytes),
        };
        let (sent, answered) = (body(&call.body), body(&answer.unwrap_or_default()));
        let query = vault.conceal(&call.raw_query).into_owned();
        Map::from_iter([
            ("role".to_owned(), json!(role)),
            ("path".to_owned(), json!(vault.conceal(&call.path))),
            ("query".to_owned(), json!(query)),
            (
                "headers".to_owned(),
                heads(&mut vault, contract, &call.headers),
            ),
            ("body".to_owned(), sent),
            (
                "answer".to_owned(),
                json!({ "headers": heads(&mut vault, contract, response.headers()), "body": answered }),
            ),
        ])
    }
}

fn reveal(value: &mut Value, known: &Value, shown: &Value) {
    match (value, known, shown) {
        (Value::Object(fields), Value::Object(known), Value::Object(shown)) => {
            for (name, field) in fields {
                if let (Some(known), Some(shown)) = (known.get(name), shown.get(name)) {
                    reveal(field, known, shown);
                }
            }
        }
        (Value::Array(items), Value::Array(known), Value::Array(shown)) => {
            for ((item, known), shown) in items.iter_mut().zip(known).zip(shown) {
                reveal(item, known, shown);
            }
        }
        (value, known, shown) if known != shown && value == shown => value.clone_from(known),
        _ => {}
    }
}

/// A body in the words of a journal.
fn content(vault: &mut Vault, bytes: &[u8]) -> Value {
    let length = bytes.len();
    if length == 0 {
        return json!("empty");
    }
    if length <= MOST
        && let Ok(mut value) = serde_json::from_slice::<Value>(bytes)
    {
        vault.conceal_value(&mut value);
        return json!({ "json": { "value": value, "bytes": length } });
    }
    match std::str::from_utf8(&bytes[..length.min(MOST)]) {
        Ok(text) if length <= MOST => {
            json!({ "text": { "text": vault.conceal(text), "bytes": length } })
        }
        Ok(text) => json!({ "truncated": { "beginning": vault.conceal(text), "bytes": length } }),
        Err(_) => json!({ "binary": { "bytes": length } }),
    }
}

fn heads(vault: &mut Vault, contract: &Contract, headers: &HeaderMap) -> Value {
    let own = &contract.session.authorize.0;
    let shown = headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        json!(vault.conceal_head(own, name.as_str(), &value))
    });
    shown.collect()
}
