//! SESSION-14: restoring is silent, and data waits for a session.

use crate::domain::contract::Role;
use crate::domain::journal::{Act, Content, Entry, EntryId, Fact, Frame};
use crate::rules::context::Context;
use crate::rules::labels;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// Restoring sends no sign-in, and no data is asked for before there is a session
    ///
    /// # Why
    /// A sign-in that nobody asked for means that the app keeps the password; data requests before
    /// a session mean that screens load behind the sign-in screen.
    ///
    /// # How it is judged
    /// Judged: each sign-in request follows a user's wish to sign in (where such wishes are
    /// marked), and each request for a resource that needs authorization carries a credential, as
    /// does CONNECT, unless a session is open.
    ///
    /// # How to keep it
    /// Restore the session from secure storage before the first screen; hold requests until it is
    /// there; never store passwords.
    ///
    /// # Source
    /// runbook S2.1, S3.1
    pub(super) RESTORE: "SESSION-14", App, from [Wire],
        set by ["resources[].authorized", "realtime.auth"]
}

#[derive(Default)]
pub(super) struct Restore {
    /// Whether the user asked to sign in and was not let in yet.
    asked: bool,
    launched: Option<EntryId>,
}

impl Rule for Restore {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        match &entry.fact {
            Fact::Act(Act::SignIn { .. }) => self.asked = true,
            Fact::Act(Act::Launch) => {
                self.asked = false;
                self.launched = Some(entry.id);
            }
            _ => {}
        }
        if let Some(ended) = context.ended()
            && ended.request.role == Some(Role::SignIn)
            && ended.succeeded()
        {
            self.asked = false;
        }
        if let Some(request) = context.request() {
            match &request.role {
                Some(Role::SignIn) => self.sign_in(entry, request.exchange, context),
                Some(Role::Resource(name)) => {
                    let authorized = context
                        .contract
                        .resource(name)
                        .is_some_and(|resource| resource.operation.authorized);
                    let opened = context.opened(request.exchange);
                    let bare = opened.is_some_and(|own| own.credential.is_none());
                    context.exercised(&RESTORE);
                    if authorized && bare && !context.session.open {
                        let what = request.line();
                        no_session(entry, what, Some(request.exchange), context);
                    }
                }
                _ => {}
            }
        }
        if let Some((_, Frame::Connect { namespace, payload })) = context.packet_up()
            && let Some(feed) = &context.contract.realtime
            && *namespace == feed.namespace
            && feed.auth.names().iter().any(|name| name == "access-token")
            && !context.session.open
            && labels::in_content(payload).is_none()
            && !holds_text(payload)
        {
            no_session(entry, format!("CONNECT to {namespace}"), None, context);
        }
    }
}

impl Restore {
    fn sign_in(&self, entry: &Entry, exchange: u64, context: &Context<'_>) {
        if !context.world.acts_marked {
            context.unable(
                &RESTORE,
                "nobody marked when the user asked to sign in, so a silent sign-in cannot be told from a wanted one",
            );
            return;
        }
        context.exercised(&RESTORE);
        if self.asked {
            return;
        }
        context.violated(
            &RESTORE,
            Violation::new("the app signed in although the user had not asked to")
                .kind("sign-in")
                .expected("the session is restored without a sign-in request")
                .observed("a sign-in request with no wish to sign in before it")
                .evidence(self.launched.into_iter().chain([entry.id]))
                .exchanges([exchange]),
        );
    }
}

fn no_session(entry: &Entry, what: String, exchange: Option<u64>, context: &Context<'_>) {
    context.violated(
        &RESTORE,
        Violation::new("the app asks for data before there is a session")
            .kind("data without a session")
            .expected("no data request until a session is opened or restored")
            .observed(format!("{what} without a credential"))
            .evidence([entry.id])
            .exchanges(exchange),
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
