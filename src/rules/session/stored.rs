//! SESSION-13: what a start makes of what it finds in storage.

use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::duration::show;
use crate::domain::journal::{
    Act, AppFact, EntryId, Fact, Report, ScreenName, SessionState, StorageAccident,
};
use crate::rules::context::Context;
use crate::rules::exchange::Ended;
use crate::rules::moment::Moment;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// A stored session is restored if it is whole, and otherwise a start ends in a clean sign-in
    ///
    /// # Why
    /// Secure storage can hold a valid entry, an expired one, none, a damaged one, one that no key
    /// opens any more, one that is too large, or be emptied by a reinstall.
    ///
    /// # How it is judged
    /// What happened to the storage before a start is held against what the app says after it: a
    /// whole entry is restored, anything else is not (whether one is that was written within a second
    /// before a kill, or that nothing could renew any more, is not judged), and in no case does the app stay on its
    /// loading screen past its attempts at the status and ten seconds. Of another app whoever drives
    /// it says what it shows and what a start has found (`POST /app`): *loading* counts when it is
    /// said after that time, from the first request or word of that start on.
    ///
    /// # How to keep it
    /// Treat every failure to read as no session: clear the entry and show the sign-in screen; keep
    /// entries below 2048 bytes.
    ///
    /// # Source
    /// Expo SecureStore documentation (2048 bytes; values lost with the key, on iOS kept over a
    /// reinstall); runbook S3.1, S3.3
    pub(super) STORED: "SESSION-13", App, from [Sim],
        set by ["request-timeout", "retry.attempts"]
}

/// How long leaving the loading screen may take beside the attempts.
const SLACK: Duration = Duration::from_secs(10);
/// How long storing a session may take.
const WRITTEN: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct Restored {
    /// Since when the process that runs, or ran last, had a session.
    held: Option<Duration>,
    /// Whether it was killed before it can be known to have stored that.
    hasty: bool,
    /// What has happened to the storage since.
    accident: Option<(EntryId, StorageAccident)>,
    start: Option<Start>,
    /// Whether nobody has said what a start made of the last accident.
    untold: bool,
}

/// A start, until it is known what came of it.
struct Start {
    moment: Moment,
    held: bool,
    /// Whether nobody can say whether an entry is there, or is good.
    doubtful: bool,
    accident: Option<(EntryId, StorageAccident)>,
    /// Whether the app shows anything but its loading screen.
    shows: bool,
    /// When the app first showed that it runs: a mark says only that it was told to start.
    alive: Option<Duration>,
}

impl Rule for Restored {
    fn see(&mut self, context: &Context<'_>) {
        self.judge_loading(context);
        self.lives(context);
        match &context.entry.fact {
            Fact::Act(Act::Storage { accident }) => {
                self.untold = !context.world.simulated;
                self.accident = Some((context.entry.id, *accident));
            }
            Fact::Act(Act::Launch) => {
                self.start = Some(Start {
                    moment: context.moment(),
                    held: self.held.take().is_some(),
                    doubtful: std::mem::take(&mut self.hasty) || is_over(context),
                    accident: self.accident.take(),
                    shows: false,
                    alive: None,
                });
            }
            Fact::Act(Act::Kill) => {
                self.start = None;
                let written = self.held.map(|since| since + WRITTEN);
                self.hasty = !context.world.simulated
                    && written.is_some_and(|written| written > context.now);
            }
            Fact::Act(Act::Background) => self.start = None,
            Fact::App(AppFact::Screen { screen }) => {
                if let Some(start) = &mut self.start {
                    start.shows = *screen != ScreenName::Loading;
                }
            }
            Fact::App(AppFact::Session { state }) => self.said(state, context),
            Fact::App(AppFact::Reported(report)) => self.reported(report, context),
            _ => {}
        }
        if !context.world.simulated
            && let Some(ended) = context.ended()
        {
            self.held_by_wire(&ended, context);
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        self.judge_loading(context);
        if let Some(start) = self.start.as_ref().filter(|start| !start.shows)
            && context.world.simulated
        {
            let had = context.now.saturating_sub(start.moment.at);
            context.lacked(&STORED, "a start", had, limit(context));
        }
        if self.untold {
            context.unable(
                &STORED,
                "what a start finds in storage only the app itself can say, or whoever drives it",
            );
        }
    }
}

impl Restored {
    /// A start shows itself by its first request, or by the first word of whoever drives the app.
    fn lives(&mut self, context: &Context<'_>) {
        let speaks = matches!(context.entry.fact, Fact::App(_)) || context.request().is_some();
        if let Some(start) = self.start.as_mut().filter(|_| speaks) {
            start.alive.get_or_insert(context.now);
        }
    }

