//! SYNC-3 and -4, for one target: whether those who ask for it ask as one poller does.

use std::collections::VecDeque;
use std::time::Duration;

use super::{NEVER_BOTH, ONE_POLLER};
use crate::domain::contract::Polling as Agreed;
use crate::domain::duration::show;
use crate::domain::journal::EntryId;
use crate::domain::verdict::Severity;
use crate::rules::context::Context;
use crate::rules::moment::Moment;
use crate::rules::state::CAUSE;
use crate::rules::violation::Violation;

/// How soon after a connect whatever is asked for belongs to its snapshot.
const SNAPSHOT: Duration = Duration::from_secs(2);
/// How many regular polls tell a poller from a person whom nobody follows.
const ENOUGH: u32 = 3;
/// How many gaps in the background show that it makes no difference, and how many agreed intervals
/// they take together at most.
const BEHIND: usize = 3;
const BEHIND_TOTAL: f64 = 3.75;
/// Among how many gaps a pattern is looked for.
const LAST_GAPS: usize = 8;

/// What is asked for again and again.
#[derive(Default)]
pub(super) struct Target {
    /// Whether it was last asked for in vain.
    pub(super) failed: bool,
    last: Option<Asked>,
    /// The last one that nothing but a poller explains.
    own: Option<Asked>,
    /// Gaps below the floor since the socket was lost.
    short: u32,
    /// Where there is no socket to be lost: which of the last gaps were below the floor.
    gaps: VecDeque<bool>,
    /// Regular polls while the socket is joined: in a row, unless every act of the user's is marked.
    both: u32,
    /// Until when the socket would have had to stay joined to show enough of them.
    shows_by: Option<Duration>,
    /// The last gaps in the background.
    behind: Vec<Duration>,
    /// A poll well inside the grace period, and the loss of the socket before it.
    early: Option<(Moment, EntryId)>,
    /// The loss of the socket that the app had noticed before the gateway did: it polled by then.
    noticed: Option<EntryId>,
}

/// When it was asked for, and whether anything but a poller explains that.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    pub(super) moment: Moment,
    pub(super) explained: bool,
}

/// One request for it, in its circumstances.
pub(super) struct Poll<'a> {
    pub(super) now: Asked,
    /// The one before, if the same process sent it.
    pub(super) before: Option<Asked>,
    /// The last one before that was a poll of its own.
    pub(super) own: Option<Asked>,
    pub(super) what: &'a str,
    pub(super) exchange: u64,
    pub(super) agreed: &'a Agreed,
}

impl Poll<'_> {
    fn since(&self, moment: Moment) -> Duration {
        self.now.moment.at - moment.at
    }
}

impl Target {
    /// Takes a request in, and returns the one before, and the last poll before.
    pub(super) fn replace(&mut self, asked: Asked) -> [Option<Asked>; 2] {
        let own = self.own;
        if !asked.explained {
            self.own = Some(asked);
        }
        [self.last.replace(asked), own]
    }

    /// Whether something other than a poller may ask for it now. What failed is repeated, but not beside
    /// another that is still awaited.
    pub(super) fn explains(&self, beside_another: bool, context: &Context<'_>) -> bool {
        (self.failed && !beside_another)
            || self.belongs_to_snapshot(context)
            || has_a_cause(context)
    }

    /// The first request after a connect is its snapshot, and so is what comes with it.
    fn belongs_to_snapshot(&self, context: &Context<'_>) -> bool {
        context.sockets.live_since().is_some_and(|since| {
            self.last.is_none_or(|last| last.moment.id < since.id)
                || context.now < since.at + SNAPSHOT
        })
    }

    /// Something happened to the feed, which is joined afterwards or not.
    pub(super) fn feed_moved(&mut self, joined: bool, context: &Context<'_>) {
        if joined {
            self.short = 0;
            self.early = None;
        } else if let Some(by) = self.shows_by.take()
            && context.now >= by
        {
            // What a socket was joined too shortly for may show over several.
            self.begin_anew(context);
        }
    }

    /// What asks now and then is a person, unless it is known when a person does.
    fn begin_anew(&mut self, context: &Context<'_>) {
        if !context.world.acts_marked {
            self.both = 0;
        }
    }

    /// A poll while a socket is joined.
    pub(super) fn while_joined(&mut self, poll: &Poll<'_>, context: &Context<'_>) {
        let Some(since) = context.sockets.live_since() else {
            return;
        };
        context.exercised(&NEVER_BOTH);
        let every = poll.agreed.every;
        self.shows_by = Some(since.at + every * (ENOUGH + 2));
        let is_snapshot = poll.since(since) < SNAPSHOT;
        if poll.now.explained && !is_snapshot {
            self.begin_anew(context);
        }
        if poll.now.explained {
            return;
        }
        let late = poll.since(since) > every.mul_f64(1.25) + Duration::from_secs(1);
        let regular = poll.before.filter(|before| {
            !before.explained
                && before.moment.id > since.id
                && poll.since(before.moment) <= every.mul_f64(1.5)
        });
        let Some(before) = regular.filter(|_| late) else {
            return;
        };
        self.both += 1;
        // Of an app whose user nobody follows, more is asked to tell a poller from a person.
        let enough = if context.world.simulated { 1 } else { ENOUGH };
        if self.both < enough {
            return;
        }
        context.violated(
            &NEVER_BOTH,
            Violation::new("the app polls although its socket is joined")
                .expected(format!(
                    "no polling later than {} after the socket is back",
                    show(every)
                ))
                .observed(format!(
                    "{} {} after it, {} after the poll before",
                    poll.what,
                    show(poll.since(since)),
                    show(poll.since(before.moment))
                ))
                .evidence([since.id, before.moment.id, poll.now.moment.id])
                .exchanges([poll.exchange]),
        );
    }

