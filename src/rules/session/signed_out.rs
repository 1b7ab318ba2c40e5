//! SESSION-11, the app's half: what must end with a session that is signed out.

use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::duration::show;
use crate::domain::journal::{Act, AppFact, Entry, EntryId, Fact, Frame};
use crate::domain::verdict::Subject;
use crate::rules::context::Context;
use crate::rules::moment::Moment;
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
/// How soon after the user's wish a sign-out is sent, or after it at most the wish is marked.
const SENT_WITHIN: Duration = Duration::from_secs(3);
/// How long the answer and a request may cross each other.
const CROSSING: Duration = Duration::from_millis(250);

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
