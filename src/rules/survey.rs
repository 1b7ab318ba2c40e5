//! What of the contract the journal puts to the test, whoever does it: client or harness.
//!
//! It looks at what was asked, answered, emitted, moved and tried; which rules were put to the test
//! the rules say themselves.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::change::{Change, Fault, Lever, Withheld};
use crate::domain::contract::{Contract, Role};
use crate::domain::coverage::{Coverage, Kind};
use crate::domain::journal::{
    Direction, Entry, Fact, Frame, HarnessFact, Heard, Question, Request, Sender,
};

/// Takes down what is put to the test.
pub(super) struct Survey {
    contract: Arc<Contract>,
    coverage: Coverage,
    /// Requests for resources under way: what for, and whether the client asks.
    reading: BTreeMap<u64, (String, bool)>,
    /// Requests of the harness itself.
    pub(super) by_harness: u64,
}

impl Survey {
    pub(super) fn new(contract: &Arc<Contract>) -> Self {
        Self {
            coverage: expected(contract),
            contract: Arc::clone(contract),
            reading: BTreeMap::new(),
            by_harness: 0,
        }
    }

    /// What was put to the test so far.
    pub(super) fn coverage(&self) -> Coverage {
        self.coverage.clone()
    }

    /// Is shown every entry.
    pub(super) fn see(&mut self, entry: &Entry) {
        match &entry.fact {
            Fact::Request(request) => self.request(request),
            Fact::Answer(answer) => {
                if let Some((resource, by_client)) = self.reading.remove(&answer.exchange)
                    && answer.is_success()
                {
                    self.note(by_client, Kind::Resources, &resource);
                }
            }
            Fact::Lost { exchange, .. } => {
                self.reading.remove(exchange);
            }
            Fact::Frame {
                direction, packet, ..
            } => self.packet(*direction, packet),
            Fact::Harness(fact) => self.harness(fact),
            _ => {}
        }
    }

    fn note(&mut self, by_client: bool, kind: Kind, name: &str) {
        if by_client {
            self.coverage.by_client(kind, name, 1);
        } else {
            self.coverage.by_harness(kind, name, 1);
        }
    }

    fn request(&mut self, request: &Request) {
        let by_client = request.sender == Sender::Client;
        self.by_harness += u64::from(!by_client);
        let (method, service, path) = (&request.method, &request.service, &request.path);
        let contract = Arc::clone(&self.contract);
        let forbidden = contract.scope.forbid.iter();
        for pattern in forbidden.filter(|own| own.matches(method, service, path)) {
            self.note(by_client, Kind::Forbidden, &pattern.to_string());
        }
        let Some(role) = &request.role else { return };
        if *role == Role::Realtime {
            self.note(by_client, Kind::Endpoints, SOCKET);
        }
        let mut operations = contract.operations();
        let asked = operations
            .find(|(own, operation)| own == role && operation.covers(method, service, path));
        if let Some((_, operation)) = asked {
            self.note(by_client, Kind::Endpoints, &operation.line());
        }
        if let Role::Resource(name) = role {
            let reading = (name.clone(), by_client);
            self.reading.insert(request.exchange, reading);
        }
    }

    fn packet(&mut self, direction: Direction, packet: &Frame) {
        match (direction, packet) {
            (Direction::Down, Frame::Event { name, .. }) => {
                self.coverage.by_client(Kind::Events, name, 1);
            }
            (Direction::Up, Frame::Event { name, .. }) => {
                self.coverage.by_client(Kind::Emits, name, 1);
                self.coverage.by_client(Kind::Forbidden, &emit(name), 1);
            }
            (
                Direction::Up,
                Frame::Connect {
                    namespace: name, ..
                },
            ) => {
                self.coverage
                    .by_client(Kind::Forbidden, &namespace(name), 1);
            }
            _ => {}
        }
    }

    fn harness(&mut self, fact: &HarnessFact) {
        match fact {
            HarnessFact::Probe {
                question: Question::ForbiddenNamespace { namespace: name },
            } => self
                .coverage
                .by_harness(Kind::Forbidden, &namespace(name), 1),
            HarnessFact::Listened(Heard {
                events,
                namespace: place,
                ..
            }) => {
                for event in events {
                    self.coverage.by_harness(Kind::Events, event, 1);
                }
                if let Some(name) = place {
                    self.coverage
                        .by_harness(Kind::Forbidden, &namespace(name), 1);
                }
            }
            HarnessFact::Changed(changed) => self.changed(&changed.change),
            _ => {}
        }
    }

