//! What is compared of a client: what it heard, in words that both kinds have, and what crossed its
//! gateway.
//!
//! Ids and offsets that the server made up go by the order in which they came.
//!
//! Left out is what no client decides: stamps, the randomness of `t`, headers of the HTTP
//! library, how often a poll came back with nothing, how often a server was tried that was not
//! there, and whether a farewell was still in time.
//!
//! Left out as well is what a busy machine decides. Whether two packets share a post depends on
//! whether the answer to the last post has come, so posts and polls are counted by shape alone
//! (virtual time tests which packets share a post). Messages and the packets that carry
//! a transport are separate channels, since an upgrade runs beside the messages. And the server
//! may answer a CONNECT on either side of an upgrade.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rehearsal::internals::domain::contract::TransportName;
use rehearsal::internals::domain::journal::{Content, Direction, Fact, Frame, Journal};
use rehearsal::internals::protocol::client::{AckOutcome, ConnectError, Event, Transport};
use rehearsal::internals::protocol::packet::Args;
use serde_json::{Value, json};

/// What the client heard and what crossed the gateway.
#[derive(Debug, PartialEq)]
pub(super) struct Record {
    heard: Vec<String>,
    channels: BTreeMap<String, Vec<String>>,
    requests: BTreeSet<String>,
}

impl Record {
    pub(super) fn of(mut heard: Vec<String>, journal: &Journal) -> Self {
        // A server that is not there is answered for by the gateway.
        let reached: BTreeMap<u64, u16> = journal
            .entries()
            .filter_map(|entry| match &entry.fact {
                Fact::Answer(answer) if answer.status < 500 => {
                    Some((answer.exchange, answer.status))
                }
                _ => None,
            })
            .collect();
        let made_up = MadeUp::of(journal);
        let mut channels: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut requests = BTreeSet::new();
        let mut note = |channel: String, line: String| {
            channels.entry(channel).or_default().push(line);
        };
        for entry in journal.entries() {
            match &entry.fact {
                Fact::Request(request) if !is_farewell(&request.body) => {
                    let line = format!("{} {}", request.method, shape(&request.target));
                    if request.header("upgrade").is_some() {
                        if let Some(status) = reached.get(&request.exchange) {
                            note("handshakes".to_owned(), format!("{line} {status}"));
                        }
                    } else {
                        let kind = request.header("content-type").unwrap_or_default();
                        let kind = kind.to_ascii_lowercase().replace("; ", ";");
                        requests.insert(format!("{line} {kind}"));
                    }
                }
                Fact::Frame {
                    direction,
                    transport,
                    packet,
                    bytes,
                    ..
                } => {
                    if let Some(shown) = decisive(packet) {
                        let (channel, transport) = match packet {
                            Frame::Connect { .. } if *direction == Direction::Down => {
                                ("messages", None)
                            }
                            _ if is_the_transports(packet) => ("transport", Some(transport)),
                            _ => ("messages", Some(transport)),
                        };
                        let (shown, hidden) = made_up.hide(&shown.to_string());
                        let bytes = *bytes - hidden as u64;
                        note(
                            format!("{direction:?} {channel}"),
                            format!("{transport:?} {bytes} {shown}"),
                        );
                    }
                }
                Fact::SocketOpened { transport, .. } => {
                    note("sessions".to_owned(), format!("{transport:?}"));
                }
                Fact::SocketUpgraded { .. } => {
                    note(
                        "sessions".to_owned(),
                        format!("to {:?}", TransportName::Websocket),
                    );
                }
                _ => {}
            }
        }
        if let Some(handshakes) = channels.get_mut("handshakes") {
            handshakes.dedup_by(|next, last| next == last && !next.ends_with("101"));
        }
        // The upgrade runs beside everything else.
        heard.retain(|line| !line.contains("upgraded") && !line.starts_with("unreached"));
        for line in &mut heard {
            *line = made_up.hide(line).0;
        }
        Record {
            heard,
            channels,
            requests,
        }
    }
}

/// What the server made up, in the order in which it came: the ids of namespaces, and, if it keeps
/// what a lost connection misses, the connection's secret id and the offset at the end of each event.
struct MadeUp(Vec<String>);

impl MadeUp {
    fn of(journal: &Journal) -> Self {
        let (mut found, mut keeps) = (Vec::new(), false);
        for entry in journal.entries() {
            let Fact::Frame {
                direction: Direction::Down,
                packet,
                ..
            } = &entry.fact
            else {
                continue;
            };
            let news = match packet {
                Frame::Connect { payload, .. } => {
                    let payload = payload.json().unwrap_or(&Value::Null);
                    keeps |= payload["pid"].is_string();
                    vec![&payload["sid"], &payload["pid"]]
                }
                Frame::Event {
                    args, ack: None, ..
                } if keeps => {
                    let args = args.json().and_then(Value::as_array);
                    args.and_then(|args| args.last()).into_iter().collect()
                }
                _ => continue,
            };
            for text in news.into_iter().filter_map(Value::as_str) {
                if !found.iter().any(|known| known == text) {
                    found.push(text.to_owned());
                }
            }
        }
        Self(found)
    }

