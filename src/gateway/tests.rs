//! The gateway between a client and a backend, in virtual time.

mod backend;
mod bounds;
mod codings;
mod faults;
mod framing;
mod large;
mod leading;
mod limits;
mod modes;
mod plain;
mod secrets;
mod sessions;
mod sockets;
mod tls;
mod unreadable;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::task::AbortHandle;

use super::{Gateway, Listen, Mode, Settings, Upstream};
use crate::domain::contract::Contract;
use crate::domain::journal::{Answer, Fact, Request as RequestFact};
use crate::domain::scope::sample;
use crate::domain::secret::{Account, Secret};
use crate::net::{Clock, Endpoint, Net, Recorder, Stream};
use backend::Backend;

const PASSWORD: &str = "correct horse/1";

/// A gateway in front of one backend that serves both services.
struct Room {
    gateway: Gateway,
    backend: Backend,
    recorder: Recorder,
}

/// An answer, read to its end.
#[derive(Debug)]
struct Got {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Room {
    async fn new() -> Self {
        Self::with(Mode::Enforcing).await
    }

    async fn with(mode: Mode) -> Self {
        Self::of("http", mode).await
    }

    async fn of(scheme: &str, mode: Mode) -> Self {
        Self::on(Net::Memory, scheme, mode).await
    }

    async fn on(net: Net, scheme: &str, mode: Mode) -> Self {
        Self::listening(net, scheme, mode, &Listen::default())
    }

    fn listening(net: Net, scheme: &str, mode: Mode, listen: &Listen) -> Self {
        Self::agreeing(sample::contract(), net, scheme, mode, listen)
    }

    fn agreeing(contract: Contract, net: Net, scheme: &str, mode: Mode, listen: &Listen) -> Self {
        let recorder = Recorder::new(Clock::virtual_time());
        let backend = Backend::start(net);
        let upstream = Upstream {
            scheme: scheme.to_owned(),
            authority: "backend.test".to_owned(),
            base_path: String::new(),
            via: Some(backend.endpoint().clone()),
            access: Arc::default(),
        };
        let settings = Settings {
            contract: Arc::new(contract),
            recorder: recorder.clone(),
            net,
            upstreams: BTreeMap::from([
                ("platform".to_owned(), upstream.clone()),
                ("trading".to_owned(), upstream),
            ]),
            mode,
            accounts: vec![Account {
                name: "tester-a".to_owned(),
                username: "a@example.test".to_owned(),
                password: Secret::new(PASSWORD),
            }],
            marker: "m4rk".to_owned(),
            pace: Default::default(),
        };
        let gateway = Gateway::start_at(settings, listen).unwrap();
        Self {
            gateway,
            backend,
            recorder,
        }
    }

    fn endpoint(&self, service: &str) -> Endpoint {
        self.gateway.address(service).unwrap().via.unwrap()
    }

    async fn connect(&self, service: &str) -> std::io::Result<Stream> {
        self.endpoint(service).connect().await
    }

    async fn send(&self, service: &str, request: Request<Full<Bytes>>) -> Result<Got, String> {
        Connection::open(self, service).await?.send(request).await
    }

    async fn get(&self, service: &str, target: &str) -> Result<Got, String> {
        self.send(service, self.request("GET", service, target, ""))
            .await
    }

    async fn post(&self, service: &str, target: &str, body: &str) -> Result<Got, String> {
        self.send(service, self.request("POST", service, target, body))
            .await
    }

    fn request(
        &self,
        method: &str,
        service: &str,
        target: &str,
        body: &str,
    ) -> Request<Full<Bytes>> {
        Request::builder()
            .method(method)
            .uri(target)
            .header(
                "host",
                self.gateway.address(service).unwrap().url.authority(),
            )
            .body(Full::from(body.to_owned()))
            .unwrap()
    }

    fn facts(&self) -> Vec<Fact> {
        let journal = self.recorder.journal();
        journal.entries().map(|entry| entry.fact.clone()).collect()
    }

    fn requests(&self) -> Vec<RequestFact> {
        let facts = self.facts().into_iter();
        facts
            .filter_map(|fact| match fact {
                Fact::Request(request) => Some(*request),
                _ => None,
            })
            .collect()
    }

    fn answers(&self) -> Vec<Answer> {
        let facts = self.facts().into_iter();
        facts
            .filter_map(|fact| match fact {
                Fact::Answer(answer) => Some(answer),
                _ => None,
            })
            .collect()
    }

    /// The whole journal as it would be written to a file.
    fn written(&self) -> String {
        serde_json::to_string(&self.facts()).unwrap()
    }
}

/// Gives every task the time it needs, at no virtual cost worth mentioning.
async fn settle() {
    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
}

/// One connection of a client. Dropping it closes it.
struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    driver: AbortHandle,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Connection {
    async fn open(room: &Room, service: &str) -> Result<Self, String> {
        Self::to(&room.endpoint(service)).await
    }

    async fn to(endpoint: &Endpoint) -> Result<Self, String> {
        let stream = endpoint
            .connect()
            .await
            .map_err(|error| format!("refused: {error}"))?;
        let (sender, connection) = http1::Builder::new()
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| error.to_string())?;
        let driver = tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(Self {
            sender,
            driver: driver.abort_handle(),
        })
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Got, String> {
        let response = self
            .sender
            .send_request(request)
            .await
            .map_err(|error| error.to_string())?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| error.to_string())?;
        Ok(Got {
            status: head.status,
            headers: head.headers,
            body: String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        })
    }
}
