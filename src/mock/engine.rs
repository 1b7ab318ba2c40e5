//! The realtime machine's I/O: polling requests, WebSockets, and the driver that keeps its time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::backend::Backend;
use super::call::Call;
use super::reply::Body;
use super::routes::{NOT_KEPT, stamp};
use super::service::{Cut, Life};
use super::sockets::ToSocket;
use crate::protocol::packet::Frame;
use crate::protocol::server::{self, ExchangeId, Input, SocketId};

/// What a WebSocket may bring in one message: more than the machine takes, so that it is the
/// machine that says so.
const MESSAGE_LIMIT: usize = 2_000_000;

/// How long a client may take to answer a close frame.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

/// Keeps the machine's time until the service stops; then every session is forgotten.
pub(super) async fn drive(backend: Arc<Backend>, mut life: Life) {
    loop {
        let due = backend.tick();
        let sleep = async {
            match due {
                Some(due) if due < Duration::MAX => {
                    tokio::time::sleep_until(backend.clock.instant(due)).await;
                }
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = life.ended() => break,
            () = backend.wake.notified() => {}
            () = sleep => {}
        }
    }
    backend.core().sockets.reset();
}

/// Answers a request on the Engine.IO path.
pub(super) async fn respond(
    backend: &Arc<Backend>,
    call: Call,
    mut parts: Parts,
    life: Life,
) -> Result<Response<Body>, Cut> {
    let wants_socket = call
        .header("upgrade")
        .is_some_and(|upgrade| upgrade.eq_ignore_ascii_case("websocket"));
    let response = match (wants_socket, parts.extensions.remove::<OnUpgrade>()) {
        (true, Some(upgrade)) => accept(backend, &call, upgrade, life),
        _ => exchange(backend, call).await?,
    };
    Ok(response)
}

async fn exchange(backend: &Arc<Backend>, call: Call) -> Result<Response<Body>, Cut> {
    let (sender, receiver) = oneshot::channel();
    let credential = handshake_credential(backend, &call);
    let exchange = {
        let mut core = backend.core();
        let core = &mut *core;
        let exchange = ExchangeId(core.sockets.next_id());
        core.sockets.waiting.insert(exchange, sender);
        core.sockets.credential = credential;
        let request = server::Request {
            content_type: call.header("content-type").map(str::to_owned),
            query: call.raw_query,
            body: String::from_utf8_lossy(&call.body).into_owned(),
            method: call.method,
        };
        backend.feed_machine(core, Input::Request { exchange, request });
        core.sockets.credential = None;
        exchange
    };
    let abort = AbortOnDrop {
        backend: backend.clone(),
        exchange,
    };
    let answer = receiver.await.map_err(|_| Cut)?;
    drop(abort);
    Ok(plain(backend, answer))
}

/// Tells the machine when a client has gone away before its answer. An exchange that was answered
/// is not waiting any more, and nothing happens.
struct AbortOnDrop {
    backend: Arc<Backend>,
    exchange: ExchangeId,
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        let mut core = self.backend.core();
        if core.sockets.waiting.remove(&self.exchange).is_some() {
            let exchange = self.exchange;
            self.backend
                .feed_machine(&mut core, Input::RequestAborted { exchange });
        }
    }
}

fn accept(backend: &Arc<Backend>, call: &Call, upgrade: OnUpgrade, life: Life) -> Response<Body> {
    let Some(key) = call.headers.get("sec-websocket-key") else {
        return plain(
            backend,
            server::Response {
                status: 400,
                content_type: None,
                body: String::new(),
            },
        );
    };
    let (sender, queue) = mpsc::unbounded_channel();
    let (socket, rejected) = {
        let mut core = backend.core();
        let core = &mut *core;
        let socket = SocketId(core.sockets.next_id());
        core.sockets.links.insert(socket, sender);
        core.sockets.credential = handshake_credential(backend, call);
        let query = call.raw_query.clone();
        backend.feed_machine(core, Input::Upgrade { socket, query });
        core.sockets.credential = None;
        (socket, core.sockets.rejected.remove(&socket))
    };
    if let Some(response) = rejected {
        return plain(backend, response);
    }
    tokio::spawn(hold(backend.clone(), socket, upgrade, queue, life));
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    if let Ok(accept) = HeaderValue::try_from(derive_accept_key(key.as_bytes())) {
        headers.insert("sec-websocket-accept", accept);
    }
    stamp(backend, headers);
    response
}

