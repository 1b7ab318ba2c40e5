//! Entries as a list and a timeline show them: a line each, and where on which lane it stands.

use std::collections::HashMap;

use serde::Serialize;

use crate::domain::change::Change;
use crate::domain::contract::TransportName;
use crate::domain::journal::{
    AppFact, Class, Direction, Entry, Fact, Frame, HarnessFact, Judgement, LossReason, Report,
    Request, Sender, StepPhase,
};
use crate::report::timeline;

/// How a row is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// Like most.
    Plain = 0,
    /// It is as hoped.
    Good = 1,
    /// Worth a look.
    Odd = 2,
    /// It went wrong.
    Bad = 3,
}

/// One entry.
pub(super) struct Row {
    pub(super) id: u64,
    at: u64,
    device: String,
    pub(super) kind: &'static str,
    /// What it belongs to: an exchange, a socket, a step; of a change, 1 where it begins and 2 where
    /// it ends.
    of: u64,
    pub(super) tone: Tone,
    /// What the timeline writes.
    pub(super) label: String,
    /// What the list says.
    pub(super) line: String,
}

/// Rows by columns: alike beside alike packs small and is read fast.
#[derive(Default, Serialize)]
pub(super) struct Rows {
    id: Vec<u64>,
    at: Vec<u64>,
    device: Vec<String>,
    kind: Vec<&'static str>,
    of: Vec<u64>,
    tone: Vec<u8>,
    label: Vec<String>,
    line: Vec<String>,
}

impl Rows {
    pub(super) fn push(&mut self, row: Row) {
        self.id.push(row.id);
        self.at.push(row.at);
        self.device.push(row.device);
        self.kind.push(row.kind);
        self.of.push(row.of);
        self.tone.push(row.tone as u8);
        self.label.push(row.label);
        self.line.push(row.line);
    }

    pub(super) fn len(&self) -> usize {
        self.id.len()
    }

    /// As JSON, and begins anew. Columns that say nothing are left out.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let mut own = std::mem::take(self);
        if own.device.iter().all(String::is_empty) {
            own.device.clear();
        }
        serde_json::to_vec(&own).unwrap_or_default()
    }
}

/// Makes rows of a journal's lines, one after the other.
pub(super) struct Reader {
    device: Option<String>,
    /// The requests under way, by exchange, so that an answer can name its request, and whether it
    /// is the harness that asked.
    asked: HashMap<u64, (String, bool)>,
    last: u64,
    at: u64,
}

impl Reader {
    pub(super) fn new(device: Option<String>) -> Self {
        Self {
            device,
            asked: HashMap::new(),
            last: 0,
            at: 0,
        }
    }

    /// The row of a line: nothing for a header and an empty line. What is no entry has a row that
    /// says so.
    pub(super) fn row(&mut self, line: &[u8]) -> Option<Row> {
        if line.is_empty() || (self.last == 0 && line.starts_with(b"{\"journal\"")) {
            return None;
        }
        Some(match serde_json::from_slice(line) {
            Ok(entry) => self.of(&entry),
            Err(error) => self.broken(&error.to_string()),
        })
    }

    /// The row for what cannot be read, and why.
    pub(super) fn broken(&mut self, why: &str) -> Row {
        self.last += 1;
        Row {
            id: self.last,
            at: self.at,
            device: String::new(),
            kind: "broken",
            of: 0,
            tone: Tone::Bad,
            label: "unreadable".to_owned(),
            line: format!("this line of the journal cannot be read: {why}"),
        }
    }

