//! API-11: links lead where the service stands.

use serde_json::Value;

use crate::domain::contract::{NextPage, Role};
use crate::domain::journal::{Answer, Request};
use crate::domain::selector::Selector;
use crate::rules::context::Context;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// Links in answers lead to the service, also where it stands below a path
    ///
    /// # Why
    /// A backend behind a proxy does not know the path that it is served under, and writes links
    /// without it. Whoever follows one reaches something else, or nothing.
    ///
    /// # How it is judged
    /// Judged where a service stands below a path of its own, on successful answers: `Location`,
    /// `Content-Location`, the `Link` headers, and the value of a cursor's `from` where it is a link.
    /// A path that begins with `/`, and a URL of the host that was asked, must begin with the
    /// service's path. A path that is another service's is left alone, and so is one that is
    /// relative.
    ///
    /// # How to keep it
    /// Write relative links, or make them with the prefix that the proxy tells
    /// (`X-Forwarded-Prefix`).
    ///
    /// # Source
    /// RFC 3986 §5; RFC 8288 §3
    pub(super) LINKS: "API-11", Backend, from [Wire, Probe],
        set by ["resources[].paging"]
}

pub(super) struct Links;

impl Rule for Links {
    fn see(&mut self, context: &Context<'_>) {
        let Some(ended) = context.ended_by_anyone() else {
            return;
        };
        let Some(answer) = ended.by_backend().filter(|answer| answer.status < 400) else {
            return;
        };
        let Some(base) = base_path(ended.request) else {
            return;
        };
        for (place, link) in links(ended.request, answer, context) {
            let Some(path) = path_here(&link, &ended.request.host) else {
                continue;
            };
            context.exercised(&LINKS);
            let below = path.strip_prefix(base);
            if below.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#'])) {
                continue;
            }
            // Only a path of the service's own, without its prefix, is known to be meant for it.
            if !is_of_the_service(path, ended.request, context) {
                continue;
            }
            context.violated(
                &LINKS,
                Violation::new(format!(
                    "{place} leads past the path that the service stands under"
                ))
                .expected(format!("a path below `{base}`, or one that is relative"))
                .observed(format!("`{link}`"))
                .evidence([ended.opened.id(), context.entry.id])
                .exchanges([answer.exchange]),
            );
        }
    }

    fn hears_probes(&self) -> bool {
        true
    }
}

/// The path that the service stands under, where it stands below one.
fn base_path(request: &Request) -> Option<&str> {
    match &request.role {
        Some(Role::Realtime) | None => None,
        Some(_) => {
            let base = request.bare_target().strip_suffix(request.path.as_str())?;
            (base.len() > 1).then_some(base)
        }
    }
}

/// The links of an answer, each with the place where it stands.
fn links(request: &Request, answer: &Answer, context: &Context<'_>) -> Vec<(String, String)> {
    let mut links = Vec::new();
    for name in ["location", "content-location"] {
        let values = answer.headers.all(name);
        links.extend(values.map(|value| (format!("`{name}`"), value.to_owned())));
    }
    for value in answer.headers.all("link") {
        let targets = value
            .split('<')
            .skip(1)
            .filter_map(|part| part.split_once('>'));
        links.extend(targets.map(|(link, _)| ("`link`".to_owned(), link.to_owned())));
    }
    if let Some(Role::Resource(name)) = &request.role
        && let Some(resource) = context.contract.resource(name)
        && let Some(paging) = &resource.paging
        && let NextPage::Cursor { from, .. } = &paging.next
        && !matches!(from, Selector::Header(_))
        && let Some(Value::String(link)) = answer.find(from)
    {
        links.push((format!("the cursor of `{name}`"), link));
    }
    links
}

/// The path of a link that leads to the host that was asked.
fn path_here<'a>(link: &'a str, host: &str) -> Option<&'a str> {
    if link.starts_with('/') && !link.starts_with("//") {
        return Some(link);
    }
    let rest = link
        .split_once("://")
        .map(|(_, rest)| rest)
        .or(link.strip_prefix("//"))?;
    let (authority, _) = rest.split_once('/')?;
    authority
        .eq_ignore_ascii_case(host)
        .then(|| &rest[authority.len()..])
}

fn is_of_the_service(path: &str, request: &Request, context: &Context<'_>) -> bool {
    let bare = path.split(['?', '#']).next().unwrap_or_default();
    bare == request.path
        || context
            .contract
            .role_of("GET", &request.service, bare)
            .is_some()
}
