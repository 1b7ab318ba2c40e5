//! What the backend asked the client to wait for.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::contract::{Contract, Role};
use crate::domain::journal::Answer;
use crate::rules::exchange::Ended;

/// The least that a wait is capped at.
const LEAST_CAP: Duration = Duration::from_secs(30);

/// Until when what a role asks for is to wait, by the role.
#[derive(Default)]
pub(crate) struct Waits(BTreeMap<String, Duration>);

impl Waits {
    /// Takes in how a request was answered. `unix` is now in seconds since 1970.
    pub(super) fn ended(
        &mut self,
        ended: &Ended<'_>,
        now: Duration,
        unix: Option<u64>,
        contract: &Contract,
    ) {
        let (Some(role), Some(answer)) = (&ended.request.role, ended.answer) else {
            return;
        };
        match wait_named(answer, unix, contract) {
            Some(wait) => {
                self.0.insert(role.to_string(), now + wait);
            }
            None if answer.is_success() => {
                self.0.remove(&role.to_string());
            }
            None => {}
        }
    }

    /// Until when the longest of these is to wait; nothing where none was told to.
    pub(crate) fn until<'r>(&self, resources: impl IntoIterator<Item = &'r String>) -> Duration {
        let own = resources.into_iter().filter_map(|name| {
            let role = Role::Resource(name.clone());
            self.0.get(&role.to_string())
        });
        own.max().copied().unwrap_or_default()
    }

    /// Until when the longest of all is to wait, whatever it is for.
    pub(crate) fn until_all(&self) -> Duration {
        self.0.values().max().copied().unwrap_or_default()
    }
}

/// How long an answer of 429 or 503 asks to wait, in either form of the header. Absurd values are capped:
/// no app need believe them.
pub(crate) fn wait_named(
    answer: &Answer,
    now: Option<u64>,
    contract: &Contract,
) -> Option<Duration> {
    if !matches!(answer.status, 429 | 503) {
        return None;
    }
    let value = answer.headers.get("retry-after")?.trim();
    let wait = match value.parse() {
        Ok(seconds) => seconds,
        Err(_) => {
            let until = jiff::fmt::rfc2822::parse(value).ok()?;
            let until = u64::try_from(until.timestamp().as_second()).ok()?;
            until.saturating_sub(now?)
        }
    };
    let cap = contract.retry.delay_max.max(LEAST_CAP);
    Some(Duration::from_secs(wait).min(cap))
}
