//! A small backend that remembers what reached it.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::sync::{Notify, mpsc};
use tokio::task::AbortHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::net::{Endpoint, Net};

/// Bytes of the answer to `GET /big`.
pub(super) const BIG: usize = 8 * 1024 * 1024;

pub(super) struct Backend {
    endpoint: Endpoint,
    shared: Arc<Shared>,
    listening: AbortHandle,
}

#[derive(Default)]
struct Shared {
    seen: Mutex<Vec<Seen>>,
    messages: Mutex<Vec<Message>>,
    given_up: AtomicUsize,
    released: Notify,
    pushes: Mutex<Option<mpsc::UnboundedSender<Message>>>,
}

/// A request that reached the backend.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) line: String,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

pub(super) fn token(number: u32) -> String {
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = part(json!({"alg": "EdDSA", "kid": "k1"}));
    let claims = part(json!({"sub": "u1", "n": number}));
    format!("{header}.{claims}.c2lnbmF0dXJl{number:04}")
}

impl Backend {
    pub(super) fn start(net: Net) -> Self {
        let listener = net.bind("backend").unwrap();
        let endpoint = listener.endpoint().clone();
        let shared = Arc::new(Shared::default());
        let state = Arc::clone(&shared);
        let listening = tokio::spawn(async move {
            while let Ok(stream) = listener.accept().await {
                let state = Arc::clone(&state);
                tokio::spawn(async move {
                    let service = service_fn(move |request| answer(Arc::clone(&state), request));
                    let _ = http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .with_upgrades()
                        .await;
                });
            }
        });
        Self {
            endpoint,
            shared,
            listening: listening.abort_handle(),
        }
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }

    /// What arrived over WebSocket.
    pub(super) fn messages(&self) -> Vec<Message> {
        self.shared.messages.lock().unwrap().clone()
    }

    /// How many hanging requests were given up by their client.
    pub(super) fn given_up(&self) -> usize {
        self.shared.given_up.load(Ordering::Relaxed)
    }

    /// Lets a parked poll go.
    pub(super) fn release(&self) {
        self.shared.released.notify_one();
    }

    /// Sends a message over the latest WebSocket.
    pub(super) fn push(&self, message: Message) {
        assert!(self.try_push(message), "there is no WebSocket");
    }

    /// Sends a message over the latest WebSocket, if it is still there.
    pub(super) fn try_push(&self, message: Message) -> bool {
        let pushes = self.shared.pushes.lock().unwrap();
        pushes
            .as_ref()
            .is_some_and(|pushes| pushes.send(message).is_ok())
    }

    /// Stops listening; open connections stay.
    pub(super) fn stop(&self) {
        self.listening.abort();
    }
}

struct GivenUp(Arc<Shared>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.given_up.fetch_add(1, Ordering::Relaxed);
    }
}

type Reply = Response<BoxBody<Bytes, Infallible>>;

fn reply(status: u16, kind: &str, body: impl Into<Bytes>) -> Reply {
    Response::builder()
        .status(status)
        .header("content-type", kind)
        .header("x-request-id", "r-1")
        .body(Full::new(body.into()).boxed())
        .unwrap()
}

async fn answer(shared: Arc<Shared>, mut request: Request<Incoming>) -> Result<Reply, Infallible> {
    let target = request.uri().to_string();
    let line = format!("{} {target}", request.method());
    let upgrade = hyper::upgrade::on(&mut request);
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap_or_default().to_bytes();
    shared.seen.lock().unwrap().push(Seen {
        line,
        headers: head.headers.clone(),
        body: String::from_utf8_lossy(&body).into_owned(),
    });
    if head.headers.contains_key("upgrade") {
        let probe = target.contains("sid=");
        tokio::spawn(async move {
            let io = TokioIo::new(upgrade.await.unwrap());
            serve_socket(shared, io, probe).await;
        });
        return Ok(switched(&head.headers));
    }
    Ok(routed(shared, head.method.as_str(), &target).await)
}

fn packed(coding: &str, body: Vec<u8>) -> Reply {
    let mut packed = reply(200, "application/json", body);
    let coding = coding.parse().unwrap();
    packed.headers_mut().insert("content-encoding", coding);
    packed
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let level = flate2::Compression::best();
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), level);
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

/// Agrees to a WebSocket.
fn switched(asked: &HeaderMap) -> Reply {
    let mut switched = reply(101, "text/plain", "");
    for (name, value) in [
        ("connection", "Upgrade".to_owned()),
        ("upgrade", "websocket".to_owned()),
        (
            "sec-websocket-accept",
            derive_accept_key(asked["sec-websocket-key"].as_bytes()),
        ),
    ] {
        switched.headers_mut().insert(name, value.parse().unwrap());
    }
    switched
}

