//! SESSION-6, where the contract says that refresh tokens are rotated: each refresh brings another one.

use std::collections::BTreeMap;

use super::replay::REPLAY;
use crate::domain::contract::Role;
use crate::domain::journal::{EntryId, Fact, TokenIssued, TokenKind};
use crate::rules::context::Context;
use crate::rules::labels;
use crate::rules::rule::Rule;
use crate::rules::violation::Violation;

/// How many refreshes are kept whose tokens are still to be seen, before or after their answers.
const KEPT: usize = 32;

/// Follows refreshes that succeeded.
#[derive(Default)]
pub(super) struct Rotation {
    /// By exchange: what was handed out so far, and the answer, with what was sent.
    handed: BTreeMap<u64, String>,
    kept_back: BTreeMap<u64, Renewed>,
}

struct Renewed {
    request: EntryId,
    answer: EntryId,
    sent: Option<String>,
}

impl Rule for Rotation {
    fn see(&mut self, context: &Context<'_>) {
        if !context.contract.session.rotates {
            return;
        }
        match &context.entry.fact {
            Fact::TokenIssued(TokenIssued {
                kind: TokenKind::Refresh,
                exchange,
                label,
                ..
            }) => self.issued(*exchange, label),
            Fact::Answer(_) => self.answered(context),
            _ => {}
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        for (exchange, renewed) in std::mem::take(&mut self.kept_back) {
            context.violated(
                &REPLAY,
                Violation::new("the backend renewed a session without rotating its refresh token")
                    .expected(
                        "another refresh token with each refresh, as the contract's `rotates` says",
                    )
                    .observed(renewed.sent.map_or_else(
                        || "no refresh token in the answer".to_owned(),
                        |sent| format!("{sent} was sent, and stays the one"),
                    ))
                    .evidence([renewed.request, renewed.answer])
                    .exchanges([exchange]),
            );
        }
    }

    fn hears_probes(&self) -> bool {
        true
    }
}

impl Rotation {
    fn issued(&mut self, exchange: u64, label: &str) {
        let known = self.kept_back.get(&exchange);
        if known.is_some_and(|renewed| renewed.sent.as_deref() != Some(label)) {
            self.kept_back.remove(&exchange);
            return;
        }
        if self.handed.len() == KEPT {
            self.handed.pop_first();
        }
        self.handed.insert(exchange, label.to_owned());
    }

    fn answered(&mut self, context: &Context<'_>) {
        let Some(ended) = context.ended_by_anyone() else {
            return;
        };
        let Some(answer) = ended.by_backend() else {
            return;
        };
        if ended.request.role != Some(Role::Refresh)
            || !answer.is_success()
            || answer.body.is_partial()
        {
            return;
        }
        context.exercised(&REPLAY);
        let is_refresh = |label: &str| label.starts_with("‹refresh-");
        let headers = ended.request.headers.iter().map(|(_, value)| value);
        let mut beside = headers.chain([ended.request.target.as_str()]);
        let sent = labels::find(&ended.request.body, &is_refresh)
            .or_else(|| beside.find_map(|text| labels::labels(text).find(|own| is_refresh(own))))
            .map(ToOwned::to_owned);
        let handed = self.handed.remove(&answer.exchange);
        let rotated = handed.is_some_and(|handed| Some(handed) != sent);
        if !rotated && self.kept_back.len() < KEPT {
            let renewed = Renewed {
                request: ended.opened.id(),
                answer: context.entry.id,
                sent,
            };
            self.kept_back.insert(answer.exchange, renewed);
        }
    }
}
