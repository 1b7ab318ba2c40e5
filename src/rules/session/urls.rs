//! SESSION-1: secrets stay out of URLs.

use crate::domain::contract::Role;
use crate::domain::journal::{Entry, Request, TokenKind};
use crate::rules::context::Context;
use crate::rules::labels;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// No token or password ever stands in a URL, and a refresh token goes only where it renews
    ///
    /// # Why
    /// URLs are written to access logs, proxies, crash reports and Referer headers, so a token in
    /// one is a token given away. Every issued token and every password is searched in request
    /// targets and Referer headers, as it is, percent-encoded and in base64. The live feed's own
    /// requests, its WebSocket's URL among them, count as well. So do refresh tokens in the headers
    /// or bodies of requests for data: whoever serves those needs none, and their logs and crash
    /// reports are not kept as the token endpoint's are. Cookies are left out: where they go their
    /// `Path` decides, which the backend sets.
    ///
    /// # How it is judged
    ///
    /// # How to keep it
    /// Send the token in the header that the contract names, or in the body.
    ///
    /// # Source
    /// RFC 9700 §4.3.2; OWASP REST security cheat sheet
    pub(super) IN_URL: "SESSION-1", App, from [Wire],
        set by ["session.authorize"]
}

pub(super) struct Urls;

impl Rule for Urls {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        let Some(request) = context.request() else {
            return;
        };
        context.exercised(&IN_URL);
        let referer = request.header("referer").unwrap_or_default();
        for (place, text) in [
            ("the request target", request.target.as_str()),
            ("the Referer header", referer),
        ] {
            let Some(label) = labels::first(text) else {
                continue;
            };
            let role = request
                .role
                .as_ref()
                .map_or("an undeclared", |_| "a declared");
            context.violated(
                &IN_URL,
                Violation::new(format!("{label} stands in {place} of {role} request"))
                    .kind(place.to_owned())
                    .expected("tokens and passwords in headers or bodies only")
                    .observed(format!("{} {} {text}", request.method, request.service))
                    .evidence([entry.id])
                    .exchanges([request.exchange]),
            );
        }
        if request.role.as_ref().is_some_and(Role::is_data) {
            judge_refresh_token(entry, request, context);
        }
    }
}

/// Whether a request for data brings the refresh token along.
fn judge_refresh_token(entry: &Entry, request: &Request, context: &Context<'_>) {
    let credential = context
        .opened(request.exchange)
        .and_then(|own| own.credential.as_deref());
    let renews = |label: &str| {
        let token = context.session.token(label);
        token.is_some_and(|token| token.kind == TokenKind::Refresh)
            && credential != Some(labels::bare(label))
    };
    let in_headers = request
        .headers
        .iter()
        .filter(|(name, _)| !matches!(*name, "cookie" | "referer"))
        .find_map(|(name, value)| {
            let label = labels::labels(value).find(|label| renews(label))?;
            Some((label, format!("the header `{name}`")))
        });
    let in_body =
        || labels::find(&request.body, &renews).map(|label| (label, "its body".to_owned()));
    let Some((label, place)) = in_headers.or_else(in_body) else {
        return;
    };
    context.violated(
        &IN_URL,
        Violation::new(format!("{label} goes along with a request for data"))
            .kind("refresh token beside data")
            .expected("the refresh token in requests to renew or end the session only")
            .observed(format!("{} {} in {place}", request.method, request.target))
            .evidence([entry.id])
            .exchanges([request.exchange]),
    );
}
