//! DATA-1 on the live feed: what an event may do to an app that cannot use it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::{Kind, REPEATS, STORM, SURVIVES, breach, records};
use crate::domain::contract::{Apply, EventRule, Resource, Role};
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
    /// What it is, if it was looked into.
    kind: Option<Kind>,
    /// How often the resource was asked for since.
    repeats: u32,
    /// How many items were shown when it came.
    items: usize,
}

impl Rule for Events {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        match &entry.fact {
            Fact::Frame {
                socket,
                direction,
                packet,
                ..
            } => self.packet(entry, *socket, *direction, packet, context),
            Fact::App(AppFact::Shown {
                resource,
                source,
                items,
                ..
            }) => self.shown(entry, resource, *source, *items, context),
            Fact::Act(_) => {
                self.odd = None;
                self.last.values_mut().for_each(|last| last.repeats = 0);
            }
            Fact::SocketClosed { socket, end } => {
                self.asked.retain(|(own, _)| own != socket);
                if *end == SocketEnd::Client {
                    self.leaves(entry, context);
                }
            }
            _ => {}
        }
        if let Some(request) = context.request()
            && let Some(Role::Resource(name)) = &request.role
            && let Some(last) = self.last.get_mut(name)
            && last.kind.is_some_and(|kind| kind != Kind::Good)
            && entry.at <= last.entry.at + STORM
        {
            last.repeats += 1;
            if last.repeats == REPEATS + 1 {
                let observed = format!("{} requests for `{name}`", last.repeats);
                let evidence = [last.entry.id, entry.id];
                breach("storm", observed, evidence, Some(request.exchange), context);
            }
        }
    }

    fn hears_routine(&self) -> bool {
        true
    }
}

impl Events {
    fn packet(
        &mut self,
        entry: &Arc<Entry>,
        socket: u64,
        direction: Direction,
        packet: &Frame,
        context: &Context<'_>,
    ) {
        let Some(feed) = &context.contract.realtime else {
            return;
        };
        match (direction, packet) {
            (Direction::Up, Frame::Event { ack: Some(id), .. }) => {
                self.asked.insert((socket, *id));
            }
            (Direction::Up, Frame::Disconnect { .. }) => self.leaves(entry, context),
            (Direction::Down, Frame::Ack { id, .. }) if !self.asked.remove(&(socket, *id)) => {
                self.odd(entry, || {
                    "an acknowledgement that nobody had asked for".to_owned()
                });
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
                    Some(rule) => self.event(entry, rule, args, context),
                    None => self.odd(entry, || {
                        format!("`{name}`, which the contract does not have")
                    }),
                }
            }
            _ => {}
        }
    }

    /// A packet came that is of no use.
    fn odd(&mut self, entry: &Entry, what: impl Fn() -> String) {
        self.odds = self.odds.saturating_add(1);
        self.odd = Some((Moment::of(entry), what()));
    }

    fn event(
        &mut self,
        entry: &Arc<Entry>,
        rule: &EventRule,
        args: &Content,
        context: &Context<'_>,
    ) {
        let Some(resource) = rule
            .updates
            .as_deref()
            .filter(|_| matches!(rule.apply, Apply::Replace | Apply::Merge))
            .and_then(|name| context.contract.resource(name))
        else {
            return;
        };
        let seen = match self.seen.get_mut(&rule.name) {
            Some(seen) => seen,
            None => self.seen.entry(rule.name.clone()).or_default(),
        };
        *seen += 1;
        let looked_into = *seen <= ALL || seen.is_multiple_of(THEN_EACH);
        let kind = looked_into.then(|| kind(rule, resource, args));
        if kind.is_some_and(|kind| kind != Kind::Good) {
            context.exercised(&SURVIVES);
            self.odd(entry, || format!("`{}`, which cannot be used", rule.name));
        }
        match self.last.get_mut(&resource.name) {
            Some(last) => {
                last.entry = Arc::clone(entry);
                last.kind = kind;
                last.repeats = 0;
            }
            None => {
                let last = Last {
                    entry: Arc::clone(entry),
                    kind,
                    repeats: 0,
                    items: 0,
                };
                self.last.insert(resource.name.clone(), last);
            }
        }
    }

    fn shown(
        &mut self,
        entry: &Entry,
        name: &str,
        source: DataSource,
        items: usize,
        context: &Context<'_>,
    ) {
        let Some(last) = self.last.get_mut(name) else {
            return;
        };
        let before = std::mem::replace(&mut last.items, items);
        if source != DataSource::Event {
            // What it brings is judged with the answer.
            last.kind = None;
            return;
        }
        let emptied = before > 0 && items == 0;
        if entry.at > last.entry.at + BECAUSE || (last.kind.is_none() && !emptied) {
            return;
        }
        let kind = last.kind.or_else(|| kind_of(&last.entry, context));
        let evidence = [last.entry.id, entry.id];
        match kind {
            Some(Kind::Unreadable) => {
                let observed =
                    format!("{items} items of `{name}` shown after an event that cannot be used");
                breach("event", observed, evidence, None, context);
            }
            Some(Kind::Mixed(good)) if good > 0 && items == 0 => {
                let observed = format!(
                    "0 items of `{name}` shown after an event, and {good} of its records were good"
                );
                breach("event", observed, evidence, None, context);
            }
            _ => {}
        }
    }

    /// The app leaves its feed of its own accord.
    fn leaves(&mut self, entry: &Entry, context: &Context<'_>) {
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
        self.left.0 += 1;
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

fn kind_of(entry: &Entry, context: &Context<'_>) -> Option<Kind> {
    let Fact::Frame {
        packet: Frame::Event { name, args, .. },
        ..
    } = &entry.fact
    else {
        return None;
    };
    let feed = context.contract.realtime.as_ref()?;
    let rule = feed.events.iter().find(|rule| rule.name == *name)?;
    let resource = context.contract.resource(rule.updates.as_deref()?)?;
    Some(kind(rule, resource, args))
}

/// Whether an event can change its resource.
fn kind(rule: &EventRule, resource: &Resource, args: &Content) -> Kind {
    // The rest of it may be good.
    if matches!(args, Content::Truncated { .. }) {
        return Kind::Good;
    }
    let Some(payload) = args.json().and_then(|args| args.get(0)) else {
        return Kind::Unreadable;
    };
    let change = match &rule.items {
        Some(selector) => selector.in_body(payload),
        None => Some(payload),
    };
    let list = match (change, &resource.items, rule.apply) {
        (Some(Value::Array(list)), Some(_), _) => list.as_slice(),
        (Some(change @ Value::Object(_)), Some(_), Apply::Merge) => std::slice::from_ref(change),
        (Some(change), Some(items), _) => match items.in_body(change) {
            Some(Value::Array(list)) => list.as_slice(),
            _ => return Kind::Unreadable,
        },
        (Some(Value::Object(_)), None, _) => return Kind::Good,
        (Some(Value::Array(_)), None, Apply::Replace) => return Kind::Good,
        _ => return Kind::Unreadable,
    };
    records(resource, list)
}
