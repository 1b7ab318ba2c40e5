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
use crate::rules::Rule;
use crate::rules::ledger::{Breach, Ledger};
use crate::rules::scene::{Moment, Scene, client_request};

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
    fn see(&mut self, entry: &Arc<Entry>, scene: &Scene, ledger: &mut Ledger) {
        match &entry.fact {
            Fact::Frame {
                socket,
                direction,
                packet,
                ..
            } => self.packet(entry, *socket, *direction, packet, scene, ledger),
            Fact::App(AppFact::Shown {
                resource,
                source,
                items,
                ..
            }) => self.shown(entry, resource, *source, *items, scene, ledger),
            Fact::Act(_) => {
                self.odd = None;
                self.last.values_mut().for_each(|last| last.repeats = 0);
            }
            Fact::SocketClosed { socket, end } => {
                self.asked.retain(|(own, _)| own != socket);
                if *end == SocketEnd::Client {
                    self.leaves(entry, scene, ledger);
                }
            }
            _ => {}
        }
        if let Some(request) = client_request(entry)
            && let Some(Role::Resource(name)) = &request.role
            && let Some(last) = self.last.get_mut(name)
            && last.kind.is_some_and(|kind| kind != Kind::Good)
            && entry.at <= last.entry.at + STORM
        {
            last.repeats += 1;
            if last.repeats == REPEATS + 1 {
                let observed = format!("{} requests for `{name}`", last.repeats);
                let evidence = [last.entry.id, entry.id];
                breach("storm", observed, evidence, Some(request.exchange), ledger);
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
        scene: &Scene,
        ledger: &mut Ledger,
    ) {
        let Some(feed) = &scene.contract.realtime else {
            return;
        };
        match (direction, packet) {
            (Direction::Up, Frame::Event { ack: Some(id), .. }) => {
                self.asked.insert((socket, *id));
            }
            (Direction::Up, Frame::Disconnect { .. }) => self.leaves(entry, scene, ledger),
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
                    Some(rule) => self.event(entry, rule, args, scene, ledger),
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
        scene: &Scene,
        ledger: &mut Ledger,
    ) {
        let Some(resource) = rule
            .updates
            .as_deref()
            .filter(|_| matches!(rule.apply, Apply::Replace | Apply::Merge))
            .and_then(|name| scene.contract.resource(name))
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
            ledger.occasion(&SURVIVES);
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
        scene: &Scene,
        ledger: &mut Ledger,
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
        let kind = last.kind.or_else(|| kind_of(&last.entry, scene));
        let evidence = [last.entry.id, entry.id];
        match kind {
            Some(Kind::Unreadable) => {
                let observed =
                    format!("{items} items of `{name}` shown after an event that cannot be used");
                breach("event", observed, evidence, None, ledger);
            }
            Some(Kind::Mixed(good)) if good > 0 && items == 0 => {
                let observed = format!(
                    "0 items of `{name}` shown after an event, and {good} of its records were good"
                );
                breach("event", observed, evidence, None, ledger);
            }
            _ => {}
        }
    }

    /// The app leaves its feed of its own accord.
    fn leaves(&mut self, entry: &Entry, scene: &Scene, ledger: &mut Ledger) {
        let Some((odd, what)) = self.odd.take() else {
            return;
        };
        let because = entry.at <= odd.at + BECAUSE
            && scene.app_is_awake()
            && scene.world.acts_marked
            && scene.session.is_wanted()
            && !scene.session.wants_out
            && !scene.may_be_blocked()
            && !scene.world.is_disturbed()
            // A socket that changes its token is left as well.
            && scene
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
            ledger.breach(
                &SURVIVES,
                Breach {
                    kind: "leaves".to_owned(),
                    message: "the app does not survive a packet that it cannot use".to_owned(),
                    expected: "the packet is set aside, and the feed goes on".to_owned(),
                    observed: format!(
                        "the feed was left {} after {what}, {TIMES} times",
                        show(entry.at - odd.at)
                    ),
                    evidence: self.left.1.clone(),
                    ..Breach::default()
                },
            );
        }
    }
}

fn kind_of(entry: &Entry, scene: &Scene) -> Option<Kind> {
    let Fact::Frame {
        packet: Frame::Event { name, args, .. },
        ..
    } = &entry.fact
    else {
        return None;
    };
    let feed = scene.contract.realtime.as_ref()?;
    let rule = feed.events.iter().find(|rule| rule.name == *name)?;
    let resource = scene.contract.resource(rule.updates.as_deref()?)?;
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
