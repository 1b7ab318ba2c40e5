//! SYNC-6: changes are applied in their order, and a missing one is made up for.

use std::collections::BTreeMap;
use std::time::Duration;

use super::numbers;
use crate::domain::change::Change;
use crate::domain::contract::{Apply, EventRule, Role};
use crate::domain::duration::show;
use crate::domain::journal::{
    Act, AppFact, Changed, Content, DataSource, EntryId, Fact, Frame, HarnessFact, Request,
};
use crate::rules::context::Context;
use crate::rules::exchange::Ended;
use crate::rules::moment::Moment;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// Changes are applied in order, a gap is made up for, and nothing older overwrites something
    /// newer
    ///
    /// # Why
    /// Where the backend numbers its changes an app can tell what it missed: it buffers them until
    /// the snapshot is there, drops what the snapshot contains, applies the rest in order, and
    /// reads a new snapshot when a number is missing.
    ///
    /// # How it is judged
    /// Judged from the numbers that passed down: after a gap the resource is read again in the time
    /// in which the feed must be live. And, where the app says what it shows, from the number
    /// shown: it never goes back within one session, and never skips one by a single change.
    ///
    /// # How to keep it
    /// Keep the number of what is shown; apply the next, drop older ones, and read the snapshot for
    /// anything else. Drop an answer that is older than what is shown.
    ///
    /// # Source
    /// Socket.IO delivery guarantees (at most once by default); runbook S7.3
    pub(super) ORDER: "SYNC-6", App, from [Wire, Sim],
        needs [Feed, NumberedFeed],
        set by ["resources[].sequence", "realtime.events[].sequence", "realtime.live-within"]
}

#[derive(Default)]
pub(super) struct Order {
    streams: BTreeMap<String, Stream>,
}

/// The changes of one resource.
#[derive(Default)]
struct Stream {
    /// The highest number that passed down since the connect.
    position: Option<i64>,
    /// How the change that passed down last is applied.
    apply: Option<Apply>,
    gap: Option<Gap>,
    /// The number that is shown.
    shown: Option<(i64, EntryId)>,
    /// Whether it was last answered with 304.
    is_unchanged: bool,
}

struct Gap {
    moment: Moment,
    from: i64,
    to: i64,
    /// From when on it could have been made up for.
    free: Duration,
}

impl Rule for Order {
    fn see(&mut self, context: &Context<'_>) {
        self.overdue(context);
        match &context.entry.fact {
            Fact::SocketClosed { .. } => self.forget_gaps(),
            Fact::Act(Act::Launch | Act::SignIn { .. } | Act::SignOut) => self.streams.clear(),
            // A backend that was started anew may count anew.
            Fact::Harness(HarnessFact::Changed(Changed {
                change: Change::Backend { .. },
                ..
            })) => {
                self.streams.clear();
            }
            Fact::App(AppFact::Shown {
                resource,
                source,
                sequence: Some(sequence),
                ..
            }) => self.shown(resource, *source, *sequence, context),
            _ => {}
        }
        if let Some((_, packet)) = context.packet_down() {
            self.packet(packet, context);
        }
        // Nobody makes up for what they no longer want.
        let says_good_bye = matches!(context.packet_up(), Some((_, Frame::Disconnect { .. })));
        if says_good_bye || !context.session.is_wanted() {
            self.forget_gaps();
        }
        if let Some(request) = context.request() {
            self.asked(request);
        }
        if let Some(ended) = context.ended() {
            self.read(&ended, context);
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        self.overdue(context);
    }

    fn hears_routine(&self) -> bool {
        true
    }
}

impl Order {
    fn stream(&mut self, resource: &str) -> Option<&mut Stream> {
        // Changes come by the million, so that a name is copied once.
        if !self.streams.contains_key(resource) {
            self.streams.insert(resource.to_owned(), Stream::default());
        }
        self.streams.get_mut(resource)
    }

    fn packet(&mut self, packet: &Frame, context: &Context<'_>) {
        match packet {
            Frame::Connect { namespace, .. } if context.is_feed(namespace) => {
                for stream in self.streams.values_mut() {
                    stream.position = None;
                    stream.gap = None;
                }
            }
            Frame::Event {
                namespace,
                name,
                args,
                ..
            } if context.is_feed(namespace) => {
                if let Some(rule) = context.contract.event(name) {
                    self.changed(rule, args, context);
                }
            }
            Frame::Disconnect { .. } => self.forget_gaps(),
            _ => {}
        }
    }

