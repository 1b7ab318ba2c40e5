//! Reads that bring nothing new: past the end of a list, and after what was sent already.

use std::sync::Arc;

use super::{App, Purpose, Quirk};
use crate::app::load::Cause;
use crate::app::paging::{self, Page};

impl App {
    /// A quirk keeps the page that is asked for.
    pub(in crate::app) fn note_page(&mut self, page: &Page) {
        if self.quirks.has(Quirk::AsksPastTheEnd) {
            self.quirk_state.page = match page {
                Page::First => None,
                Page::Later(value) => Some(value.clone()),
            };
        }
    }

    /// A quirk: the last page of a list is asked for once more.
    pub(in crate::app) fn ask_past_the_end(&mut self, resource: usize) {
        let contract = Arc::clone(&self.contract);
        let own = &contract.resources[resource];
        if let (Some(paging), Some(value)) = (&own.paging, self.quirk_state.page.take()) {
            let query = paging::query(paging, &Page::Later(value));
            let bindings = self.bindings();
            self.send(&own.operation, &query, &bindings, Purpose::Stray);
        }
    }

    /// A quirk: what an event has just changed is read all the same.
    pub(in crate::app) fn read_what_was_sent(&mut self, resource: usize) {
        if self.quirks.has(Quirk::ReadsAfterEvents) {
            self.want(resource, Cause::User);
        }
    }
}