/// A page with links to the next one in all places.
fn pages() -> Reply {
    let next = "http://backend.test/api/history?cursor=c2";
    let body = json!({"items": [], "next": next, "self": "http://backend.test/me"});
    let mut pages = reply(200, "application/json", body.to_string());
    for (name, value) in [
        ("link", format!("<{next}>; rel=\"next\"")),
        ("x-next", next.to_owned()),
        ("set-cookie", "sid=abcdef; Path=/; Secure".to_owned()),
    ] {
        pages.headers_mut().insert(name, value.parse().unwrap());
    }
    pages
}

async fn routed(shared: Arc<Shared>, method: &str, target: &str) -> Reply {
    let path = target.split('?').next().unwrap_or_default();
    match (method, path) {
        ("POST", "/auth/login") => reply(
            200,
            "application/json",
            json!({"data": {"access": token(1), "refresh": "refresh-secret-1"}}).to_string(),
        ),
        ("POST", "/auth/refresh") => reply(
            200,
            "application/json",
            json!({"data": {"access": token(2), "refresh": "refresh-secret-2"}}).to_string(),
        ),
        ("GET", "/moved") => {
            let mut moved = reply(307, "text/plain", "");
            let location = "http://backend.test/api/positions";
            moved
                .headers_mut()
                .insert("location", location.parse().unwrap());
            moved
        }
        ("GET", "/events") => Response::builder()
            .header("content-type", "text/event-stream")
            .body(
                Events {
                    told: 0,
                    _given_up: GivenUp(Arc::clone(&shared)),
                }
                .boxed(),
            )
            .unwrap(),
        ("GET", "/packed") => packed("gzip", gzip(br#"{"uid":"u-1"}"#)),
        ("GET", "/odd") => packed("compress", b"\x1f\x9d\x90".to_vec()),
        ("GET", "/bomb") => packed("gzip", gzip(&vec![b' '; 8 * 1024 * 1024])),
        ("GET", "/marked") => reply(200, "application/json", &b"\xef\xbb\xbf{\"uid\":1}"[..]),
        ("GET", "/api/history") => pages(),
        ("GET", "/big") => Response::new(Bulk { left: BIG }.boxed()),
        ("GET", "/hang") => {
            let _given_up = GivenUp(Arc::clone(&shared));
            std::future::pending().await
        }
        ("GET", "/socket.io/") if !target.contains("sid=") => {
            reply(200, "text/plain; charset=UTF-8", format!("0{HANDSHAKE}"))
        }
        ("GET", "/socket.io/") => {
            let parked = GivenUp(Arc::clone(&shared));
            shared.released.notified().await;
            std::mem::forget(parked);
            reply(
                200,
                "text/plain; charset=UTF-8",
                "42/trading,[\"positions_update\",{\"seq\":1}]\u{1e}2",
            )
        }
        ("POST", "/socket.io/") => reply(200, "text/html", "ok"),
        _ => reply(200, "application/json", json!({"echo": target}).to_string()),
    }
}

const HANDSHAKE: &str = r#"{"sid":"S1","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;

async fn serve_socket(shared: Arc<Shared>, io: TokioIo<hyper::upgrade::Upgraded>, probe: bool) {
    let mut socket = WebSocketStream::from_raw_socket(io, Role::Server, None).await;
    let (pushes, mut pushed) = mpsc::unbounded_channel();
    *shared.pushes.lock().unwrap() = Some(pushes);
    if !probe {
        let _ = socket.send(Message::text(format!("0{HANDSHAKE}"))).await;
    }
    loop {
        tokio::select! {
            biased;
            Some(message) = pushed.recv() => {
                let _ = socket.send(message).await;
            }
            message = socket.next() => {
                let Some(Ok(message)) = message else { return };
                if message == Message::text("2probe") {
                    let _ = socket.send(Message::text("3probe")).await;
                }
                shared.messages.lock().unwrap().push(message);
            }
        }
    }
}

/// Two events, and then nothing for ever.
struct Events {
    told: u32,
    _given_up: GivenUp,
}

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.told == 2 {
            return Poll::Pending;
        }
        self.told += 1;
        let event = format!("data: {}\n\n", self.told);
        Poll::Ready(Some(Ok(Frame::data(event.into()))))
    }
}

/// A long body in small pieces, of unknown length.
struct Bulk {
    left: usize,
}

impl Body for Bulk {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let piece = self.left.min(16 * 1024);
        self.left -= piece;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![b'x'; piece])))))
    }
}
