//! SESSION-11, the app's half: what must end with a session that is signed out.

use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::duration::show;
use crate::domain::journal::{Act, AppFact, EntryId, Fact, Request};
use crate::domain::verdict::Subject;
use crate::rules::context::Context;
use crate::rules::exchange::{Ended, Opened};
use crate::rules::moment::{Milestone, Moment};
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// Sign-out closes the sockets and revokes the session, and nothing more is sent for it
    ///
    /// # Why
    /// After sign-out the device may be in other hands.
    ///
    /// # How it is judged
    /// The app is judged from the moment the sign-out is answered: no request with the session's
    /// credential, no refresh, no new connect of the feed, no socket that stays joined. A quarter
    /// of a second is left for a request that crosses the answer, unless it follows another one
    /// that began later still; two seconds for what an open socket still says, and five until it is
    /// closed. The answer to a refresh that the sign-out overtook opens nothing: what it brings is
    /// the same session's, and only a sign-in that began after the sign-out ends the watch. A sign-out that the user is marked to have asked for is sent, or at least tried,
    /// within three seconds while the app has a network. The backend is asked by the harness, with
    /// a session of its own that it signs out: the refresh token must be refused then, and the
    /// access token too where the contract says `sign-out-ends-access`.
    ///
    /// # How to keep it
    /// In the app, close the socket, cancel timers and pending requests, and forget the tokens
    /// before showing the sign-in screen. On the server, revoke the refresh token and its family
    /// when the sign-out arrives.
    ///
    /// # Source
    /// RFC 7009; OWASP MASTG; runbook S5.12
    pub(super) NOTHING_AFTER: "SESSION-11", Both, from [Wire, Probe],
        needs [SignOut],
        set by ["session.sign-out", "session.sign-out-ends-access"]
}

/// How long after a sign-out a socket may stay joined.
const GRACE: Duration = Duration::from_secs(5);
/// How long after a sign-out an open socket may still say something.
const LATE: Duration = Duration::from_secs(2);
/// How soon after the user's wish a sign-out is sent, or after it at most the wish is marked.
const SENT_WITHIN: Duration = Duration::from_secs(3);
/// How long the answer and a request may cross each other.
const CROSSING: Duration = Duration::from_millis(250);

#[derive(Default)]
pub(super) struct SignedOut {
    /// The answered sign-out, while nobody signed in again.
    since: Option<Milestone>,
    /// The sign-in that was asked for last.
    sign_in: Option<EntryId>,
    /// Whether a socket that stays joined was found already.
    said: bool,
    /// The session's requests that may have crossed the answer, and whether one of them has ended:
    /// what the app begins after that it begins with the answer in its hands.
    crossing: Vec<u64>,
    followed: bool,
    /// The user's wish to sign out, while nothing was sent for it.
    wished: Option<Moment>,
    /// When the app last tried to sign out.
    tried: Option<Duration>,
}

impl Rule for SignedOut {
    fn see(&mut self, context: &Context<'_>) {
        self.follow_wish(context);
        if let Some(request) = context.request()
            && request.role == Some(Role::SignIn)
        {
            self.sign_in = Some(context.entry.id);
        }
        if let Fact::TokenIssued(token) = &context.entry.fact
            && self.opens_anew(token.exchange, context)
        {
            *self = Self {
                sign_in: self.sign_in,
                wished: self.wished,
                tried: self.tried,
                ..Self::default()
            };
        }
        if let Some(ended) = context.ended() {
            self.ended(&ended, context);
        } else if let Some(since) = self.since {
            self.afterwards(since, context);
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        self.judge_wish(context);
        let Some(since) = self.since.filter(|since| context.now > since.at + GRACE) else {
            return;
        };
        if !self.said && context.sockets.live() > 0 {
            let joined = context.sockets.iter().find_map(|(_, own)| own.connected);
            context.violated(
                &NOTHING_AFTER,
                goes_on("a socket stays joined")
                    .evidence(joined.map(|own| own.id).into_iter().chain([since.id]))
                    .exchanges([since.exchange]),
            );
        }
    }
}

impl SignedOut {
    fn ended(&mut self, ended: &Ended<'_>, context: &Context<'_>) {
        self.followed |= self.crossing.contains(&ended.request.exchange);
        match ended.request.role {
            // One that a sign-in overtook says nothing of the new session, and neither does one of
            // the user before.
            Some(Role::SignOut)
                if self.sign_in > Some(ended.opened.id())
                    || context.session.is_of_another(ended.opened) =>
            {
                context.exercised(&NOTHING_AFTER);
            }
            Some(Role::SignOut) if ended.succeeded() && self.since.is_none() => {
                context.exercised(&NOTHING_AFTER);
                self.since = Some(Milestone::of(context.entry, ended.request.exchange));
            }
            Some(Role::SignIn) if ended.succeeded() => {
                *self = Self {
                    sign_in: self.sign_in,
                    ..Self::default()
                };
            }
            _ => {}
        }
    }

