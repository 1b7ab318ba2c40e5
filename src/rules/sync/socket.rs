//! SYNC-7 and -10: one socket, one subscription.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::duration::show;
use crate::domain::journal::{Content, Direction, Entry, EntryId, Fact, Frame};
use crate::domain::verdict::Subject;
use crate::rules::ledger::{Breach, Ledger};
use crate::rules::scene::{Moment, Scene, packet_up};
use crate::rules::{JudgedFrom, Rule, RuleInfo};

pub(super) static ONE_SUBSCRIBE: RuleInfo = RuleInfo {
    id: "SYNC-7",
    title: "Each connect is followed by one subscription",
    subject: Subject::App,
    judged_from: &[JudgedFrom::Wire],
    source: "Socket.IO guide: handlers registered inside `connect` multiply",
    explanation: "A handler that is added at each connect subscribes once more after each reconnect, and each event then has several effects. Judged on the subscriptions of the contract within two seconds of a connect: the same one, with the same arguments, is emitted once.",
    fix: "Register handlers once, outside the `connect` handler, and remove them with the screen.",
    parameters: &["realtime.subscribe"],
};

pub(super) static ONE_SOCKET: RuleInfo = RuleInfo {
    id: "SYNC-10",
    title: "Never two joined sockets for one user",
    subject: Subject::App,
    judged_from: &[JudgedFrom::Wire],
    source: "runbook S9.6",
    explanation: "A socket that is opened per screen, or beside one that was forgotten, doubles connections and effects. Judged when two sockets of one process stay joined side by side for a minute, which is longer than a dead one goes unnoticed.",
    fix: "Keep the socket in one place; close it before another is made.",
    parameters: &[],
};

/// How soon after connecting an app subscribes.
const SUBSCRIBES: Duration = Duration::from_secs(2);
/// How long two sockets may be joined: longer than ping interval and timeout of the stock server.
const SIDE_BY_SIDE: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct Subscriptions {
    sent: BTreeMap<u64, Vec<(String, Content, EntryId)>>,
}

impl Rule for Subscriptions {
    fn see(&mut self, entry: &Arc<Entry>, scene: &Scene, ledger: &mut Ledger) {
        let Some(feed) = &scene.contract.realtime else {
            return;
        };
        match &entry.fact {
            Fact::SocketClosed { socket, .. }
            | Fact::Frame {
                direction: Direction::Down,
                packet: Frame::Connect { .. },
                socket,
                ..
            } => {
                self.sent.remove(socket);
            }
            _ => {}
        }
        let Some((
            socket,
            Frame::Event {
                namespace,
                name,
                args,
                ..
            },
        )) = packet_up(entry)
        else {
            return;
        };
        let joined = scene.sockets.get(socket).and_then(|own| own.connected);
        if *namespace != feed.namespace
            || !feed.subscribe.iter().any(|emit| emit.event == *name)
            || joined.is_none_or(|joined| entry.at > joined.at + SUBSCRIBES)
        {
            return;
        }
        ledger.occasion(&ONE_SUBSCRIBE);
        let sent = self.sent.entry(socket).or_default();
        let Some((_, _, first)) = sent
            .iter()
            .find(|(own, with, _)| own == name && with == args)
        else {
            sent.push((name.clone(), args.clone(), entry.id));
            return;
        };
        ledger.breach(
            &ONE_SUBSCRIBE,
            Breach {
                kind: name.clone(),
                message: format!("the app subscribes by `{name}` more than once after one connect"),
                expected: "one subscription for each connect".to_owned(),
                observed: format!("`{name}` again with the same arguments"),
                evidence: joined
                    .map(|joined| joined.id)
                    .into_iter()
                    .chain([*first, entry.id])
                    .collect(),
                ..Breach::default()
            },
        );
    }
}

#[derive(Default)]
pub(super) struct OneSocket {
    both: Option<Moment>,
}

impl Rule for OneSocket {
    fn see(&mut self, entry: &Arc<Entry>, scene: &Scene, ledger: &mut Ledger) {
        if scene.sockets.live() > 0 {
            ledger.occasion(&ONE_SOCKET);
        }
        if scene.sockets.live() < 2 {
            self.both = None;
        } else if self.both.is_none() {
            self.both = Some(Moment::of(entry));
        }
        self.judge(scene, ledger);
    }

    fn end(&mut self, scene: &Scene, ledger: &mut Ledger) {
        self.judge(scene, ledger);
    }
}

impl OneSocket {
    fn judge(&mut self, scene: &Scene, ledger: &mut Ledger) {
        let Some(both) = self.both else {
            return;
        };
        if !scene.world.same_life_since(both.id) || scene.now <= both.at + SIDE_BY_SIDE {
            return;
        }
        // The next minute side by side is another one.
        self.both = Some(Moment {
            at: scene.now,
            ..both
        });
        let joined = scene
            .sockets
            .iter()
            .filter_map(|(_, socket)| socket.connected);
        ledger.breach(
            &ONE_SOCKET,
            Breach {
                kind: "side by side".to_owned(),
                message: "the app keeps two sockets joined".to_owned(),
                expected: "one joined socket".to_owned(),
                observed: format!("{} for {}", scene.sockets.live(), show(scene.now - both.at)),
                evidence: joined.map(|moment| moment.id).collect(),
                ..Breach::default()
            },
        );
    }
}
