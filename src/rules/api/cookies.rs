//! API-6: a cookie that is a session goes nowhere else.

use std::collections::BTreeSet;

use crate::domain::contract::{Contract, Role};
use crate::domain::journal::{Answer, Request};
use crate::domain::selector::Selector;
use crate::domain::verdict::Severity;
use crate::rules::context::Context;
use crate::rules::exchange::Ended;
use crate::rules::labels;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// A cookie that carries a session is kept from scripts and from other hosts
    ///
    /// # Why
    /// A cookie is sent by itself, to whatever its `Domain` and `Path` cover, and is read by every
    /// script of the page unless it says `HttpOnly`. One that carries a session hands the session
    /// out.
    ///
    /// # How it is judged
    /// Judged on every `Set-Cookie` of the backend whose value is a token, or whose name the contract
    /// gives as a token's place, as the backend sent it: what the gateway takes off it, so that it
    /// comes back to the gateway, is judged too. `HttpOnly` must be there. A `Domain` makes hosts
    /// below it get the cookie too: where the contract has no two services whose requests carry it,
    /// nothing needs that; otherwise it is a remark. A `Path` that is wider than the path that the
    /// service stands under is a remark, since others may live there. A cookie that is taken back is
    /// not judged.
    ///
    /// # How to keep it
    /// `Set-Cookie: __Host-name=…; Path=/; Secure; HttpOnly; SameSite=Lax`, and no `Domain`.
    ///
    /// # Source
    /// RFC 6265 §4.1.2 and §8; OWASP session management cheat sheet
    pub(super) COOKIES: "API-6", Backend, from [Wire, Probe],
        set by ["session.sign-in.answer", "session.refresh.answer", "session.authorize"]
}

pub(super) struct Cookies;

impl Rule for Cookies {
    fn see(&mut self, context: &Context<'_>) {
        let Some(ended) = context.ended_by_anyone() else {
            return;
        };
        let Some(answer) = ended.by_backend() else {
            return;
        };
        for line in as_sent(answer) {
            let cookie = Cookie::read(line);
            if cookie.is_session(&context.contract) && !cookie.is_taken_back() {
                cookie.judge(&ended, context);
            }
        }
    }

    fn hears_probes(&self) -> bool {
        true
    }
}

/// The cookies of an answer as the backend sent them. One that the gateway led back stands under the
/// headers that it passed as well, without what would have kept it from the gateway.
fn as_sent(answer: &Answer) -> impl Iterator<Item = &str> {
    let pair = |line: &'_ str| line.split(';').next().unwrap_or_default().trim().to_owned();
    let sent: Vec<String> = answer.sent.all("set-cookie").map(pair).collect();
    let passed = answer.headers.all("set-cookie");
    passed
        .filter(move |line| !sent.contains(&pair(line)))
        .chain(answer.sent.all("set-cookie"))
}

/// A cookie as it is set.
struct Cookie<'a> {
    name: &'a str,
    value: &'a str,
    attributes: Vec<(String, &'a str)>,
}

impl<'a> Cookie<'a> {
    fn read(line: &'a str) -> Self {
        let mut parts = line.split(';');
        let pair = parts.next().unwrap_or_default();
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let attributes = parts.map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (name.trim().to_ascii_lowercase(), value.trim())
        });
        Self {
            name: name.trim(),
            value: value.trim(),
            attributes: attributes.collect(),
        }
    }

    fn attribute(&self, name: &str) -> Option<&'a str> {
        let mut attributes = self.attributes.iter();
        let own = attributes.find(|(own, _)| own == name)?;
        Some(own.1)
    }

    /// Whether it carries a token that was handed out, or stands where the contract has one.
    fn is_session(&self, contract: &Contract) -> bool {
        let label = labels::first(self.value).map(labels::bare);
        let is_token = label
            .is_some_and(|label| label.starts_with("access-") || label.starts_with("refresh-"));
        let session = &contract.session;
        let answers = std::iter::once(&session.sign_in).chain(&session.refresh);
        let mut places = answers.flat_map(|request| {
            let answer = &request.answer;
            std::iter::once(&answer.access_token).chain(&answer.refresh_token)
        });
        is_token || places.any(|place| matches!(place, Selector::Cookie(name) if name == self.name))
    }

    /// Whether requests of the contract carry it to more than one service.
    fn is_shared(&self, contract: &Contract) -> bool {
        let session = &contract.session;
        let (header, template) = &session.authorize;
        let carries = header.eq_ignore_ascii_case("cookie") && template.contains(self.name);
        let authorized = contract.operations().filter(|(_, own)| own.authorized);
        let mut services: BTreeSet<&str> = authorized
            .filter(|_| carries)
            .map(|(_, own)| own.service.as_str())
            .collect();
        let feed = contract.realtime.as_ref().filter(|_| carries);
        services.extend(feed.map(|feed| feed.service.as_str()));
        let place = session.sign_in.answer.refresh_token.as_ref();
        if matches!(place, Some(Selector::Cookie(name)) if name == self.name) {
            let renew = session.refresh.as_ref().map(|own| &own.operation);
            let spend = renew.into_iter().chain(&session.sign_out);
            services.extend(spend.map(|own| own.service.as_str()));
        }
        services.len() > 1
    }

    fn is_taken_back(&self) -> bool {
        let age = self.attribute("max-age");
        self.value.is_empty() || age.is_some_and(|age| age.starts_with(['0', '-']))
    }

    fn judge(&self, ended: &Ended<'_>, context: &Context<'_>) {
        context.exercised(&COOKIES);
        if self.attribute("httponly").is_none() {
            self.violated(
                "scripts can read",
                "`HttpOnly`",
                Severity::Violation,
                ended,
                context,
            );
        }
        if self
            .attribute("domain")
            .is_some_and(|domain| !domain.is_empty())
        {
            // Services that share a session need a domain that covers them.
            let severity = match self.is_shared(&context.contract) {
                false => Severity::Violation,
                true => Severity::Information,
            };
            self.violated("other hosts get", "no `Domain`", severity, ended, context);
        }
        let base = base_path(ended.request);
        let path = self.attribute("path").unwrap_or("");
        let beyond = base.strip_prefix(path.trim_end_matches('/'));
        if path.starts_with('/')
            && beyond.is_some_and(|rest| rest.len() > 1 && rest.starts_with('/'))
        {
            let expected = format!("`Path={base}` or below");
            self.violated(
                "others on the host get",
                &expected,
                Severity::Information,
                ended,
                context,
            );
        }
    }

    fn violated(
        &self,
        who: &str,
        expected: &str,
        severity: Severity,
        ended: &Ended<'_>,
        context: &Context<'_>,
    ) {
        let attributes: Vec<String> = self
            .attributes
            .iter()
            .map(|(name, value)| match *value {
                "" => name.clone(),
                value => format!("{name}={value}"),
            })
            .collect();
        context.violated(
            &COOKIES,
            Violation::new(format!(
                "{who} the cookie `{}`, which is a session",
                self.name
            ))
            .expected(expected)
            .observed(format!("`{}=…; {}`", self.name, attributes.join("; ")))
            .severity(severity)
            .evidence([ended.opened.id(), context.entry.id])
            .exchanges([ended.request.exchange]),
        );
    }
}

/// The path that the service stands under: what a request's target has before the contract's path.
fn base_path(request: &Request) -> &str {
    match &request.role {
        Some(Role::Realtime) | None => "",
        Some(_) => request
            .bare_target()
            .strip_suffix(request.path.as_str())
            .unwrap_or_default(),
    }
}