    fn of(&mut self, entry: &Entry) -> Row {
        if let Fact::Request(request) = &entry.fact {
            let name = format!("{} {}", request.method, request.target);
            let by_harness = request.sender != Sender::Client;
            self.asked.insert(request.exchange, (name, by_harness));
        }
        let line = timeline::line(entry, &|exchange| {
            let (name, _) = self.asked.get(&exchange)?;
            Some(name.clone())
        });
        let asked = self.asked.get(&exchange(&entry.fact));
        // What the harness is refused is what it hopes for.
        let tone = match asked {
            Some((_, true)) => Tone::Plain,
            _ => tone(&entry.fact),
        };
        if let Fact::Answer(_) | Fact::Lost { .. } = &entry.fact {
            self.asked.remove(&exchange(&entry.fact));
        }
        self.last = entry.id.0;
        self.at = u64::try_from(entry.at.as_micros()).unwrap_or(u64::MAX);
        let (kind, of, label) = place(&entry.fact);
        let device = entry.device.as_ref().or(self.device.as_ref());
        Row {
            id: self.last,
            at: self.at,
            device: device.cloned().unwrap_or_default(),
            kind,
            of,
            tone,
            label,
            line,
        }
    }
}

fn exchange(fact: &Fact) -> u64 {
    match fact {
        Fact::Request(request) => request.exchange,
        Fact::Answer(answer) => answer.exchange,
        Fact::TokenIssued(token) => token.exchange,
        Fact::Lost { exchange, .. } | Fact::Uploaded { exchange, .. } => *exchange,
        _ => 0,
    }
}

/// Kind, what it belongs to, and label.
fn place(fact: &Fact) -> (&'static str, u64, String) {
    match fact {
        Fact::Request(request) => asked(request),
        Fact::Answer(answer) => ("answer", answer.exchange, answer.status.to_string()),
        Fact::Lost { exchange, reason } => ("lost", *exchange, lost(reason).to_owned()),
        Fact::Uploaded { exchange, .. } => ("uploaded", *exchange, "uploaded".to_owned()),
        Fact::Unreadable(_) => ("unreadable", 0, "unreadable".to_owned()),
        Fact::Limited { bound, .. } => ("unreadable", 0, format!("limit: {}", bound.name())),
        Fact::TlsRefused { .. } => ("unreadable", 0, "TLS refused".to_owned()),
        Fact::TokenIssued(token) => ("token", token.exchange, token.label.clone()),
        Fact::SocketOpened {
            socket, transport, ..
        } => (
            "socket-opened",
            *socket,
            transport_name(*transport).to_owned(),
        ),
        Fact::SocketUpgraded { socket } => ("socket-upgraded", *socket, "websocket".to_owned()),
        Fact::SocketClosed { socket, .. } => ("socket-closed", *socket, "closed".to_owned()),
        Fact::Frame {
            socket,
            direction,
            packet,
            ..
        } => (way(*direction), *socket, self::packet(packet)),
        Fact::App(fact) => app(fact),
        Fact::Act(act) => ("act", 0, word(act)),
        Fact::Harness(fact) => harness(fact),
    }
}

fn asked(request: &Request) -> (&'static str, u64, String) {
    let kind = match request.sender {
        Sender::Client => "request",
        Sender::Canary | Sender::Probe => "asked",
    };
    let what = match &request.role {
        Some(role) => role.to_string(),
        None => request.path.clone(),
    };
    (kind, request.exchange, format!("{} {what}", request.method))
}

fn lost(reason: &LossReason) -> &'static str {
    match reason {
        LossReason::Upstream { .. } => "no answer",
        LossReason::ClientGone => "given up",
        LossReason::Fault => "broken",
    }
}

fn way(direction: Direction) -> &'static str {
    match direction {
        Direction::Up => "up",
        Direction::Down => "down",
    }
}

fn transport_name(transport: TransportName) -> &'static str {
    match transport {
        TransportName::Polling => "polling",
        TransportName::Websocket => "websocket",
    }
}

fn packet(packet: &Frame) -> String {
    match packet {
        Frame::Event { name, .. } => name.clone(),
        Frame::Ack { id, .. } => format!("ack {id}"),
        other => word(other),
    }
}

fn app(fact: &AppFact) -> (&'static str, u64, String) {
    match fact {
        AppFact::Screen { screen } => ("screen", 0, screen.to_string()),
        AppFact::Reported(Report::Screen(screen)) => ("screen", 0, screen.to_string()),
        AppFact::Link { link } => ("link", 0, word(link)),
        AppFact::Feed { feed } | AppFact::Reported(Report::Feed(feed)) => ("feed", 0, word(feed)),
        AppFact::Shown { resource, .. } => ("app", 0, format!("shows {resource}")),
        other => ("app", 0, word(other)),
    }
}

