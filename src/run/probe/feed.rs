//! Sockets of the harness's own: who is let into the live feed, and who hears something there.
//!
//! What the client of the contract does is done once with a genuine session, so that it is known
//! what such a socket gets, and then with what nobody should accept. What came of each is written
//! down; the rules judge it.

use std::time::Duration;

use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;

mod held;
mod listener;

use super::not_asked::NotAsked;
use super::{OwnSession, Permission, Prober};
use crate::domain::bindings::escape;
use crate::domain::contract::{Realtime, TransportName};
use crate::domain::journal::{Fact, Flaw, HarnessFact, Heard, Question};
use crate::net::{Endpoint, ServiceAddress};
use crate::run::call::{ConnectionError, MARK};
pub(super) use held::Held;
use listener::{Socket, listen};

/// Sixteen bytes in base64, as RFC 6455 §4.1 wants them; always the same, as all else in a run.
const KEY: &str = "cmVoZWFyc2FsLWZlZWQtMQ==";
/// How long the harness waits for the first event of a feed.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a socket must stay joined that no event comes to.
const LEAST: Duration = Duration::from_secs(1);
/// How long a socket listens in a namespace that is not the feed's.
const ELSEWHERE: Duration = Duration::from_secs(3);
/// How long all questions about the feed may take.
pub(super) const PATIENCE_IN_ALL: Duration = Duration::from_secs(60);
/// The namespace that every server has.
const MAIN: &str = "/";

impl Prober<'_> {
    /// SESSION-10 on the feed: tokens that nobody should accept.
    pub(super) async fn feed_tokens(&mut self, permission: &Permission) -> Result<(), NotAsked> {
        let contract = self.environment.contract.clone();
        let Some(realtime) = &contract.realtime else {
            return Ok(());
        };
        let first = permission.readers().first();
        let own = self.sign_in(first.ok_or(NotAsked::NoAccount)?).await?;
        let genuine = self
            .listen(realtime, Question::GenuineToken, &own, PATIENCE)
            .await?;
        if !genuine.joined {
            return Err(NotAsked::NotJoined);
        }
        let patience = genuine
            .after_ms
            .map_or(LEAST * 2, |after| Duration::from_millis(after) * 2 + LEAST);
        let nobody = own.bearing(None);
        self.listen(realtime, Question::NoToken, &nobody, patience)
            .await?;
        self.listen_elsewhere(realtime, &Question::NoToken, &nobody)
            .await?;
        // Each of them takes the patience of a whole socket, so one of a kind is enough.
        let other = self.for_others(permission, &own).await;
        let other = other.map(|token| (Flaw::WrongAudience, token));
        let bad = self.bad(permission, &own).into_iter().chain(other);
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
        own: &OwnSession,
    ) -> Result<(), NotAsked> {
        let contract = self.environment.contract.clone();
        match &contract.realtime {
            Some(realtime) => {
                self.listen(realtime, question.clone(), own, PATIENCE)
                    .await?;
                // What the kill-switch closes is the feed: elsewhere nothing may be open at any time.
                match question {
                    Question::DataInMaintenance => Ok(()),
                    _ => self.listen_elsewhere(realtime, &question, own).await,
                }
            }
            None => Ok(()),
        }
    }

    /// Asks the same in every namespace that a server may have left open: the main one, and those that
    /// the contract forbids.
    async fn listen_elsewhere(
        &mut self,
        realtime: &Realtime,
        question: &Question,
        own: &OwnSession,
    ) -> Result<(), NotAsked> {
        let contract = self.environment.contract.clone();
        let forbidden = contract.scope.forbid_namespaces.iter().map(String::as_str);
        let others = std::iter::once(MAIN).chain(forbidden);
        for namespace in others.filter(|name| *name != realtime.namespace) {
            let elsewhere = Realtime {
                namespace: namespace.to_owned(),
                ..realtime.clone()
            };
            self.listen(&elsewhere, question.clone(), own, ELSEWHERE)
                .await?;
        }
        Ok(())
    }

    /// Asks to join a namespace of the feed's server by WebSocket, as an account that must not.
    pub(super) async fn listen_in(
        &mut self,
        realtime: &Realtime,
        namespace: &str,
        own: &OwnSession,
    ) -> Result<(), NotAsked> {
        let elsewhere = Realtime {
            namespace: namespace.to_owned(),
            ..realtime.clone()
        };
        let question = Question::ForbiddenNamespace {
            namespace: namespace.to_owned(),
        };
        self.listen(&elsewhere, question, own, ELSEWHERE).await?;
        Ok(())
    }

    /// Joins the feed as the app does, and stays in it.
    pub(super) async fn hold_feed(&mut self, own: &OwnSession) -> Result<Held, NotAsked> {
        let contract = self.environment.contract.clone();
        let Some(realtime) = &contract.realtime else {
            return Err(NotAsked::NoPart("live feed"));
        };
        let socket = self.open(realtime, own).await?;
        let socket = socket.map_err(|_| NotAsked::NotJoined)?;
        let held = Held::new(socket, realtime.clone(), own.bindings.clone());
        let before = held.first(PATIENCE).await;
        self.note(Heard {
            question: Question::SocketBeforeMaintenance,
            ..before.clone()
        });
        match before.joined {
            true => Ok(held),
            false => Err(NotAsked::NotJoined),
        }
    }

    /// Writes down what a socket still hears that was opened before.
    pub(super) async fn still_hears(&mut self, held: &Held) {
        let heard = held.again(PATIENCE).await;
        self.note(Heard {
            question: Question::SocketInMaintenance,
            ..heard
        });
    }

    /// Whether a session of the feed is opened by long-polling.
    pub(in crate::run) async fn polls(&self, own: Option<&OwnSession>) -> Result<(), String> {
        let Some(realtime) = &self.environment.contract.realtime else {
            return Ok(());
        };
        let mut path = format!("{}?EIO=4&transport=polling", realtime.path);
        for (name, template) in own.map_or(&[][..], |_| &realtime.query) {
            let value = own.map(|own| escape(&own.bindings.text(template)));
            path.push_str(&format!("&{}={}", escape(name), value.unwrap_or_default()));
        }
        let client = &self.environment.client;
        let reply = client.call(&realtime.service, "GET", &path, "probe", None);
        let reply = reply.await.map_err(|why| why.to_string())?;
        match (reply.status, reply.body.starts_with(b"0{")) {
            (200, true) => Ok(()),
            (200, false) => Err("what was answered opens no Engine.IO session".to_owned()),
            (status, _) => Err(format!("it was answered with {status}")),
        }
    }

    /// Whether the feed is joined by WebSocket.
    pub(in crate::run) async fn joins(&mut self, own: &OwnSession) -> Result<(), String> {
        let contract = self.environment.contract.clone();
        let Some(realtime) = &contract.realtime else {
            return Ok(());
        };
        let heard = self.listen(realtime, Question::GenuineToken, own, PATIENCE);
        match heard.await {
            Ok(heard) if heard.joined => Ok(()),
            Ok(heard) => Err(heard.how),
            Err(why) => Err(why.to_string()),
        }
    }

    fn note(&self, heard: Heard) {
        let fact = HarnessFact::Listened(heard);
        self.environment.client.recorder.record(Fact::Harness(fact));
    }

    /// Opens a WebSocket to the feed, if it is joined with a token and by a transport that the harness
    /// speaks. Answers the status where there is none.
    async fn open(
        &self,
        realtime: &Realtime,
        own: &OwnSession,
    ) -> Result<Result<Socket, u16>, NotAsked> {
        let sent = realtime.auth.names();
        let in_query = |(_, template): &(String, String)| template.contains("{access-token}");
        if !sent.iter().any(|name| name == "access-token") && !realtime.query.iter().any(in_query) {
            return Err(NotAsked::NoFeedToken);
        }
        if !realtime
            .client
            .transports
            .contains(&TransportName::Websocket)
        {
            return Err(NotAsked::NoWebsocket);
        }
        let address = self.environment.client.gateway.address(&realtime.service);
        let base_path = address.as_ref().map_or("", ServiceAddress::base_path);
        let mut target = format!("{base_path}{}?EIO=4&transport=websocket", realtime.path);
        for (name, template) in &realtime.query {
            let value = escape(&own.bindings.text(template));
            target.push_str(&format!("&{}={value}", escape(name)));
        }
        let endpoint = address.as_ref().and_then(|address| address.via.as_ref());
        let mark = format!("probe {}", self.environment.marker);
        match upgrade(endpoint, &target, &mark).await {
            Ok(socket) => Ok(Ok(socket)),
            Err(Refused::Answered(status)) => Ok(Err(status)),
            Err(Refused::Lost(why)) => Err(NotAsked::FeedLost(why)),
        }
    }

    /// Joins the feed, emits what the app does then, and listens until something comes.
    async fn listen(
        &mut self,
        realtime: &Realtime,
        question: Question,
        own: &OwnSession,
        patience: Duration,
    ) -> Result<Heard, NotAsked> {
        let contract = self.environment.contract.clone();
        let feed = contract.realtime.as_ref();
        let is_feed = feed.is_none_or(|feed| feed.namespace == realtime.namespace);
        let mut heard = Heard {
            question,
            namespace: (!is_feed).then(|| realtime.namespace.clone()),
            ..nothing_heard()
        };
        let conversation = async {
            match self.open(realtime, own).await? {
                Ok(socket) => listen(socket, realtime, &own.bindings, &mut heard).await,
                Err(status) => heard.how = format!("answered with {status}"),
            }
            Ok(())
        };
        // What was heard when time is up is what there was to hear.
        if let Ok(Err(why)) = tokio::time::timeout(patience, conversation).await {
            return Err(why);
        }
        self.note(heard.clone());
        Ok(heard)
    }
}

