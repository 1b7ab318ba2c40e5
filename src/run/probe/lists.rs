//! Walks through whole lists, and cursors that were never handed out.

use std::collections::BTreeSet;

use serde_json::Value;

use super::not_asked::NotAsked;
use super::{OwnSession, Prober, With};
use crate::domain::contract::{NextPage, Paging, Resource};
use crate::domain::journal::Question;
use crate::run::call::Reply;

/// How many pages one walk may have.
const PAGES: u32 = 12;

/// A cursor that no backend has handed out.
const UNKNOWN: &str = "rehearsal-was-never-handed-this";

/// A query of the contract's, with its value.
type Pair = (String, String);

/// A cursor that one account was given.
pub(super) struct Cursor {
    pub(super) resource: Resource,
    /// The query of the page that it leads to.
    pub(super) query: Vec<Pair>,
}

impl Prober<'_> {
    /// SYNC-12: walks through every list by one account. Answers the cursors that were handed out.
    pub(super) async fn walk(&mut self, own: &OwnSession) -> Vec<Cursor> {
        let mut cursors = Vec::new();
        let paged: Vec<Resource> = self
            .readable()
            .into_iter()
            .filter(|resource| resource.paging.is_some())
            .collect();
        if paged.is_empty() {
            self.skip("SYNC-12", &NotAsked::NoPart("list with pages"));
        }
        for resource in paged {
            match self.walk_through(own, &resource).await {
                Ok(query) => cursors.extend(query.map(|query| Cursor { resource, query })),
                Err(why) => self.skip("SYNC-12", &why),
            }
        }
        cursors
    }

    async fn walk_through(
        &mut self,
        own: &OwnSession,
        resource: &Resource,
    ) -> Result<Option<Vec<Pair>>, NotAsked> {
        let Some(paging) = &resource.paging else {
            return Ok(None);
        };
        let other_size = paging.size.as_ref().map(|(_, size)| size / 2 + 1);
        let sizes = paging.size.as_ref().map(|(_, size)| *size);
        let of = |walk| move |page| Question::Walk { walk, page };
        let with = || own.with();
        let second = self.one_walk(with, resource, paging, of(1), sizes).await?;
        if let Some(size) = other_size {
            self.one_walk(with, resource, paging, of(2), Some(size))
                .await?;
        }
        self.one_walk(with, resource, paging, of(3), sizes).await?;
        let NextPage::Cursor { query, .. } = &paging.next else {
            return Ok(None);
        };
        if !paging.refused_by.is_empty() {
            let mut unknown = size_pair(paging, sizes);
            unknown.push((query.clone(), UNKNOWN.to_owned()));
            let question = Some(Question::UnknownCursor);
            self.perform(question, &resource.operation, &unknown, own.with())
                .await?;
        }
        Ok(second)
    }

    /// One walk to the end, each page of which asks something. Answers the query of its second page.
    pub(super) async fn one_walk<'w>(
        &mut self,
        with: impl Fn() -> With<'w>,
        resource: &Resource,
        paging: &Paging,
        asking: impl Fn(u32) -> Question,
        size: Option<u64>,
    ) -> Result<Option<Vec<Pair>>, NotAsked> {
        let mut second = None;
        let mut query = size_pair(paging, size);
        match &paging.next {
            NextPage::Page { query: name, first } => query.push((name.clone(), first.to_string())),
            NextPage::Offset { query: name } => query.push((name.clone(), "0".to_owned())),
            NextPage::Cursor { .. } => {}
        }
        let mut items = 0;
        let mut led = BTreeSet::new();
        for page in 1..=PAGES {
            let question = Some(asking(page));
            let reply = self
                .perform(question, &resource.operation, &query, with())
                .await?;
            if !reply.succeeded() {
                return Err(NotAsked::PageRefused {
                    page,
                    resource: resource.name.clone(),
                    status: reply.status,
                });
            }
            let body = reply.json();
            let list = body
                .as_ref()
                .and_then(|body| resource.items.as_ref()?.in_body(body)?.as_array());
            let count = list.map_or(0, Vec::len) as u64;
            items += count;
            let Some(next) = next(paging, &reply, body.as_ref(), page, count, items, size) else {
                return Ok(second);
            };
            if !led.insert(next.clone()) {
                return Err(NotAsked::Circle {
                    resource: resource.name.clone(),
                });
            }
            query = size_pair(paging, size);
            query.push(next);
            if second.is_none() {
                second = Some(query.clone());
            }
        }
        Err(NotAsked::TooManyPages {
            resource: resource.name.clone(),
            pages: PAGES,
        })
    }
}

fn size_pair(paging: &Paging, size: Option<u64>) -> Vec<Pair> {
    let name = paging.size.as_ref().map(|(name, _)| name);
    name.zip(size)
        .map(|(name, size)| (name.clone(), size.to_string()))
        .into_iter()
        .collect()
}

/// What leads to the next page, unless this was the last.
fn next(
    paging: &Paging,
    reply: &Reply,
    body: Option<&Value>,
    page: u32,
    count: u64,
    items: u64,
    size: Option<u64>,
) -> Option<Pair> {
    match &paging.next {
        NextPage::Cursor { query, .. } => {
            let cursor = paging.next.cursor(reply.pairs(), body)?;
            Some((query.clone(), cursor))
        }
        _ if count == 0 || size.is_some_and(|size| count < size) => None,
        NextPage::Page { query, first } => {
            Some((query.clone(), (first + u64::from(page)).to_string()))
        }
        NextPage::Offset { query } => Some((query.clone(), items.to_string())),
    }
}
