//! Whether a world and a contract fit together, before anything listens.

use super::StartError;
use super::writing::is_writable;
use crate::domain::contract::{Contract, Expiry, NextPage, SessionRequest, Token};
use crate::domain::selector::Selector;
use crate::domain::world::World;

/// # Errors
/// The first thing that is missing.
pub(super) fn check(contract: &Contract, world: &World) -> Result<(), StartError> {
    if let Token::Jwt(policy) = &contract.session.token
        && !policy.algorithms.iter().any(|name| name == "RS256")
        && !policy.algorithms.is_empty()
    {
        return Err(StartError::Algorithm(policy.algorithms.join(", ")));
    }
    if let Some(selector) = written(contract).find(|selector| !is_writable(selector)) {
        return Err(StartError::Selector(selector.to_string()));
    }
    for resource in &contract.resources {
        if world.shared.contains_key(&resource.name) {
            continue;
        }
        let missing = |user: &str| StartError::NoData {
            resource: resource.name.clone(),
            user: user.to_owned(),
        };
        if !resource.operation.authorized {
            return Err(missing("everybody"));
        }
        let lacking = world
            .users
            .iter()
            .find(|user| !user.data.contains_key(&resource.name));
        if let Some(user) = lacking {
            return Err(missing(&user.name));
        }
    }
    let events = contract
        .realtime
        .iter()
        .flat_map(|realtime| &realtime.events);
    let known: Vec<&str> = events.map(|rule| rule.name.as_str()).collect();
    let used = world.feeds.iter().map(|feed| &feed.event);
    let emits = world.changes.values().flat_map(|change| &change.emits);
    let mut recurring = world.live.changes.iter().map(|own| &own.change);
    if let Some(name) = recurring.find(|name| !world.changes.contains_key(*name)) {
        return Err(StartError::NoChange(name.clone()));
    }
    match used
        .chain(emits)
        .find(|event| !known.contains(&event.as_str()))
    {
        Some(event) => Err(StartError::NoEvent(event.clone())),
        None => Ok(()),
    }
}

/// Every selector that an answer is composed with.
fn written(contract: &Contract) -> impl Iterator<Item = &Selector> {
    let session = &contract.session;
    let answers = std::iter::once(&session.sign_in).chain(&session.refresh);
    let tokens = answers.flat_map(|SessionRequest { answer, .. }| {
        let expiry = answer.expiry.as_ref().map(|expiry| match expiry {
            Expiry::In(selector) | Expiry::At(selector) => selector,
        });
        [
            Some(&answer.access_token),
            answer.refresh_token.as_ref(),
            expiry,
        ]
    });
    let resources = contract.resources.iter().flat_map(|resource| {
        let next = resource.paging.as_ref().map(|paging| &paging.next);
        let (cursor, more) = match next {
            Some(NextPage::Cursor { from, more, .. }) => (Some(from), more.as_ref()),
            Some(NextPage::Page { .. } | NextPage::Offset { .. }) | None => (None, None),
        };
        let as_of = resource.as_of.as_ref().map(|own| &own.at);
        [resource.sequence.as_ref(), cursor, more, as_of]
    });
    let events = contract
        .realtime
        .iter()
        .flat_map(|realtime| &realtime.events)
        .flat_map(|rule| {
            let as_of = rule.promise.as_of.as_ref().map(|own| &own.at);
            [rule.items.as_ref(), rule.sequence.as_ref(), as_of]
        });
    tokens.chain(resources).chain(events).flatten()
}