    /// A poll without a socket may come before the socket has been gone for the agreed time. One
    /// says nothing; another one at the agreed interval makes it a poller.
    pub(super) fn in_grace(&mut self, poll: &Poll<'_>, context: &Context<'_>) {
        let lost = context.sockets.lost;
        let Some(lost) = lost.filter(|lost| context.world.same_life_since(lost.id)) else {
            return;
        };
        context.exercised(&NEVER_BOTH);
        let every = poll.agreed.every;
        // Of a network that went silently the gateway hears later than the app.
        let ran_before = poll.own.is_some_and(|own| {
            let connected = context.sockets.connected;
            own.moment.id < lost.id
                && connected.is_some_and(|connected| own.moment.id > connected.id)
                && poll.since(own.moment) <= every.mul_f64(1.5)
        });
        if ran_before {
            self.noticed = Some(lost.id);
        }
        if self.noticed == Some(lost.id) {
            return;
        }
        let Some((early, lost_before)) = self.early else {
            self.early = is_early(poll, lost).then_some((poll.now.moment, lost.id));
            return;
        };
        let follows = poll
            .before
            .is_some_and(|before| before.moment.id == early.id);
        let regular = (every.mul_f64(0.5)..=every.mul_f64(1.5)).contains(&poll.since(early));
        if !follows || poll.now.explained || !regular {
            return;
        }
        self.early = None;
        context.violated(
            &NEVER_BOTH,
            Violation::new(
                "the app starts polling before the socket has been gone for the agreed time",
            )
            .expected(format!(
                "polling from {} after the socket was lost",
                show(poll.agreed.after)
            ))
            .observed(format!(
                "{} {} after it",
                poll.what,
                show(early.at.saturating_sub(lost.at))
            ))
            .evidence([lost_before, poll.now.moment.id, early.id])
            .exchanges([poll.exchange]),
        );
    }

    /// A poll without a socket that nothing explains, and that waits for none before it.
    pub(super) fn alone(&mut self, poll: &Poll<'_>, context: &Context<'_>) {
        if let Some(before) = poll.before {
            self.in_background(poll, before.moment, context);
        }
        // What the user asked for in between makes no two polls of one.
        if let Some(own) = poll.own {
            self.below_floor(poll, own.moment, context);
        }
    }

    /// What nobody sees need not be as fresh: worth a word, and no more, as nothing was agreed on
    /// it.
    fn in_background(&mut self, poll: &Poll<'_>, before: Moment, context: &Context<'_>) {
        if context.world.visible || context.world.acted_since(before.id) {
            self.behind.clear();
            return;
        }
        if self.behind.len() == BEHIND {
            self.behind.remove(0);
        }
        self.behind.push(poll.since(before));
        let Some(gaps) = self.behind.last_chunk::<BEHIND>() else {
            return;
        };
        let every = poll.agreed.every;
        let total = gaps.iter().sum::<Duration>();
        if total > every.mul_f64(BEHIND_TOTAL) {
            return;
        }
        self.behind.clear();
        context.violated(
            &ONE_POLLER,
            Violation::new("the app polls in the background as often as in front")
                .expected(format!("no polls, or gaps well above {}", show(every)))
                .observed(format!(
                    "{BEHIND} gaps of {} within {}",
                    poll.what,
                    show(total)
                ))
                .evidence([before.id, poll.now.moment.id])
                .severity(Severity::Information),
        );
    }

    fn below_floor(&mut self, poll: &Poll<'_>, before: Moment, context: &Context<'_>) {
        let floor = poll.agreed.floor;
        let gap = poll.since(before);
        if !self.is_pattern(gap < floor.mul_f64(0.9), context) {
            return;
        }
        context.violated(
            &ONE_POLLER,
            Violation::new("the app polls below the floor")
                .expected(format!(
                    "at least {} between two requests for it",
                    show(floor)
                ))
                .observed(format!("{} again after {}", poll.what, show(gap)))
                .evidence([before.id, poll.now.moment.id])
                .exchanges([poll.exchange]),
        );
    }

    /// Whether this gap makes those below the floor a pattern.
    fn is_pattern(&mut self, short: bool, context: &Context<'_>) -> bool {
        if context.contract.realtime.is_some() {
            self.short += u32::from(short);
            return short && self.short >= 2;
        }
        // Such a poller runs all the time, so rare short gaps say nothing about it; and of an app
        // whose user nobody follows more is asked to tell a poller from a person.
        if self.gaps.len() == LAST_GAPS {
            self.gaps.pop_front();
        }
        self.gaps.push_back(short);
        let enough = if context.world.acts_marked { 3 } else { 5 };
        short && self.gaps.iter().filter(|short| **short).count() >= enough
    }
}

/// Whether a poll comes well inside the grace period. A shorter one than two seconds has no inside.
fn is_early(poll: &Poll<'_>, lost: Moment) -> bool {
    let after = poll.agreed.after;
    !poll.now.explained
        && after >= Duration::from_secs(2)
        && poll.now.moment.at < lost.at + after.mul_f64(0.8)
}

/// Whether the user, a renewed session or the end of the maintenance may have made the app ask.
fn has_a_cause(context: &Context<'_>) -> bool {
    let is_recent = |moment: Moment| moment.at + CAUSE >= context.now;
    let reopened = context.switch.open.map(|(_, answered)| answered);
    context.was_caused() || (context.world.maintenance.is_some() && reopened.is_some_and(is_recent))
}