    /// A change passed down.
    fn changed(&mut self, rule: &EventRule, args: &Content, context: &Context<'_>) {
        let (Some(resource), Some(selector)) = (&rule.updates, &rule.sequence) else {
            return;
        };
        let Some(number) = numbers::in_event(selector, args) else {
            return;
        };
        let Some(stream) = self.stream(resource) else {
            return;
        };
        stream.apply = Some(rule.apply);
        let before = stream.position;
        stream.position = before.max(Some(number));
        match (rule.apply, before) {
            (Apply::Merge, Some(before)) if number > before + 1 => {
                context.exercised(&ORDER);
                stream.gap.get_or_insert(Gap {
                    moment: context.moment(),
                    from: before,
                    to: number,
                    free: context.now,
                });
            }
            // A whole new state makes up for everything before it.
            (Apply::Replace, _) => stream.gap = None,
            _ => {}
        }
    }

    fn asked(&mut self, request: &Request) {
        if let Some(Role::Resource(name)) = &request.role
            && let Some(stream) = self.streams.get_mut(name)
        {
            stream.gap = None;
        }
    }

    /// A snapshot came, from whomever.
    fn read(&mut self, ended: &Ended<'_>, context: &Context<'_>) {
        if let Some(Role::Resource(name)) = &ended.request.role
            && let Some(stream) = self.streams.get_mut(name)
        {
            stream.is_unchanged = ended.status() == Some(304);
        }
        if let (Some(answer), Some(Role::Resource(name))) = (ended.answer, &ended.request.role)
            && answer.is_success()
            && let Some(resource) = context.contract.resource(name)
            && let Some(number) = numbers::in_answer(resource, answer)
            && let Some(stream) = self.stream(name)
        {
            stream.position = stream.position.max(Some(number));
            stream.gap.take_if(|gap| number + 1 >= gap.to);
        }
    }

    fn shown(&mut self, resource: &str, source: DataSource, number: i64, context: &Context<'_>) {
        let id = context.entry.id;
        let Some(stream) = self.stream(resource) else {
            return;
        };
        let Some((before, shown_before)) = stream.shown.replace((number, id)) else {
            return;
        };
        if source == DataSource::Request {
            context.exercised(&ORDER);
        }
        let one_change = source == DataSource::Event && stream.apply == Some(Apply::Merge);
        // Who was told that nothing has changed shows what was held; whether that is so is API-13's.
        let was_told = source == DataSource::Request && stream.is_unchanged;
        let (message, observed) = if number < before && !was_told {
            (
                "something older takes the place of something newer",
                format!("{resource} went from number {before} back to {number}"),
            )
        } else if one_change && number > before + 1 {
            (
                "a change is applied although one before it is missing",
                format!("{resource} went from number {before} to {number} by one change"),
            )
        } else {
            return;
        };
        context.violated(
            &ORDER,
            Violation::new(message)
                .expected("changes in their order, and a new snapshot where one is missing")
                .observed(observed)
                .evidence([shown_before, id]),
        );
    }

    fn forget_gaps(&mut self) {
        for stream in self.streams.values_mut() {
            stream.gap = None;
        }
    }

    fn overdue(&mut self, context: &Context<'_>) {
        let Some(feed) = &context.contract.realtime else {
            return;
        };
        let free = context.app_is_free();
        for (resource, stream) in &mut self.streams {
            let Some(gap) = &mut stream.gap else {
                continue;
            };
            if !free {
                gap.free = context.now;
            }
            if context.now > gap.free + feed.live_within {
                gap.judge(resource, feed.live_within, context);
                stream.gap = None;
            }
        }
    }
}

impl Gap {
    fn judge(&self, resource: &str, limit: Duration, context: &Context<'_>) {
        if !context.world.acts_marked {
            context.unable(
                &ORDER,
                "a gap was not made up for, \
                 and nobody marked whether the app was in the foreground",
            );
            return;
        }
        context.violated(
            &ORDER,
            Violation::new("a gap in the changes is not made up for")
                .expected(format!("{resource} is read again within {}", show(limit)))
                .observed(format!(
                    "number {} came after {}, and nothing was read for {}",
                    self.to,
                    self.from,
                    show(context.now - self.moment.at)
                ))
                .evidence([self.moment.id]),
        );
    }
}
