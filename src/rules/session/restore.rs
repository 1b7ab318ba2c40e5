//! SESSION-14: restoring is silent, and data waits for a session.

use crate::domain::contract::Role;
use crate::domain::journal::{Act, Content, EntryId, Fact};
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
    /// Each sign-in request follows a user's wish to sign in (where such wishes are marked), and
    /// each request for a resource that needs authorization carries a credential, as does CONNECT,
    /// unless a session is open.
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
        match &context.entry.fact {
            Fact::Act(Act::SignIn { .. }) => self.asked = true,
            Fact::Act(Act::Launch) => {
                self.asked = false;
                self.launched = Some(context.entry.id);
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
                Some(Role::SignIn) => self.sign_in(request.exchange, context),
                Some(Role::Resource(name)) => {
                    context.exercised(&RESTORE);
                    let resource = context.contract.resource(name);
                    let authorized = resource.is_some_and(|own| own.operation.authorized);
                    // What stands there and is none is SESSION-17's to find.
                    let name = context.contract.session.authorize.0.to_ascii_lowercase();
                    if authorized && !context.session.open && request.header(&name).is_none() {
                        too_early(&request.line(), Some(request.exchange), context);
                    }
                }
                _ => {}
            }
        }
        if let Some(connect) = context.feed_connect()
            && context.feed_takes_token()
            && !context.session.open
            && labels::in_content(connect.payload).is_none()
            && !holds_text(connect.payload)
        {
            too_early(&format!("CONNECT to {}", connect.namespace), None, context);
        }
    }
}

impl Restore {
    fn sign_in(&self, exchange: u64, context: &Context<'_>) {
        if !context.world.acts_marked {
            context.unable(
                &RESTORE,
                "nobody marked when the user asked to sign in, so a silent sign-in cannot be told \
                 from a wanted one",
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
                .expected("the session is restored without a sign-in request")
                .observed("a sign-in request with no wish to sign in before it")
                .evidence(self.launched.into_iter().chain([context.entry.id]))
                .exchanges([exchange]),
        );
    }
}

fn too_early(what: &str, exchange: Option<u64>, context: &Context<'_>) {
    context.violated(
        &RESTORE,
        Violation::new("the app asks for data before there is a session")
            .expected("no data request until a session is opened or restored")
            .observed(format!("{what} without a credential"))
            .evidence([context.entry.id])
            .exchanges(exchange),
    );
}

/// Whether a payload holds any text that may be a token which the journal has no label for.
fn holds_text(payload: &Content) -> bool {
    let fields = payload.json().and_then(|value| value.as_object());
    fields.is_some_and(|fields| {
        let mut texts = fields.values().filter_map(|value| value.as_str());
        texts.any(|text| !text.is_empty())
    })
}
