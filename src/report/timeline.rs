//! Journal entries in one line each, and the few of them that show a finding.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::domain::contract::TransportName;
use crate::domain::journal::{
    Act, Answer, Answerer, AppFact, Changed, Class, ClientOutcome, Direction, Entry, EntryId, Fact,
    Frame, HarnessFact, Headers, Insecure, LeverHow, LossReason, Report, Request, Sender,
    SessionState, SignatureCheck, SocketEnd, StepPhase, TokenIssued, Unreadable,
};

/// How many entries before a cited one are shown with it. After it, only the very next one is: what
/// comes later is mostly another story.
const BEFORE: usize = 3;

/// The excerpt of one scenario, with what is needed to put an answer beside its request.
pub(super) struct Timeline<'a> {
    entries: &'a [Arc<Entry>],
    requests: BTreeMap<u64, &'a Request>,
}

impl<'a> Timeline<'a> {
    pub(super) fn new(entries: &'a [Arc<Entry>]) -> Self {
        let requests = entries
            .iter()
            .filter_map(|entry| match &entry.fact {
                Fact::Request(request) => Some((request.exchange, request.as_ref())),
                _ => None,
            })
            .collect();
        Self { entries, requests }
    }

    pub(super) fn get(&self, id: EntryId) -> Option<&'a Entry> {
        let at = self.entries.binary_search_by_key(&id, |entry| entry.id);
        at.ok().map(|at| &*self.entries[at])
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().map(|entry| &**entry)
    }

    /// The cited entries with a few neighbours, at most `limit`, in order. The last cited entries
    /// are kept first, because the decisive one comes last.
    pub(super) fn around(&self, cited: &[EntryId], limit: usize) -> Vec<&'a Entry> {
        let places: Vec<usize> = cited
            .iter()
            .rev()
            .filter_map(|id| self.entries.binary_search_by_key(id, |entry| entry.id).ok())
            .collect();
        let mut shown: BTreeSet<usize> = places.iter().copied().take(limit).collect();
        for distance in 1..=BEFORE {
            for &place in &places {
                let before = place.checked_sub(distance);
                let after = (distance == 1 && self.follows(place)).then_some(place + 1);
                for neighbour in before.into_iter().chain(after) {
                    if shown.len() < limit {
                        shown.insert(neighbour);
                    }
                }
            }
        }
        shown.into_iter().map(|at| &*self.entries[at]).collect()
    }

    /// Whether the journal's next entry is part of the excerpt too.
    fn follows(&self, place: usize) -> bool {
        let next = self.entries.get(place + 1);
        next.is_some_and(|next| next.id.0 == self.entries[place].id.0 + 1)
    }

    /// What the entry says, in one line without number and time; of which device, where there are several.
    pub(super) fn line(&self, entry: &Entry) -> String {
        line(entry, &|exchange| {
            let request = self.requests.get(&exchange)?;
            Some(format!("{} {}", request.method, request.target))
        })
    }
}

/// What the request of an exchange was, where that is known.
type Asked<'a> = dyn Fn(u64) -> Option<String> + 'a;

/// What an entry says, in one line without number and time; of which device, where there are several.
pub(super) fn line(entry: &Entry, asked: &Asked<'_>) -> String {
    let said = said(entry, asked);
    match &entry.device {
        Some(device) => format!("{device} {said}"),
        None => said,
    }
}

fn said(entry: &Entry, asked: &Asked<'_>) -> String {
    match &entry.fact {
        Fact::Request(request) => self::request(request),
        Fact::Answer(answer) => self::answer(answer, asked),
        Fact::Lost { exchange, reason } => {
            format!("× {} {}", named(*exchange, asked), lost(reason))
        }
        Fact::Uploaded {
            exchange, bytes, ..
        } => {
            format!(
                "· {} its body of {bytes} bytes has passed",
                named(*exchange, asked)
            )
        }
        Fact::Unreadable(_) | Fact::Limited { .. } | Fact::TlsRefused { .. } => {
            unheard(&entry.fact)
        }
        Fact::TokenIssued(token) => issued(token),
        Fact::SocketOpened {
            socket,
            service,
            transport,
        } => {
            format!(
                "→ socket {socket} opened on {service} ({})",
                name(*transport)
            )
        }
        Fact::SocketUpgraded { socket } => format!("· socket {socket} upgraded to websocket"),
        Fact::Frame {
            socket,
            direction,
            transport,
            packet,
            judgement,
            ..
        } => {
            let judged = judgement.as_ref().map(|own| judged(own.class, &own.reason));
            format!(
                "{} socket {socket} {} ({}){}",
                arrow(*direction),
                self::packet(packet),
                name(*transport),
                judged.unwrap_or_default()
            )
        }
        Fact::SocketClosed { socket, end } => {
            format!("× socket {socket} closed {}", closed(end))
        }
        Fact::App(fact) => format!("· app: {}", app(fact)),
        Fact::Act(act) => format!("· user: {}", user(act)),
        Fact::Harness(fact) => format!("· harness: {}", harness(fact)),
    }
}

