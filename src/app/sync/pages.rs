//! Answers that bring a resource: its first page, on top of which newer changes go, and older ones.

use std::sync::Arc;

use super::*;
use crate::domain::journal::DataSource;

impl App {
    /// Takes in the answer that brought a resource anew.
    pub(in crate::app) fn first_page(&mut self, index: usize, answer: &Answer, body: Value) {
        let contract = Arc::clone(&self.contract);
        let resource = &contract.resources[index];
        let sequence = resource.sequence.as_ref().and_then(|selector| {
            match selector.in_answer(answer.header_pairs(), Some(&body))? {
                Value::Number(number) => number.as_i64(),
                Value::String(text) => text.parse().ok(),
                _ => None,
            }
        });
        let stream = &mut self.data[index].stream;
        let wins = self.quirks.has(Quirk::OldAnswersWin);
        if wins {
            stream.recent.clear();
        }
        let position = stream.position.filter(|_| !stream.waits);
        if !wins
            && let (Some(floor), Some(sequence)) = (position.max(stream.floor), sequence)
            && sequence < floor
        {
            // Older than what the socket has brought meanwhile. If changes wait for a snapshot, they
            // wait on: whatever made them wait has asked for one that begins later.
            return;
        }
        stream.waits = false;
        let recent = std::mem::take(&mut stream.recent);
        let value = self.first_page_value(index, resource, answer, body);
        let mut shown = Shown {
            items: 0,
            value,
            as_of: self.now.elapsed,
            stale_since: None,
            complete: self.data[index].pages.is_complete(),
            sequence,
        };
        let mut after_gap = None;
        for change in recent {
            let rule = &rules(&contract)[change.rule];
            match order(rule, shown.sequence, change.sequence) {
                Order::Known => {}
                Order::Next => {
                    let merged = change.merge_into(&mut shown, resource, rule);
                    self.complain(&merged);
                }
                Order::Gap => {
                    after_gap = Some(change);
                    break;
                }
            }
        }
        self.data[index].stream.position = shown.sequence.filter(|_| self.feed.connected);
        self.show(index, shown, DataSource::Request);
        if let Some(change) = after_gap {
            self.gap(index, change);
        }
    }

    fn first_page_value(
        &mut self,
        index: usize,
        resource: &Resource,
        answer: &Answer,
        body: Value,
    ) -> Arc<Value> {
        let Some(paging) = &resource.paging else {
            return Arc::new(body);
        };
        let pages = &mut self.data[index].pages;
        if pages.is_beyond_first()
            && let Some(shown) = self.view.shown.get_mut(resource.name.as_str())
        {
            let mut value = Arc::clone(&shown.value);
            if let Some(new) = merge::renew(Arc::make_mut(&mut value), resource, &body) {
                pages.shift(new);
                return value;
            }
        }
        pages.restart();
        let items = merge::count(resource, &body);
        if let Err(trouble) = pages.turn(paging, answer, &body, items) {
            self.unexpected(trouble);
        }
        Arc::new(body)
    }

    /// Takes in a further page of a list.
    pub(in crate::app) fn later_page(&mut self, index: usize, answer: &Answer, body: &Value) {
        let contract = Arc::clone(&self.contract);
        let resource = &contract.resources[index];
        let (Some(paging), Some(mut shown)) = (
            &resource.paging,
            self.view.shown.get(resource.name.as_str()).cloned(),
        ) else {
            return;
        };
        let new = merge::append(Arc::make_mut(&mut shown.value), resource, body);
        let items = merge::count(resource, body);
        let pages = &mut self.data[index].pages;
        let mut trouble = pages.turn(paging, answer, body, items).err();
        if new == 0 && items > 0 && pages.next.take().is_some() {
            trouble = Some("a page without a single new item");
        }
        shown.complete = pages.is_complete();
        if let Some(trouble) = trouble {
            self.unexpected(trouble);
        }
        self.show(index, shown, DataSource::Request);
    }
}
