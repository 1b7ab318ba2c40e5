//! SESSION-1: secrets stay out of URLs.

use std::sync::Arc;

use crate::domain::contract::Role;
use crate::domain::journal::{Entry, Request, TokenKind};
use crate::domain::verdict::Subject;
use crate::rules::ledger::{Breach, Ledger};
use crate::rules::scene::{Scene, client_request};
use crate::rules::{JudgedFrom, Rule, RuleInfo, labels};

pub(super) static IN_URL: RuleInfo = RuleInfo {
    id: "SESSION-1",
    title: "No token or password ever stands in a URL, and a refresh token goes only where it renews",
    subject: Subject::App,
    judged_from: &[JudgedFrom::Wire],
    source: "RFC 9700 §4.3.2; OWASP REST security cheat sheet",
    explanation: "URLs are written to access logs, proxies, crash reports and Referer headers, so a token in one is a token given away. Every issued token and every password is searched in request targets and Referer headers, as it is, percent-encoded and in base64. The live feed's own requests, its WebSocket's URL among them, count as well. So do refresh tokens in the headers or bodies of requests for data: whoever serves those needs none, and their logs and crash reports are not kept as the token endpoint's are. Cookies are left out: where they go their `Path` decides, which the backend sets.",
    fix: "Send the token in the header that the contract names, or in the body.",
    parameters: &["session.authorize"],
};

pub(super) struct Urls;

impl Rule for Urls {
    fn see(&mut self, entry: &Arc<Entry>, scene: &Scene, ledger: &mut Ledger) {
        let Some(request) = client_request(entry) else {
            return;
        };
        ledger.occasion(&IN_URL);
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
            ledger.breach(
                &IN_URL,
                Breach {
                    kind: place.to_owned(),
                    message: format!("{label} stands in {place} of {role} request"),
                    expected: "tokens and passwords in headers or bodies only".to_owned(),
                    observed: format!("{} {} {text}", request.method, request.service),
                    evidence: vec![entry.id],
                    exchanges: vec![request.exchange],
                    ..Breach::default()
                },
            );
        }
        if request.role.as_ref().is_some_and(Role::is_data) {
            judge_refresh_token(entry, request, scene, ledger);
        }
    }
}

/// Whether a request for data brings the refresh token along.
fn judge_refresh_token(entry: &Entry, request: &Request, scene: &Scene, ledger: &mut Ledger) {
    let credential = scene
        .opened(request.exchange)
        .and_then(|own| own.credential.as_deref());
    let renews = |label: &str| {
        let token = scene.session.token(label);
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
    ledger.breach(
        &IN_URL,
        Breach {
            kind: "refresh token beside data".to_owned(),
            message: format!("{label} goes along with a request for data"),
            expected: "the refresh token in requests to renew or end the session only".to_owned(),
            observed: format!("{} {} in {place}", request.method, request.target),
            evidence: vec![entry.id],
            exchanges: vec![request.exchange],
            ..Breach::default()
        },
    );
}
