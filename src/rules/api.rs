//! API: what a backend owes to every client, whatever it is asked for: that it is alive, that its
//! answers carry what was agreed on, that its errors have a form and give nothing away.
//!
//! Reading order: `health` and `clock` judge the backend as a whole, `headers`, `errors`, `inside`
//! and `cookies` its answers, `lists`, `fields`, `links`, `moves`, `ages` (by `reckoning`) and
//! `validators` what they bring, `expired`, `sign_in` and `namespace` its refusals, and `parity` what
//! it tells another client.

use crate::domain::contract::Role;
use crate::rules::context::Context;
use crate::rules::exchange::Ended;
use crate::rules::rule::Registration;

mod ages;
mod clock;
mod cookies;
mod errors;
mod expired;
mod fields;
mod headers;
mod health;
mod inside;
mod links;
mod lists;
mod moves;
mod namespace;
mod parity;
mod reckoning;
mod sign_in;
#[cfg(test)]
mod tests;
mod unpushed;
mod validators;

pub(super) const RULES: &[Registration] = &[
    (&[&health::HEALTHY], |_| Box::new(health::Healthy)),
    (&[&headers::HEADERS], |_| Box::new(headers::Carried)),
    (&[&clock::CLOCK], |_| Box::new(clock::Clocks::default())),
    (&[&inside::INSIDE], |_| Box::new(inside::Inside)),
    (&[&errors::ERRORS], |contract| {
        Box::new(errors::Errors::new(contract))
    }),
    (&[&cookies::COOKIES], |_| Box::new(cookies::Cookies)),
    (&[&lists::LISTS], |_| Box::new(lists::Lists)),
    (&[&sign_in::ALIKE], |_| Box::new(sign_in::Alike::default())),
    (&[&expired::EXPIRED], |_| {
        Box::new(expired::Expired::default())
    }),
    (&[&namespace::NAMESPACE], |_| Box::new(namespace::Namespace)),
    (&[&links::LINKS], |_| Box::new(links::Links)),
    (&[&fields::FIELDS], |_| Box::new(fields::Fields::default())),
    (&[&validators::VALIDATORS], |_| {
        Box::new(validators::Validators::default())
    }),
    (&[&moves::MOVES], |_| Box::new(moves::Moves::default())),
    (&[&ages::FRESH], |_| Box::new(ages::Ages::default())),
    (
        &[&parity::PARITY],
        |_| Box::new(parity::Parities::default()),
    ),
];

/// Whether the harness, or whoever moves its levers, may be behind an answer, or behind there being
/// none.
fn is_provoked(ended: &Ended<'_>, context: &Context<'_>) -> bool {
    context.is_provoked_since(ended.opened.at())
}

/// Whether an answer may be that of a proxy whose backend is gone: nothing that the backend promises
/// is true of it.
fn is_of_a_proxy(ended: &Ended<'_>, context: &Context<'_>) -> bool {
    let maintained = matches!(context.world.maintenance, Some((true, _)));
    matches!(ended.status(), Some(502..=504)) && !maintained && is_provoked(ended, context)
}

/// Whether this belongs to Engine.IO, whose server does not pass through the application.
fn is_of_the_feed(ended: &Ended<'_>) -> bool {
    ended.request.role == Some(Role::Realtime)
}
