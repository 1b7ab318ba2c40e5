//! How long it takes from one thing to another: to fall back to polling, to come back, and to stop
//! when the kill-switch is on.

use std::time::Duration;

use super::ledger::{ANY, Ledger};
use crate::domain::change::Change;
use crate::domain::contract::Role;
use crate::domain::figures::Figure;
use crate::domain::journal::{Act, EntryId, Fact};
use crate::rules::context::Context;
use crate::rules::moment::Moment;

/// Measures what begins at one entry and ends at another.
#[derive(Default)]
pub(super) struct Spans {
    /// Since when a poll is waited for.
    fallback: Option<Moment>,
    /// Whether the feed was there in this process and session, and was lost.
    lost: bool,
    /// Since when nothing keeps it from coming back.
    comeback: Option<Moment>,
    flip: Option<Flip>,
    longest: [Duration; 3],
}

/// The kill-switch was moved in an app that is at work.
struct Flip {
    moment: Moment,
    /// The last data request that began all the same.
    asked: Option<Moment>,
    told: bool,
}

/// What is still waited for at the end, and for how long.
#[derive(Default)]
pub(super) struct Pending {
    pub(super) fallback: Option<(Duration, EntryId)>,
    pub(super) comeback: Option<(Duration, EntryId)>,
}

impl Spans {
    pub(super) fn see(&mut self, context: &Context<'_>, ledger: &mut Ledger) {
        self.fallback(context, ledger);
        self.comeback(context, ledger);
        self.kill(context, ledger);
    }

    /// Nothing more comes.
    pub(super) fn end(&mut self, context: &Context<'_>, ledger: &mut Ledger) -> Pending {
        self.stopped(context, ledger);
        let waited = |since: Option<Moment>| {
            let since = since?;
            Some((context.entry.at.saturating_sub(since.at), since.id))
        };
        Pending {
            fallback: waited(self.fallback),
            comeback: waited(self.comeback),
        }
    }

    fn fallback(&mut self, context: &Context<'_>, ledger: &mut Ledger) {
        if is_lost_here(context) {
            self.fallback = Some(context.moment());
        }
        let can_poll = context.app_is_free()
            && context.absences_are_known()
            && !context.world.backend_is_stopped()
            && !context.world.reads_are_disturbed()
            && !context.is_blocked_by_lever()
            && !context.may_be_blocked()
            && context.waits.until_all() <= context.now
            && context.sockets.live() == 0;
        if !can_poll {
            self.fallback = None;
        }
        let Some(since) = self.fallback else { return };
        let Some(ended) = context.ended() else { return };
        let is_poll = context.polling_of(ended.request.role.as_ref()).is_some();
        if is_poll && ended.succeeded() && ended.opened.id() > since.id {
            self.fallback = None;
            let times = &mut ledger.figures.fallback;
            let took = context.entry.at.saturating_sub(since.at);
            times.record(took);
            self.keep(
                Figure::TimeToFallback,
                took,
                [since.id, context.entry.id],
                ledger,
            );
        }
    }

    fn comeback(&mut self, context: &Context<'_>, ledger: &mut Ledger) {
        if is_lost_here(context) {
            self.lost = true;
        }
        let role = context.ended().and_then(|own| own.request.role.clone());
        let begins_anew = matches!(role, Some(Role::SignIn | Role::SignOut));
        let act = match &context.entry.fact {
            Fact::Act(act) => Some(act),
            _ => None,
        };
        if begins_anew || matches!(act, Some(Act::Launch | Act::Kill)) {
            self.lost = false;
        }
        if context.sockets.live() > 0 {
            if let Some(since) = self.comeback.take() {
                let took = context.entry.at.saturating_sub(since.at);
                ledger.figures.comeback.record(took);
                self.keep(
                    Figure::TimeToReturn,
                    took,
                    [since.id, context.entry.id],
                    ledger,
                );
            }
            self.lost = false;
            return;
        }
        let can_return = self.lost
            && context.absences_are_known()
            && context.app_is_free()
            && !context.world.backend_is_stopped()
            && !context.world.is_disturbed()
            && !context.is_blocked_by_lever()
            && !context.may_be_blocked();
        if can_return {
            self.comeback.get_or_insert_with(|| context.moment());
        } else {
            self.comeback = None;
        }
    }

    fn kill(&mut self, context: &Context<'_>, ledger: &mut Ledger) {
        match context.entry.fact.change() {
            Some(Change::Maintenance(true)) => {
                self.stopped(context, ledger);
                let at_work = context.app_is_free() && context.absences_are_known();
                self.flip = at_work.then(|| Flip {
                    moment: context.moment(),
                    asked: None,
                    told: false,
                });
            }
            Some(Change::Maintenance(false)) => self.stopped(context, ledger),
            _ => {}
        }
        if context.world.is_disturbed() || context.world.backend_is_stopped() {
            // What is told late, or not at all, then is the harness's doing.
            self.flip = None;
        }
        // What an app does that cannot ask is a matter of its fail mode.
        let cannot_ask = context.switch.is_silent();
        if cannot_ask || !context.app_is_awake() || !context.session.is_wanted() {
            self.stopped(context, ledger);
        }
        let Some(flip) = &mut self.flip else { return };
        flip.told |= context.switch.told.is_some();
        if let Some(request) = context.request()
            && (matches!(request.role, Some(Role::Resource(_))) || request.is_handshake())
        {
            flip.asked = Some(context.moment());
        }
    }

    /// The kill-switch is off again, or the app is not there to be stopped any more.
    fn stopped(&mut self, context: &Context<'_>, ledger: &mut Ledger) {
        let Some(flip) = self.flip.take() else { return };
        let Some(switch) = &context.contract.kill_switch else {
            return;
        };
        let passed = context.entry.at.saturating_sub(flip.moment.at);
        if !flip.told && passed < switch.takes_effect_within {
            return;
        }
        let last = flip.asked.unwrap_or(flip.moment);
        let took = last.at.saturating_sub(flip.moment.at);
        ledger.figures.kill.record(took);
        self.keep(Figure::KillLatency, took, [flip.moment.id, last.id], ledger);
    }

    /// Keeps the entries of the longest.
    fn keep(&mut self, figure: Figure, took: Duration, shown: [EntryId; 2], ledger: &mut Ledger) {
        let longest = match figure {
            Figure::TimeToFallback => &mut self.longest[0],
            Figure::TimeToReturn => &mut self.longest[1],
            _ => &mut self.longest[2],
        };
        if took >= *longest {
            *longest = took;
            ledger.replace(figure, ANY, &shown);
        }
    }
}

/// Whether the entry is the one by which the last joined feed was lost.
fn is_lost_here(context: &Context<'_>) -> bool {
    let lost = context.sockets.lost;
    lost.is_some_and(|lost| lost.id == context.entry.id) && context.sockets.live() == 0
}