    /// Whether an exchange that brings a token opens another session than the one that was signed
    /// out: a refresh goes on with the same.
    fn opens_anew(&self, exchange: u64, context: &Context<'_>) -> bool {
        let asked = context.opened(exchange).and_then(Opened::request);
        let is_refresh = asked.is_some_and(|own| own.role == Some(Role::Refresh));
        self.since.is_none() || !is_refresh
    }

    /// What is sent once the sign-out is answered.
    fn afterwards(&mut self, since: Milestone, context: &Context<'_>) {
        let may_cross = context.entry.at <= since.at + CROSSING && !self.followed;
        if let Some(request) = context.request() {
            if !is_for_the_session(request, since, context) {
                return;
            }
            if may_cross {
                self.crossing.push(request.exchange);
            } else {
                went_on(since, request.line(), Some(request.exchange), context);
            }
        } else if let Some(connect) = context.feed_connect()
            && !may_cross
        {
            let what = format!(
                "CONNECT to {} on socket {}",
                connect.namespace, connect.socket
            );
            went_on(since, what, None, context);
        } else if !self.said && context.entry.at > since.at + GRACE && context.sockets.live() > 0 {
            self.said = true;
            went_on(since, "a socket stays joined".to_owned(), None, context);
        }
    }

    /// The user's wish to sign out is sent to the server, or tried.
    fn follow_wish(&mut self, context: &Context<'_>) {
        self.judge_wish(context);
        let at = context.entry.at;
        let sends = context
            .request()
            .is_some_and(|request| request.role == Some(Role::SignOut));
        let is_new = matches!(context.entry.fact, Fact::Act(Act::SignOut))
            && context.session.open
            && is_able(context)
            && self.tried.is_none_or(|tried| at > tried + SENT_WITHIN);
        if sends {
            self.tried = Some(at);
        }
        if is_new {
            self.wished = Some(context.moment());
        } else if sends || settles_wish(context) {
            self.wished = None;
        }
    }

    /// Whether nothing came of the user's wish. A request that is still unanswered may hold it up.
    fn judge_wish(&mut self, context: &Context<'_>) {
        let held_up = context
            .under_way()
            .any(|(_, other)| other.role != Some(Role::Realtime));
        let is_overdue = |wished: &mut Moment| context.now > wished.at + SENT_WITHIN && !held_up;
        let Some(wished) = self.wished.take_if(is_overdue) else {
            return;
        };
        context.violated(
            &NOTHING_AFTER,
            Violation::new("the app signs out without telling the server")
                .expected(format!(
                    "the contract's sign-out request within {}",
                    show(SENT_WITHIN)
                ))
                .observed(format!("none for {}", show(context.now - wished.at)))
                .evidence([wished.id])
                .by(Subject::App),
        );
    }
}

/// Whether a request goes on with the session that was signed out.
fn is_for_the_session(request: &Request, since: Milestone, context: &Context<'_>) -> bool {
    match &request.role {
        Some(Role::Realtime) => request.is_handshake() || context.entry.at > since.at + LATE,
        Some(Role::Refresh) => true,
        Some(Role::SignIn | Role::SignOut | Role::Status | Role::Health | Role::Keys) => false,
        Some(Role::Resource(_)) | None => context.credential(request.exchange).is_some(),
    }
}

/// Whether the app can send a sign-out that reaches the gateway.
fn is_able(context: &Context<'_>) -> bool {
    context.app_is_awake()
        && !context.world.ended
        && !context.world.is_blind()
        && context.switch.told.is_none()
}

/// Whether an entry says that the user's wish to sign out is tried, or why it is not.
fn settles_wish(context: &Context<'_>) -> bool {
    let settles = match &context.entry.fact {
        // Whatever else happens may be why it was not sent.
        Fact::Act(_) => true,
        Fact::App(AppFact::Exchange(exchange)) => {
            let sign_out = context.contract.session.sign_out.as_ref();
            sign_out.is_some_and(|own| {
                exchange.service == own.service && exchange.path.ends_with(&own.path)
            })
        }
        // Without a session that can be renewed there is nothing to sign out with.
        _ => context
            .ended()
            .is_some_and(|ended| ended.request.role == Some(Role::Refresh) && !ended.succeeded()),
    };
    settles || !is_able(context)
}

fn went_on(since: Milestone, what: String, exchange: Option<u64>, context: &Context<'_>) {
    let entry = context.entry;
    context.violated(
        &NOTHING_AFTER,
        goes_on(format!(
            "{what}, {} after sign-out",
            show(entry.at - since.at)
        ))
        .evidence([since.id, entry.id])
        .exchanges([since.exchange].into_iter().chain(exchange)),
    );
}

fn goes_on(observed: impl Into<String>) -> Violation {
    Violation::new("the app goes on with a session that was signed out")
        .expected("closed sockets, and no request for the session, after sign-out")
        .observed(observed)
        .by(Subject::App)
}
