//! SYNC-1 and -2: what takes the socket's place, and that it comes back.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::change::Change;
use crate::domain::contract::{Role, TransportName};
use crate::domain::duration::show;
use crate::domain::journal::{AppFact, Changed, Entry, EntryId, Fact, HarnessFact};
use crate::domain::verdict::Subject;
use crate::rules::ledger::{Breach, Ledger};
use crate::rules::scene::{Moment, Scene, client_request, wants_websocket};
use crate::rules::{JudgedFrom, Rule, RuleInfo};

pub(super) static KEEPS_ARRIVING: RuleInfo = RuleInfo {
    id: "SYNC-1",
    title: "When the WebSocket is blocked data keeps arriving, by long-polling or by the app's own polling",
    subject: Subject::App,
    judged_from: &[JudgedFrom::Wire],
    source: "runbook S6.5; Engine.IO transports",
    explanation: "Hotels, offices and some carriers let no WebSocket pass. Judged while a visible app has a session and a network but no joined socket: a polled resource is asked for within the agreed grace and one interval, and then at least every one and a half intervals and one request's timeout.",
    fix: "Keep long-polling among the transports, or start a poller when the socket has been gone for the agreed time.",
    parameters: &["polling.after", "polling.every", "request_timeout"],
};

pub(super) static RETURNS: RuleInfo = RuleInfo {
    id: "SYNC-2",
    title: "Once the WebSocket is let through again the app returns to it",
    subject: Subject::App,
    judged_from: &[JudgedFrom::Wire],
    source: "runbook S6.6; Engine.IO probes an upgrade once per session",
    explanation: "An Engine.IO session probes the upgrade once, when it opens. A client that was refused then stays on polling until it is restarted, at several times the load. Judged from the moment the harness lifts its block, for an app that had been refused: a WebSocket opens within the agreed time and one reconnection delay.",
    fix: "Close and reopen a session that stayed on polling after a while, or when the network changes.",
    parameters: &["realtime.live_within", "realtime.client"],
};

/// What queues and latencies may add.
const SLACK: Duration = Duration::from_secs(3);

#[derive(Default)]
pub(super) struct Fallback {
    /// When the client last asked for anything.
    asked: Duration,
    /// Since when nothing has brought data.
    dry: Option<Moment>,
    /// Whether the app tried to open the feed in this process.
    tried: bool,
    /// Whether it polled since the socket was gone.
    polled: bool,
    failing: bool,
    found: bool,
    /// When anything at all was last asked for.
    heard: Duration,
}

impl Rule for Fallback {
    fn see(&mut self, entry: &Arc<Entry>, scene: &Scene, ledger: &mut Ledger) {
        let contract = &scene.contract;
        let (Some(_), Some(polling)) = (&contract.realtime, &contract.polling) else {
            ledger.unable(
                &KEEPS_ARRIVING,
                "the contract has no live feed with polling in its place",
            );
            return;
        };
        let polled = |role: &Option<Role>| matches!(role, Some(Role::Resource(name)) if polling.resources.contains(name));
        if client_request(entry).is_some() {
            self.heard = entry.at;
        }
        self.overdue(scene, ledger);
        let attempted = match &entry.fact {
            // A request that could not even be sent was tried all the same.
            Fact::App(AppFact::Exchange(exchange)) => polling.resources.iter().any(|name| {
                contract
                    .resource(name)
                    .is_some_and(|resource| exchange.path.ends_with(&resource.operation.path))
            }),
            _ => client_request(entry).is_some_and(|request| {
                self.tried |= request.role == Some(Role::Realtime);
                self.asked = entry.at;
                polled(&request.role)
            }),
        };
        if let Some(ended) = scene.ended_by_client(entry)
            && polled(&ended.request.role)
        {
            self.failing = ended.failed();
        }
        // What follows a kill is judged as KILL-4 until the app opens its feed again.
        if !scene.world.running || scene.may_be_blocked() {
            *self = Self {
                heard: self.heard,
                ..Self::default()
            };
        }
        if scene.sockets.live() > 0 {
            self.found = false;
            self.polled = false;
        }
        let wanted = self.tried
            && scene.session.is_wanted()
            && scene.app_is_awake()
            && !scene.world.is_blind()
            && !scene.may_be_blocked()
            && scene.sockets.live() == 0;
        if !wanted {
            self.dry = None;
        } else if attempted || self.dry.is_none() {
            if attempted && self.dry.is_some() {
                ledger.occasion(&KEEPS_ARRIVING);
                self.polled = true;
            }
            self.dry = Some(Moment::of(entry));
        }
    }

    fn end(&mut self, scene: &Scene, ledger: &mut Ledger) {
        self.overdue(scene, ledger);
    }
}

