//! What the harness asks on its own account, and with whose tokens.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::domain::journal::{Question, TokenIssued};
use crate::rules::labels;

/// How many tokens stay known.
const TOKENS: usize = 64;

/// What the harness asks on its own account.
#[derive(Default)]
pub(super) struct Probing {
    /// What its next request asks.
    next: Option<Question>,
    /// Labels of its tokens, and whom they were handed out to.
    tokens: VecDeque<(String, Arc<str>)>,
}

impl Probing {
    pub(super) fn asks(&mut self, question: &Question) {
        self.next = Some(question.clone());
    }

    /// What the request that has just arrived asks.
    pub(super) fn asked(&mut self) -> Option<Question> {
        self.next.take()
    }

    pub(super) fn issued(&mut self, token: &TokenIssued) {
        let Some(username) = &token.username else {
            return;
        };
        if self.tokens.len() == TOKENS {
            self.tokens.pop_front();
        }
        let label = labels::bare(&token.label).to_owned();
        self.tokens.push_back((label, username.as_str().into()));
    }

    pub(super) fn account(&self, label: &str) -> Option<Arc<str>> {
        let mut tokens = self.tokens.iter().rev();
        let own = tokens.find(|(own, _)| own == label)?;
        Some(Arc::clone(&own.1))
    }
}