/// What came and became no request.
fn unheard(fact: &Fact) -> String {
    match fact {
        Fact::Unreadable(Unreadable {
            service,
            why,
            beginning,
            ..
        }) => format!("→ {service} was sent no request that can be read ({why}): {beginning}"),
        Fact::Limited {
            service,
            bound,
            most,
            ..
        } => format!(
            "× {service} refused what was sent for the proxy's own limit `{}` of {most}",
            bound.name()
        ),
        Fact::TlsRefused { service, why } => {
            format!("× TLS with {service} was refused by the client: {why}")
        }
        _ => String::new(),
    }
}

fn answer(answer: &Answer, asked: &Asked<'_>) -> String {
    let by = match answer.from {
        Answerer::Backend => "",
        Answerer::Policy => " by the gateway, in place of the backend",
        Answerer::Fault => " by the gateway, as a fault",
    };
    let mut line = format!("← {} {}{by}", answer.status, named(answer.exchange, asked));
    if let Some(id) = &answer.request_id {
        line.push_str(&format!(" [{id}]"));
    }
    line
}

fn named(exchange: u64, asked: &Asked<'_>) -> String {
    asked(exchange).unwrap_or_else(|| format!("exchange {exchange}"))
}

fn arrow(direction: Direction) -> char {
    match direction {
        Direction::Up => '→',
        Direction::Down => '←',
    }
}

fn lost(reason: &LossReason) -> String {
    match reason {
        LossReason::Upstream { detail } => format!("no answer: {detail}"),
        LossReason::ClientGone => "the client gave it up".to_owned(),
        LossReason::Fault => "broken by a fault".to_owned(),
    }
}

fn closed(end: &SocketEnd) -> String {
    match end {
        SocketEnd::Client => "by the client".to_owned(),
        SocketEnd::Backend => "by the backend".to_owned(),
        SocketEnd::Network { detail } => format!("as the connection broke: {detail}"),
        SocketEnd::Gateway => "by the gateway".to_owned(),
    }
}

fn request(request: &Request) -> String {
    let sender = match request.sender {
        Sender::Client => "",
        Sender::Canary => "canary: ",
        Sender::Probe => "probe: ",
    };
    let mut line = format!(
        "→ {sender}{} {} {}",
        request.method, request.service, request.target
    );
    for label in labels(&request.headers) {
        line.push(' ');
        line.push_str(label);
    }
    if let Some(role) = &request.role {
        line.push_str(&format!(" ({role})"));
    }
    match request.insecure {
        Some(Insecure::Clear) => line.push_str(" in the clear"),
        Some(Insecure::Untrusted) => line.push_str(" under an untrusted certificate"),
        None => {}
    }
    line.push_str(&judged(request.judgement.class, &request.judgement.reason));
    line
}

/// Every label of a secret in the headers, once.
fn labels(headers: &Headers) -> BTreeSet<&str> {
    headers
        .iter()
        .flat_map(|(_, value)| value.split_inclusive('›'))
        .filter(|piece| piece.ends_with('›'))
        .filter_map(|piece| piece.rfind('‹').map(|start| &piece[start..]))
        .collect()
}

fn judged(class: Class, reason: &str) -> String {
    let word = match class {
        Class::Allowed => return String::new(),
        Class::Forbidden => "forbidden",
        Class::UndeclaredWrite => "undeclared write",
        Class::UndeclaredRead => "undeclared read",
        Class::NotJudgeable => "not judgeable",
    };
    format!(" — {word}: {reason}")
}

fn issued(token: &TokenIssued) -> String {
    let to = match &token.username {
        Some(username) => format!(" to {username}"),
        None => String::new(),
    };
    let signature = match &token.signature {
        SignatureCheck::Verified => "signature verified".to_owned(),
        SignatureCheck::Refused { why } => format!("signature refused: {why}"),
        SignatureCheck::NotChecked { why } => format!("signature not checked: {why}"),
    };
    format!("· {} issued{to}, {signature}", token.label)
}

fn name(transport: TransportName) -> &'static str {
    match transport {
        TransportName::Polling => "polling",
        TransportName::Websocket => "websocket",
    }
}

fn packet(packet: &Frame) -> String {
    match packet {
        Frame::Open { .. } => "open".to_owned(),
        Frame::Close => "close".to_owned(),
        Frame::Ping { probe: false } => "ping".to_owned(),
        Frame::Ping { probe: true } => "ping probe".to_owned(),
        Frame::Pong { probe: false } => "pong".to_owned(),
        Frame::Pong { probe: true } => "pong probe".to_owned(),
        Frame::Upgrade => "upgrade".to_owned(),
        Frame::Noop => "noop".to_owned(),
        Frame::Connect { namespace, .. } => format!("CONNECT {namespace}"),
        Frame::ConnectError { namespace, payload } => {
            let message = payload.json().and_then(|payload| payload.get("message"));
            match message.and_then(serde_json::Value::as_str) {
                Some(message) => format!("CONNECT_ERROR {namespace} {message:?}"),
                None => format!("CONNECT_ERROR {namespace}"),
            }
        }
        Frame::Disconnect { namespace } => format!("DISCONNECT {namespace}"),
        Frame::Event {
            namespace, name, ..
        } => format!("EVENT {name} {namespace}"),
        Frame::Ack { namespace, id } => format!("ACK {id} {namespace}"),
        Frame::Unreadable { why } => format!("unreadable packet: {why}"),
    }
}

