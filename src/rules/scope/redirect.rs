//! SCOPE-6: where a redirect leads, and what is carried there.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use crate::domain::contract::{Role, is_safe};
use crate::domain::journal::{Answer, EntryId, Fact, Request};
use crate::rules::context::Context;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// A redirect carries no write and no token somewhere else
    ///
    /// # Why
    /// 307 and 308 keep method and body, so a client that follows them sends its write, or its
    /// password, to wherever an answer says: a captive portal, a proxy's page, another endpoint.
    ///
    /// # How it is judged
    /// Each hop is judged as a request of its own. Beyond that, no hop may carry a write to another
    /// endpoint or service, nor a session's token to another host. A redirect to the same
    /// operation, a slash at its end say, is none of this.
    ///
    /// # How to keep it
    /// Turn following off for writes and for requests with a token, and treat a redirect there as a
    /// failure; follow only GET, within one origin.
    ///
    /// # Source
    /// RFC 9110 §15.4.8 and §15.4.9; Fetch Standard, HTTP-redirect fetch
    pub(super) REDIRECT: "SCOPE-6", App, from [Wire]
}

/// How long after the answer a request to its target counts as following it.
const FOLLOWS: Duration = Duration::from_secs(30);
/// How many redirects are remembered.
const KEPT: usize = 16;

/// A redirect that the client was answered with.
struct Hop {
    answer: EntryId,
    at: Duration,
    status: u16,
    exchange: u64,
    method: String,
    service: String,
    role: Option<Role>,
    /// The host that the client had asked.
    host: String,
    /// The host that it was sent to; its own without one.
    to_host: Option<String>,
    to: String,
}

#[derive(Default)]
pub(super) struct Redirects {
    hops: VecDeque<Hop>,
    /// The hosts that the gateway stands for.
    hosts: BTreeSet<String>,
}

impl Rule for Redirects {
    fn see(&mut self, context: &Context<'_>) {
        match &context.entry.fact {
            Fact::Request(_) => self.asked(context),
            Fact::Answer(answer) => self.answered(answer, context),
            _ => {}
        }
    }
}

impl Redirects {
    fn asked(&mut self, context: &Context<'_>) {
        let Some(request) = context.request() else {
            return;
        };
        self.hosts.insert(request.host.clone());
        self.hops.retain(|hop| hop.at + FOLLOWS >= context.entry.at);
        if let Some(hop) = self.hops.iter().find(|hop| hop.leads_to(request)) {
            hop.judge(request, context);
        }
    }

    fn answered(&mut self, answer: &Answer, context: &Context<'_>) {
        let (Some(ended), Some(location)) = (context.ended(), answer.headers.get("location"))
        else {
            return;
        };
        let carries = !is_safe(&ended.request.method) || ended.opened.credential.is_some();
        if !carries || !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
            return;
        }
        context.exercised(&REDIRECT);
        let id = context.entry.id;
        let (to_host, to) = resolved(&ended.request.target, location);
        if let Some(host) = to_host.as_ref().filter(|host| !self.hosts.contains(*host)) {
            let why = format!("{id} leads to {host}, and what is sent there cannot be seen");
            context.unable(&REDIRECT, why);
        }
        if self.hops.len() == KEPT {
            self.hops.pop_front();
        }
        self.hops.push_back(Hop {
            answer: id,
            at: context.entry.at,
            status: answer.status,
            exchange: answer.exchange,
            method: ended.request.method.clone(),
            service: ended.request.service.clone(),
            role: ended.request.role.clone(),
            host: ended.request.host.clone(),
            to_host,
            to,
        });
    }
}

impl Hop {
    fn leads_to(&self, request: &Request) -> bool {
        let host = self.to_host.as_ref().unwrap_or(&self.host);
        let method =
            request.method == self.method || (self.status < 307 && request.method == "GET");
        method && request.target == self.to && request.host.eq_ignore_ascii_case(host)
    }

    fn judge(&self, request: &Request, context: &Context<'_>) {
        let Some(what) = self.carried_elsewhere(request, context) else {
            return;
        };
        let (method, service, host) = (&request.method, &request.service, &request.host);
        let observed = format!(
            "{} {} was answered {}, and {method} {service} {} followed at {host}",
            self.method, self.service, self.status, request.target
        );
        let expected =
            "a redirect of a write, or of a request with a token, is not followed elsewhere";
        context.violated(
            &REDIRECT,
            Violation::new(format!(
                "the app let a redirect carry {what} somewhere else"
            ))
            .kind(format!("{what} {service} {method}"))
            .expected(expected)
            .observed(observed)
            .evidence([self.answer, context.entry.id])
            .exchanges([self.exchange, request.exchange]),
        );
    }

    /// What the request that follows it carries where it does not belong.
    fn carried_elsewhere(&self, request: &Request, context: &Context<'_>) -> Option<&'static str> {
        let is_other_host = !request.host.eq_ignore_ascii_case(&self.host);
        let is_other_endpoint = request.service != self.service || request.role != self.role;
        let carries_token = || {
            let opened = context.opened(request.exchange);
            opened.is_some_and(|opened| opened.credential.is_some())
        };
        if !is_safe(&request.method) && (is_other_endpoint || is_other_host) {
            Some("a write")
        } else if is_other_host && carries_token() {
            Some("a session's token")
        } else {
            None
        }
    }
}

/// Where a `Location` leads from a target: the host, if it names one, and the target there.
fn resolved(from: &str, location: &str) -> (Option<String>, String) {
    let location = location.split('#').next().unwrap_or_default();
    let absolute = location
        .split_once("://")
        .filter(|(scheme, _)| !scheme.contains(['/', '?']))
        .map(|(_, rest)| rest)
        .or_else(|| location.strip_prefix("//"));
    if let Some(rest) = absolute {
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let path = match &rest[end..] {
            "" => "/".to_owned(),
            query if query.starts_with('?') => format!("/{query}"),
            path => path.to_owned(),
        };
        return (Some(rest[..end].to_ascii_lowercase()), path);
    }
    if location.starts_with('/') {
        return (None, location.to_owned());
    }
    let path = from.split('?').next().unwrap_or_default();
    let folder = path.rfind('/').map_or("/", |slash| &path[..=slash]);
    (None, format!("{folder}{location}"))
}

#[cfg(test)]
mod tests {
    use super::resolved;

    #[test]
    fn a_location_is_read_from_where_it_was_given() {
        let here = |location| resolved("/a/b?c", location);
        let at = |host: &str, path: &str| (Some(host.to_owned()), path.to_owned());
        assert_eq!(here("https://H.test/x?y#z"), at("h.test", "/x?y"));
        assert_eq!(here("//h.test:8080"), at("h.test:8080", "/"));
        assert_eq!(here("http://h.test?x"), at("h.test", "/?x"));
        assert_eq!(here("/x"), (None, "/x".to_owned()));
        assert_eq!(here("x?to=a://b"), (None, "/a/x?to=a://b".to_owned()));
    }
}