impl Fallback {
    fn overdue(&mut self, scene: &Scene, ledger: &mut Ledger) {
        let (Some(dry), Some(polling)) = (self.dry, &scene.contract.polling) else {
            return;
        };
        // The first poll is due an interval after the grace; the next follow one another's answers.
        let limit = match self.polled {
            false => polling.after + polling.every + SLACK,
            true => polling.every.mul_f64(1.5) + scene.contract.request_timeout,
        };
        if self.found || self.failing || scene.now <= dry.at + limit {
            return;
        }
        if !scene.world.simulated && self.heard <= dry.at {
            ledger.unable(
                &KEEPS_ARRIVING,
                "the app fell silent altogether, and nobody marked whether it was still running",
            );
            return;
        }
        self.found = true;
        if !scene.world.acts_marked && self.asked <= dry.at + SLACK {
            ledger.unable(
                &KEEPS_ARRIVING,
                "the client fell silent, and nobody marked whether it was in the foreground",
            );
            return;
        }
        let lost = scene.sockets.lost.map(|moment| moment.id);
        ledger.breach(
            &KEEPS_ARRIVING,
            Breach {
                kind: "silence".to_owned(),
                message: "without its socket the app stops receiving data".to_owned(),
                expected: format!(
                    "a joined socket, or a request for {}, within {}",
                    polling.resources.join(", "),
                    show(limit)
                ),
                observed: format!("neither for {}", show(scene.now - dry.at)),
                evidence: lost
                    .into_iter()
                    .filter(|lost| *lost < dry.id)
                    .chain([dry.id])
                    .collect(),
                ..Breach::default()
            },
        );
    }
}

#[derive(Default)]
pub(super) struct Return {
    refused: Option<EntryId>,
    allowed: Option<Moment>,
}

impl Rule for Return {
    fn see(&mut self, entry: &Arc<Entry>, scene: &Scene, ledger: &mut Ledger) {
        let Some(feed) = &scene.contract.realtime else {
            ledger.unable(&RETURNS, "the contract has no live feed");
            return;
        };
        let client = &feed.client;
        let first = client.transports.first() == Some(&TransportName::Websocket);
        let wants =
            client.transports.contains(&TransportName::Websocket) && (client.upgrade || first);
        if !wants {
            ledger.unable(&RETURNS, "by the contract the app does not use WebSocket");
            return;
        }
        self.overdue(scene, ledger);
        match &entry.fact {
            Fact::Harness(HarnessFact::Changed(Changed {
                change: Change::Websocket(open) | Change::Socket(open),
                ..
            })) => self.switched(entry, *open),
            Fact::SocketUpgraded { .. } => self.returned(ledger),
            Fact::SocketOpened {
                transport: TransportName::Websocket,
                ..
            } => self.returned(ledger),
            _ => {}
        }
        if let Some(ended) = scene.ended_by_client(entry)
            && ended.request.role == Some(Role::Realtime)
            && ended.status() != Some(101)
            && (wants_websocket(ended.request) || ended.status().is_none_or(|status| status >= 400))
        {
            self.refused = Some(entry.id);
        }
        let expected = scene.app_is_awake()
            && scene.session.is_wanted()
            && !scene.world.is_blind()
            && !scene.world.is_disturbed()
            && !scene.world.backend_is_stopped()
            && !scene.may_be_blocked();
        if !expected {
            self.allowed = None;
        }
    }

    fn end(&mut self, scene: &Scene, ledger: &mut Ledger) {
        self.overdue(scene, ledger);
    }
}

impl Return {
    fn switched(&mut self, entry: &Entry, allowed: bool) {
        if !allowed {
            self.refused = None;
        }
        self.allowed = (allowed && self.refused.is_some()).then(|| Moment::of(entry));
    }

    fn returned(&mut self, ledger: &mut Ledger) {
        if self.allowed.take().is_some() {
            ledger.occasion(&RETURNS);
        }
        self.refused = None;
    }

    fn overdue(&mut self, scene: &Scene, ledger: &mut Ledger) {
        let (Some(allowed), Some(feed)) = (self.allowed, &scene.contract.realtime) else {
            return;
        };
        let limit = feed.live_within + feed.client.delay_max + SLACK;
        if scene.now <= allowed.at + limit {
            return;
        }
        self.allowed = None;
        ledger.breach(
            &RETURNS,
            Breach {
                kind: "return".to_owned(),
                message: "the app does not return to WebSocket although it is let through again"
                    .to_owned(),
                expected: format!("a WebSocket within {}", show(limit)),
                observed: format!("none for {}", show(scene.now - allowed.at)),
                evidence: self.refused.into_iter().chain([allowed.id]).collect(),
                ..Breach::default()
            },
        );
    }
}