/// Holds one WebSocket until it ends, and reports the end.
async fn hold(
    backend: Arc<Backend>,
    socket: SocketId,
    upgrade: OnUpgrade,
    queue: mpsc::UnboundedReceiver<ToSocket>,
    mut life: Life,
) {
    tokio::select! {
        biased;
        () = life.ended() => {}
        () = carry(&backend, socket, upgrade, queue) => {}
    }
    let mut core = backend.core();
    if core.sockets.links.remove(&socket).is_some() {
        backend.feed_machine(&mut core, Input::WsClosed { socket });
    }
}

async fn carry(
    backend: &Arc<Backend>,
    socket: SocketId,
    upgrade: OnUpgrade,
    mut queue: mpsc::UnboundedReceiver<ToSocket>,
) {
    let Ok(upgraded) = upgrade.await else {
        return;
    };
    let config = WebSocketConfig::default()
        .read_buffer_size(4096)
        .max_message_size(Some(MESSAGE_LIMIT))
        .max_frame_size(Some(MESSAGE_LIMIT));
    let stream = TokioIo::new(upgraded);
    let mut socket_io = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
    loop {
        tokio::select! {
            biased;
            order = queue.recv() => match order {
                Some(ToSocket::Frame(frame)) => {
                    if socket_io.feed(message(frame)).await.is_err() {
                        return;
                    }
                    // Whatever else is queued goes into the same write.
                    if queue.is_empty() && socket_io.flush().await.is_err() {
                        return;
                    }
                }
                Some(ToSocket::Close(code)) => {
                    let frame = code.map(|code| CloseFrame {
                        code: CloseCode::from(code),
                        reason: Utf8Bytes::default(),
                    });
                    let _ = socket_io.close(frame).await;
                    // The client's own close frame is waited for, so that it reads ours.
                    let farewell = async { while let Some(Ok(_)) = socket_io.next().await {} };
                    let _ = tokio::time::timeout(CLOSE_PATIENCE, farewell).await;
                    return;
                }
                // Nobody can queue any more: the session was cut, and so is the connection.
                None => return,
            },
            incoming = socket_io.next() => {
                let frame = match incoming {
                    Some(Ok(Message::Text(text))) => Frame::Text(text.as_str().to_owned()),
                    Some(Ok(Message::Binary(bytes))) => Frame::Binary(bytes),
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                    Some(Ok(Message::Close(_))) => {
                        // The answer to it is queued already and only has to leave.
                        let _ = socket_io.flush().await;
                        return;
                    }
                    Some(Err(_)) | None => return,
                };
                let mut core = backend.core();
                if core.sockets.links.contains_key(&socket) {
                    backend.feed_machine(&mut core, Input::WsFrame { socket, frame });
                }
            }
        }
    }
}

fn message(frame: Frame) -> Message {
    match frame {
        Frame::Text(text) => Message::text(text),
        Frame::Binary(bytes) => Message::binary(bytes),
    }
}

/// The token in a handshake's headers, for contracts whose CONNECT does not carry it.
fn handshake_credential(backend: &Backend, call: &Call) -> Option<String> {
    let realtime = backend.contract.realtime.as_ref()?;
    let in_payload = realtime
        .auth
        .names()
        .iter()
        .any(|name| name == "access-token");
    (!in_payload)
        .then(|| call.access_token(&backend.contract))
        .flatten()
}

fn plain(backend: &Backend, answer: server::Response) -> Response<Body> {
    let mut response = Response::new(Full::new(Bytes::from(answer.body)));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(NOT_KEPT));
    if let Some(kind) = answer.content_type {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    stamp(backend, headers);
    response
}
