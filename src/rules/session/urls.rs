//! SESSION-1: secrets stay out of URLs.

use crate::domain::contract::Role;
use crate::domain::journal::Request;
use crate::rules::context::Context;
use crate::rules::labels;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// No token or password ever stands in a URL, and a refresh token goes only where it renews
    ///
    /// # Why
    /// URLs are written to access logs, proxies, crash reports and Referer headers, so a token in
    /// one is a token given away. Whoever serves requests for data needs no refresh token, and
    /// their logs and crash reports are not kept as the token endpoint's are.
    ///
    /// # How it is judged
    /// Every issued token and every password is searched in request targets and Referer headers, as
    /// it is, percent-encoded and in base64. The live feed's own requests, its WebSocket's URL
    /// among them, count as well. So do refresh tokens in the headers or bodies of requests for
    /// data. Cookies are left out: where they go their `Path` decides, which the backend sets.
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
        let Some(request) = context.request() else {
            return;
        };
        context.exercised(&IN_URL);
        let referer = request.header("referer").unwrap_or_default();
        for (place, text) in [
            ("the request target", request.target.as_str()),
            ("the Referer header", referer),
        ] {
            if let Some(label) = labels::first(text) {
                in_url(label, place, text, request, context);
            }
        }
        if request.role.as_ref().is_some_and(Role::is_data) {
            beside_data(request, context);
        }
    }
}

fn in_url(label: &str, place: &str, text: &str, request: &Request, context: &Context<'_>) {
    let role = match request.role {
        Some(_) => "a declared",
        None => "an undeclared",
    };
    context.violated(
        &IN_URL,
        Violation::new(format!("{label} stands in {place} of {role} request"))
            .kind(place)
            .expected("tokens and passwords in headers or bodies only")
            .observed(format!("{} {} {text}", request.method, request.service))
            .evidence([context.entry.id])
            .exchanges([request.exchange]),
    );
}

/// Whether a request for data brings the refresh token along.
fn beside_data(request: &Request, context: &Context<'_>) {
    let credential = context.credential(request.exchange);
    let renews =
        |label: &str| context.session.is_refresh(label) && credential != Some(labels::bare(label));
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
            .evidence([context.entry.id])
            .exchanges([request.exchange]),
    );
}