    /// Whoever drives the app says what it shows, or what it found.
    fn reported(&mut self, report: &Report, context: &Context<'_>) {
        match report {
            Report::Screen(screen) => {
                let Some(start) = &mut self.start else {
                    return;
                };
                start.shows = *screen != ScreenName::Loading;
                let limit = limit(context);
                let began = start.alive.unwrap_or(start.moment.at);
                if !start.shows && context.now > began + limit {
                    context.exercised(&STORED);
                    never_leaves(start, limit, context);
                    self.start = None;
                }
            }
            Report::Restored(found) => {
                self.untold = false;
                let state = if *found {
                    SessionState::Restored
                } else {
                    SessionState::NotFound {
                        why: "the app shows none".to_owned(),
                    }
                };
                self.said(&state, context);
            }
            Report::Feed(_) | Report::User(_) => {}
        }
    }

    /// Whether a session is there that a start must find, as far as the wire shows.
    fn held_by_wire(&mut self, ended: &Ended<'_>, context: &Context<'_>) {
        let ended_by = &context.contract.session.ended_by;
        match (&ended.request.role, ended.status()) {
            (Some(Role::SignIn | Role::Refresh), _) if ended.succeeded() => {
                self.held = Some(context.now);
            }
            (Some(Role::SignOut), _) => self.held = None,
            (Some(Role::Refresh), Some(status)) if ended_by.contains(&status) => self.held = None,
            _ => {}
        }
    }

    fn said(&mut self, state: &SessionState, context: &Context<'_>) {
        let (restored, why) = match state {
            SessionState::Restored => (true, ""),
            SessionState::NotFound { why } => (false, why.as_str()),
            SessionState::Ended { .. } => {
                self.held = None;
                return;
            }
            SessionState::Opened | SessionState::Refreshed => {
                self.held = Some(context.now);
                return;
            }
        };
        self.held = restored.then_some(Duration::ZERO);
        let Some(start) = &self.start else {
            return;
        };
        if start.doubtful && start.accident.is_none() {
            return;
        }
        context.exercised(&STORED);
        let observed = match (restored, &start.accident) {
            (true, Some((_, accident))) => {
                format!("a session was restored although the storage was {accident}")
            }
            (true, None) if !start.held => {
                "a session was restored although none was open when the app last ran".to_owned()
            }
            (false, None) if start.held => format!("the session that was kept is not found: {why}"),
            _ => return,
        };
        context.violated(
            &STORED,
            Violation::new("a start does not find in storage what is there")
                .expected("a whole entry is restored, and nothing else")
                .observed(observed)
                .evidence(start.evidence().chain([context.entry.id])),
        );
    }

    /// Whether the app stays on its loading screen.
    fn judge_loading(&mut self, context: &Context<'_>) {
        let limit = limit(context);
        let Some(start) = self.start.take_if(|start| {
            !start.shows && context.now > start.moment.at + limit && context.world.simulated
        }) else {
            return;
        };
        never_leaves(&start, limit, context);
    }
}

/// Whether nothing could renew the session that was kept: an app may clear it away.
fn is_over(context: &Context<'_>) -> bool {
    let ends = context.session.current().and_then(|token| token.ends);
    let over = ends.zip(context.unix(context.now));
    let over = over.is_some_and(|(ends, now)| ends <= now);
    context.contract.session.refresh.is_none() && (over || context.world.tokens_expired.is_some())
}

/// How long leaving the loading screen may take.
fn limit(context: &Context<'_>) -> Duration {
    let contract = &context.contract;
    contract.request_timeout * contract.retry.attempts + SLACK
}

fn never_leaves(start: &Start, limit: Duration, context: &Context<'_>) {
    let began = match context.world.simulated {
        true => start.moment.at,
        false => start.alive.unwrap_or(start.moment.at),
    };
    context.violated(
        &STORED,
        Violation::new("the app never leaves its loading screen")
            .expected(format!("another screen within {}", show(limit)))
            .observed(format!("none for {}", show(context.now - began)))
            .evidence(start.evidence()),
    );
}

impl Start {
    /// What happened to the storage, and the start itself.
    fn evidence(&self) -> impl Iterator<Item = EntryId> {
        let accident = self.accident.as_ref().map(|(id, _)| *id);
        accident.into_iter().chain([self.moment.id])
    }
}
