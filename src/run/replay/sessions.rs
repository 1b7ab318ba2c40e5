//! Which session of the mock stands for which one of the recording: several devices may stand in one recording, and what
//! one of them does with its session is nothing to the others.

use std::collections::HashMap;

use serde_json::Value;

use super::place_of;
use crate::domain::bindings::Bindings;
use crate::domain::contract::{Contract, Role, TokenAnswer};
use crate::import::Exchange;

/// The sessions of the mock, and the recorded tokens by which each is known.
#[derive(Default)]
pub(super) struct Sessions {
    all: Vec<Bindings>,
    /// The one that was used last: whatever carries no token that was seen belongs to it.
    current: usize,
    /// By the part of the recording, too: a label that hides a token means something within it alone.
    of_page: HashMap<(Option<String>, String), usize>,
    anywhere: HashMap<String, usize>,
}

impl Sessions {
    /// The session of whatever is asked now.
    pub(super) fn current(&mut self) -> &mut Bindings {
        if self.all.is_empty() {
            self.all.push(Bindings::default());
        }
        &mut self.all[self.current]
    }

    /// Turns to the session that a recorded request belongs to; a sign-in begins one.
    pub(super) fn turn_to(&mut self, contract: &Contract, role: &Role, own: &Exchange) {
        if *role == Role::SignIn {
            self.current = self.all.len();
            self.all.push(Bindings::default());
            return;
        }
        let (header, template) = &contract.session.authorize;
        let in_header = own.header(header).and_then(|text| token_in(text, template));
        let body = own.body.as_ref().map(|sent| &sent.value);
        let in_body = contract.operation(role).and_then(|operation| {
            let at = place_of(operation, "{refresh-token}")?;
            body?.pointer(&at)?.as_str()
        });
        for token in [in_header, in_body].into_iter().flatten() {
            let key = (own.page.clone(), token.to_owned());
            let known = self.of_page.get(&key);
            if let Some(session) = known.or_else(|| self.anywhere.get(token)) {
                self.current = *session;
                return;
            }
        }
    }

    /// Takes in the tokens that a recorded answer brings.
    pub(super) fn learn(&mut self, answer: &TokenAnswer, own: &Exchange) {
        let headers = own.answer_headers.iter();
        let headers = headers.map(|(name, value)| (name.as_str(), value.as_str()));
        for selector in std::iter::once(&answer.access_token).chain(&answer.refresh_token) {
            if let Some(Value::String(token)) =
                selector.in_answer(headers.clone(), own.answer.as_ref())
            {
                self.anywhere.insert(token.clone(), self.current);
                self.of_page.insert((own.page.clone(), token), self.current);
            }
        }
    }
}

/// The token in a header that was made by this template.
fn token_in<'t>(text: &'t str, template: &str) -> Option<&'t str> {
    let (before, _) = template.split_once("{access-token}")?;
    let (_, token) = text.split_once(before)?;
    let end = token.find(|own: char| own == ';' || own.is_whitespace());
    Some(&token[..end.unwrap_or(token.len())])
}
