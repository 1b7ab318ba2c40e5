//! SESSION-2, -3 and -12: how the live feed is authenticated, and for how long.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::domain::contract::{Realtime, Role, Token};
use crate::domain::duration::show;
use crate::domain::journal::{Content, Direction, Entry, Fact, Frame};
use crate::domain::verdict::Subject;
use crate::rules::ledger::{Breach, Ledger};
use crate::rules::scene::{Scene, Token as Issued, client_request, packet_up};
use crate::rules::{JudgedFrom, Rule, RuleInfo, labels};

pub(super) static IN_QUERY: RuleInfo = RuleInfo {
    id: "SESSION-2",
    title: "The socket's token travels in the CONNECT payload, not in the query",
    subject: Subject::App,
    judged_from: &[JudgedFrom::Wire],
    source: "Socket.IO client options (`auth` against `query`); RFC 9700 §4.3.2",
    explanation: "The query of the Engine.IO requests is logged like any URL and is fixed when the manager is made, so it also goes stale. CONNECT's payload is neither. Judged on the feed's handshakes and polls (no token in the query) and on its CONNECT (the token where the contract says it stands).",
    fix: "Give `socket.io-client` the token by `auth: (send) => send({ token })`, never by `query`.",
    parameters: &["realtime.auth"],
};

pub(super) static CURRENT: RuleInfo = RuleInfo {
    id: "SESSION-3",
    title: "Every connect uses the current token, and a refused one is not sent again and again",
    subject: Subject::App,
    judged_from: &[JudgedFrom::Wire],
    source: "seen as an endless loop in public issues of socket.io-client",
    explanation: "A token captured when the socket was made is sent for ever, so the first reconnect after its expiry is refused, and so is each one after it. Judged on each CONNECT: its token is the one handed out last, and no token is sent a third time after the server refused it, unless it had ended when it was handed out or does not say when it ends.",
    fix: "Evaluate the token in the `auth` function at each connect; on `connect_error` refresh before connecting again.",
    parameters: &["realtime.auth"],
};

pub(super) static EXPIRED: RuleInfo = RuleInfo {
    id: "SESSION-12",
    title: "No live events after the token's expiry without re-authentication",
    subject: Subject::Backend,
    judged_from: &[JudgedFrom::Wire],
    source: "auth0-community/auth0-socketio-jwt#98",
    explanation: "A socket that is authenticated once at CONNECT outlives its token: a user who was locked out keeps receiving data. Judged by the `exp` of the token that CONNECT carried, with the contract's leeway; a newer token sent over the same socket moves the limit.",
    fix: "Disconnect a socket when its token expires, or ask for a new token on it.",
    parameters: &["session.token.leeway"],
};

/// How long a client that has just received a token may still be seen to use the one before: its
/// answer and the client's CONNECT may cross.
const TURNOVER: Duration = Duration::from_secs(1);
/// How much later than the renewal's answer its token may be noticed.
const NOTICED: Duration = Duration::from_secs(5);
/// How often a refused token may be sent until it is a loop.
const REFUSALS: u32 = 3;
/// What clocks and queues may add to an expiry.
const SLACK: Duration = Duration::from_secs(10);

#[derive(Default)]
pub(super) struct SocketToken {
    /// The token of the last CONNECT on each socket.
    sent: BTreeMap<u64, String>,
    /// The token that was refused last, and how often.
    refused: Option<(String, u32)>,
}

