//! SESSION-7: what may end a session.

use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::journal::{AppFact, EntryId, Fact, Request, SessionState};
use crate::rules::context::Context;
use crate::rules::exchange::Ended;
use crate::rules::moment::Milestone;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// Only a refusal ends a session: never 5xx, timeouts, HTML or broken connections
    ///
    /// # Why
    /// An app that signs out because a server is down turns an outage into a wave of sign-ins, and
    /// loses users who do not remember their password.
    ///
    /// # How it is judged
    /// When the app says that its session ended, or when a sign-in, or a sign-out that the user is
    /// not marked to have asked for, follows a refresh that failed without being refused, then a
    /// 401 or one of the contract's `ended-by` statuses must have come since the last renewal,
    /// after the last refresh that failed otherwise, or the user must have asked.
    ///
    /// # How to keep it
    /// Clear the session on 401 from a refresh and on sign-out, nowhere else; keep it through every
    /// other failure.
    ///
    /// # Source
    /// openwisp/openwisp-wifi-login-pages#394; runbook S4.3
    pub(super) ONLY_REFUSAL_ENDS: "SESSION-7", App, from [Wire, Sim],
        set by ["session.ended-by"]
}

/// How long after a 403 an app ends its session because of it.
const GRACE: Duration = Duration::from_secs(5);
/// How much later than what they are about acts may be marked.
const MARKS: Duration = Duration::from_secs(3);

#[derive(Default)]
pub(super) struct Ending {
    session: bool,
    /// Since the last renewal: a refusal that may end a session, and a refresh that failed otherwise.
    refused: bool,
    failed: Option<Milestone>,
    forbidden: Option<Duration>,
    /// The last request for the session.
    asked: Option<EntryId>,
    /// A sign-out after a refresh that failed, until it is known that the user wanted it.
    left: Option<Left>,
}

/// A sign-out that the user may not have asked for.
struct Left {
    sign_out: Milestone,
    failed: Milestone,
}

impl Rule for Ending {
    fn see(&mut self, context: &Context<'_>) {
        self.judge_left(context);
        match &context.entry.fact {
            Fact::Act(_) => self.left = None,
            Fact::TokenIssued(_) => {
                *self = Self {
                    session: true,
                    ..Self::default()
                }
            }
            Fact::App(AppFact::Session { state }) => self.said(state, context),
            _ => {}
        }
        if let Some(request) = context.request() {
            self.requested(request, context);
        }
        if let Some(ended) = context.ended() {
            self.ended(&ended, context);
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        self.judge_left(context);
        let silent = self
            .failed
            .is_some_and(|failed| self.asked < Some(failed.id) && context.app_is_awake());
        if silent && !context.world.simulated {
            context.unable(
                &ONLY_REFUSAL_ENDS,
                "after a refresh that failed the app asked for nothing more, and whether it had \
                 given up its session only it can say",
            );
        }
    }
}

impl Ending {
    /// The app says what became of its session.
    fn said(&mut self, state: &SessionState, context: &Context<'_>) {
        match state {
            SessionState::Ended { why } => {
                context.exercised(&ONLY_REFUSAL_ENDS);
                // What a maintenance does to the session is KILL-4's to find, and a 403 SESSION-8's.
                let other_rule = context.may_be_blocked() || self.is_forbidden(context.entry.at);
                if self.may_not_end(context) && !other_rule {
                    let observed = format!("the app ended its session: {why}");
                    self.given_up(observed, None, context);
                }
                *self = Self::default();
            }
            SessionState::Opened | SessionState::Restored => self.session = true,
            SessionState::Refreshed => {}
            SessionState::NotFound { .. } => self.session = false,
        }
    }

    /// Whether there is a session that neither the backend nor the user has ended.
    fn may_not_end(&self, context: &Context<'_>) -> bool {
        self.session && !self.refused && !context.session.wants_out
    }

    fn requested(&mut self, request: &Request, context: &Context<'_>) {
        match &request.role {
            Some(Role::SignOut) => {
                let by_itself = self.may_not_end(context)
                    && context.world.acts_marked
                    && !context.world.simulated
                    && context.switch.told.is_none();
                let left = self.failed.filter(|_| by_itself).map(|failed| Left {
                    sign_out: Milestone::of(context.entry, request.exchange),
                    failed,
                });
                *self = Self {
                    left,
                    ..Self::default()
                };
            }
            Some(Role::SignIn) if self.failed.is_some() && self.may_not_end(context) => {
                context.exercised(&ONLY_REFUSAL_ENDS);
                let observed = "a sign-in, although no refusal ended the session".to_owned();
                self.given_up(observed, Some(request.exchange), context);
                *self = Self::default();
            }
            Some(Role::Refresh | Role::Resource(_) | Role::Realtime) => {
                self.asked = Some(context.entry.id);
            }
            _ => {}
        }
    }

    fn ended(&mut self, ended: &Ended<'_>, context: &Context<'_>) {
        let refresh = ended.request.role == Some(Role::Refresh);
        match ended.status() {
            // What a 401 on data means is settled by the refresh that follows it.
            Some(401) if refresh || self.failed.is_none() => self.refused = true,
            Some(401) => {}
            Some(403) => self.forbidden = Some(context.entry.at),
            Some(status) if refresh && context.contract.session.ended_by.contains(&status) => {
                self.refused = true;
            }
            _ if refresh && !ended.succeeded() => {
                context.exercised(&ONLY_REFUSAL_ENDS);
                self.refused = false;
                self.failed = Some(Milestone::of(context.entry, ended.request.exchange));
            }
            _ => {}
        }
    }

    /// Whoever drives the app had the time to mark that the user wanted the sign-out.
    fn judge_left(&mut self, context: &Context<'_>) {
        let is_over = |left: &mut Left| context.now > left.sign_out.at + MARKS;
        if let Some(Left { sign_out, failed }) = self.left.take_if(is_over) {
            context.violated(
                &ONLY_REFUSAL_ENDS,
                gave_up("a sign-out that the user did not ask for")
                    .evidence([failed.id, sign_out.id])
                    .exchanges([failed.exchange, sign_out.exchange]),
            );
        }
    }

    fn is_forbidden(&self, at: Duration) -> bool {
        self.forbidden
            .is_some_and(|forbidden| forbidden + GRACE >= at)
    }

    fn given_up(&self, observed: String, exchange: Option<u64>, context: &Context<'_>) {
        let failed = self.failed.iter();
        context.violated(
            &ONLY_REFUSAL_ENDS,
            gave_up(observed)
                .evidence(failed.clone().map(|own| own.id).chain([context.entry.id]))
                .exchanges(failed.map(|own| own.exchange).chain(exchange)),
        );
    }
}

fn gave_up(observed: impl Into<String>) -> Violation {
    Violation::new("the app gave up a session that nobody had refused")
        .expected("the session is kept until a refresh is refused or the user signs out")
        .observed(observed)
}
