//! `contract.yaml` into a [`Contract`].
//!
//! Names are collected first, so that every reference can be checked where it is written.

use std::time::Duration;

use super::cursor::{Cursor, Fields};
use super::values::Depth;
use crate::domain::contract::{Contract, Operation, Secrecy};

mod context;
mod event;
mod figures;
mod freshness;
mod operation;
mod parity;
mod promises;
mod realtime;
mod resource;
mod retry;
mod scope;
mod service;
mod session;
mod switch;

use context::Context;
pub(crate) use resource::is_reserved;

/// Reads a contract. Whatever is wrong is noted in the cursor's diagnostics.
pub(crate) fn read(root: &Cursor<'_>, depth: Depth) -> Option<Contract> {
    let fields = root.fields("a contract")?;
    let context = Context::read(&fields, depth);
    let name = fields.or("name", "app".to_owned(), Cursor::name_text);
    let services = fields
        .need("services")
        .and_then(|cursor| service::read_all(&cursor));
    let request_id = fields.maybe("request-id", |cursor| {
        cursor.name_text().map(|name| name.to_ascii_lowercase())
    });
    let secrecy = secrecy(root, &fields);
    let session = fields
        .need("session")
        .and_then(|cursor| session::read(&cursor, &context));
    let kill_switch = fields.maybe("kill-switch", |cursor| switch::read(cursor, &context));
    let health = fields.or("health", Vec::new(), |cursor| health(cursor, &context));
    let promises = promises::read(&fields, &context);
    let resources = fields
        .need("resources")
        .and_then(|cursor| resource::read_all(&cursor, &context));
    let screens = fields
        .need("screens")
        .and_then(|cursor| resource::read_screens(&cursor, &context));
    let realtime = fields.maybe("realtime", |cursor| {
        realtime::read(cursor, &context, resources.as_deref())
    });
    let polling = fields.maybe("polling", |cursor| {
        realtime::read_polling(cursor, &context, screens.as_deref())
    });
    let retry = fields.or("retry", retry::DEFAULT, retry::read);
    let request_timeout = time(&fields, "request-timeout", 10);
    let stale_after = time(&fields, "stale-after", 30);
    let parity = fields.maybe("parity", |cursor| {
        let answer = session.as_ref().map(|own| &own.sign_in.answer);
        parity::read(cursor, &context, resources.as_deref(), answer)
    });
    let scope = scope::read(&fields, &context);
    let limits = figures::read(&fields, &context);

    let contract = Contract {
        name: name?,
        services: services?,
        request_id: request_id?,
        secrecy: secrecy?,
        session: session?,
        kill_switch: kill_switch?,
        health: health?,
        promises: promises?,
        resources: resources?,
        screens: screens?,
        realtime: realtime?,
        polling: polling?,
        retry: retry?,
        request_timeout: request_timeout?,
        stale_after: stale_after?,
        parity: parity?,
        scope: scope?,
        limits: limits?,
    };
    scope::check(&fields, &contract);
    Some(contract)
}

fn secrecy(root: &Cursor<'_>, fields: &Fields<'_>) -> Option<Secrecy> {
    let names = fields.or("secret-names", Vec::new(), |cursor| {
        let names = cursor.one_or_more();
        names.iter().map(Cursor::name_text).collect()
    });
    let literals = root.node.scalars().map(str::to_owned).collect();
    Some(Secrecy {
        names: names?,
        literals,
    })
}

/// A time, so many seconds where nothing is said.
fn time(fields: &Fields<'_>, key: &'static str, seconds: u64) -> Option<Duration> {
    let default = Duration::from_secs(seconds);
    fields.or(key, default, Cursor::positive_duration)
}

/// One request or several that say whether a service is alive.
fn health(cursor: &Cursor<'_>, context: &Context<'_>) -> Option<Vec<Operation>> {
    let all: Vec<Option<Operation>> = cursor
        .one_or_more()
        .iter()
        .map(|item| operation::read(item, context, operation::Use::PUBLIC))
        .collect();
    all.into_iter().collect()
}
