//! NET-6: a captive portal is neither data nor a session, and gets no token.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::contract::Role;
use crate::domain::journal::{
    Answer, Answerer, AppFact, DataSource, Entry, EntryId, Fact, Request,
};
use crate::domain::verdict::Subject;
use crate::rules::labels;
use crate::rules::ledger::{Breach, Ledger};
use crate::rules::scene::{Ended, Moment, Scene, client_request, is_page, is_success, path};
use crate::rules::{JudgedFrom, Rule, RuleInfo};

pub(super) static PORTAL: RuleInfo = RuleInfo {
    id: "NET-6",
    title: "A captive portal's answer is neither data nor a session, and gets no token",
    subject: Subject::App,
    judged_from: &[JudgedFrom::Wire, JudgedFrom::Sim],
    source: "RFC 6585 §6 (511), RFC 8952 (captive portals)",
    explanation: "Hotels and trains answer in the backend's place: a page with 200, a redirect to their sign-in, or 511. Judged from such an answer to a request of the contract: what the app then shows of that resource, an authorization that the app makes of it, and a request that follows its redirect with a token or another credential. That it must not end the session is SESSION-7's to judge.",
    fix: "Check status and content type before reading a body, do not follow redirects with credentials, and treat a page as no network.",
    parameters: &["resources", "session.authorize"],
};

#[derive(Default)]
pub(super) struct Portal {
    /// Resources whose last answer was a page.
    pages: BTreeMap<String, (Moment, u64)>,
    /// The portal's answer to a sign-in or a refresh.
    session: Option<(Moment, u64)>,
    /// Where the last redirect leads.
    redirect: Option<(Moment, u64, String)>,
    /// The credential that data was last asked for with.
    credential: Option<String>,
}

impl Rule for Portal {
    fn see(&mut self, entry: &Arc<Entry>, scene: &Scene, ledger: &mut Ledger) {
        if let Some(ended) = scene.ended_by_client(entry) {
            self.ended(entry, &ended, scene, ledger);
        }
        if let Fact::App(AppFact::Shown {
            resource, source, ..
        }) = &entry.fact
            && *source == DataSource::Request
            && let Some((page, exchange)) = self.pages.remove(resource)
        {
            let observed = format!("{resource} was shown after a page had come for it");
            breach("data", &[page.id, entry.id], exchange, observed, ledger);
        }
        if let Some(request) = client_request(entry) {
            self.follows(entry, request, ledger);
            self.authorizes(entry, request, scene, ledger);
        }
    }
}

impl Portal {
    fn ended(&mut self, entry: &Entry, ended: &Ended<'_>, scene: &Scene, ledger: &mut Ledger) {
        let (Some(role), Some(answer)) = (&ended.request.role, ended.answer) else {
            return;
        };
        let moment = Moment::of(entry);
        let exchange = ended.request.exchange;
        if !is_portal(answer, ended.request) {
            match role {
                Role::Resource(name) if ended.succeeded() => {
                    self.pages.remove(name);
                }
                Role::SignIn | Role::Refresh if ended.succeeded() => self.session = None,
                _ => {}
            }
            return;
        }
        ledger.occasion(&PORTAL);
        if !scene.world.simulated {
            ledger.unable(
                &PORTAL,
                "whether a page was shown as data only the app itself can say; that no token followed it was judged",
            );
        }
        match role {
            Role::Resource(name) => {
                self.pages.insert(name.clone(), (moment, exchange));
            }
            Role::SignIn | Role::Refresh => self.session = Some((moment, exchange)),
            _ => {}
        }
        if let Some(place) = location(answer, ended.request) {
            self.redirect = Some((moment, exchange, place));
        }
    }

    /// A request may follow the redirect.
    fn follows(&mut self, entry: &Entry, request: &Request, ledger: &mut Ledger) {
        let Some((moment, exchange, place)) = &self.redirect else {
            return;
        };
        if request.role.is_some() || (request.path != *place && path(&request.target) != place) {
            return;
        }
        let token = labels::first(&request.target)
            .or_else(|| labels::in_content(&request.body))
            .or_else(|| {
                let mut values = request.headers.iter();
                values.find_map(|(_, value)| labels::first(value))
            });
        if let Some(token) = token {
            let observed = format!(
                "{} {} with {token}, where the portal's redirect leads",
                request.method, request.target
            );
            breach("token", &[moment.id, entry.id], *exchange, observed, ledger);
            self.redirect = None;
        }
    }

    /// A request may carry what the app read in the portal's page.
    fn authorizes(&mut self, entry: &Entry, request: &Request, scene: &Scene, ledger: &mut Ledger) {
        if !request.role.as_ref().is_some_and(Role::is_data) {
            return;
        }
        let opened = scene.opened(request.exchange);
        let Some(credential) = opened.and_then(|own| own.credential.clone()) else {
            return;
        };
        let is_new = self.credential.as_ref() != Some(&credential);
        if let Some((page, exchange)) = self.session
            && is_new
            && scene.session.token(&credential).is_none()
        {
            let observed = "data was asked for with a credential that nobody handed out".to_owned();
            breach("session", &[page.id, entry.id], exchange, observed, ledger);
            self.session = None;
        }
        self.credential = Some(credential);
    }
}

/// Whether something between the app and its backend gave this answer.
fn is_portal(answer: &Answer, request: &Request) -> bool {
    let leads_away = || {
        answer.headers.iter().any(|(name, place)| {
            let authority = place
                .split_once("://")
                .map(|(_, rest)| rest.split('/').next());
            name == "location" && authority.is_some_and(|own| own != Some(request.host.as_str()))
        })
    };
    match answer.status {
        511 => true,
        304 => false,
        300..=399 => answer.from == Answerer::Fault || leads_away(),
        status => is_success(status) && is_page(answer),
    }
}

/// The path to which an answer redirects, unless it is the one that was asked for.
fn location(answer: &Answer, request: &Request) -> Option<String> {
    let (_, place) = answer
        .headers
        .iter()
        .find(|(name, _)| name == "location")
        .filter(|_| (300..400).contains(&answer.status))?;
    let below = place.split_once("://").map_or(place.as_str(), |(_, rest)| {
        rest.find('/').map_or("/", |at| &rest[at..])
    });
    let place = path(below).to_owned();
    (place != path(&request.target)).then_some(place)
}

fn breach(kind: &str, evidence: &[EntryId], exchange: u64, observed: String, ledger: &mut Ledger) {
    ledger.breach(
        &PORTAL,
        Breach {
            kind: kind.to_owned(),
            message: "the app takes a captive portal for its backend".to_owned(),
            expected:
                "the page is set aside: nothing of it is shown, sent on or answered with a token"
                    .to_owned(),
            observed,
            evidence: evidence.to_vec(),
            exchanges: vec![exchange],
            ..Breach::default()
        },
    );
}