/// A socket that nothing was heard of yet.
fn nothing_heard() -> Heard {
    Heard {
        question: Question::GenuineToken,
        namespace: None,
        joined: false,
        how: "no answer in time".to_owned(),
        events: Vec::new(),
        answers: Vec::new(),
        after_ms: None,
    }
}

/// Why there is no WebSocket.
enum Refused {
    Answered(u16),
    Lost(ConnectionError),
}

impl<E: Into<ConnectionError>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Lost(error.into())
    }
}

async fn upgrade(endpoint: Option<&Endpoint>, target: &str, mark: &str) -> Result<Socket, Refused> {
    let endpoint = endpoint.ok_or(ConnectionError::NoService)?;
    let stream = endpoint.connect().await?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection.with_upgrades());
    let request = hyper::Request::builder()
        .uri(target)
        .header("host", endpoint.authority())
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", KEY)
        .header(MARK, mark)
        .body(String::new())?;
    let answer = sender.send_request(request).await?;
    if answer.status() != hyper::StatusCode::SWITCHING_PROTOCOLS {
        return Err(Refused::Answered(answer.status().as_u16()));
    }
    let upgraded = hyper::upgrade::on(answer).await?;
    Ok(WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Client, None).await)
}

/// Whether no other of these flaws shows the same negligence.
fn is_one_of_its_kind(flaw: Flaw) -> bool {
    matches!(
        flaw,
        Flaw::Altered
            | Flaw::AlgNone
            | Flaw::ForeignSignature
            | Flaw::RefreshToken
            | Flaw::Expired
            | Flaw::WrongAudience
    )
}
