//! A mock and clients of it.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::request::Builder;
use http::{HeaderMap, HeaderName, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::contracts::{desk, desk_world, shared};
use crate::domain::contract::Contract;
use crate::domain::world::World;
use crate::mock::{Defect, Mock, Pages, Settings};
use crate::net::{Clock, Connector, Endpoint, Net, Stream};

pub(super) struct Stage {
    pub(super) mock: Mock,
    pub(super) clock: Clock,
    clients: BTreeMap<String, Client>,
}

pub(super) type Client = legacy::Client<Connector, Full<Bytes>>;

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

impl Stage {
    pub(super) fn desk() -> Self {
        Self::with(desk(), desk_world(), &[])
    }

    pub(super) fn desk_with(defect: Defect) -> Self {
        Self::with(desk(), desk_world(), &[defect])
    }

    pub(super) fn with(contract: Contract, world: World, defects: &[Defect]) -> Self {
        Self::begun(contract, world, defects, false)
    }

    /// A mock whose world goes on by itself.
    pub(super) fn living(contract: Contract, world: World) -> Self {
        Self::begun(contract, world, &[], true)
    }

    fn begun(contract: Contract, world: World, defects: &[Defect], live: bool) -> Self {
        let clock = Clock::virtual_time();
        let services = contract.services.iter();
        let names: Vec<String> = services.map(|service| service.name.clone()).collect();
        let mock = Mock::start(Settings {
            contract: shared(contract),
            world: world.into(),
            clock,
            net: Net::Memory,
            listeners: BTreeMap::new(),
            pages: Pages::Ignored,
            secured: None,
            faults: None,
            seed: 11,
            defects: defects.iter().copied().collect(),
            live,
        })
        .unwrap();
        let clients = names
            .into_iter()
            .filter_map(|name| Some((name.clone(), client(mock.endpoint(&name)?))))
            .collect();
        Self {
            mock,
            clock,
            clients,
        }
    }

    pub(super) async fn call(
        &self,
        request: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answer {
        let body = body.map(|body| body.to_string());
        self.send(request, headers, body.as_deref()).await.unwrap()
    }

    /// `METHOD service /path`, as contracts write it.
    pub(super) async fn send(
        &self,
        request: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Result<Answer, legacy::Error> {
        let words: Vec<&str> = request.split(' ').collect();
        let url = format!("{}{}", self.mock.url(words[1]).unwrap(), words[2]);
        let mut request = Request::builder().method(words[0]).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(&self.clients[words[1]], request, body.unwrap_or_default()).await
    }

    pub(super) async fn get(&self, service: &str, path: &str, token: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        self.call(
            &format!("GET {service} {path}"),
            &[("authorization", &bearer)],
            None,
        )
        .await
    }

    /// Signs in at the desk: the access and the refresh token.
    pub(super) async fn sign_in(&self, name: &str) -> (String, String) {
        let body =
            json!({"email": format!("{name}@example.org"), "password": format!("{name}-secret")});
        let answer = self.call("POST id /login", &[], Some(body)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        tokens(&answer)
    }

    pub(super) async fn refresh(&self, token: &str) -> Answer {
        self.call("POST id /renew", &[], Some(json!({ "token": token })))
            .await
    }

    /// Opens a WebSocket on the socket path and joins `namespace`; the answer to CONNECT is left
    /// unread.
    pub(super) async fn join(&self, namespace: &str, auth: Value) -> Socket {
        let mut socket = self.socket("desk", "/edge/live/", &[]).await;
        assert!(socket.text().await.unwrap().starts_with('0'));
        socket.say(&format!("40{namespace},{auth}")).await;
        socket
    }

    /// Joins the desk's feed and reads the answer.
    pub(super) async fn listen(&self, token: &str) -> Socket {
        let mut socket = self.join("/desk", json!({ "token": token })).await;
        let answer = socket.text().await.unwrap();
        assert!(answer.starts_with("40/desk,{\"sid\":"), "{answer}");
        socket
    }

    pub(super) async fn socket(
        &self,
        service: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Socket {
        let stream = self
            .mock
            .endpoint(service)
            .unwrap()
            .connect()
            .await
            .unwrap();
        let url = format!("ws://mock{path}?EIO=4&transport=websocket");
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            let name: HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let (socket, _) = tokio_tungstenite::client_async(request, stream)
            .await
            .unwrap();
        Socket(socket)
    }
}

pub(super) fn client(endpoint: &Endpoint) -> Client {
    legacy::Client::builder(TokioExecutor::new()).build(Connector::to(endpoint))
}

pub(super) async fn answer(
    client: &Client,
    request: Builder,
    body: &str,
) -> Result<Answer, legacy::Error> {
    let request = request.body(Full::from(body.to_owned())).unwrap();
    let (head, body) = client.request(request).await?.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Ok(Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        text: String::from_utf8(body.to_vec()).unwrap(),
    })
}

pub(super) fn tokens(answer: &Answer) -> (String, String) {
    let body = answer.json();
    let text = |name: &str| body["tokens"][name].as_str().unwrap().to_owned();
    (text("access"), text("refresh"))
}

/// A client of the mock's WebSocket that knows no Socket.IO.
pub(super) struct Socket(pub(super) WebSocketStream<Stream>);

impl Socket {
    pub(super) async fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// The next text, heartbeats answered and left out; `None` at the end.
    pub(super) async fn text(&mut self) -> Option<String> {
        loop {
            match self.0.next().await? {
                Ok(Message::Text(text)) if text.as_str() == "2" => self.say("3").await,
                Ok(Message::Text(text)) => return Some(text.as_str().to_owned()),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// The next event in the desk's namespace: its name and first argument.
    pub(super) async fn event(&mut self) -> Option<(String, Value)> {
        let text = self.text().await?;
        let json = text
            .strip_prefix("42/desk,")
            .or_else(|| text.strip_prefix("42"));
        let packet: Value = serde_json::from_str(json.unwrap_or("null")).unwrap_or_default();
        Some((
            packet[0].as_str().unwrap_or(&text).to_owned(),
            packet[1].clone(),
        ))
    }

    /// Everything that is said until `for_long` has passed.
    pub(super) async fn texts(&mut self, for_long: Duration) -> Vec<String> {
        let mut texts = Vec::new();
        let end = tokio::time::Instant::now() + for_long;
        while let Ok(Some(text)) = tokio::time::timeout_at(end, self.text()).await {
            texts.push(text);
        }
        texts
    }
}
