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
    /// data. A cookie counts where it goes to another host than sign-ins and renewals do, although no
    /// `Domain` of the backend's sends it there; to which paths and ports of its own host it goes is the
    /// backend's choice.
    ///
    /// # How to keep it
    /// Send the token in the header that the contract names, or in the body.
    ///
    /// # Source
    /// RFC 9700 §4.3.2; OWASP REST security cheat sheet
    pub(super) IN_URL: "SESSION-1", App, from [Wire],
        set by ["session.authorize"]
}

#[derive(Default)]
pub(super) struct Urls {
    /// The host to which sign-ins and renewals go.
    home: Option<String>,
    /// Whether the backend itself sends the refresh token to further hosts.
    is_wide: bool,
}

impl Rule for Urls {
    fn see(&mut self, context: &Context<'_>) {
        self.follow_cookies(context);
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
            beside_data(request, self.counts_cookies(request), context);
        }
    }
}

impl Urls {
    /// Follows where the backend has the refresh token sent, if it is a cookie.
    fn follow_cookies(&mut self, context: &Context<'_>) {
        let hands_out = |role: &Option<Role>| matches!(role, Some(Role::SignIn | Role::Refresh));
        if let Some(request) = context.request().filter(|own| hands_out(&own.role)) {
            self.home = Some(host(request).to_owned());
        }
        let ended = context.ended().filter(|own| hands_out(&own.request.role));
        let headers = ended
            .and_then(|ended| ended.answer)
            .map(|answer| answer.headers.iter());
        self.is_wide |= headers.into_iter().flatten().any(|(name, value)| {
            name == "set-cookie" && value.to_ascii_lowercase().contains("domain=")
        });
    }

    fn counts_cookies(&self, request: &Request) -> bool {
        let mut home = self.home.iter();
        !self.is_wide && home.any(|home| home != host(request))
    }
}

/// The host that a request is for, without its port.
fn host(request: &Request) -> &str {
    let host = request.host.as_str();
    host.rsplit_once(':').map_or(host, |(name, _)| name)
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
fn beside_data(request: &Request, counts_cookies: bool, context: &Context<'_>) {
    let credential = context.credential(request.exchange);
    let renews =
        |label: &str| context.session.is_refresh(label) && credential != Some(labels::bare(label));
    let in_headers = request
        .headers
        .iter()
        .filter(|(name, _)| *name != "referer" && (counts_cookies || *name != "cookie"))
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
