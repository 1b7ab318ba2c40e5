//! SESSION-18: a session does not get lost on the way.

use std::time::Duration;

use crate::domain::change::Change;
use crate::domain::contract::Role;
use crate::domain::duration::show;
use crate::domain::journal::{
    Act, AppFact, EntryId, Fact, Report, Request, ScreenName, SessionState,
};
use crate::rules::context::Context;
use crate::rules::exchange::Ended;
use crate::rules::moment::Moment;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// Nobody has to sign in again while their session is good
    ///
    /// # Why
    /// An app that forgets a session (a 403 or 500 that clears the tokens, a start that reads its
    /// storage too late) sends its users to a password that they may not remember, and nothing on
    /// the server shows it.
    ///
    /// # How it is judged
    /// Judged from marks: a sign-in that is marked, and sent, for the account whose session is open
    /// is one too many, and so is a screen that asks for one, when nobody signed out, no refresh failed, the tokens had not ended, and
    /// nothing was answered with 401 but reads that the contract's `expired-by` has answered with a refresh; what a maintenance does to the session is KILL-4's. What came last before it (an error, a kill) is named. It is not
    /// judged after a mark `storage`, for a session that was never used, when the old token is used
    /// beside the new one (two devices), nor after more than five minutes in the background or a day:
    /// apps may lock themselves.
    ///
    /// # How to keep it
    /// Clear the tokens on a refused refresh and on sign-out, nowhere else; wait for the storage
    /// before showing the sign-in screen. Whoever clears an app's data between a kill and a launch
    /// marks it: `{"act": "storage", "accident": "lost"}`.
    ///
    /// # Source
    /// openwisp/openwisp-wifi-login-pages#394; runbook S3.1
    pub(super) LOST: "SESSION-18", App, from [Wire],
        set by ["session.sign-in", "session.refresh", "session.expired-by"]
}

/// How long a sign-in may be a repeated tap.
const TAP: Duration = Duration::from_secs(5);
/// How late a driver may tell what the screen showed before the sign-in.
const LATE: Duration = Duration::from_secs(2);
/// How long another device would take to show itself.
const WATCH: Duration = Duration::from_secs(10);
/// How long in the background, and in all, makes an app lock itself.
const BEHIND: Duration = Duration::from_secs(300);
const LONG: Duration = Duration::from_secs(24 * 3600);

#[derive(Default)]
pub(super) struct Lost {
    /// The account of the last mark, and whether a sign-in may still follow it.
    marked: Option<String>,
    asked: bool,
    held: Option<Held>,
    behind: Option<Moment>,
    found: Option<Found>,
}

/// A session that is open.
struct Held {
    account: String,
    since: Moment,
    /// The exchange that brought its token.
    exchange: u64,
    /// When it was last used.
    used: Option<Moment>,
    /// Whether anything may have ended it.
    spoiled: bool,
    /// What came last that should not end it.
    came: Option<(EntryId, String)>,
}

/// A sign-in, or a screen that asks for one, that nothing explains: until it is known that no other device
/// sent it, and that the screen did not only come before the one that is meant.
struct Found {
    at: Moment,
    asked: Asked,
    held: Held,
}

/// How it shows that the user has to sign in.
#[derive(PartialEq)]
enum Asked {
    /// By the sign-in, of this exchange.
    Sent(u64),
    /// By what the driver says of the screen.
    Shown,
}

impl Rule for Lost {
    fn see(&mut self, context: &Context<'_>) {
        self.judge(context, false);
        // What a maintenance does to the session is KILL-4's to find.
        if context.may_be_blocked() {
            self.spoil();
        }
        match &context.entry.fact {
            Fact::Act(act) => self.act(act, context),
            Fact::App(AppFact::Reported(Report::Screen(screen))) => self.shown(screen, context),
            Fact::App(AppFact::Session {
                state: SessionState::Ended { .. },
            }) => self.spoil(),
            fact if matches!(fact.change(), Some(Change::ExpireTokens))
                && context.contract.session.refresh.is_none() =>
            {
                self.spoil();
            }
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
        self.judge(context, true);
    }
}

impl Lost {
    fn spoil(&mut self) {
        if let Some(held) = &mut self.held {
            held.spoiled = true;
        }
    }

    fn came(&mut self, what: String, context: &Context<'_>) {
        if let Some(held) = &mut self.held {
            held.came = Some((context.entry.id, what));
        }
    }

    fn act(&mut self, act: &Act, context: &Context<'_>) {
        match act {
            Act::SignIn { account } => {
                self.marked = Some(account.clone());
                self.asked = true;
            }
            Act::SignOut | Act::Storage { .. } | Act::Clock { .. } => self.spoil(),
            Act::Kill => self.came("a kill".to_owned(), context),
            Act::Background => self.behind = Some(context.moment()),
            Act::Foreground | Act::Launch => {
                let behind = self.behind.take();
                if behind.is_some_and(|behind| context.now > behind.at + BEHIND) {
                    self.spoil();
                }
            }
            _ => {}
        }
    }

    fn requested(&mut self, request: &Request, context: &Context<'_>) {
        match &request.role {
            Some(Role::SignOut) => self.spoil(),
            Some(Role::SignIn) => self.sign_in(request.exchange, context),
            _ => self.used(request, context),
        }
    }

