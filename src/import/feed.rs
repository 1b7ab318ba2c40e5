//! The live feed, from the Socket.IO packets that were recorded.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::api::Left;
use super::draft::{Draft, Event, Realtime, Resource};
use super::infer::infer;
use super::recording::{Packet, Recording, Says};
use crate::domain::secrets::holds_label;

/// How long after a CONNECT what the client emits belongs to it, in milliseconds.
const SUBSCRIBES: f64 = 3_000.0;

/// The feed, if there was one.
pub(super) fn realtime(draft: &mut Draft, recording: &Recording) -> Option<Realtime> {
    let (place, namespace) = busiest(&recording.packets)?;
    let own: Vec<&Packet> = recording
        .packets
        .iter()
        .filter(|own| {
            (&own.origin, &own.path) == (&place.0, &place.1) && own.namespace == namespace
        })
        .collect();
    let others: BTreeSet<&str> = recording
        .packets
        .iter()
        .map(|own| own.namespace.as_str())
        .filter(|own| *own != namespace && *own != "/")
        .collect();
    for other in others {
        let why = "a contract has one namespace: the one in which most was said was taken";
        draft
            .left
            .push(Left::new(format!("namespace {other}"), why));
    }
    let service = draft
        .services
        .iter()
        .find(|service| {
            service
                .deployed
                .iter()
                .any(|(url, _)| url.starts_with(&place.0))
        })
        .or(draft.services.first())?;
    let path = place
        .1
        .strip_prefix(&service.base_path)
        .unwrap_or(&place.1)
        .to_owned();
    let (service, path) = (service.name.clone(), path);
    let auth = own.iter().find_map(|own| match &own.says {
        Says::Connect(Some(auth)) if own.up => Some(auth.clone()),
        _ => None,
    });
    let subscribe = subscribe(&own, draft);
    let events = events(&own, draft);
    for event in &events {
        if let (Some((name, _)), Some(pointer)) = (&event.updates, &event.sequence)
            && let Some(resource) = draft.resources.iter_mut().find(|own| own.name == *name)
        {
            resource.sequence = Some(pointer.clone());
        }
    }
    Some(Realtime {
        service,
        path,
        auth: auth.map(with_tokens),
        websocket_only: !recording.packets.iter().any(|own| own.polling) && !own.is_empty(),
        subscribe,
        events,
        namespace,
    })
}

/// Origin and path of the socket, and the namespace in which most events were heard.
fn busiest(packets: &[Packet]) -> Option<((String, String), String)> {
    let mut heard: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    for own in packets {
        let weight = match (&own.says, own.up) {
            (Says::Event { .. }, false) => 1_000,
            _ => 1,
        };
        *heard
            .entry((&own.origin, &own.path, &own.namespace))
            .or_default() += weight;
    }
    let ((origin, path, namespace), _) = heard.into_iter().max_by_key(|(_, weight)| *weight)?;
    Some(((origin.to_owned(), path.to_owned()), namespace.to_owned()))
}

/// The payload of a CONNECT, with the placeholder where a token stood.
fn with_tokens(mut auth: Value) -> Value {
    fn fill(value: &mut Value) {
        match value {
            Value::String(text) if holds_label(text) => {
                // A scheme before it stays.
                let scheme = text.find(['‹', '«']).map_or("", |at| &text[..at]);
                *text = format!("{scheme}{{access-token}}");
            }
            Value::Array(items) => items.iter_mut().for_each(fill),
            Value::Object(fields) => fields.values_mut().for_each(fill),
            _ => {}
        }
    }
    fill(&mut auth);
    auth
}

/// What the client emits as soon as it has connected; everything else that it emits is told.
fn subscribe(own: &[&Packet], draft: &mut Draft) -> Vec<Value> {
    let mut found: Vec<Value> = Vec::new();
    let mut others: BTreeSet<&str> = BTreeSet::new();
    let mut connected = f64::NEG_INFINITY;
    for packet in own {
        match &packet.says {
            Says::Connect(_) => connected = packet.at,
            Says::Event { name, args, ack } if packet.up => {
                if packet.at - connected > SUBSCRIBES {
                    others.insert(name);
                    continue;
                }
                let mut emit = serde_json::Map::new();
                emit.insert("event".to_owned(), Value::from(name.as_str()));
                if !args.is_empty() {
                    emit.insert(
                        "args".to_owned(),
                        args.iter().cloned().map(with_tokens).collect(),
                    );
                }
                if *ack {
                    emit.insert("ack".to_owned(), Value::from(true));
                }
                let emit = Value::Object(emit);
                if !found.contains(&emit) {
                    found.push(emit);
                }
            }
            _ => {}
        }
    }
    for name in others {
        let why = "it was emitted later than on connecting: a contract denies it, unless `allow-emits` names it";
        draft.left.push(Left::new(format!("emit `{name}`"), why));
    }
    found
}

