//! SESSION-7: what may end a session.

use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::journal::{AppFact, Entry, EntryId, Fact, SessionState, is_success};
use crate::rules::context::Context;
use crate::rules::moment::Moment;
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
    /// Judged when the app says that its session ended, or when a sign-in, or a sign-out that the
    /// user is not marked to have asked for, follows a refresh that failed without being refused: a
    /// 401 or one of the contract's `ended_by` statuses must have come since the last renewal,
    /// after the last refresh that failed otherwise, or the user must have asked.
    ///
    /// # How to keep it
    /// Clear the session on 401 from a refresh and on sign-out, nowhere else; keep it through every
    /// other failure.
    ///
    /// # Source
    /// openwisp/openwisp-wifi-login-pages#394; runbook S4.3
    pub(super) ONLY_REFUSAL_ENDS: "SESSION-7", App, from [Wire, Sim],
        set by ["session.ended_by"]
}

/// How long what was on its way may take.
const GRACE: Duration = Duration::from_secs(5);
/// How much later than what they are about acts may be marked.
const MARKS: Duration = Duration::from_secs(3);

#[derive(Default)]
pub(super) struct Ending {
    /// Since the last renewal: a refusal that may end a session, and a refresh that failed otherwise.
    refused: bool,
    failed: Option<(EntryId, u64)>,
    session: bool,
    forbidden: Option<Duration>,
    /// The last request for the session.
    asked: Option<EntryId>,
    /// A sign-out after a refresh that failed, until it is known that the user wanted it.
    left: Option<Left>,
}

/// A sign-out that the user may not have asked for.
struct Left {
    sign_out: Moment,
    exchange: u64,
    failed: (EntryId, u64),
}

impl Rule for Ending {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        self.judge_left(context.now, context);
        match &entry.fact {
            Fact::Act(_) => self.left = None,
            Fact::TokenIssued(_) => {
                *self = Self {
                    session: true,
                    ..Self::default()
                }
            }
            Fact::App(AppFact::Session { state }) => match state {
                SessionState::Ended { why } => {
                    context.exercised(&ONLY_REFUSAL_ENDS);
                    // What a maintenance does to the session is KILL-4's to find, and a 403 SESSION-8's.
                    let other = context.may_be_blocked() || self.is_forbidden(entry.at);
                    if self.session && !self.refused && !context.session.wants_out && !other {
                        self.breach(
                            entry,
                            format!("the app ended its session: {why}"),
                            None,
                            context,
                        );
                    }
                    *self = Self::default();
                }
                SessionState::Opened | SessionState::Restored => self.session = true,
                SessionState::Refreshed => {}
                SessionState::NotFound { .. } => self.session = false,
            },
            _ => {}
        }
        if let Some(request) = context.request() {
            if request.role == Some(Role::Refresh)
                || request.role.as_ref().is_some_and(Role::is_data)
            {
                self.asked = Some(entry.id);
            }
            match request.role {
                Some(Role::SignOut) => {
                    let by_itself = self.session
                        && !self.refused
                        && context.world.acts_marked
                        && !context.world.simulated
                        && !context.session.wants_out
                        && context.switch.told.is_none();
                    let left = self.failed.filter(|_| by_itself).map(|failed| Left {
                        sign_out: Moment::of(entry),
                        exchange: request.exchange,
                        failed,
                    });
                    *self = Self {
                        left,
                        ..Self::default()
                    };
                }
                Some(Role::SignIn)
                    if self.session
                        && !self.refused
                        && self.failed.is_some()
                        && !context.session.wants_out =>
                {
                    context.exercised(&ONLY_REFUSAL_ENDS);
                    let observed = "a sign-in, although no refusal ended the session".to_owned();
                    self.breach(entry, observed, Some(request.exchange), context);
                    *self = Self::default();
                }
                _ => {}
            }
        }
        let Some(ended) = context.ended() else {
            return;
        };
        let refresh = ended.request.role == Some(Role::Refresh);
        match ended.status() {
            // What a 401 on data means is settled by the refresh that follows it.
            Some(401) if refresh || self.failed.is_none() => self.refused = true,
            Some(401) => {}
            Some(403) => self.forbidden = Some(entry.at),
            Some(status) if refresh && context.contract.session.ended_by.contains(&status) => {
                self.refused = true;
            }
            Some(status) if refresh && is_success(status) => {}
            _ if refresh => {
                context.exercised(&ONLY_REFUSAL_ENDS);
                self.refused = false;
                self.failed = Some((entry.id, ended.request.exchange));
            }
            _ => {}
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        self.judge_left(context.now, context);
        let silent = self.failed.is_some_and(|(failed, _)| {
            self.asked.is_none_or(|asked| asked < failed) && context.app_is_awake()
        });
        if silent && !context.world.simulated {
            context.unable(
                &ONLY_REFUSAL_ENDS,
                "after a refresh that failed the app asked for nothing more, and whether it had given up its session only it can say",
            );
        }
    }
}

impl Ending {
    /// Nobody marked that the user wanted the sign-out.
    /// Whoever drives the app had the time to mark that the user wanted it.
    fn judge_left(&mut self, now: Duration, context: &Context<'_>) {
        let Some(left) = self.left.take_if(|left| now > left.sign_out.at + MARKS) else {
            return;
        };
        context.violated(
            &ONLY_REFUSAL_ENDS,
            given_up("a sign-out that the user did not ask for".to_owned())
                .evidence([left.failed.0, left.sign_out.id])
                .exchanges([left.failed.1, left.exchange]),
        );
    }

    fn is_forbidden(&self, at: Duration) -> bool {
        self.forbidden
            .is_some_and(|forbidden| forbidden + GRACE >= at)
    }

    fn breach(
        &self,
        entry: &Entry,
        observed: String,
        exchange: Option<u64>,
        context: &Context<'_>,
    ) {
        let (failure, lost) = self.failed.unzip();
        context.violated(
            &ONLY_REFUSAL_ENDS,
            given_up(observed)
                .evidence(failure.into_iter().chain([entry.id]))
                .exchanges(lost.into_iter().chain(exchange)),
        );
    }
}

fn given_up(observed: String) -> Violation {
    Violation::new("the app gave up a session that nobody had refused")
        .kind("ended")
        .expected("the session is kept until a refresh is refused or the user signs out")
        .observed(observed)
}