fn harness(fact: &HarnessFact) -> (&'static str, u64, String) {
    match fact {
        HarnessFact::Step { step, text, .. } => ("step", *step as u64, text.clone()),
        HarnessFact::Changed(changed) => change(&changed.change),
        HarnessFact::Canary { .. } => ("canary", 0, "canary".to_owned()),
        HarnessFact::Unmet(_) => ("unmet", 0, "unmet".to_owned()),
        other => ("harness", 0, word(other)),
    }
}

/// Under which name a change goes on until the same name ends it.
fn change(change: &Change) -> (&'static str, u64, String) {
    let (name, begins) = match change {
        Change::Maintenance(on) => ("kill-switch".to_owned(), Some(*on)),
        Change::Backend { service, running } => {
            let service = service.as_deref().map(|name| format!(" {name}"));
            let name = format!("stopped{}", service.unwrap_or_default());
            (name, Some(!running))
        }
        Change::Push { event, .. } => (format!("push {event}"), None),
        Change::Malform { resource, class } => (format!("bad {resource}"), Some(class.is_some())),
        Change::Own(name) => (name.clone(), None),
        Change::Network(there) => ("no network".to_owned(), Some(!there)),
        Change::Websocket(there) => ("no websocket".to_owned(), Some(!there)),
        Change::Socket(there) => ("no socket".to_owned(), Some(!there)),
        Change::Fault { on, fault } => (format!("fault on {on}"), Some(fault.is_some())),
        Change::ExpireTokens | Change::DropSockets | Change::ForgetSessions => (word(change), None),
    };
    let of = begins.map_or(0, |begins| if begins { 1 } else { 2 });
    ("change", of, name)
}

/// The first word of something as the journal writes it: itself, or the key of what it holds.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(serde_json::Value::Object(map)) => map.keys().next().cloned().unwrap_or_default(),
        _ => String::new(),
    }
}

fn tone(fact: &Fact) -> Tone {
    match fact {
        Fact::Request(request) if request.sender == Sender::Client => judged(&request.judgement),
        Fact::Frame {
            judgement: Some(judgement),
            ..
        } => judged(judgement),
        Fact::Answer(answer) => match answer.status {
            0..400 => Tone::Plain,
            400..500 => Tone::Odd,
            _ => Tone::Bad,
        },
        Fact::Lost { reason, .. } => match reason {
            LossReason::ClientGone => Tone::Odd,
            _ => Tone::Bad,
        },
        Fact::Unreadable(_) | Fact::TlsRefused { .. } | Fact::Limited { .. } => Tone::Odd,
        Fact::Harness(fact) => told(fact),
        _ => Tone::Plain,
    }
}

fn told(fact: &HarnessFact) -> Tone {
    match fact {
        HarnessFact::Canary { caught: true, .. } => Tone::Good,
        HarnessFact::Canary { .. } | HarnessFact::Unmet(_) | HarnessFact::Failed { .. } => {
            Tone::Bad
        }
        HarnessFact::Step { phase, .. } => match phase {
            StepPhase::Began => Tone::Plain,
            StepPhase::Done => Tone::Good,
            StepPhase::Unmet | StepPhase::Failed => Tone::Bad,
        },
        HarnessFact::Late { .. } | HarnessFact::Lagged { .. } | HarnessFact::Interrupted => {
            Tone::Odd
        }
        HarnessFact::ForbiddenReached { calls } if *calls > 0 => Tone::Bad,
        _ => Tone::Plain,
    }
}

fn judged(judgement: &Judgement) -> Tone {
    match judgement.class {
        Class::Allowed => Tone::Plain,
        Class::UndeclaredRead | Class::NotJudgeable => Tone::Odd,
        Class::Forbidden | Class::UndeclaredWrite => Tone::Bad,
    }
}