/// What the server emitted, by name.
fn events(own: &[&Packet], draft: &Draft) -> Vec<Event> {
    let mut order: Vec<&str> = Vec::new();
    let mut seen: BTreeMap<&str, Vec<(f64, Option<&Value>)>> = BTreeMap::new();
    for packet in own {
        if let (Says::Event { name, args, .. }, false) = (&packet.says, packet.up) {
            if !seen.contains_key(name.as_str()) {
                order.push(name);
            }
            seen.entry(name)
                .or_default()
                .push((packet.at, args.first()));
        }
    }
    let events = order.into_iter().map(|name| {
        let all = &seen[name];
        let payloads: Vec<&Value> = all.iter().filter_map(|(_, own)| *own).collect();
        let found = draft
            .resources
            .iter()
            .find_map(|own| Some((own, updates(own, draft, &payloads)?)));
        let mut gaps: Vec<f64> = all.windows(2).map(|two| two[1].0 - two[0].0).collect();
        gaps.sort_by(f64::total_cmp);
        let every = gaps
            .get(gaps.len() / 2)
            .filter(|_| gaps.len() >= 2)
            .map(|gap| {
                let tenths = (gap / 100.0).round().max(5.0);
                (tenths * 100.0) as u64
            });
        let seen = match all.len() {
            1 => "Seen once".to_owned(),
            times => format!("Seen {times} times"),
        };
        let why = match &found {
            Some((resource, _)) => {
                format!("{seen}; its items have the keys of `{}`.", resource.name)
            }
            None => format!("{seen}; what it changes could not be told."),
        };
        Event {
            name: name.to_owned(),
            items: found.as_ref().and_then(|(_, items)| items.clone()),
            every_ms: every.filter(|_| found.is_some()),
            sequence: found
                .as_ref()
                .and_then(|(resource, _)| sequence(resource, &payloads)),
            as_of: as_of(all),
            updates: found.map(|(resource, _)| (resource.name.clone(), "merge")),
            schema: (!payloads.is_empty()).then(|| infer(&payloads, name)),
            why,
        }
    });
    events.collect()
}

/// Whether these payloads bring items of a list: where the items stand in them, if not as a whole.
fn updates(resource: &Resource, draft: &Draft, payloads: &[&Value]) -> Option<Option<String>> {
    let (items, key) = (resource.items.as_ref()?, resource.key.as_ref()?);
    let data = draft.users.iter().flat_map(|own| &own.data);
    let lists = data
        .filter(|(name, _)| *name == resource.name)
        .map(|(_, value)| value)
        .chain([&resource.sample])
        .filter_map(|own| own.pointer(&items.value)?.as_array());
    let known: BTreeSet<String> = lists
        .flatten()
        .filter_map(|own| own.pointer(key))
        .map(Value::to_string)
        .collect();
    let is_item = |own: &Value| {
        own.pointer(key)
            .is_some_and(|own| known.contains(&own.to_string()))
    };
    let first = payloads.first()?;
    let brings = |value: &Value| match value {
        Value::Array(own) => own.iter().any(is_item),
        own => is_item(own),
    };
    if brings(first) {
        return Some(None);
    }
    let (name, _) = first.as_object()?.iter().find(|(_, own)| brings(own))?;
    Some(Some(format!("/{}", super::schemas::segment(name))))
}

/// Where events count on from the snapshot, one by one: a field of this name in both.
fn sequence(resource: &Resource, payloads: &[&Value]) -> Option<String> {
    const NAMES: [&str; 5] = ["/seq", "/sequence", "/revision", "/rev", "/version"];
    let name = NAMES.into_iter().find(|name| {
        let numbers: Option<Vec<u64>> = payloads
            .iter()
            .map(|own| own.pointer(name)?.as_u64())
            .collect();
        let Some(numbers) = numbers else { return false };
        // Several sockets hear the same, and each begins anew.
        let counts = numbers.windows(2).all(|two| two[1] <= two[0] + 1);
        let grows = numbers.windows(2).any(|two| two[1] == two[0] + 1);
        counts && grows && resource.sample.pointer(name).is_some_and(Value::is_u64)
    });
    name.map(str::to_owned)
}

/// Where events say of which moment they are: a field that was never far from when they came.
fn as_of(all: &[(f64, Option<&Value>)]) -> Option<(String, u64)> {
    const NAMES: [&str; 6] = ["/asOf", "/as_of", "/ts", "/timestamp", "/time", "/at"];
    /// What is older, or later, is no moment of the event, in milliseconds.
    const NEAR: f64 = 10_000.0;
    NAMES.into_iter().find_map(|name| {
        let mut oldest: f64 = 0.0;
        for (at, payload) in all {
            let value = payload.as_ref()?.pointer(name)?;
            let said = match value {
                Value::String(text) => {
                    text.parse::<jiff::Timestamp>().ok()?.as_millisecond() as f64
                }
                value => {
                    let number = value.as_f64()?;
                    if number > 1e11 {
                        number
                    } else {
                        number * 1_000.0
                    }
                }
            };
            let age = at - said;
            if age.abs() > NEAR {
                return None;
            }
            oldest = oldest.max(age);
        }
        // Room for what is usual: twice what was seen, and five seconds at least.
        let most = ((oldest * 2.0 / 1_000.0).ceil() * 1_000.0).max(5_000.0);
        (!all.is_empty()).then(|| (name.to_owned(), most as u64))
    })
}
