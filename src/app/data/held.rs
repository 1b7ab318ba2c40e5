//! What is held of conditional resources, so that it need not come again (RFC 9110 §13.1.2).

use std::borrow::Cow;
use std::sync::Arc;

use super::Held;
use crate::app::answer::Reply;
use crate::app::event::Answer;
use crate::app::paging::Page;
use crate::app::{App, Quirk};
use crate::domain::contract::Operation;

impl App {
    /// A read says what is held already, where that was agreed.
    pub(super) fn under_condition<'a>(
        &self,
        resource: usize,
        page: &Page,
        operation: Cow<'a, Operation>,
    ) -> Cow<'a, Operation> {
        let Some(held) = &self.data[resource].held else {
            return operation;
        };
        if *page != Page::First || self.quirks.has(Quirk::ReadsWhole) {
            return operation;
        }
        let mut operation = operation.into_owned();
        let condition = ("if-none-match".to_owned(), held.tag.clone());
        operation.headers.push(condition);
        Cow::Owned(operation)
    }

    /// What is held, if the reply says that it is still good.
    pub(super) fn still_good(&self, resource: usize, reply: &Reply) -> Option<Reply> {
        let held = self.data[resource].held.as_ref()?;
        match reply {
            Reply::Answer(answer) if answer.status == 304 => {
                Some(Reply::Answer(held.answer.clone()))
            }
            _ => None,
        }
    }

    /// Holds what has come, where reads are conditional.
    pub(super) fn hold(&mut self, resource: usize, page: &Page, answer: &Answer) {
        let contract = Arc::clone(&self.contract);
        if !contract.resources[resource].conditional || *page != Page::First {
            return;
        }
        let mut headers = answer.header_pairs();
        let tag = headers.find(|(name, _)| name.eq_ignore_ascii_case("etag"));
        self.data[resource].held = tag.map(|(_, tag)| Held {
            tag: tag.to_owned(),
            answer: answer.clone(),
        });
    }
}
