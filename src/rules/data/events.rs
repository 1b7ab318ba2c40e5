//! DATA-1 on the live feed: what an event may do to an app that cannot use it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::quality::Quality;
use super::{STORM, SURVIVES, storm, violation};
use crate::domain::contract::{Apply, EventRule, Role};
use crate::domain::duration::show;
use crate::domain::journal::{
    AppFact, Content, DataSource, Direction, Entry, EntryId, Fact, Frame, SocketEnd,
};
use crate::rules::context::Context;
use crate::rules::moment::Moment;
use crate::rules::rule::Rule;
use crate::rules::violation::Violation;

/// How many events of one name are all looked into, and which of the later ones are: those that
/// SYNC-13 validates, so that nothing is read twice.
const ALL: u64 = 256;
const THEN_EACH: u64 = 16;

/// How soon after an event an app shows it, or leaves because of it.
const BECAUSE: Duration = Duration::from_secs(1);

/// How soon after a renewal an app may leave its socket to join with the new token.
const RENEWAL: Duration = Duration::from_secs(10);

/// How often an app must have left after an event that it could not use. Once may be an accident.
const TIMES: u32 = 2;

/// What the feed brought last.
#[derive(Default)]
pub(super) struct Events {
    /// How many events of each name there were.
    seen: BTreeMap<String, u64>,
    /// By resource: the last event that changes it, if nothing was read since.
    last: BTreeMap<String, Last>,
    /// The last packet that an app cannot use.
    odd: Option<(Moment, String)>,
    /// How many such packets there were.
    odds: u32,
    /// How often the app left its feed because of such a packet, and the first time.
    left: (u32, Vec<EntryId>),
    /// The acknowledgements that the app asked for.
    asked: BTreeSet<(u64, u64)>,
}

struct Last {
    entry: Arc<Entry>,
    /// What can be made of it, if it was looked into.
    quality: Option<Quality>,
    /// How often the resource was asked for since.
    repeats: u32,
    /// How many items were shown when it came.
    items: usize,
    /// Whether what was shown since came of it.
    is_shown: bool,
    /// Whether the one before it came just now, can be used and is not shown yet: then what is shown next is its.
    behind: bool,
}

/// How long an app may take to show what came, while the next event is there already.
const UNSHOWN: Duration = Duration::from_millis(500);

impl Rule for Events {
    fn see(&mut self, context: &Context<'_>) {
        match &context.entry.fact {
            Fact::Request(_) => self.asked(context),
            Fact::Frame {
                socket,
                direction,
                packet,
                ..
            } => self.packet(*socket, *direction, packet, context),
            Fact::App(AppFact::Shown {
                resource,
                source,
                items,
                ..
            }) => self.shown(resource, *source, *items, context),
            Fact::Act(_) => {
                self.odd = None;
                self.last.values_mut().for_each(|last| last.repeats = 0);
            }
            Fact::SocketClosed { socket, end } => {
                self.asked.retain(|(own, _)| own != socket);
                if *end == SocketEnd::Client {
                    self.leaves(context);
                }
            }
            _ => {}
        }
    }

    fn hears_routine(&self) -> bool {
        true
    }
}

impl Events {
    fn asked(&mut self, context: &Context<'_>) {
        let Some(request) = context.request() else {
            return;
        };
        if let Some(Role::Resource(name)) = &request.role
            && let Some(last) = self.last.get_mut(name)
            && last.quality.is_some_and(|own| own != Quality::Good)
            && context.entry.at <= last.entry.at + STORM
            && let Some(observed) = storm(&mut last.repeats, name)
        {
            let violation = violation("storm", observed)
                .evidence([last.entry.id, context.entry.id])
                .exchanges([request.exchange]);
            context.violated(&SURVIVES, violation);
        }
    }

    fn packet(&mut self, socket: u64, direction: Direction, packet: &Frame, context: &Context<'_>) {
        let Some(feed) = &context.contract.realtime else {
            return;
        };
        match (direction, packet) {
            (Direction::Up, Frame::Event { ack: Some(id), .. }) => {
                self.asked.insert((socket, *id));
            }
            (Direction::Up, Frame::Disconnect { .. }) => self.leaves(context),
            (Direction::Down, Frame::Ack { id, .. }) if !self.asked.remove(&(socket, *id)) => {
                let what = "an acknowledgement that nobody had asked for";
                self.odd(context.entry, what.to_owned());
            }
            (
                Direction::Down,
                Frame::Event {
                    namespace,
                    name,
                    args,
                    attachments: 0,
                    ..
                },
            ) if *namespace == feed.namespace => {
                match feed.events.iter().find(|rule| rule.name == *name) {
                    Some(rule) => self.event(rule, args, context),
                    None => {
                        let what = format!("`{name}`, which the contract does not have");
                        self.odd(context.entry, what);
                    }
                }
            }
            _ => {}
        }
    }

