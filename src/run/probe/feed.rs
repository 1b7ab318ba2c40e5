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

mod listener;

use super::not_asked::NotAsked;
use super::{OwnSession, Permission, Prober};
use crate::domain::bindings::escape;
use crate::domain::contract::{Realtime, TransportName};
use crate::domain::journal::{Fact, Flaw, HarnessFact, Heard, Question};
use crate::net::{Endpoint, ServiceAddress};
use crate::run::call::{ConnectionError, MARK};
use listener::{Socket, listen};

/// Sixteen bytes in base64, as RFC 6455 §4.1 wants them; always the same, as all else in a run.
const KEY: &str = "cmVoZWFyc2FsLWZlZWQtMQ==";
/// How long the harness waits for the first event of a feed.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a socket must stay joined that no event comes to.
const LEAST: Duration = Duration::from_secs(1);

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
        // Each of them takes the patience of a whole socket, so one of a kind is enough.
        let bad = self.bad(permission, &own).into_iter();
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
        own: &OwnSession,
        patience: Duration,
    ) -> Result<Heard, NotAsked> {
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
        let address = self.environment.gateway.address(&realtime.service);
        let base_path = address.as_ref().map_or("", ServiceAddress::base_path);
        let mut target = format!("{base_path}{}?EIO=4&transport=websocket", realtime.path);
        for (name, template) in &realtime.query {
            let value = escape(&own.bindings.text(template));
            target.push_str(&format!("&{}={value}", escape(name)));
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
                Ok(socket) => listen(socket, realtime, &own.bindings, &mut heard).await,
                Err(Refused::Answered(status)) => heard.how = format!("answered with {status}"),
                Err(Refused::Lost(why)) => return Err(NotAsked::FeedLost(why)),
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
        Flaw::Altered | Flaw::AlgNone | Flaw::ForeignSignature | Flaw::RefreshToken | Flaw::Expired
    )
}
