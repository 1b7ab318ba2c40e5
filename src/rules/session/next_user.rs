//! SESSION-19: after a change of users the app reads what is the new user's own.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::duration::show;
use crate::domain::journal::{Act, AppFact, Fact, Report, TokenIssued, TokenKind};
use crate::rules::context::Context;
use crate::rules::exchange::Opened;
use crate::rules::moment::Milestone;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// After a change of users the app reads what is the new user's own
    ///
    /// # Why
    /// An app that reads nothing of the new user goes on with what it kept of the one before, and
    /// shows it.
    ///
    /// # How it is judged
    /// Of the resources that are somebody's own (`personal`, and the profile that `identity` names)
    /// those count that the app read for the user before where a sign-in leads, before that user opened
    /// anything: another user need not open the same. After a sign-in as another user at least one of
    /// them is asked for with the new token, or comes whole by an event, before the app has had all
    /// its attempts at a request and ten seconds more, awake, not blocked and undisturbed. A session
    /// that is over before is not judged.
    ///
    /// # How to keep it
    /// Key every cache by the user, or empty it at sign-out; load what a screen shows whenever a
    /// session begins.
    ///
    /// # Source
    /// OWASP MASTG, data of a session left behind; runbook S5.12
    pub(super) READS_ANEW: "SESSION-19", App, from [Wire],
        set by ["resources[].personal", "session.identity", "request-timeout", "retry.attempts"]
}

/// How long after a sign-in what is shown may be of the user before.
const TURNOVER: Duration = Duration::from_secs(5);
/// How long reading may take beside the attempts.
const SLACK: Duration = Duration::from_secs(10);

#[derive(Default)]
pub(super) struct NextUser {
    /// Who is signed in, and what of their own was read.
    user: Option<String>,
    read: BTreeSet<String>,
    /// Until when what is read is read because of the sign-in.
    landing: Option<Duration>,
    watch: Option<Watch>,
    /// The account that is marked to sign in, and the one that did, and when.
    marked: Option<String>,
    account: Option<(String, Milestone)>,
}

/// A new user of whom nothing was read yet.
struct Watch {
    sign_in: Milestone,
    /// From when on the app could have read.
    free: Duration,
    /// What the user before was read.
    own: BTreeSet<String>,
}

impl Rule for NextUser {
    fn see(&mut self, context: &Context<'_>) {
        self.overdue(context);
        match &context.entry.fact {
            Fact::Act(Act::SignIn { account }) => self.marked = Some(account.clone()),
            Fact::Act(Act::SignOut) => self.account = None,
            Fact::Act(Act::Open { .. }) => self.landing = None,
            Fact::App(AppFact::Reported(Report::User(shown))) => self.shows(shown, context),
            _ => {}
        }
        if let Fact::TokenIssued(token) = &context.entry.fact
            && token.kind == TokenKind::Access
            && is_sign_in(token.exchange, context)
        {
            self.signed_in(token, context);
        }
        if let Some(request) = context.request() {
            match &request.role {
                Some(Role::Resource(name)) => self.reads(name, context),
                Some(Role::SignOut) => self.watch = None,
                _ => {}
            }
        }
        if let Some((_, name, _)) = context.event_down()
            && let Some(rule) = context.contract.event(name)
            && let Some(resource) = &rule.updates
        {
            self.reads(resource, context);
        }
        if !context.world.running {
            self.watch = None;
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        self.overdue(context);
        if let Some(watch) = &self.watch {
            let since = "a sign-in as another user";
            context.lacked(&READS_ANEW, since, context.now - watch.free, limit(context));
        }
    }
}

impl NextUser {
    /// The screen shows somebody's name or data.
    fn shows(&self, shown: &str, context: &Context<'_>) {
        let Some((account, sign_in)) = &self.account else {
            return;
        };
        if !context.session.is_wanted() || context.now <= sign_in.at + TURNOVER {
            return;
        }
        context.exercised(&READS_ANEW);
        if shown == account {
            return;
        }
        context.violated(
            &READS_ANEW,
            Violation::new("the screen shows another user than the one who signed in")
                .expected(format!("what is {account}'s"))
                .observed(format!(
                    "{shown}, {} after the sign-in",
                    show(context.now - sign_in.at)
                ))
                .evidence([sign_in.id, context.entry.id]),
        );
    }

    fn signed_in(&mut self, token: &TokenIssued, context: &Context<'_>) {
        let sign_in = Milestone::of(context.entry, token.exchange);
        self.account = self.marked.clone().map(|account| (account, sign_in));
        self.landing = Some(context.now + limit(context));
        let user = token.username.clone();
        let before = std::mem::replace(&mut self.user, user);
        let own = std::mem::take(&mut self.read);
        let changed = before.is_some() && self.user.is_some() && before != self.user;
        if before == self.user {
            self.read = own;
        } else if changed && own.is_empty() {
            context.unable(
                &READS_ANEW,
                "the user before was read nothing of their own where a sign-in leads, so nothing of the \
                 new user's has to be",
            );
        } else if changed {
            self.watch = Some(Watch {
                sign_in,
                free: context.now,
                own,
            });
        }
    }

    fn reads(&mut self, name: &str, context: &Context<'_>) {
        if self
            .watch
            .take_if(|watch| watch.own.contains(name))
            .is_some()
        {
            context.exercised(&READS_ANEW);
        }
        let contract = &context.contract;
        let is_profile = contract
            .session
            .identity
            .as_ref()
            .is_some_and(|identity| identity.resource == name);
        let is_personal = contract.resource(name).is_some_and(|own| own.personal);
        let is_landing = self.landing.is_some_and(|until| context.now <= until);
        if is_landing && (is_profile || is_personal) {
            self.read.insert(name.to_owned());
        }
    }

    fn overdue(&mut self, context: &Context<'_>) {
        let Some(watch) = &mut self.watch else {
            return;
        };
        if !context.app_is_free()
            || context.world.is_disturbed()
            || context.world.backend_is_stopped()
        {
            watch.free = context.now;
            return;
        }
        let limit = limit(context);
        if context.now <= watch.free + limit {
            return;
        }
        let Some(Watch { sign_in, own, .. }) = self.watch.take() else {
            return;
        };
        let names: Vec<String> = own.into_iter().collect();
        context.violated(
            &READS_ANEW,
            Violation::new("after a change of users the app reads nothing of the new user's own")
                .expected(format!(
                    "a request for {}, as for the user before, within {}",
                    names.join(" or "),
                    show(limit)
                ))
                .observed(format!("none for {}", show(context.now - sign_in.at)))
                .evidence([sign_in.id])
                .exchanges([sign_in.exchange]),
        );
    }
}

/// How long an app has for what a sign-in makes it read.
fn limit(context: &Context<'_>) -> Duration {
    let contract = &context.contract;
    contract.request_timeout * contract.retry.attempts + SLACK
}

/// Whether an exchange is a sign-in.
fn is_sign_in(exchange: u64, context: &Context<'_>) -> bool {
    let asked = context.opened(exchange).and_then(Opened::request);
    asked.is_some_and(|own| own.role == Some(Role::SignIn))
}
