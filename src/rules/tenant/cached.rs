//! TENANT-4: a user's answers are not offered to shared caches.

use crate::domain::contract::Role;
use crate::domain::journal::{Answer, Request};
use crate::rules::context::Context;
use crate::rules::exchange::Ended;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// A user's answers are not offered to shared caches
    ///
    /// # Why
    /// An answer to a request with authorization may be kept by a proxy, and given to the next
    /// user, once it says `public`, `s-maxage` or `must-revalidate` without `private` or
    /// `no-store`; a cache that says HIT has already done so. That a request carries
    /// `Authorization` keeps its answer from shared caches otherwise; where the session travels in
    /// a cookie or a header of its own, `max-age` offers the answer, too.
    ///
    /// # How it is judged
    /// Judged on successful answers for resources that need authorization, and on those that hand
    /// tokens out (RFC 6749 §5.1).
    ///
    /// # How to keep it
    /// Answer user data with `Cache-Control: no-store` (or `private`), and exclude these routes
    /// from the CDN.
    ///
    /// # Source
    /// RFC 9111 §3.5 and §5.2.2; runbook S9.3
    pub(super) CACHED: "TENANT-4", Backend, from [Wire],
        set by ["resources[].authorized"]
}

pub(super) struct Cached;

impl Rule for Cached {
    fn hears_probes(&self) -> bool {
        true
    }

    fn see(&mut self, context: &Context<'_>) {
        let Some(ended) = context.ended_by_anyone().filter(Ended::succeeded) else {
            return;
        };
        let Some(answer) = ended.by_backend().filter(|_| is_of_a_user(&ended, context)) else {
            return;
        };
        context.exercised(&CACHED);
        let Some(fault) = offered(ended.request, answer) else {
            return;
        };
        let (method, target) = (&ended.request.method, &ended.request.target);
        context.violated(
            &CACHED,
            Violation::new("a user's answer is offered to shared caches")
                .kind("cache")
                .expected("`no-store` or `private`")
                .observed(format!("{method} {target}: {fault}"))
                .evidence([ended.opened.id(), context.entry.id])
                .exchanges([answer.exchange]),
        );
    }
}

/// Whether what was asked for is a user's own: tokens, or what takes authorization to read.
fn is_of_a_user(ended: &Ended<'_>, context: &Context<'_>) -> bool {
    match &ended.request.role {
        Some(Role::Resource(name)) => {
            let resource = context.contract.resource(name);
            resource.is_some_and(|resource| resource.operation.authorized)
                && ended.opened.credential.is_some()
        }
        Some(Role::SignIn | Role::Refresh) => true,
        _ => false,
    }
}

/// How an answer is offered to shared caches, in words.
fn offered(request: &Request, answer: &Answer) -> Option<String> {
    let values = |name| answer.headers.all(name).map(str::to_ascii_lowercase);
    for name in ["x-cache", "cf-cache-status", "x-vercel-cache"] {
        let is_hit = |value: &String| value.split([' ', ',']).any(|word| word == "hit");
        if let Some(value) = values(name).find(is_hit) {
            return Some(format!("`{name}: {value}`"));
        }
    }
    let control: String = values("cache-control").collect::<Vec<_>>().join(",");
    let directives: Vec<&str> = control
        .split(',')
        .map(|part| part.split('=').next().unwrap_or_default().trim())
        .collect();
    let has = |any: &[&str]| directives.iter().find(|own| any.contains(own)).copied();
    if has(&["private", "no-store"]).is_some() {
        return None;
    }
    let shared = has(&["public", "s-maxage", "must-revalidate"]).or_else(|| {
        // RFC 9111 §3.5 speaks of this header only.
        let is_kept = request.header("authorization").is_some() || has(&["no-cache"]).is_some();
        let is_stale = control.contains("max-age=0");
        has(&["max-age"]).filter(|_| !is_kept && !is_stale)
    });
    Some(format!("`cache-control: {control}` ({})", shared?))
}