    /// A packet came that is of no use.
    fn odd(&mut self, entry: &Entry, what: String) {
        self.odds = self.odds.saturating_add(1);
        self.odd = Some((Moment::of(entry), what));
    }

    fn event(&mut self, event: &EventRule, args: &Content, context: &Context<'_>) {
        if !matches!(event.apply, Apply::Replace | Apply::Merge) {
            return;
        }
        let name = event.updates.as_deref();
        let Some(resource) = name.and_then(|name| context.contract.resource(name)) else {
            return;
        };
        let seen = self.seen.entry(event.name.clone()).or_default();
        *seen += 1;
        let is_looked_into = *seen <= ALL || seen.is_multiple_of(THEN_EACH);
        let quality = is_looked_into.then(|| Quality::of_event(event, resource, args));
        if quality.is_some_and(|own| own != Quality::Good) {
            context.exercised(&SURVIVES);
            self.odd(
                context.entry,
                format!("`{}`, which cannot be used", event.name),
            );
        }
        let before = self.last.get(&resource.name);
        let behind = before.is_some_and(|own| {
            !own.is_shown
                && own.quality != Some(Quality::Unreadable)
                && context.entry.at <= own.entry.at + UNSHOWN
        });
        let last = Last {
            is_shown: false,
            behind,
            entry: Arc::clone(context.entry),
            quality,
            repeats: 0,
            items: self.last.get(&resource.name).map_or(0, |last| last.items),
        };
        self.last.insert(resource.name.clone(), last);
    }

    fn shown(&mut self, name: &str, source: DataSource, items: usize, context: &Context<'_>) {
        let Some(last) = self.last.get_mut(name) else {
            return;
        };
        let before = std::mem::replace(&mut last.items, items);
        if source != DataSource::Event {
            // What it brings is judged with the answer.
            last.quality = None;
            return;
        }
        if std::mem::take(&mut last.behind) {
            return;
        }
        last.is_shown = true;
        let is_emptied = before > 0 && items == 0;
        let is_late = context.entry.at > last.entry.at + BECAUSE;
        if is_late || (last.quality.is_none() && !is_emptied) {
            return;
        }
        let quality = last.quality.or_else(|| quality_of(&last.entry, context));
        let observed = if quality == Some(Quality::Unreadable) {
            format!("{items} items of `{name}` shown after an event that cannot be used")
        } else if let Some(good) = quality.and_then(|quality| quality.thrown_away(items)) {
            format!("0 items of `{name}` shown after an event, and {good} of its records were good")
        } else {
            return;
        };
        let violation = violation("event", observed).evidence([last.entry.id, context.entry.id]);
        context.violated(&SURVIVES, violation);
    }

    /// The app leaves its feed of its own accord.
    fn leaves(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        let Some((odd, what)) = self.odd.take() else {
            return;
        };
        let because = entry.at <= odd.at + BECAUSE
            && context.app_is_awake()
            && context.world.acts_marked
            && context.session.is_wanted()
            && !context.session.wants_out
            && !context.may_be_blocked()
            && !context.world.is_disturbed()
            // A socket that changes its token is left as well.
            && context
                .session
                .renewed
                .is_none_or(|renewed| renewed.at + RENEWAL < entry.at);
        if !because {
            return;
        }
        self.left.0 = self.left.0.saturating_add(1);
        if self.left.0 > TIMES {
            return;
        }
        self.left.1.extend([odd.id, entry.id]);
        // Who leaves after a few of a thousand leaves for reasons of their own.
        if self.left.0 == TIMES && self.odds <= TIMES * 2 {
            context.violated(
                &SURVIVES,
                Violation::new("the app does not survive a packet that it cannot use")
                    .kind("leaves")
                    .expected("the packet is set aside, and the feed goes on")
                    .observed(format!(
                        "the feed was left {} after {what}, {TIMES} times",
                        show(entry.at - odd.at)
                    ))
                    .evidence(self.left.1.clone()),
            );
        }
    }
}

/// What can be made of an event that was not looked into when it came.
fn quality_of(entry: &Entry, context: &Context<'_>) -> Option<Quality> {
    let Fact::Frame {
        packet: Frame::Event { name, args, .. },
        ..
    } = &entry.fact
    else {
        return None;
    };
    let event = context.contract.event(name)?;
    let resource = context.contract.resource(event.updates.as_deref()?)?;
    Some(Quality::of_event(event, resource, args))
}
