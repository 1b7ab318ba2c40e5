//! SESSION-14: restoring is silent, and data waits for a session.

use std::sync::Arc;

use crate::domain::contract::Role;
use crate::domain::journal::{Act, Content, Entry, EntryId, Fact, Frame};
use crate::domain::verdict::Subject;
use crate::rules::ledger::{Breach, Ledger};
use crate::rules::scene::{Scene, client_request, packet_up};
use crate::rules::{JudgedFrom, Rule, RuleInfo, labels};

pub(super) static RESTORE: RuleInfo = RuleInfo {
    id: "SESSION-14",
    title: "Restoring sends no sign-in, and no data is asked for before there is a session",
    subject: Subject::App,
    judged_from: &[JudgedFrom::Wire],
    source: "runbook S2.1, S3.1",
    explanation: "A sign-in that nobody asked for means that the app keeps the password; data requests before a session mean that screens load behind the sign-in screen. Judged: each sign-in request follows a user's wish to sign in (where such wishes are marked), and each request for a resource that needs authorization carries a credential, as does CONNECT, unless a session is open.",
    fix: "Restore the session from secure storage before the first screen; hold requests until it is there; never store passwords.",
    parameters: &["resources[].authorized", "realtime.auth"],
};

#[derive(Default)]
pub(super) struct Restore {
    /// Whether the user asked to sign in and was not let in yet.
    asked: bool,
    launched: Option<EntryId>,
}

impl Rule for Restore {
    fn see(&mut self, entry: &Arc<Entry>, scene: &Scene, ledger: &mut Ledger) {
        match &entry.fact {
            Fact::Act(Act::SignIn { .. }) => self.asked = true,
            Fact::Act(Act::Launch) => {
                self.asked = false;
                self.launched = Some(entry.id);
            }
            _ => {}
        }
        if let Some(ended) = scene.ended_by_client(entry)
            && ended.request.role == Some(Role::SignIn)
            && ended.succeeded()
        {
            self.asked = false;
        }
        if let Some(request) = client_request(entry) {
            match &request.role {
                Some(Role::SignIn) => self.sign_in(entry, request.exchange, scene, ledger),
                Some(Role::Resource(name)) => {
                    let authorized = scene
                        .contract
                        .resource(name)
                        .is_some_and(|resource| resource.operation.authorized);
                    let opened = scene.opened(request.exchange);
                    let bare = opened.is_some_and(|own| own.credential.is_none());
                    ledger.occasion(&RESTORE);
                    if authorized && bare && !scene.session.open {
                        let what = request.line();
                        no_session(entry, what, Some(request.exchange), ledger);
                    }
                }
                _ => {}
            }
        }
        if let Some((_, Frame::Connect { namespace, payload })) = packet_up(entry)
            && let Some(feed) = &scene.contract.realtime
            && *namespace == feed.namespace
            && feed.auth.names().iter().any(|name| name == "access-token")
            && !scene.session.open
            && labels::in_content(payload).is_none()
            && !holds_text(payload)
        {
            no_session(entry, format!("CONNECT to {namespace}"), None, ledger);
        }
    }
}

impl Restore {
    fn sign_in(&self, entry: &Entry, exchange: u64, scene: &Scene, ledger: &mut Ledger) {
        if !scene.world.acts_marked {
            ledger.unable(
                &RESTORE,
                "nobody marked when the user asked to sign in, so a silent sign-in cannot be told from a wanted one",
            );
            return;
        }
        ledger.occasion(&RESTORE);
        if self.asked {
            return;
        }
        ledger.breach(
            &RESTORE,
            Breach {
                kind: "sign-in".to_owned(),
                message: "the app signed in although the user had not asked to".to_owned(),
                expected: "the session is restored without a sign-in request".to_owned(),
                observed: "a sign-in request with no wish to sign in before it".to_owned(),
                evidence: self.launched.into_iter().chain([entry.id]).collect(),
                exchanges: vec![exchange],
                ..Breach::default()
            },
        );
    }
}

fn no_session(entry: &Entry, what: String, exchange: Option<u64>, ledger: &mut Ledger) {
    ledger.breach(
        &RESTORE,
        Breach {
            kind: "data without a session".to_owned(),
            message: "the app asks for data before there is a session".to_owned(),
            expected: "no data request until a session is opened or restored".to_owned(),
            observed: format!("{what} without a credential"),
            evidence: vec![entry.id],
            exchanges: exchange.into_iter().collect(),
            ..Breach::default()
        },
    );
}

/// Whether a payload holds any text that may be a token which the journal has no label for.
fn holds_text(payload: &Content) -> bool {
    match payload.json() {
        Some(serde_json::Value::Object(fields)) => fields
            .values()
            .any(|value| value.as_str().is_some_and(|text| !text.is_empty())),
        _ => false,
    }
}
