//! NET-4: a socket at whose other end nobody is left is noticed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::duration::show;
use crate::domain::journal::{Entry, EntryId, Fact, Request};
use crate::domain::verdict::Subject;
use crate::rules::ledger::{Breach, Ledger};
use crate::rules::scene::{Scene, client_request};
use crate::rules::{JudgedFrom, Rule, RuleInfo};

pub(super) static HALF_OPEN: RuleInfo = RuleInfo {
    id: "NET-4",
    title: "A socket on which nothing arrives any more is noticed within ping interval and ping timeout",
    subject: Subject::App,
    judged_from: &[JudgedFrom::Wire],
    source: "Engine.IO protocol v4, heartbeat",
    explanation: "A phone that changes networks keeps a socket that looks open and is dead. The server pings at the interval of its handshake, so a client that has heard nothing for interval and timeout together knows. Judged on joined sockets, from the last packet that the gateway passed down: a visible app with a network leaves the socket, or opens another one, in that time and five seconds.",
    fix: "Use the protocol's own heartbeat, and do not replace it by a timer of your own that stops in the background.",
    parameters: &["the handshake's pingInterval and pingTimeout"],
};

/// How long leaving may take.
const SLACK: Duration = Duration::from_secs(5);

#[derive(Default)]
pub(super) struct HalfOpen {
    found: BTreeSet<u64>,
    /// When a client last opened another session.
    another: EntryId,
}

impl Rule for HalfOpen {
    fn see(&mut self, entry: &Arc<Entry>, scene: &Scene, ledger: &mut Ledger) {
        if scene.contract.realtime.is_none() {
            ledger.unable(&HALF_OPEN, "the contract has no live feed");
            return;
        }
        self.judge(scene, ledger);
        if client_request(entry).is_some_and(Request::is_handshake) {
            self.another = entry.id;
        }
        if let Fact::SocketClosed { socket, .. } = &entry.fact {
            self.found.remove(socket);
            let silent = scene.sockets.get(*socket).is_some_and(|own| {
                own.patience
                    .is_some_and(|patience| entry.at >= own.heard.at + patience)
            });
            if silent {
                ledger.occasion(&HALF_OPEN);
            }
        }
    }

    fn end(&mut self, scene: &Scene, ledger: &mut Ledger) {
        self.judge(scene, ledger);
    }
}

impl HalfOpen {
    fn judge(&mut self, scene: &Scene, ledger: &mut Ledger) {
        for (number, socket) in scene.sockets.iter() {
            let (Some(joined), Some(patience)) = (socket.connected, socket.patience) else {
                continue;
            };
            let world = &scene.world;
            let since = socket.heard;
            let awake = scene.app_is_awake()
                && world.same_life_since(since.id)
                && world.same_visit_since(since.id);
            // Without a ping nobody knows whether whoever wrote the journal kept them.
            let known = socket.pinged || world.is_disturbed();
            let left = !awake || self.another > since.id;
            if scene.now <= since.at + patience + SLACK || left || !known {
                continue;
            }
            if !self.found.insert(number) {
                continue;
            }
            ledger.breach(
                &HALF_OPEN,
                Breach {
                    kind: "half-open".to_owned(),
                    message: "the app keeps a socket on which nothing arrives any more".to_owned(),
                    expected: format!(
                        "the socket is left {} after its last packet",
                        show(patience)
                    ),
                    observed: format!("still joined {} after it", show(scene.now - since.at)),
                    evidence: vec![joined.id],
                    ..Breach::default()
                },
            );
        }
    }
}
