//! For how long data arrived in which way.

use std::time::Duration;

use super::ledger::{ANY, Ledger};
use crate::domain::change::Change;
use crate::domain::figures::{Figure, Ways};
use crate::domain::journal::{Act, AppFact, Fact, FeedState, LinkState, Report};
use crate::rules::context::Context;
use crate::rules::moment::Moment;
use crate::rules::state::AFTERMATH;

/// How data arrives, as far as somebody is there to see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Way {
    /// None is expected.
    #[default]
    Off,
    Offline,
    Live,
    Polling,
    Stale,
}

/// Measures for how long data arrives in which way.
#[derive(Default)]
pub(super) struct FeedClock {
    way: Way,
    /// Since when nothing changed, and when times begin to count as undisturbed.
    since: Duration,
    steady_from: Duration,
    disturbed: bool,
    /// What the app says itself; whoever reads its screen says it of one moment.
    told: Option<FeedState>,
    /// Whether the feed was joined then.
    joined: bool,
    link_gone: bool,
    /// When a poll was last answered.
    polled: Option<Moment>,
}

impl FeedClock {
    pub(super) fn see(&mut self, context: &Context<'_>, ledger: &mut Ledger) {
        let moved = match &context.entry.fact {
            Fact::Act(_) => true,
            // What a lever of the suite's own does nobody knows, and expired tokens may cost the feed.
            fact => fact
                .change()
                .is_some_and(|change| !matches!(change, Change::Push { .. })),
        };
        self.hear(context);
        let way = self.way_now(context);
        let disturbed = context.world.is_disturbed()
            || context.world.backend_is_stopped()
            || context.is_blocked_by_lever();
        if !moved && way == self.way && disturbed == self.disturbed {
            return;
        }
        self.polls_end(context, ledger);
        self.close(context.entry.at, ledger);
        if moved || disturbed != self.disturbed || self.way == Way::Off {
            self.steady_from = context.entry.at + settling(context);
        }
        let figure = match way {
            Way::Polling => Some(Figure::TimePolling),
            Way::Stale => Some(Figure::TimeStale),
            Way::Off | Way::Offline | Way::Live => None,
        };
        if let Some(figure) = figure.filter(|_| way != self.way) {
            ledger.show(figure, ANY, &[context.entry.id]);
        }
        (self.way, self.disturbed) = (way, disturbed);
    }

    /// Polls that were not followed by others ended before anything showed it.
    fn polls_end(&mut self, context: &Context<'_>, ledger: &mut Ledger) {
        let every = every(context).filter(|_| self.told.is_none() && self.way == Way::Polling);
        let (Some(every), Some(polled)) = (every, self.polled) else {
            return;
        };
        let ends = (polled.at + every * 2).max(self.since);
        if ends < context.entry.at {
            self.close(ends, ledger);
            self.way = match context.absences_are_known() {
                true => Way::Stale,
                false => Way::Off,
            };
        }
    }

    /// Counts the time up to a moment.
    pub(super) fn close(&mut self, at: Duration, ledger: &mut Ledger) {
        let feed = &mut ledger.figures.feed;
        let passed = at.saturating_sub(self.since);
        if self.way == Way::Offline {
            feed.offline += passed;
        }
        if let Some(time) = self.way.among(&mut feed.all) {
            *time += passed;
        }
        if let Some(time) = self.way.among(&mut feed.steady)
            && !self.disturbed
        {
            *time += at.saturating_sub(self.since.max(self.steady_from));
        }
        self.since = at;
    }

    /// Takes in what is said of how data arrives, and what the wire shows of it.
    fn hear(&mut self, context: &Context<'_>) {
        match &context.entry.fact {
            Fact::App(AppFact::Feed { feed } | AppFact::Reported(Report::Feed(feed))) => {
                self.told = Some(*feed);
                self.joined = context.sockets.live() > 0;
            }
            Fact::App(AppFact::Link { link }) => self.link_gone = *link == LinkState::Offline,
            Fact::Act(Act::Launch | Act::Kill) if self.told.is_some() => {
                self.told = Some(FeedState::Off);
                self.link_gone = false;
            }
            _ => {
                // What was read off a screen is over when the feed comes or goes.
                if !context.world.simulated && self.joined != (context.sockets.live() > 0) {
                    self.told = None;
                }
                if let Some(ended) = context.ended()
                    && ended.succeeded()
                    && context.polling_of(ended.request.role.as_ref()).is_some()
                {
                    self.polled = Some(context.moment());
                }
            }
        }
    }

    fn way_now(&self, context: &Context<'_>) -> Way {
        let world = &context.world;
        if !world.running || !world.visible || !context.session.is_wanted() {
            return Way::Off;
        }
        if !world.has_network() || self.link_gone {
            return Way::Offline;
        }
        if context.may_be_blocked() {
            return Way::Off;
        }
        match self.told {
            Some(FeedState::Off) => Way::Off,
            Some(FeedState::Live) => Way::Live,
            Some(FeedState::Polling) => Way::Polling,
            Some(FeedState::Stale) => Way::Stale,
            None => self.by_the_wire(context),
        }
    }

    /// How data arrives in an app that says nothing about itself.
    fn by_the_wire(&self, context: &Context<'_>) -> Way {
        let lost = context.sockets.lost;
        let polls = |polled: Moment| {
            every(context).is_some_and(|every| context.entry.at <= polled.at + every * 2)
                && lost.is_none_or(|lost| polled.id > lost.id)
        };
        // What a process before had says nothing of one that may show its sign-in screen.
        let had = lost.is_some_and(|lost| context.world.same_process_since(lost.id));
        if context.sockets.live() > 0 {
            Way::Live
        } else if self.polled.is_some_and(polls) {
            Way::Polling
        } else if had && context.absences_are_known() {
            Way::Stale
        } else {
            Way::Off
        }
    }
}

impl Way {
    /// Its place among the ways in which data arrives.
    fn among(self, ways: &mut Ways) -> Option<&mut Duration> {
        match self {
            Self::Off | Self::Offline => None,
            Self::Live => Some(&mut ways.live),
            Self::Polling => Some(&mut ways.polling),
            Self::Stale => Some(&mut ways.stale),
        }
    }
}

/// How far apart polls are.
fn every(context: &Context<'_>) -> Option<Duration> {
    let polling = context.contract.polling.as_ref()?;
    Some(polling.every)
}

/// How long it may take until data arrives as it should.
fn settling(context: &Context<'_>) -> Duration {
    let feed = context.contract.realtime.as_ref();
    feed.map_or(AFTERMATH, |feed| feed.live_within.max(AFTERMATH))
}
