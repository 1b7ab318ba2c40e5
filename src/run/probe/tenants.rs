//! Two accounts: what each gets, by turns and by the other's things.

mod body;

use super::lists::Cursor;
use super::not_asked::NotAsked;
use super::{OwnSession, Prober, With};
use crate::domain::bindings::Bindings;
use crate::domain::contract::{Operation, PathPattern, Resource};
use crate::domain::journal::{Question, Reference};

/// How many rounds two accounts take turns.
const ROUNDS: u32 = 3;

/// How many resources are asked for with another's name in their parameters.
const PARAMETERS: usize = 8;

/// Parameters by which backends usually take a user's name or id.
const USUAL: [&str; 8] = [
    "user",
    "userId",
    "user_id",
    "account",
    "accountId",
    "account_id",
    "tenant",
    "owner",
];

/// Headers by which they do.
const HEADERS: [&str; 5] = [
    "x-user",
    "x-user-id",
    "x-account-id",
    "x-tenant",
    "x-tenant-id",
];

/// How many resources they take turns at.
const SHARED: usize = 3;

impl Prober<'_> {
    /// TENANT-1, -2, -3 and -5.
    pub(super) async fn two_tenants(
        &mut self,
        own: &OwnSession,
        other: &OwnSession,
        cursors: &[Cursor],
    ) {
        let resources = self.readable();
        let (first, second) = (
            self.own(own, &resources).await,
            self.own(other, &resources).await,
        );
        self.tags(own, other, &resources, &first, &second).await;
        self.things_of(own, other, &resources, cursors).await;
        // What stands still is known by a second look, after the other account's first.
        self.own(own, &resources).await;
        for round in 1..=ROUNDS {
            for signed in [own, other] {
                for resource in resources.iter().take(SHARED) {
                    let question = Some(Question::Alternately { round });
                    let with = With {
                        connection: "both",
                        ..signed.with()
                    };
                    // What is not answered has no other's data in it.
                    let _ = self.perform(question, &resource.operation, &[], with).await;
                }
            }
        }
    }

    /// Reads everything as one account. Answers the entity tags, resource by resource.
    async fn own(&mut self, signed: &OwnSession, resources: &[Resource]) -> Vec<Option<String>> {
        let mut tags = Vec::new();
        for resource in resources {
            let question = Some(Question::Own);
            let operation = &resource.operation;
            let reply = self.perform(question, operation, &[], signed.with()).await;
            tags.push(reply.ok().and_then(|reply| {
                let tag = reply.pairs().find(|(name, _)| *name == "etag")?;
                Some(tag.1.to_owned())
            }));
        }
        tags
    }

    async fn tags(
        &mut self,
        own: &OwnSession,
        other: &OwnSession,
        resources: &[Resource],
        first: &[Option<String>],
        second: &[Option<String>],
    ) {
        let mut asked = false;
        for ((resource, theirs), mine) in resources.iter().zip(first).zip(second) {
            let (Some(theirs), Some(mine)) = (theirs, mine) else {
                continue;
            };
            // One tag for both is asked with too: what matters is whether it matches another answer.
            if theirs == mine && !resource.personal {
                continue;
            }
            asked = true;
            // Who takes no tag at all refuses another's only by chance.
            let with = With {
                headers: vec![("if-none-match".to_owned(), mine.clone())],
                ..other.with()
            };
            let question = Some(Question::OwnTag);
            let _ = self.perform(question, &resource.operation, &[], with).await;
            let with = With {
                headers: vec![("if-none-match".to_owned(), theirs.clone())],
                ..other.with()
            };
            let question = Some(Question::TagOfAnother {
                owner: own.username.clone(),
            });
            let _ = self.perform(question, &resource.operation, &[], with).await;
        }
        if !asked {
            self.skip("TENANT-5", &NotAsked::NoTellingTag);
        }
    }

    /// TENANT-2: the first account's things, asked for by the second.
    async fn things_of(
        &mut self,
        own: &OwnSession,
        other: &OwnSession,
        resources: &[Resource],
        cursors: &[Cursor],
    ) {
        let mut asked = false;
        let of_another = |what| {
            Some(Question::OfAnother {
                what,
                owner: own.username.clone(),
            })
        };
        for Cursor { resource, query } in cursors {
            asked = true;
            // The owner looks first, so that it is known what is the owner's.
            let operation = &resource.operation;
            let _ = self
                .perform(Some(Question::Own), operation, query, own.with())
                .await;
            let _ = self
                .perform(
                    of_another(Reference::Cursor),
                    operation,
                    query,
                    other.with(),
                )
                .await;
        }
        // The other's token, and the first one's name wherever the contract puts a name.
        let disguised = Bindings {
            username: Some(own.username.clone()),
            ..other.bindings.clone()
        };
        for resource in resources
            .iter()
            .filter(|resource| names_user(&resource.operation))
        {
            asked = true;
            let with = With::of(&disguised);
            let _ = self
                .perform(of_another(Reference::Name), &resource.operation, &[], with)
                .await;
        }
        let names = self.names(own).await;
        for resource in resources.iter().take(PARAMETERS) {
            asked = true;
            self.by_parameter(&names, own, other, resource).await;
        }
        for operation in self.below_lists(own, resources).await {
            asked = true;
            let _ = self
                .perform(Some(Question::Own), &operation, &[], own.with())
                .await;
            let _ = self
                .perform(of_another(Reference::Id), &operation, &[], other.with())
                .await;
        }
        if !asked {
            self.skip("TENANT-2", &NotAsked::NothingNamed);
        }
    }

    /// One resource, by the second account, with parameters, headers and fields of the body that name the
    /// first: the contract's, and those by which backends usually take a user's name.
    async fn by_parameter(
        &mut self,
        names_of_own: &[String],
        own: &OwnSession,
        other: &OwnSession,
        resource: &Resource,
    ) {
        let contract = self.environment.contract.clone();
        let agreed = contract.session.user_parameters.iter();
        let names: Vec<&str> = agreed.map(String::as_str).chain(USUAL).collect();
        let question = || {
            Some(Question::OfAnother {
                what: Reference::Parameter,
                owner: own.username.clone(),
            })
        };
        let operation = &resource.operation;
        for value in names_of_own {
            let taken = |name: &&str| operation.query.iter().any(|(own, _)| own == *name);
            let query: Vec<(String, String)> = names
                .iter()
                .filter(|name| !taken(name))
                .map(|name| ((*name).to_owned(), value.clone()))
                .collect();
            let reply = self
                .perform(question(), operation, &query, other.with())
                .await;
            if reply.is_ok_and(|reply| (400..500).contains(&reply.status)) {
                // A backend that refuses what it does not know may still know one of them.
                for pair in &query {
                    let pair = std::slice::from_ref(pair);
                    let _ = self
                        .perform(question(), operation, pair, other.with())
                        .await;
                }
            }
            self.by_body(&question, operation, &names, value, other)
                .await;
            // What no header can hold is not asked by one.
            if value.is_ascii() {
                let headers = names.iter().chain(&HEADERS);
                let with = With {
                    headers: headers
                        .map(|name| ((*name).to_owned(), value.clone()))
                        .collect(),
                    ..other.with()
                };
                let _ = self.perform(question(), operation, &[], with).await;
            }
        }
    }

    /// A read that has a body, with names in it.
    async fn by_body(
        &mut self,
        question: &dyn Fn() -> Option<Question>,
        operation: &Operation,
        names: &[&str],
        value: &str,
        other: &OwnSession,
    ) {
        let named = |names: &[&str]| {
            let body = body::naming(&operation.body, names, value)?;
            Some(Operation {
                body,
                ..operation.clone()
            })
        };
        let Some(all) = named(names) else {
            return;
        };
        let reply = self.perform(question(), &all, &[], other.with()).await;
        if reply.is_ok_and(|reply| (400..500).contains(&reply.status)) {
            for name in names {
                if let Some(one) = named(std::slice::from_ref(name)) {
                    let _ = self.perform(question(), &one, &[], other.with()).await;
                }
            }
        }
    }

    /// Reads that the contract allows of one item below a list, with the first account's own ids.
    async fn below_lists(&mut self, own: &OwnSession, resources: &[Resource]) -> Vec<Operation> {
        let contract = self.environment.contract.clone();
        let mut found = Vec::new();
        for resource in resources {
            let list = &resource.operation;
            let (Some(items), Some(key)) = (&resource.items, &resource.key) else {
                continue;
            };
            let probe = format!("{}/rehearsal", list.path.trim_end_matches('/'));
            let below = contract.scope.allow.iter().any(|pattern| {
                pattern.matches("GET", &list.service, &probe)
                    && PathPattern::parse(&list.path).is_ok_and(|path| path != pattern.path)
            });
            if !below {
                continue;
            }
            let Ok(reply) = self.perform(None, list, &[], own.with()).await else {
                continue;
            };
            let body = reply.json();
            let id = body
                .as_ref()
                .and_then(|body| key.in_body(items.in_body(body)?.get(0)?))
                .map(|id| {
                    id.as_str()
                        .map_or_else(|| id.to_string(), ToOwned::to_owned)
                });
            if let Some(id) = id.filter(|id| !id.contains(['{', '}', '/', '?', '#', '%', ' '])) {
                found.push(Operation {
                    method: "GET".to_owned(),
                    path: format!("{}/{id}", list.path.trim_end_matches('/')),
                    query: Vec::new(),
                    ..list.clone()
                });
            }
        }
        found
    }
}

/// Whether an operation says who asks by something else than the token.
fn names_user(operation: &Operation) -> bool {
    let texts = operation.query.iter().chain(&operation.headers);
    std::iter::once(&operation.path)
        .chain(texts.map(|(_, template)| template))
        .any(|template| template.contains("{username}"))
}
