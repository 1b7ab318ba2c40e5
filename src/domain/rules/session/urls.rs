//! SESSION-1: secrets stay out of URLs.

use std::sync::Arc;

use crate::domain::journal::Entry;
use crate::domain::rules::ledger::{Breach, Ledger};
use crate::domain::rules::scene::{Scene, client_request, header};
use crate::domain::rules::{JudgedFrom, Rule, RuleInfo, labels};
use crate::domain::verdict::Subject;

pub(super) static IN_URL: RuleInfo = RuleInfo {
    id: "SESSION-1",
    title: "No token or password ever stands in a URL",
    subject: Subject::App,
    judged_from: &[JudgedFrom::Wire],
    source: "RFC 9700 §4.3.2; OWASP REST security cheat sheet",
    explanation: "URLs are written to access logs, proxies, crash reports and Referer headers, so a token in one is a token given away. Every issued token and every password is searched in request targets and Referer headers, as it is, percent-encoded and in base64. The live feed's own requests, its WebSocket's URL among them, count as well.",
    fix: "Send the token in the header that the contract names, or in the body.",
    parameters: &["session.authorize"],
};

pub(super) struct Urls;

impl Rule for Urls {
    fn see(&mut self, entry: &Arc<Entry>, _scene: &Scene, ledger: &mut Ledger) {
        let Some(request) = client_request(entry) else {
            return;
        };
        ledger.occasion(&IN_URL);
        let referer = header(request, "referer").unwrap_or_default();
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
    }
}
