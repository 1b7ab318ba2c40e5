//! `contract.yaml` into a [`Contract`].
//!
//! Names are collected first, so that every reference can be checked where it is written.

use std::time::Duration;

use super::fields::Place;
use super::values::Depth;
use crate::domain::contract::Contract;

mod context;
mod operation;
mod realtime;
mod resource;
mod retry;
mod scope;
mod service;
mod session;
mod switch;

use context::Context;

/// Reads a contract. Whatever is wrong is noted on the place's sheet.
pub(crate) fn read(root: &Place<'_>, depth: Depth) -> Option<Contract> {
    let fields = root.fields("a contract")?;
    let context = Context::read(&fields, depth);
    let name = fields.or("name", "app".to_owned(), Place::name_text);
    let services = fields
        .need("services")
        .and_then(|place| service::read_all(&place));
    let request_id = fields.maybe("request-id", |place| {
        place.name_text().map(|name| name.to_ascii_lowercase())
    });
    let session = fields
        .need("session")
        .and_then(|place| session::read(&place, &context));
    let kill_switch = fields.maybe("kill-switch", |place| switch::read(place, &context));
    let health = fields.maybe("health", |place| {
        operation::read(place, &context, operation::Use::PUBLIC)
    });
    let resources = fields
        .need("resources")
        .and_then(|place| resource::read_all(&place, &context));
    let screens = fields
        .need("screens")
        .and_then(|place| resource::read_screens(&place, &context));
    let realtime = fields.maybe("realtime", |place| {
        realtime::read(place, &context, resources.as_deref())
    });
    let polling = fields.maybe("polling", |place| {
        realtime::read_polling(place, &context, screens.as_deref())
    });
    let retry = fields.or("retry", retry::DEFAULT, retry::read);
    let request_timeout = fields.or(
        "request-timeout",
        Duration::from_secs(10),
        Place::positive_duration,
    );
    let stale_after = fields.or(
        "stale-after",
        Duration::from_secs(30),
        Place::positive_duration,
    );
    let scope = scope::read(&fields, &context);

    let contract = Contract {
        name: name?,
        services: services?,
        request_id: request_id?,
        session: session?,
        kill_switch: kill_switch?,
        health: health?,
        resources: resources?,
        screens: screens?,
        realtime: realtime?,
        polling: polling?,
        retry: retry?,
        request_timeout: request_timeout?,
        stale_after: stale_after?,
        scope: scope?,
    };
    scope::check(&fields, &contract);
    Some(contract)
}
