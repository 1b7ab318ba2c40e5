//! What may lead an app past the gateway, or shows that it knows the gateway by another name: remarks, one
//! for a session each.

use std::collections::BTreeSet;

use super::NON_CANONICAL;
use super::redirect::REDIRECT;
use crate::domain::journal::{Answer, Answerer, Fact, Request};
use crate::rules::context::Context;
use crate::rules::rule::Rule;

/// How many of one kind are named.
const NAMED: usize = 3;

/// Gathers what is remarked on at the end.
#[derive(Default)]
pub(super) struct Past {
    /// Answers that name the target's own origin, with the places.
    answers: BTreeSet<String>,
    /// Cookies whose names say that they are kept for TLS alone.
    cookies: BTreeSet<String>,
    /// Names of the gateway that nobody gave it.
    names: BTreeSet<String>,
}

impl Rule for Past {
    fn see(&mut self, context: &Context<'_>) {
        if let Some(request) = context.request()
            && request.judgement.unknown_name
        {
            keep(&mut self.names, || request.host.clone());
        }
        if let Fact::Answer(answer) = &context.entry.fact
            && answer.from == Answerer::Backend
            && let Some(ended) = context.ended()
        {
            self.answered(ended.request, answer);
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        if !self.answers.is_empty() {
            context.remark(
                &REDIRECT,
                format!(
                    "answers name the target's own origin, and an app that goes there leaves the gateway, past which nothing is seen or kept back: {}",
                    listed(&self.answers)
                ),
            );
        }
        if !self.cookies.is_empty() {
            context.remark(
                &REDIRECT,
                format!(
                    "cookies whose prefix says `Secure` are kept by no browser or web view here, for the app is served in the clear ({}): serve it over TLS by --tls-cert and --tls-key",
                    listed(&self.cookies)
                ),
            );
        }
        if !self.names.is_empty() {
            let flags = self.names.iter().map(|name| format!("--name {name}"));
            let flags = flags.collect::<Vec<_>>().join(" ");
            context.remark(
                &NON_CANONICAL,
                format!(
                    "requests name another Host than the gateway's ({}): where a forwarded port or a device's name for this machine leads here, say so by {flags}",
                    listed(&self.names)
                ),
            );
        }
    }
}

impl Past {
    fn answered(&mut self, request: &Request, answer: &Answer) {
        if !answer.leads_past.is_empty() {
            keep(&mut self.answers, || {
                let places = answer.leads_past.join(", ");
                format!(
                    "{} {} {} ({places})",
                    request.method, request.service, request.path
                )
            });
        }
        let cookies = answer.sent.all("set-cookie");
        let names =
            cookies.filter_map(|cookie| cookie.split_once('=').map(|(name, _)| name.trim()));
        for name in names.filter(|name| is_prefixed(name)) {
            keep(&mut self.cookies, || name.to_owned());
        }
    }
}

/// Whether the name asks browsers to take the cookie over TLS alone (RFC 6265bis §4.1.3).
fn is_prefixed(name: &str) -> bool {
    ["__host-", "__secure-"].iter().any(|prefix| {
        name.get(..prefix.len())
            .is_some_and(|own| own.eq_ignore_ascii_case(prefix))
    })
}

fn keep(set: &mut BTreeSet<String>, what: impl FnOnce() -> String) {
    if set.len() <= NAMED {
        set.insert(what());
    }
}

fn listed(set: &BTreeSet<String>) -> String {
    let mut named: Vec<&str> = set.iter().take(NAMED).map(String::as_str).collect();
    if set.len() > NAMED {
        named.push("…");
    }
    named.join("; ")
}
