//! Pages of a list, and the cursors that lead from one to the next.
//!
//! A cursor is opaque, signed, bound to its user and resource, and ends after a while. It remembers
//! the last item's key and not a count, so an item that arrives at the front shifts nothing.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::defect::Defect;
use crate::domain::contract::{NextPage, Paging, Resource};

/// How long a cursor is good for.
const CURSOR_LIFETIME: Duration = Duration::from_secs(3600);

/// The page size where neither request nor contract names one.
const DEFAULT_SIZE: u64 = 50;

/// The largest page size that is served.
const LARGEST_SIZE: u64 = 500;

/// Which items of a list a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// The first item, by position.
    pub(super) start: usize,
    /// One past the last.
    pub(super) end: usize,
    /// The cursor of the next page, if there is one.
    pub(super) next: Option<String>,
}

/// Signs cursors.
pub(super) struct Cursors {
    key: hmac::Key,
}

/// Who asks, for what, when, and what is wrong with the mock.
pub(super) struct PageRequest<'a> {
    pub(super) user: Option<usize>,
    pub(super) resource: &'a Resource,
    pub(super) query: &'a [(String, String)],
    pub(super) now: Duration,
    pub(super) defect: Option<Defect>,
}

impl Cursors {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &seed.to_be_bytes()),
        }
    }

    /// The page of `items` that is asked for.
    ///
    /// # Errors
    /// Says what is wrong with the request.
    pub(super) fn page(
        &self,
        request: &PageRequest<'_>,
        paging: &Paging,
        items: &[Value],
    ) -> Result<Page, &'static str> {
        let size = size(request.query, paging)?;
        let of = |name: &str| parameter(request.query, name).filter(|value| !value.is_empty());
        let number = |name: &str, default: u64| match of(name) {
            Some(text) => text.parse().map_err(|_| "the page is not a number"),
            None => Ok(default),
        };
        let start = match &paging.next {
            NextPage::Cursor { query, .. } => match of(query) {
                Some(cursor) => match self.open(request, cursor, items) {
                    Err(_) if request.defect == Some(Defect::UnknownCursors) => 0,
                    opened => opened?,
                },
                None => 0,
            },
            NextPage::Page { query, first } => {
                let page: u64 = number(query, *first)?;
                let skipped = page.checked_sub(*first).ok_or("there is no such page")?;
                position(skipped.saturating_mul(size))
            }
            NextPage::Offset { query } => position(number(query, 0)?),
        };
        let start = match request.defect {
            Some(Defect::LostPageItem) if start > 0 => start + 1,
            Some(Defect::RepeatedPageItem) if start > 0 => start - 1,
            _ => start,
        }
        .min(items.len());
        let end = start.saturating_add(position(size)).min(items.len());
        let next =
            (end < items.len() && end > start && matches!(paging.next, NextPage::Cursor { .. }))
                .then(|| self.seal(request, &items[end - 1], end));
        Ok(Page { start, end, next })
    }

    fn seal(&self, request: &PageRequest<'_>, last: &Value, end: usize) -> String {
        let key = request
            .resource
            .key
            .as_ref()
            .and_then(|key| key.in_body(last));
        let content = json!([
            request.user,
            request.resource.name,
            request.now.as_secs(),
            end,
            key
        ])
        .to_string();
        let tag = hmac::sign(&self.key, content.as_bytes());
        let sealed = [&tag.as_ref()[..16], content.as_bytes()].concat();
        URL_SAFE_NO_PAD.encode(sealed)
    }

    /// Whose cursor a query carries, whoever asks.
    pub(super) fn owner(&self, query: &[(String, String)]) -> Option<usize> {
        query.iter().find_map(|(_, value)| {
            let sealed = URL_SAFE_NO_PAD.decode(value).ok()?;
            let (tag, content) = sealed.split_at_checked(16)?;
            let genuine = hmac::sign(&self.key, content).as_ref()[..16] == *tag;
            let content: Value = serde_json::from_slice(content).ok()?;
            let owner = content[0].as_u64().filter(|_| genuine)?;
            usize::try_from(owner).ok()
        })
    }

    fn open(
        &self,
        request: &PageRequest<'_>,
        cursor: &str,
        items: &[Value],
    ) -> Result<usize, &'static str> {
        const BAD: &str = "the cursor is not one of this list";
        let sealed = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| BAD)?;
        let (tag, content) = sealed.split_at_checked(16).ok_or(BAD)?;
        if hmac::sign(&self.key, content).as_ref()[..16] != *tag {
            return Err(BAD);
        }
        let content: Value = serde_json::from_slice(content).map_err(|_| BAD)?;
        if content[0] != json!(request.user) || content[1] != json!(request.resource.name) {
            return Err(BAD);
        }
        let issued = Duration::from_secs(content[2].as_u64().ok_or(BAD)?);
        if issued + CURSOR_LIFETIME < request.now {
            return Err("the cursor has expired");
        }
        let after = request.resource.key.as_ref().and_then(|key| {
            items
                .iter()
                .position(|item| key.in_body(item) == Some(&content[4]))
        });
        Ok(match after {
            Some(at) => at + 1,
            None => position(content[3].as_u64().ok_or(BAD)?),
        })
    }
}

fn size(query: &[(String, String)], paging: &Paging) -> Result<u64, &'static str> {
    let Some((name, default)) = &paging.size else {
        return Ok(DEFAULT_SIZE);
    };
    match parameter(query, name) {
        None => Ok(*default),
        Some(text) => match text.parse() {
            Ok(size @ 1..=LARGEST_SIZE) => Ok(size),
            _ => Err("the page size must be a number from 1 to 500"),
        },
    }
}

fn parameter<'a>(query: &'a [(String, String)], name: &str) -> Option<&'a str> {
    query
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
}

fn position(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
