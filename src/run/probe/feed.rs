//! Sockets of the harness's own: who is let into the live feed, and who hears something there.
//!
//! What the client of the contract does is done once with a genuine session, so that it is known
//! what such a socket gets, and then with what nobody should accept. What came of each is written
//! down; the rules judge it.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use hyper::client::conn::http1::handshake;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::{Allowed, Prober, Signed};
use crate::app::Filling;
use crate::domain::contract::{Apply, Realtime, TransportName};
use crate::domain::journal::{Fact, Flaw, HarnessFact, Heard, Question};
use crate::net::{Endpoint, ServiceAddress};
use crate::run::call::MARK;

/// Sixteen bytes in base64, as RFC 6455 §4.1 wants them; always the same, as all else in a run.
const KEY: &str = "cmVoZWFyc2FsLWZlZWQtMQ==";
/// How long the harness waits for the first event of a feed.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a socket must stay joined that no event comes to.
const LEAST: Duration = Duration::from_secs(1);

type Socket = WebSocketStream<TokioIo<Upgraded>>;

impl Prober<'_> {
    /// SESSION-10 on the feed: tokens that nobody should accept.
    pub(super) async fn feed_tokens(&mut self, allowed: &Allowed) -> Result<(), String> {
        let contract = self.environment.contract.clone();
        let Some(realtime) = &contract.realtime else {
            return Ok(());
        };
        let first = allowed.readers().first();
        let own = self
            .sign_in(first.ok_or("the target has no account")?)
            .await?;
        let genuine = self
            .listen(realtime, Question::GenuineToken, &own, PATIENCE)
            .await?;
        if !genuine.joined {
            return Err("the harness was not let into the live feed itself".to_owned());
        }
        let patience = genuine
            .after_ms
            .map_or(LEAST * 2, |after| Duration::from_millis(after) * 2 + LEAST);
        let nobody = own.bearing(None);
        self.listen(realtime, Question::NoToken, &nobody, patience)
            .await?;
        // Each of them takes the patience of a whole socket, so one of a kind is enough.
        let bad = self.bad(allowed, &own).into_iter();
        for (flaw, token) in bad.filter(|(flaw, _)| is_one_of_its_kind(*flaw)) {
            let bearer = own.bearing(Some(token));
            let question = Question::BadToken { flaw };
            self.listen(realtime, question, &bearer, patience).await?;
        }
        Ok(())
    }

    /// One question about the feed, if it is asked for with a token and by a transport that the
    /// harness speaks.
    pub(super) async fn ask_feed(
        &mut self,
        question: Question,
        own: &Signed,
    ) -> Result<(), String> {
        let contract = self.environment.contract.clone();
        match &contract.realtime {
            Some(realtime) => {
                self.listen(realtime, question, own, PATIENCE).await?;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Joins the feed, emits what the app does then, and listens until something comes.
    async fn listen(
        &mut self,
        realtime: &Realtime,
        question: Question,
        own: &Signed,
        patience: Duration,
    ) -> Result<Heard, String> {
        let sent = realtime.auth.names();
        let in_query = |(_, template): &(String, String)| template.contains("{access-token}");
        if !sent.iter().any(|name| name == "access-token") && !realtime.query.iter().any(in_query) {
            return Err("by the contract the feed's CONNECT carries no token".to_owned());
        }
        if !realtime
            .client
            .transports
            .contains(&TransportName::Websocket)
        {
            return Err("the feed has no WebSocket, by which the harness listens".to_owned());
        }
        let address = self.environment.gateway.address(&realtime.service);
        let base_path = address.as_ref().map_or("", ServiceAddress::base_path);
        let mut target = format!("{base_path}{}?EIO=4&transport=websocket", realtime.path);
        for (name, template) in &realtime.query {
            let value = crate::app::escape(&own.filling.text(template));
            target.push_str(&format!("&{}={value}", crate::app::escape(name)));
        }
        let endpoint = address.as_ref().and_then(|address| address.via.as_ref());
        let mark = format!("probe {}", self.environment.marker);
        let mut heard = Heard {
            question,
            joined: false,
            how: "no answer in time".to_owned(),
            events: Vec::new(),
            answers: Vec::new(),
            after_ms: None,
        };
        let conversation = async {
            match upgrade(endpoint, &target, &mark).await {
                Ok(socket) => converse(socket, realtime, &own.filling, &mut heard).await,
                Err(Refused::Answered(status)) => heard.how = format!("answered with {status}"),
                Err(Refused::Lost(why)) => return Err(why),
            }
            Ok(())
        };
        // What was heard when time is up is what there was to hear.
        if let Ok(Err(why)) = tokio::time::timeout(patience, conversation).await {
            return Err(why);
        }
        let fact = HarnessFact::Listened(heard.clone());
        self.environment.recorder.record(Fact::Harness(fact));
        Ok(heard)
    }
}

/// Why there is no WebSocket.
enum Refused {
    Answered(u16),
    Lost(String),
}

async fn upgrade(endpoint: Option<&Endpoint>, target: &str, mark: &str) -> Result<Socket, Refused> {
    let lost = |error: &dyn std::fmt::Display| Refused::Lost(format!("the feed: {error}"));
    let endpoint = endpoint.ok_or_else(|| lost(&"the gateway has no such service"))?;
    let stream = endpoint.connect().await.map_err(|error| lost(&error))?;
    let (mut sender, connection) = handshake(TokioIo::new(stream))
        .await
        .map_err(|error| lost(&error))?;
    tokio::spawn(connection.with_upgrades());
    let request = hyper::Request::builder()
        .uri(target)
        .header("host", endpoint.authority())
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", KEY)
        .header(MARK, mark)
        .body(String::new())
        .map_err(|error| lost(&error))?;
    let answer = sender
        .send_request(request)
        .await
        .map_err(|error| lost(&error))?;
    if answer.status() != hyper::StatusCode::SWITCHING_PROTOCOLS {
        return Err(Refused::Answered(answer.status().as_u16()));
    }
    let upgraded = hyper::upgrade::on(answer)
        .await
        .map_err(|error| lost(&error))?;
    Ok(WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Client, None).await)
}

/// Joins, subscribes and listens until an event changes data, or the server ends it.
async fn converse(mut socket: Socket, realtime: &Realtime, filling: &Filling, heard: &mut Heard) {
    let namespace = match realtime.namespace.as_str() {
        "/" => String::new(),
        name => format!("{name},"),
    };
    let lookup = |name: &str| filling.get(name);
    // Nobody's CONNECT has no payload at all.
    let payload = match filling.access {
        Some(_) => realtime.auth.fill(&lookup).to_string(),
        None => String::new(),
    };
    let mut joined = Instant::now();
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else {
            continue;
        };
        let mut replies = Vec::new();
        match text.as_str().split_at_checked(1) {
            Some(("0", _)) => replies.push(format!("40{namespace}{payload}")),
            Some(("2", rest)) => replies.push(format!("3{rest}")),
            Some(("4", packet)) => {
                let (kind, rest) = packet.split_at_checked(1).unwrap_or_default();
                let kind_of_binary = rest.split_once('-').filter(|_| matches!(kind, "5" | "6"));
                let rest = kind_of_binary.map_or(rest, |(_, rest)| rest);
                let Some(rest) = rest.strip_prefix(namespace.as_str()).or_else(|| {
                    rest.strip_prefix(namespace.trim_end_matches(','))
                        .filter(|_| !namespace.is_empty())
                }) else {
                    continue;
                };
                match kind {
                    "0" => {
                        heard.joined = true;
                        "joined".clone_into(&mut heard.how);
                        joined = Instant::now();
                        for (id, emit) in realtime.subscribe.iter().enumerate() {
                            let id = if emit.ack {
                                id.to_string()
                            } else {
                                String::new()
                            };
                            let args = emit.args.iter().map(|arg| arg.fill(&lookup));
                            let event: Value = std::iter::once(Value::from(emit.event.as_str()))
                                .chain(args)
                                .collect();
                            replies.push(format!("42{namespace}{id}{event}"));
                        }
                    }
                    "1" | "4" => {
                        let how = match (kind, heard.joined) {
                            ("4", _) => "refused",
                            (_, true) => "joined and sent away",
                            (_, false) => "sent away",
                        };
                        heard.joined = false;
                        how.clone_into(&mut heard.how);
                        return;
                    }
                    "2" | "5" => {
                        let args: Option<Value> = serde_json::from_str(rest).ok();
                        let name = args.as_ref().and_then(|args| args.get(0)?.as_str());
                        if let Some(name) = name.filter(|name| changes_data(realtime, name)) {
                            heard.events.push(name.to_owned());
                            heard.after_ms = joined.elapsed().as_millis().try_into().ok();
                            return;
                        }
                    }
                    "3" | "6" => heard.answers.push(digest(rest)),
                    _ => {}
                }
            }
            _ => {}
        }
        for reply in replies {
            if socket.send(Message::text(reply)).await.is_err() {
                break;
            }
        }
    }
    // Whoever hangs up has not let anybody in.
    let how = if heard.joined {
        "joined and cut off"
    } else {
        "cut off"
    };
    heard.joined = false;
    how.clone_into(&mut heard.how);
}

/// Whether no other of these flaws shows the same negligence.
fn is_one_of_its_kind(flaw: Flaw) -> bool {
    matches!(
        flaw,
        Flaw::Altered | Flaw::AlgNone | Flaw::ForeignSignature | Flaw::RefreshToken | Flaw::Expired
    )
}

fn changes_data(realtime: &Realtime, name: &str) -> bool {
    let mut rules = realtime.events.iter();
    rules.any(|rule| rule.name == name && rule.updates.is_some() && rule.apply != Apply::Ignore)
}

/// What tells acknowledgements apart and holds nothing of them.
fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
