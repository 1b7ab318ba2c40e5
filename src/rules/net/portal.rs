//! NET-6: a captive portal is neither data nor a session, and gets no token.

use std::collections::BTreeMap;

use crate::domain::contract::Role;
use crate::domain::journal::{
    Answer, Answerer, AppFact, DataSource, EntryId, Fact, Request, is_success,
};
use crate::rules::context::Context;
use crate::rules::exchange::Ended;
use crate::rules::labels;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// A captive portal's answer is neither data nor a session, and gets no token
    ///
    /// # Why
    /// Hotels and trains answer in the backend's place: a page with 200, a redirect to their
    /// sign-in, or 511.
    ///
    /// # How it is judged
    /// Judged from such an answer to a request of the contract: what the app then shows of that
    /// resource, an authorization that the app makes of it, and a request that follows its redirect
    /// with a token or another credential. That it must not end the session is SESSION-7's to
    /// judge.
    ///
    /// # How to keep it
    /// Check status and content type before reading a body, do not follow redirects with
    /// credentials, and treat a page as no network.
    ///
    /// # Source
    /// RFC 6585 §6 (511), RFC 8952 (captive portals)
    pub(super) PORTAL: "NET-6", App, from [Wire, Sim],
        set by ["resources", "session.authorize"]
}

#[derive(Default)]
pub(super) struct Portal {
    /// Resources whose last answer was a page.
    pages: BTreeMap<String, Page>,
    /// The portal's answer to a sign-in or a refresh.
    session: Option<Page>,
    /// The last redirect, and where it leads.
    redirect: Option<(Page, String)>,
    /// The credential that data was last asked for with.
    credential: Option<String>,
}

/// An answer of a portal.
#[derive(Clone, Copy)]
struct Page {
    id: EntryId,
    exchange: u64,
}

impl Rule for Portal {
    fn see(&mut self, context: &Context<'_>) {
        if let Some(ended) = context.ended() {
            self.ended(&ended, context);
        }
        if let Fact::App(AppFact::Shown {
            resource, source, ..
        }) = &context.entry.fact
            && *source == DataSource::Request
            && let Some(page) = self.pages.remove(resource)
        {
            let observed = format!("{resource} was shown after a page had come for it");
            mistaken("data", page, observed, context);
        }
        if let Some(request) = context.request() {
            self.follows(request, context);
            self.authorizes(request, context);
        }
    }
}

impl Portal {
    fn ended(&mut self, ended: &Ended<'_>, context: &Context<'_>) {
        let (Some(role), Some(answer)) = (&ended.request.role, ended.answer) else {
            return;
        };
        if is_portal(answer, ended.request) {
            self.intercepted(role, answer, ended.request, context);
        } else if ended.succeeded() || answer.status == 304 {
            match role {
                Role::Resource(name) => _ = self.pages.remove(name),
                Role::SignIn | Role::Refresh => self.session = None,
                _ => {}
            }
        }
    }

    /// A portal answers in the backend's place.
    fn intercepted(
        &mut self,
        role: &Role,
        answer: &Answer,
        request: &Request,
        context: &Context<'_>,
    ) {
        context.exercised(&PORTAL);
        if !context.world.simulated {
            context.unable(
                &PORTAL,
                "whether a page was shown as data only the app itself can say; \
                 that no token followed it was judged",
            );
        }
        let page = Page {
            id: context.entry.id,
            exchange: request.exchange,
        };
        match role {
            Role::Resource(name) => _ = self.pages.insert(name.clone(), page),
            Role::SignIn | Role::Refresh => self.session = Some(page),
            _ => {}
        }
        if let Some(place) = location(answer, request) {
            self.redirect = Some((page, place));
        }
    }

    /// A request may follow the redirect.
    fn follows(&mut self, request: &Request, context: &Context<'_>) {
        let Some((page, place)) = &self.redirect else {
            return;
        };
        if request.role.is_some() || (request.path != *place && request.bare_target() != place) {
            return;
        }
        let in_headers = || {
            request
                .headers
                .iter()
                .find_map(|(_, value)| labels::first(value))
        };
        let token = labels::first(&request.target)
            .or_else(|| labels::in_content(&request.body))
            .or_else(in_headers);
        if let Some(token) = token {
            let observed = format!(
                "{} {} with {token}, where the portal's redirect leads",
                request.method, request.target
            );
            mistaken("token", *page, observed, context);
            self.redirect = None;
        }
    }

    /// A request may carry what the app read in the portal's page.
    fn authorizes(&mut self, request: &Request, context: &Context<'_>) {
        if !request.role.as_ref().is_some_and(Role::is_data) {
            return;
        }
        let opened = context.opened(request.exchange);
        // What stands for a missing value came of the page as well.
        let name = context.contract.session.authorize.0.to_ascii_lowercase();
        let sent = || request.header(&name).map(str::to_owned);
        let Some(credential) = opened.and_then(|own| own.credential.clone()).or_else(sent) else {
            return;
        };
        let is_new = self.credential.as_ref() != Some(&credential);
        let is_unknown = || context.session.token(&credential).is_none();
        if let Some(page) = self.session.take_if(|_| is_new && is_unknown()) {
            let observed = "data was asked for with a credential that nobody handed out".to_owned();
            mistaken("session", page, observed, context);
        }
        self.credential = Some(credential);
    }
}

/// Whether something between the app and its backend gave this answer.
fn is_portal(answer: &Answer, request: &Request) -> bool {
    let leads_away = || {
        answer.headers.all("location").any(|place| {
            let authority = place
                .split_once("://")
                .map(|(_, rest)| rest.split('/').next());
            authority.is_some_and(|own| own != Some(request.host.as_str()))
        })
    };
    match answer.status {
        511 => true,
        304 => false,
        300..=399 => answer.from == Answerer::Fault || leads_away(),
        status => is_success(status) && answer.is_page(),
    }
}

/// The path to which an answer redirects, unless it is the one that was asked for.
fn location(answer: &Answer, request: &Request) -> Option<String> {
    let place = answer
        .headers
        .get("location")
        .filter(|_| (300..400).contains(&answer.status))?;
    let below = place.split_once("://").map_or(place, |(_, rest)| {
        rest.find('/').map_or("/", |at| &rest[at..])
    });
    let place = below.split_once('?').map_or(below, |(path, _)| path);
    (place != request.bare_target()).then(|| place.to_owned())
}

fn mistaken(kind: &str, page: Page, observed: String, context: &Context<'_>) {
    context.violated(
        &PORTAL,
        Violation::new("the app takes a captive portal for its backend")
            .kind(kind)
            .expected(
                "the page is set aside: nothing of it is shown, sent on or answered with a token",
            )
            .observed(observed)
            .evidence([page.id, context.entry.id])
            .exchanges([page.exchange]),
    );
}