fn app(fact: &AppFact) -> String {
    match fact {
        AppFact::Screen { screen } => format!("screen {screen}"),
        AppFact::Link { link } => format!("network {}", word(link)),
        AppFact::Feed { feed } => format!("feed {}", word(feed)),
        AppFact::Shown {
            resource,
            items,
            source,
            sequence,
        } => {
            let sequence = sequence.map_or(String::new(), |number| format!(", at {number}"));
            format!("shows {resource} ({items} from {source}{sequence})")
        }
        AppFact::Session { state } => match state {
            SessionState::Ended { why } => format!("session ended: {why}"),
            SessionState::NotFound { why } => format!("no session found: {why}"),
            other => format!("session {}", word(other)),
        },
        AppFact::Stale { resource, .. } => format!("says that {resource} is old"),
        AppFact::Notice { name } => format!("notice {name}"),
        AppFact::Exchange(exchange) => {
            let outcome = match &exchange.outcome {
                ClientOutcome::Answered { status } => format!("answered {status}"),
                ClientOutcome::NotSent { why } => format!("not sent: {why}"),
                ClientOutcome::Broken { why } => format!("broken: {why}"),
            };
            format!("{} {} {outcome}", exchange.method, exchange.path)
        }
        AppFact::Emitted { namespace, event } => format!("emitted {event} {namespace}"),
        AppFact::Unexpected { what } => format!("did not expect: {what}"),
        AppFact::Reported(report) => match report {
            Report::Screen(screen) => format!("is said to show the screen {screen}"),
            Report::Feed(feed) => format!("is said to call its feed {}", word(feed)),
            Report::User(account) => format!("is said to show {account}"),
            Report::Restored(true) => "is said to have found a session".to_owned(),
            Report::Restored(false) => "is said to have found no session".to_owned(),
        },
    }
}

/// A state as the journal writes it: the word that scenario files use too.
fn word(state: &impl serde::Serialize) -> String {
    match serde_json::to_value(state) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

fn user(act: &Act) -> String {
    match act {
        Act::Launch => "starts the app".to_owned(),
        Act::SignIn { account } => format!("signs in as {account}"),
        Act::SignOut => "signs out".to_owned(),
        Act::Kill => "kills the app".to_owned(),
        Act::Background => "leaves the app".to_owned(),
        Act::Foreground => "comes back to the app".to_owned(),
        Act::Refresh => "pulls to refresh".to_owned(),
        Act::Open { screen } => format!("opens {screen}"),
        Act::LoadMore { resource } => format!("asks for more of {resource}"),
        Act::Offline => "loses the network".to_owned(),
        Act::Online => "has the network back".to_owned(),
        Act::Storage { accident } => format!("secure storage: {accident}"),
        Act::Clock { offset } => format!("sets the device's clock off by {offset} s"),
    }
}

fn harness(fact: &HarnessFact) -> String {
    match fact {
        HarnessFact::Began { scenario, seed, .. } => format!("{scenario} begins, seed {seed}"),
        HarnessFact::Step { step, text, phase } => {
            let phase = match phase {
                StepPhase::Began => "begins",
                StepPhase::Done => "is done",
                StepPhase::Unmet => "did not come true",
                StepPhase::Failed => "could not be carried out",
            };
            format!("step {step} {phase}: {text}")
        }
        HarnessFact::Unmet(step) => step.message.clone(),
        HarnessFact::Failed { why } => format!("the harness failed: {why}"),
        HarnessFact::Interrupted => "a person stopped the run".to_owned(),
        HarnessFact::Changed(Changed { change, how }) => {
            let how = match how {
                _ if change.lever().is_none() => "",
                LeverHow::Mock => ", by the mock",
                LeverHow::Http => ", by the operator",
                LeverHow::Command => ", by a command of the operator",
                LeverHow::Gateway => ", imitated at the gateway",
            };
            format!("{change}{how}")
        }
        HarnessFact::Canary { call, caught, .. } => {
            let fate = if *caught { "caught" } else { "NOT caught" };
            format!("canary {call} {fate}")
        }
        HarnessFact::Probe { question } => format!("rehearsal asks: {}", question.words()),
        HarnessFact::Listened(heard) => {
            let question = heard.question.words();
            format!("rehearsal asks the feed: {question} {}", heard.words())
        }
        HarnessFact::NotProbed { rule, why, .. } => format!("nothing is asked for {rule}: {why}"),
        HarnessFact::ForbiddenReached { calls } => {
            format!("the mock counted {calls} forbidden calls")
        }
        HarnessFact::Lagged { by_ms, over_ms } => {
            format!("the harness itself lagged by {by_ms} ms in {over_ms} ms")
        }
        HarnessFact::Late { what, by_us } => format!("{what} came {by_us} µs late"),
        HarnessFact::Ended => "the client is gone".to_owned(),
    }
}
