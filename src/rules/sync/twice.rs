//! SYNC-11, once: no event comes twice to a socket that asked for it once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::push::ARRIVES;
use crate::domain::journal::{Content, EntryId, Fact, Frame};
use crate::rules::context::Context;
use crate::rules::rule::Rule;
use crate::rules::violation::Violation;

/// How soon the same must come again to be the same.
const AT_ONCE: Duration = Duration::from_millis(250);
/// How often that must happen until it is no accident, and which part of all it must be.
const TIMES: u32 = 3;
const PART: u32 = 4;
/// How many of the app's own events are remembered on one socket.
const EMITTED: usize = 64;
/// How many events of one name are compared.
const COMPARED: u32 = 512;

#[derive(Default)]
pub(super) struct Twice {
    events: BTreeMap<String, Stream>,
    /// What was emitted on each socket, and sockets on which something was emitted twice.
    emitted: BTreeMap<u64, BTreeSet<String>>,
    doubled: BTreeSet<u64>,
}

/// The events of one name.
#[derive(Default)]
struct Stream {
    last: Option<(u64, Arc<Value>, Duration, EntryId)>,
    all: u32,
    twice: u32,
}

impl Rule for Twice {
    fn see(&mut self, context: &Context<'_>) {
        if let Some((socket, Frame::Event { name, args, .. })) = context.packet_up() {
            // An app that subscribes twice is sent everything twice.
            let emitted = self.emitted.entry(socket).or_default();
            let what = format!("{name} {:?}", args.json());
            if emitted.contains(&what) {
                self.doubled.insert(socket);
            } else if emitted.len() < EMITTED {
                emitted.insert(what);
            }
        }
        if let Some((socket, name, args)) = context.event_down()
            && !self.doubled.contains(&socket)
            && context.sockets.live() <= 1
        {
            self.came(socket, name, args, context);
        }
        if let Fact::SocketClosed { socket, .. } = &context.entry.fact {
            self.emitted.remove(socket);
            self.doubled.remove(socket);
        }
    }

    fn hears_routine(&self) -> bool {
        true
    }
}

impl Twice {
    fn came(&mut self, socket: u64, name: &str, args: &Content, context: &Context<'_>) {
        if context.contract.event(name).is_none() {
            return;
        }
        if !self.events.contains_key(name) {
            self.events.insert(name.to_owned(), Stream::default());
        }
        let Some(stream) = self.events.get_mut(name) else {
            return;
        };
        if stream.all >= COMPARED {
            return;
        }
        let Some(args) = args.shared() else {
            return;
        };
        stream.all += 1;
        let last = stream
            .last
            .replace((socket, Arc::clone(args), context.now, context.entry.id));
        let Some((_, _, _, first)) = last.filter(|(own, before, at, _)| {
            *own == socket && *at + AT_ONCE >= context.now && before == args
        }) else {
            return;
        };
        // Of three alike each is a repetition of the first only.
        stream.last = None;
        stream.twice += 1;
        if stream.twice >= TIMES && stream.twice * PART >= stream.all {
            context.violated(
                &ARRIVES,
                Violation::new(format!("the backend sends `{name}` twice"))
                    .expected("each event once")
                    .observed(format!(
                        "{} of {} came again at once, to a socket that had subscribed once",
                        stream.twice, stream.all
                    ))
                    .evidence([first, context.entry.id]),
            );
        }
    }
}