    /// A text with numbers in the place of what was made up, and the length of that.
    fn hide(&self, text: &str) -> (String, usize) {
        let (mut text, mut length) = (text.to_owned(), 0);
        for (number, word) in self.0.iter().enumerate() {
            let quoted = format!("\"{word}\"");
            length += word.len() * text.matches(&quoted).count();
            text = text.replace(&quoted, &format!("#{number}"));
        }
        (text, length)
    }
}

/// Whether this is a post that closes the session. It goes out when all is over, so it may come too
/// late to be answered, or find that the server has closed the session before.
fn is_farewell(body: &Content) -> bool {
    match body {
        Content::Json { bytes, .. } | Content::Text { bytes, .. } => *bytes == 1,
        _ => false,
    }
}

/// Whether a packet is about its transport, and not a message.
fn is_the_transports(packet: &Frame) -> bool {
    matches!(
        packet,
        Frame::Open { .. } | Frame::Upgrade | Frame::Ping { .. } | Frame::Pong { .. }
    )
}

/// A packet; nothing for those whose number is an accident.
fn decisive(packet: &Frame) -> Option<Value> {
    if matches!(
        packet,
        Frame::Noop | Frame::Close | Frame::Ping { probe: false } | Frame::Pong { probe: false }
    ) {
        return None;
    }
    Some(serde_json::to_value(packet).unwrap())
}

/// A target without what is random in it.
fn shape(target: &str) -> String {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let pairs: Vec<String> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((key @ ("sid" | "t"), _)) => key.to_owned(),
            _ => pair.to_owned(),
        })
        .collect();
    format!("{path}?{}", pairs.join("&"))
}

/// What our client heard, in the words that both have.
pub(super) fn ours(event: &Event) -> Option<String> {
    Some(match event {
        Event::Connected {
            namespace,
            recovered,
            ..
        } => format!("connect {namespace} {recovered}"),
        Event::Disconnected { namespace, reason } => {
            format!("disconnect {namespace} {}", reason.as_str())
        }
        Event::ConnectError {
            namespace,
            error: ConnectError::Refused(refusal),
        } => format!(
            "refused {namespace} {} {}",
            refusal.message,
            refusal.data.clone().unwrap_or_default()
        ),
        Event::ConnectError {
            namespace,
            error: ConnectError::Transport(_),
        } => format!("unreached {namespace}"),
        Event::Received {
            namespace,
            name,
            args,
            ack,
        } => format!(
            "event {namespace} {name} {} {}",
            outward(args),
            ack.is_some()
        ),
        Event::Ack {
            namespace,
            outcome: AckOutcome::Answered(args),
            ..
        } => format!("acked {namespace} {}", outward(args)),
        Event::Upgraded { transport } => {
            assert_eq!(*transport, Transport::WebSocket);
            "upgraded websocket".to_owned()
        }
        Event::UpgradeFailed => "not-upgraded".to_owned(),
        _ => return None,
    })
}

/// What the stock client said, in the same words.
pub(super) fn stock(line: &Value) -> Option<String> {
    let (kind, news) = line.as_object()?.iter().next()?;
    let text = |key: &str| news[key].as_str().unwrap_or_default();
    let name = text("name");
    Some(match kind.as_str() {
        "connect" => format!("connect {name} {}", news["recovered"]),
        "disconnect" => format!("disconnect {name} {}", text("reason")),
        // Without data it is the transport that failed, or an unknown namespace.
        "refused" if text("message").ends_with("error") => format!("unreached {name}"),
        "refused" => format!("refused {name} {} {}", text("message"), news["data"]),
        "event" => format!(
            "event {name} {} {} {}",
            text("event"),
            news["args"],
            news["asks"]
        ),
        "acked" => format!("acked {name} {}", news["answer"]),
        "upgraded" => format!("upgraded {}", text("to")),
        "not-upgraded" => "not-upgraded".to_owned(),
        _ => return None,
    })
}

fn outward(args: &Args) -> Value {
    fn shown(value: &Value, args: &Args) -> Value {
        if let Some(bytes) = args.binary(value) {
            let text = STANDARD.encode(bytes);
            return json!({"$binary": text});
        }
        match value {
            Value::Array(items) => items.iter().map(|item| shown(item, args)).collect(),
            Value::Object(fields) => fields
                .iter()
                .map(|(key, field)| (key.clone(), shown(field, args)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            other => other.clone(),
        }
    }
    args.values.iter().map(|value| shown(value, args)).collect()
}