    fn changed(&mut self, change: &Change) {
        if let Some(lever) = change.lever() {
            if let Lever::Own(name) = &lever {
                self.coverage.expect(Kind::Levers, name);
            }
            self.coverage.by_harness(Kind::Levers, lever.name(), 1);
        }
        if let Some(fault) = disturbance(change) {
            self.coverage.by_harness(Kind::Faults, fault, 1);
        }
    }
}

/// The endpoint of the live feed, which is no single request.
const SOCKET: &str = "the socket";

fn emit(name: &str) -> String {
    format!("emit {name}")
}

fn namespace(name: &str) -> String {
    format!("namespace {name}")
}

/// The name of what a change disturbs at the gateway, if it does; what ends a disturbance is none.
fn disturbance(change: &Change) -> Option<&'static str> {
    match change {
        Change::Network(false) => Some("network"),
        Change::Websocket(false) => Some("websocket"),
        Change::Socket(false) => Some("socket"),
        Change::ForgetSessions => Some("forget-sessions"),
        Change::Fault {
            fault: Some(fault), ..
        } => Some(match fault {
            Fault::Delay(_) => "delay",
            Fault::Respond { .. } => "respond",
            Fault::Refuse => "refuse",
            Fault::BlackHole => "black-hole",
            Fault::Reset => "reset",
            Fault::Withhold(Withheld::Ping) => "withhold ping",
            Fault::Withhold(Withheld::Probe) => "withhold probe",
            Fault::Untrusted => "untrusted",
        }),
        _ => None,
    }
}

/// What can disturb any app, and what only one with a live feed.
const FAULTS: [&str; 7] = [
    "network",
    "delay",
    "respond",
    "refuse",
    "black-hole",
    "reset",
    "untrusted",
];
const FEED_FAULTS: [&str; 5] = [
    "websocket",
    "socket",
    "forget-sessions",
    "withhold ping",
    "withhold probe",
];

/// All that a contract has to be put to the test, but for its rules.
fn expected(contract: &Contract) -> Coverage {
    let mut coverage = Coverage::default();
    for (_, operation) in contract.operations() {
        coverage.expect(Kind::Endpoints, operation.line());
    }
    for resource in &contract.resources {
        coverage.expect(Kind::Resources, &resource.name);
    }
    let scope = &contract.scope;
    let patterns = scope.forbid.iter().map(ToString::to_string);
    let emits = scope.forbid_emits.iter().map(|name| emit(name));
    let namespaces = scope.forbid_namespaces.iter().map(|name| namespace(name));
    for forbidden in patterns.chain(emits).chain(namespaces) {
        coverage.expect(Kind::Forbidden, forbidden);
    }
    for (lever, name) in Lever::ALL {
        if has(contract, &lever) {
            coverage.expect(Kind::Levers, name);
        }
    }
    for fault in FAULTS {
        coverage.expect(Kind::Faults, fault);
    }
    if let Some(feed) = &contract.realtime {
        coverage.expect(Kind::Endpoints, SOCKET);
        for fault in FEED_FAULTS {
            coverage.expect(Kind::Faults, fault);
        }
        for event in &feed.events {
            coverage.expect(Kind::Events, &event.name);
        }
        let renewal = feed.renewal.iter().map(|renewal| &renewal.emit);
        for emit in feed.subscribe.iter().chain(renewal) {
            coverage.expect(Kind::Emits, &emit.event);
        }
    }
    coverage
}

/// Whether a contract has what a lever moves.
fn has(contract: &Contract, lever: &Lever) -> bool {
    match lever {
        Lever::Maintenance => contract.kill_switch.is_some(),
        Lever::Push | Lever::DropSockets => contract.realtime.is_some(),
        Lever::ExpireTokens => contract.session.refresh.is_some(),
        Lever::Backend | Lever::Malform | Lever::Own(_) => true,
    }
}