impl Rule for SocketToken {
    fn see(&mut self, entry: &Arc<Entry>, scene: &Scene, ledger: &mut Ledger) {
        let Some(feed) = &scene.contract.realtime else {
            ledger.unable(&IN_QUERY, "the contract has no live feed");
            ledger.unable(&CURRENT, "the contract has no live feed");
            return;
        };
        if let Some(request) = client_request(entry)
            && request.role == Some(Role::Realtime)
        {
            ledger.occasion(&IN_QUERY);
            let query = request
                .target
                .split_once('?')
                .map_or("", |(_, query)| query);
            if let Some(label) = labels::first(query) {
                in_query(entry, request.exchange, label, &request.target, ledger);
            }
        }
        if let Some((socket, Frame::Connect { namespace, payload })) = packet_up(entry)
            && *namespace == feed.namespace
        {
            self.connect(entry, socket, payload, feed, scene, ledger);
        }
        match &entry.fact {
            Fact::Frame {
                socket,
                direction: Direction::Down,
                packet: Frame::ConnectError { namespace, .. },
                ..
            } if *namespace == feed.namespace => {
                if let Some(token) = self.sent.get(socket) {
                    let before = match &self.refused {
                        Some((own, times)) if own == token => *times,
                        _ => 0,
                    };
                    self.refused = Some((token.clone(), before + 1));
                }
            }
            Fact::Frame {
                direction: Direction::Down,
                packet: Frame::Connect { namespace, .. },
                ..
            } if *namespace == feed.namespace => self.refused = None,
            Fact::SocketClosed { socket, .. } => {
                self.sent.remove(socket);
            }
            _ => {}
        }
    }
}

impl SocketToken {
    fn connect(
        &mut self,
        entry: &Arc<Entry>,
        socket: u64,
        payload: &Content,
        feed: &Realtime,
        scene: &Scene,
        ledger: &mut Ledger,
    ) {
        let wants_token = feed.auth.names().iter().any(|name| name == "access-token");
        if !wants_token {
            return;
        }
        if scene.session.open && !carries(&feed.auth.0, payload.json()) {
            ledger.breach(
                &IN_QUERY,
                Breach {
                    kind: "token outside CONNECT".to_owned(),
                    message: "the socket's CONNECT does not carry the access token".to_owned(),
                    expected:
                        "the access token in CONNECT's payload, where the contract says it stands"
                            .to_owned(),
                    observed: "a CONNECT without it although a session is open".to_owned(),
                    evidence: vec![entry.id],
                    ..Breach::default()
                },
            );
        }
        let Some(label) = labels::in_content(payload).map(labels::bare) else {
            return;
        };
        ledger.occasion(&CURRENT);
        self.sent.insert(socket, label.to_owned());
        if let Some((refused, times)) = &self.refused
            && refused == label
            && *times >= REFUSALS
            && !is_dead(refused, scene)
        {
            ledger.breach(
                &CURRENT,
                Breach {
                    kind: "refused token".to_owned(),
                    message: "the app keeps sending a token that the server refused".to_owned(),
                    expected: "a refresh, or no further attempt, after a refusal".to_owned(),
                    observed: format!("‹{label}› sent again after {times} refusals"),
                    evidence: vec![entry.id],
                    ..Breach::default()
                },
            );
        }
        let (Some(current), Some(renewed)) = (scene.session.current(), scene.session.renewed)
        else {
            return;
        };
        let outdated = current.label != label
            && scene
                .session
                .token(label)
                .is_some_and(|own| own.issued.id < current.issued.id);
        // A renewal whose answer did not reach the client does not count.
        let settled = renewed.at + TURNOVER < entry.at && current.issued.at <= renewed.at + NOTICED;
        if outdated && settled && scene.world.same_process_since(renewed.id) {
            ledger.breach(
                &CURRENT,
                Breach {
                    kind: "outdated token".to_owned(),
                    message: "the socket connects with an outdated token".to_owned(),
                    expected: format!(
                        "CONNECT with ‹{}›, handed out {} before",
                        current.label,
                        show(entry.at - current.issued.at)
                    ),
                    observed: format!("CONNECT with ‹{label}›"),
                    evidence: vec![current.issued.id, entry.id],
                    ..Breach::default()
                },
            );
        }
    }
}

