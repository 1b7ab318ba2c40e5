//! SYNC-6: changes are applied in their order, and a missing one is made up for.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::domain::change::Change;
use crate::domain::contract::{Apply, EventRule, Resource, Role};
use crate::domain::duration::show;
use crate::domain::journal::{
    Act, Answer, AppFact, Changed, Content, DataSource, Direction, Entry, EntryId, Fact, Frame,
    HarnessFact,
};
use crate::domain::selector::Selector;
use crate::rules::context::Context;
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
        set by ["resources[].sequence", "realtime.events[].sequence", "realtime.live_within"]
}

pub(super) struct Order {
    streams: BTreeMap<String, Stream>,
    /// Whether any event is numbered.
    numbered: bool,
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
}

struct Gap {
    moment: Moment,
    from: i64,
    to: i64,
    /// From when on it could have been made up for.
    free: Duration,
}

impl Order {
    pub(super) fn new(contract: &crate::domain::contract::Contract) -> Self {
        let events = contract.realtime.iter().flat_map(|feed| &feed.events);
        Self {
            streams: BTreeMap::new(),
            numbered: events.into_iter().any(|event| event.sequence.is_some()),
        }
    }
}

impl Rule for Order {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        let Some(feed) = &context.contract.realtime else {
            context.unable(&ORDER, "the contract has no live feed");
            return;
        };
        if !self.numbered {
            context.unable(&ORDER, "the contract does not say how changes are numbered");
            return;
        }
        self.overdue(context);
        match &entry.fact {
            Fact::Frame {
                direction: Direction::Down,
                packet,
                ..
            } => match packet {
                Frame::Connect { namespace, .. } if *namespace == feed.namespace => {
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
                } if *namespace == feed.namespace => {
                    let rule = feed.events.iter().find(|rule| rule.name == *name);
                    if let Some(rule) = rule {
                        self.changed(entry, rule, args, context);
                    }
                }
                Frame::Disconnect { .. } => self.forget_gaps(),
                _ => {}
            },
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
            }) => self.shown(entry, resource, *source, *sequence, context),
            _ => {}
        }
        if let Some(request) = context.request()
            && let Some(Role::Resource(name)) = &request.role
            && let Some(stream) = self.streams.get_mut(name)
        {
            stream.gap = None;
        }
        if let Some(ended) = context.ended()
            && ended.succeeded()
            && let (Some(answer), Some(Role::Resource(name))) = (ended.answer, &ended.request.role)
            && let Some(resource) = context.contract.resource(name)
            && let Some(sequence) = number_in(resource, answer)
        {
            let stream = self.streams.entry(name.clone()).or_default();
            stream.position = stream.position.max(Some(sequence));
            stream.gap.take_if(|gap| sequence + 1 >= gap.to);
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        self.overdue(context);
    }

    fn hears_routine(&self) -> bool {
        self.numbered
    }
}

impl Order {
    /// A change passed down.
    fn changed(&mut self, entry: &Entry, rule: &EventRule, args: &Content, context: &Context<'_>) {
        let (Some(resource), Some(selector)) = (&rule.updates, &rule.sequence) else {
            return;
        };
        let Some(number) = number_of(selector, args) else {
            return;
        };
        if !self.streams.contains_key(resource) {
            self.streams.insert(resource.clone(), Stream::default());
        }
        let Some(stream) = self.streams.get_mut(resource) else {
            return;
        };
        stream.apply = Some(rule.apply);
        let position = stream
            .position
            .replace(number.max(stream.position.unwrap_or(number)));
        match (rule.apply, position) {
            (Apply::Merge, Some(position)) if number > position + 1 => {
                context.exercised(&ORDER);
                stream.gap.get_or_insert(Gap {
                    moment: Moment::of(entry),
                    from: position,
                    to: number,
                    free: entry.at,
                });
            }
            // A whole new state makes up for everything before it.
            (Apply::Replace, _) => stream.gap = None,
            _ => {}
        }
    }

    fn shown(
        &mut self,
        entry: &Entry,
        resource: &str,
        source: DataSource,
        sequence: i64,
        context: &Context<'_>,
    ) {
        if !self.streams.contains_key(resource) {
            self.streams.insert(resource.to_owned(), Stream::default());
        }
        let Some(stream) = self.streams.get_mut(resource) else {
            return;
        };
        let Some((before, id)) = stream.shown.replace((sequence, entry.id)) else {
            return;
        };
        if source == DataSource::Request {
            context.exercised(&ORDER);
        }
        let skipped = source == DataSource::Event
            && stream.apply == Some(Apply::Merge)
            && sequence > before + 1;
        let (kind, message, observed) = if sequence < before {
            (
                "older",
                "something older takes the place of something newer",
                format!("{resource} went from number {before} back to {sequence}"),
            )
        } else if skipped {
            (
                "skipped",
                "a change is applied although one before it is missing",
                format!("{resource} went from number {before} to {sequence} by one change"),
            )
        } else {
            return;
        };
        context.violated(
            &ORDER,
            Violation::new(message.to_owned())
                .kind(kind.to_owned())
                .expected("changes in their order, and a new snapshot where one is missing")
                .observed(observed)
                .evidence([id, entry.id]),
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
        let free = context.app_is_awake()
            && context.session.is_wanted()
            && !context.may_be_blocked()
            && !context.world.is_blind();
        for (resource, stream) in &mut self.streams {
            let Some(gap) = &mut stream.gap else {
                continue;
            };
            if !free {
                gap.free = context.now;
            }
            if context.now <= gap.free + feed.live_within {
                continue;
            }
            let Gap {
                moment, from, to, ..
            } = gap;
            if context.world.acts_marked {
                context.violated(
                    &ORDER,
                    Violation::new("a gap in the changes is not made up for")
                        .kind("gap")
                        .expected(format!(
                            "{resource} is read again within {}",
                            show(feed.live_within)
                        ))
                        .observed(format!(
                            "number {to} came after {from}, and nothing was read for {}",
                            show(context.now - moment.at)
                        ))
                        .evidence([moment.id]),
                );
            } else {
                context.unable(&ORDER, "a gap was not made up for, and nobody marked whether the app was in the foreground");
            }
            stream.gap = None;
        }
    }
}

pub(super) fn number_in(resource: &Resource, answer: &Answer) -> Option<i64> {
    let selector = resource.sequence.as_ref()?;
    as_integer(&answer.find(selector)?)
}

/// The number in the first argument of an event. Feeds bring them by the million, so that nothing
/// else in them is looked at where the contract names the place.
pub(super) fn number_of(selector: &Selector, args: &Content) -> Option<i64> {
    match (selector, args) {
        (Selector::Pointer(pointer), Content::Json { value, .. }) => {
            as_integer(&*value.pointer(&format!("/0{pointer}"))?)
        }
        _ => as_integer(selector.in_body(args.json()?.get(0)?)?),
    }
}

fn as_integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}