    /// The driver says what the screen shows.
    fn shown(&mut self, screen: &ScreenName, context: &Context<'_>) {
        if *screen != ScreenName::SignedOut {
            self.found.take_if(|found| found.asked == Asked::Shown);
        } else if self.found.is_none() && self.is_good(LATE, context) {
            self.found = self.held.take().map(|held| Found {
                at: context.moment(),
                asked: Asked::Shown,
                held,
            });
        }
    }

    /// Whether there is a session, for so long, that was used and that nothing has ended.
    fn is_good(&self, least: Duration, context: &Context<'_>) -> bool {
        self.held.as_ref().is_some_and(|held| {
            held.used.is_some()
                && !held.spoiled
                && context.now > held.since.at + least
                && context.now < held.since.at + LONG
                && !has_ended(context)
        })
    }

    /// A request may go on with the session that is open, or with the one before.
    fn used(&mut self, request: &Request, context: &Context<'_>) {
        let credential = context.credential(request.exchange);
        let Some(token) = credential.and_then(|label| context.session.token(label)) else {
            return;
        };
        let by = token.exchange;
        if self
            .found
            .as_ref()
            .is_some_and(|found| found.held.exchange == by)
        {
            let found = self.found.take();
            match found {
                Some(Found {
                    asked: Asked::Sent(_),
                    ..
                }) => context.unable(
                    &LOST,
                    "a session goes on beside the one that was opened after it, as on two devices",
                ),
                found => self.held = found.map(|found| found.held),
            }
        }
        if let Some(held) = self.held.as_mut().filter(|held| held.exchange == by) {
            held.used = Some(context.moment());
        }
    }

    fn sign_in(&mut self, exchange: u64, context: &Context<'_>) {
        let asked = std::mem::take(&mut self.asked);
        if asked
            && let Some(found) = &mut self.found
            && found.asked == Asked::Shown
            && self.marked.as_ref() == Some(&found.held.account)
        {
            // What the screen asked for is done.
            found.at = context.moment();
            found.asked = Asked::Sent(exchange);
            return;
        }
        let mut held = self.held.iter();
        let same = held.any(|held| self.marked.as_ref() == Some(&held.account));
        if asked && same && self.is_good(TAP, context) && self.found.is_none() {
            self.found = self.held.take().map(|held| Found {
                at: context.moment(),
                asked: Asked::Sent(exchange),
                held,
            });
        }
    }

    fn ended(&mut self, ended: &Ended<'_>, context: &Context<'_>) {
        let role = &ended.request.role;
        match (role, ended.status()) {
            (Some(Role::SignIn), _) if ended.succeeded() => {
                self.held = self.marked.clone().map(|account| Held {
                    account,
                    since: context.moment(),
                    exchange: ended.request.exchange,
                    used: None,
                    spoiled: ended.by_backend().is_none(),
                    came: None,
                });
                context.exercised(&LOST);
            }
            (Some(Role::Refresh), _) if ended.succeeded() => {
                if let Some(held) = &mut self.held {
                    held.since = context.moment();
                    held.exchange = ended.request.exchange;
                }
            }
            // What answers it is a refresh: an app that tries none gives up a session that nobody refused.
            (Some(Role::Resource(_)), Some(401)) if calls_for_refresh(context) => {
                self.came(
                    format!("{}, and no refresh was tried", ended.words()),
                    context,
                );
            }
            (Some(Role::Refresh), _) | (_, Some(401)) => self.spoil(),
            (_, Some(403 | 429 | 500..)) => self.came(ended.words(), context),
            _ => {}
        }
    }

    fn judge(&mut self, context: &Context<'_>, over: bool) {
        let is_sure = |found: &mut Found| over || context.now > found.at.at + WATCH;
        let Some(Found { at, asked, held }) = self.found.take_if(is_sure) else {
            return;
        };
        let last = held.used.map_or(held.since, |used| used);
        let came = match &held.came {
            Some((_, what)) => format!("what came last before it: {what}"),
            None => "nothing out of the ordinary came before it".to_owned(),
        };
        let (what, exchange) = match asked {
            Asked::Sent(exchange) => ("a sign-in for the same account", Some(exchange)),
            Asked::Shown => ("the screen asks for a sign-in", None),
        };
        context.violated(
            &LOST,
            Violation::new("the user had to sign in again although the session was good")
                .expected("the session is kept until it is refused or the user signs out")
                .observed(format!(
                    "{what} {} after the session was last used; {came}",
                    show(at.at - last.at)
                ))
                .evidence([last.id])
                .evidence(held.came.map(|(id, _)| id))
                .evidence([at.id])
                .exchanges(exchange),
        );
    }
}

/// Whether a 401 to a read says, by the contract, that the access token is over and may be renewed by the
/// refresh token that came with it. Where a refresh brought it already, another may be of no use.
fn calls_for_refresh(context: &Context<'_>) -> bool {
    let session = &context.contract.session;
    let current = context.session.current();
    let is_renewable =
        current.is_some_and(|own| !own.by_refresh && context.session.brought_refresh(own.exchange));
    session.refresh.is_some() && session.expired_by.contains(&401) && is_renewable
}

/// Whether the session's access token had ended, where nothing could renew it.
fn has_ended(context: &Context<'_>) -> bool {
    let ends = context.session.current().and_then(|token| token.ends);
    let now = context.unix(context.now);
    context.contract.session.refresh.is_none() && (ends.is_none() || ends <= now)
}