/// Whether a token was worth nothing when it was handed out: it had ended, or does not say when it
/// ends although the contract has tokens that do. A client can then do nothing with any other.
fn is_dead(label: &str, scene: &Scene) -> bool {
    let (Some(token), Token::Jwt(_)) = (scene.session.token(label), &scene.contract.session.token)
    else {
        return scene.session.token(label).is_some_and(Issued::is_over);
    };
    token.ends.is_none() || token.is_over()
}

fn in_query(entry: &Arc<Entry>, exchange: u64, label: &str, target: &str, ledger: &mut Ledger) {
    ledger.breach(
        &IN_QUERY,
        Breach {
            kind: "token outside CONNECT".to_owned(),
            message: format!("{label} stands in the query of the socket's requests"),
            expected: "the token in CONNECT's payload, and nowhere in a URL".to_owned(),
            observed: target.to_owned(),
            evidence: vec![entry.id],
            exchanges: vec![exchange],
            ..Breach::default()
        },
    );
}

/// Whether a payload has something at each place where the template has the access token.
fn carries(template: &Value, payload: Option<&Value>) -> bool {
    match template {
        Value::String(text) if text.contains("{access-token}") => payload
            .and_then(Value::as_str)
            .is_some_and(|text| !text.is_empty()),
        Value::Object(fields) => fields
            .iter()
            .all(|(key, field)| carries(field, payload.and_then(|payload| payload.get(key)))),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .all(|(at, item)| carries(item, payload.and_then(|payload| payload.get(at)))),
        _ => true,
    }
}

/// Until when each socket may bring events.
#[derive(Default)]
pub(super) struct ExpiredFeed {
    limits: BTreeMap<u64, (Duration, String)>,
}

impl Rule for ExpiredFeed {
    fn see(&mut self, entry: &Arc<Entry>, scene: &Scene, ledger: &mut Ledger) {
        match &entry.fact {
            Fact::Frame {
                socket,
                direction: Direction::Up,
                packet:
                    Frame::Connect {
                        payload: content, ..
                    }
                    | Frame::Event { args: content, .. },
                ..
            } => {
                if let Some(label) = labels::in_content(content) {
                    self.authenticated(*socket, label, scene, ledger);
                }
            }
            Fact::Frame {
                socket,
                direction: Direction::Down,
                packet: Frame::Event { name, .. },
                ..
            } => {
                if let Some((limit, label)) = self.limits.get(socket)
                    && entry.at > *limit
                {
                    let observed = format!(
                        "`{name}` came {} after the limit of ‹{label}›",
                        show(entry.at - *limit)
                    );
                    ledger.breach(
                        &EXPIRED,
                        Breach {
                            kind: "events after expiry".to_owned(),
                            message: "live events go on after the socket's token has expired"
                                .to_owned(),
                            expected: "a disconnect, or re-authentication, at the token's expiry"
                                .to_owned(),
                            observed,
                            evidence: vec![entry.id],
                            ..Breach::default()
                        },
                    );
                }
            }
            Fact::SocketClosed { socket, .. } => {
                self.limits.remove(socket);
            }
            _ => {}
        }
    }

    fn hears_routine(&self) -> bool {
        true
    }
}

impl ExpiredFeed {
    fn authenticated(&mut self, socket: u64, label: &str, scene: &Scene, ledger: &mut Ledger) {
        let Some(token) = scene.session.token(label) else {
            return;
        };
        let (Some(ends), Some(epoch)) = (token.ends, scene.epoch) else {
            ledger.unable(&EXPIRED, "the tokens do not say when they end");
            return;
        };
        ledger.occasion(&EXPIRED);
        let leeway = match &scene.contract.session.token {
            Token::Jwt(policy) => policy.leeway,
            Token::Opaque => Duration::ZERO,
        };
        let limit = Duration::from_secs(ends.saturating_sub(epoch)) + leeway + SLACK;
        self.limits.insert(socket, (limit, token.label.clone()));
    }
}
