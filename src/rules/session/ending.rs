//! SESSION-7 and -11: what ends a session, and what must end with it.

use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::duration::show;
use crate::domain::journal::{Act, AppFact, Entry, EntryId, Fact, Frame, SessionState, is_success};
use crate::domain::verdict::Subject;
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
    /// closed. A sign-out that the user is marked to have asked for is sent, or at least tried,
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
        set by ["session.sign_out", "session.sign_out_ends_access"]
}

/// How long what was on its way may take.
const GRACE: Duration = Duration::from_secs(5);
/// How long after a sign-out an open socket may still say something.
const LATE: Duration = Duration::from_secs(2);
/// How much later than what they are about acts may be marked.
const MARKS: Duration = Duration::from_secs(3);
/// How soon after the user's wish a sign-out is sent, or after it at most the wish is marked.
const SENT_WITHIN: Duration = Duration::from_secs(3);
/// How long the answer and a request may cross each other.
const CROSSING: Duration = Duration::from_millis(250);

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

#[derive(Default)]
pub(super) struct SignedOut {
    /// The answered sign-out, while nobody signed in again.
    since: Option<(EntryId, Duration, u64)>,
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
        let entry = context.entry;
        if context.contract.session.sign_out.is_none() {
            context.unable(&NOTHING_AFTER, "the contract has no sign-out request");
            return;
        }
        self.follow_wish(entry, context);
        if matches!(entry.fact, Fact::TokenIssued(_)) {
            *self = Self {
                wished: self.wished,
                tried: self.tried,
                ..Self::default()
            };
        }
        if let Some(ended) = context.ended() {
            self.followed |= self.crossing.contains(&ended.request.exchange);
            match ended.request.role {
                Some(Role::SignOut) if ended.succeeded() && self.since.is_none() => {
                    context.exercised(&NOTHING_AFTER);
                    self.since = Some((entry.id, entry.at, ended.request.exchange));
                }
                Some(Role::SignIn) if ended.succeeded() => *self = Self::default(),
                _ => {}
            }
            return;
        }
        let Some((id, at, exchange)) = self.since else {
            return;
        };
        if let Some(request) = context.request() {
            let credential = context
                .opened(request.exchange)
                .and_then(|own| own.credential.as_ref());
            let sends = match &request.role {
                Some(Role::Realtime) => request.is_handshake() || entry.at > at + LATE,
                Some(Role::Refresh) => true,
                Some(Role::SignIn | Role::SignOut | Role::Status | Role::Health | Role::Keys) => {
                    false
                }
                Some(Role::Resource(_)) | None => credential.is_some(),
            };
            if sends && entry.at <= at + CROSSING && !self.followed {
                self.crossing.push(request.exchange);
            } else if sends {
                self.breach(
                    (id, at, exchange),
                    entry,
                    request.line(),
                    Some(request.exchange),
                    context,
                );
            }
        } else if let Some((socket, Frame::Connect { namespace, .. })) = context.packet_up()
            && context
                .contract
                .realtime
                .as_ref()
                .is_some_and(|feed| feed.namespace == *namespace)
            && (entry.at > at + CROSSING || self.followed)
        {
            let what = format!("CONNECT to {namespace} on socket {socket}");
            self.breach((id, at, exchange), entry, what, None, context);
        } else if !self.said && entry.at > at + GRACE && context.sockets.live() > 0 {
            self.said = true;
            self.breach(
                (id, at, exchange),
                entry,
                "a socket stays joined".to_owned(),
                None,
                context,
            );
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        self.overdue(context);
        if let Some((id, at, exchange)) = self.since
            && context.now > at + GRACE
            && context.sockets.live() > 0
            && !self.said
        {
            let joined = context
                .sockets
                .iter()
                .find_map(|(_, socket)| socket.connected);
            context.violated(
                &NOTHING_AFTER,
                sent("a socket stays joined".to_owned())
                    .evidence(joined.map(|moment| moment.id).into_iter().chain([id]))
                    .exchanges([exchange]),
            );
        }
    }
}

impl SignedOut {
    /// The user's wish to sign out is sent to the server, or tried.
    fn follow_wish(&mut self, entry: &Entry, context: &Context<'_>) {
        self.overdue(context);
        let able = context.app_is_awake()
            && !context.world.ended
            && !context.world.is_blind()
            && context.switch.told.is_none();
        match &entry.fact {
            Fact::Act(Act::SignOut)
                if context.session.open
                    && able
                    && self.tried.is_none_or(|at| entry.at > at + SENT_WITHIN) =>
            {
                self.wished = Some(Moment::of(entry));
            }
            // Whatever else happens may be why it was not sent.
            Fact::Act(_) => self.wished = None,
            Fact::App(AppFact::Exchange(exchange))
                if context
                    .contract
                    .session
                    .sign_out
                    .as_ref()
                    .is_some_and(|own| {
                        exchange.service == own.service && exchange.path.ends_with(&own.path)
                    }) =>
            {
                self.wished = None;
            }
            _ => {}
        }
        let sent = context
            .request()
            .is_some_and(|request| request.role == Some(Role::SignOut));
        // Without a session that can be renewed there is nothing to sign out with.
        let over = context
            .ended_by_client(entry)
            .is_some_and(|ended| ended.request.role == Some(Role::Refresh) && !ended.succeeded());
        if sent {
            self.tried = Some(entry.at);
        }
        if sent || over || !able {
            self.wished = None;
        }
    }

    fn overdue(&mut self, context: &Context<'_>) {
        // A request that is still unanswered may hold it up.
        let held_up = context
            .under_way()
            .any(|(_, other)| other.role != Some(Role::Realtime));
        let Some(wished) = self
            .wished
            .take_if(|wished| context.now > wished.at + SENT_WITHIN && !held_up)
        else {
            return;
        };
        context.violated(
            &NOTHING_AFTER,
            Violation::new("the app signs out without telling the server")
                .kind("not sent")
                .expected(format!(
                    "the contract's sign-out request within {}",
                    show(SENT_WITHIN)
                ))
                .observed(format!("none for {}", show(context.now - wished.at)))
                .evidence([wished.id])
                .by(Subject::App),
        );
    }

    fn breach(
        &self,
        (id, at, exchange): (EntryId, Duration, u64),
        entry: &Entry,
        what: String,
        own: Option<u64>,
        context: &Context<'_>,
    ) {
        let observed = format!("{what}, {} after sign-out", show(entry.at - at));
        context.violated(
            &NOTHING_AFTER,
            sent(observed)
                .evidence([id, entry.id])
                .exchanges([exchange].into_iter().chain(own)),
        );
    }
}

fn sent(observed: String) -> Violation {
    Violation::new("the app goes on with a session that was signed out")
        .kind("after sign-out")
        .expected("closed sockets, and no request for the session, after sign-out")
        .observed(observed)
        .by(Subject::App)
}
