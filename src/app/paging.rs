//! Walking through the pages of a list: pure bookkeeping.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::domain::contract::{NextPage, Paging};

use super::event::Answer;

/// However long a list is, the app asks for no more pages of it.
const MOST_PAGES: u64 = 10_000;

/// Which page a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Page {
    First,
    /// A later one: the value of the query parameter.
    Later(String),
}

/// How far a walk is.
#[derive(Debug, Default)]
pub(super) struct Pages {
    /// Pages read so far.
    read: u64,
    /// Items received so far.
    received: u64,
    /// What to ask for next.
    pub(super) next: Option<String>,
    /// What was asked for already: a cursor that comes back leads in a circle.
    asked: BTreeSet<String>,
    /// Whether to go on until the end.
    pub(super) walking: bool,
}

impl Pages {
    /// Whether there is nothing older to ask for.
    pub(super) fn is_complete(&self) -> bool {
        self.next.is_none()
    }

    /// Whether more than the first page has been read.
    pub(super) fn is_beyond_first(&self) -> bool {
        self.read > 1
    }

    /// Begins anew, as the first page was read again.
    pub(super) fn restart(&mut self) {
        let walking = self.walking;
        *self = Self {
            walking,
            ..Self::default()
        };
    }

    /// Counts items that appeared in front of everything that was read.
    pub(super) fn shift(&mut self, items: usize) {
        self.received += items as u64;
    }

    /// Takes note of a page with `items` items, and of what comes after it.
    ///
    /// # Errors
    /// Says why the walk must not go on although the backend wants it to.
    pub(super) fn turn(
        &mut self,
        paging: &Paging,
        answer: &Answer,
        body: &Value,
        items: usize,
    ) -> Result<(), &'static str> {
        self.read += 1;
        self.received += items as u64;
        let is_last =
            items == 0 || matches!(&paging.size, Some((_, size)) if (items as u64) < *size);
        self.next = match &paging.next {
            NextPage::Cursor { .. } => paging.next.cursor(answer.header_pairs(), Some(body)),
            NextPage::Page { first, .. } => (!is_last).then(|| (first + self.read).to_string()),
            NextPage::Offset { .. } => (!is_last).then(|| self.received.to_string()),
        };
        let Some(next) = &self.next else {
            return Ok(());
        };
        let trouble = if !self.asked.insert(next.clone()) {
            "a page whose cursor leads back to an earlier one"
        } else if self.read >= MOST_PAGES {
            "a list without end"
        } else {
            return Ok(());
        };
        self.next = None;
        Err(trouble)
    }
}

/// The query parameters that ask for a page.
pub(super) fn query(paging: &Paging, page: &Page) -> Vec<(String, String)> {
    let size = paging
        .size
        .iter()
        .map(|(name, size)| (name.clone(), size.to_string()));
    let cursor = match (page, &paging.next) {
        (Page::Later(value), next) => Some((next.query().to_owned(), value.clone())),
        (Page::First, NextPage::Page { query, first }) => Some((query.clone(), first.to_string())),
        (Page::First, NextPage::Cursor { .. } | NextPage::Offset { .. }) => None,
    };
    size.chain(cursor).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::selector::Selector;

    fn answer() -> Answer {
        Answer {
            status: 200,
            headers: vec![],
            body: bytes::Bytes::new(),
        }
    }

    fn paging(next: NextPage) -> Paging {
        Paging {
            size: Some(("limit".into(), 2)),
            next,
            total: None,
            refused_by: Vec::new(),
        }
    }

    #[test]
    fn numbered_and_counted_pages_end_with_a_page_that_is_not_full() {
        for (next, second, third) in [
            (
                NextPage::Page {
                    query: "page".into(),
                    first: 1,
                },
                "2",
                "3",
            ),
            (
                NextPage::Offset {
                    query: "page".into(),
                },
                "2",
                "4",
            ),
        ] {
            let paging = paging(next);
            let mut pages = Pages::default();
            pages.turn(&paging, &answer(), &json!([]), 2).unwrap();
            assert_eq!(pages.next.as_deref(), Some(second));
            pages.turn(&paging, &answer(), &json!([]), 2).unwrap();
            assert_eq!(pages.next.as_deref(), Some(third));
            pages.turn(&paging, &answer(), &json!([]), 1).unwrap();
            assert!(pages.is_complete());
        }
    }

    #[test]
    fn a_cursor_is_followed_until_there_is_none() {
        let paging = paging(NextPage::Cursor {
            query: "after".into(),
            from: Selector::Pointer("/next".into()),
            more: None,
        });
        for end in [json!({}), json!({"next": null}), json!({"next": ""})] {
            let mut pages = Pages::default();
            let first = json!({"next": "c 1"});
            pages.turn(&paging, &answer(), &first, 2).unwrap();
            let ask = Page::Later(pages.next.clone().unwrap());
            assert!(query(&paging, &ask).contains(&("after".into(), "c 1".into())));
            pages.turn(&paging, &answer(), &end, 2).unwrap();
            assert!(pages.is_complete());
        }
    }

    #[test]
    fn a_cursor_that_leads_in_a_circle_ends_the_walk() {
        let paging = paging(NextPage::Cursor {
            query: "after".into(),
            from: Selector::Pointer("/next".into()),
            more: None,
        });
        let mut pages = Pages::default();
        for cursor in ["a", "b"] {
            let body = json!({"next": cursor});
            pages.turn(&paging, &answer(), &body, 2).unwrap();
        }
        let back = json!({"next": "a"});
        assert!(pages.turn(&paging, &answer(), &back, 2).is_err());
        assert!(pages.is_complete());
    }
}
