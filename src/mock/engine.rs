//! The realtime machine's I/O: polling requests, WebSockets, and the driver that keeps its time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::sync::{Notify, mpsc, watch};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::call::Call;
use super::reply::Body;
use super::routes::NOT_KEPT;
use super::serving::{Cut, Shutdown};
use super::switchboard::{Switchboard, ToSocket};
use crate::net::Clock;
use crate::protocol::packet::Frame;
use crate::protocol::server::{self, ExchangeId, Input, SocketId};

/// What a WebSocket may bring in one message: more than the machine takes, so that it is the
/// machine that says so.
const MESSAGE_LIMIT: usize = 2_000_000;

/// How long a client may take to answer a close frame.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

/// Somebody who has a realtime machine and understands what is said over it.
pub(super) trait Host: Send + Sync + 'static {
    /// Looks at the switchboard, or changes it.
    fn board<T>(&self, act: impl FnOnce(&mut Switchboard) -> T) -> T;
    /// Gives the machine one input and works off what follows. A handshake comes with its request.
    fn tell(&self, input: Input, call: Option<&Call>);
    /// Works off what is due; when to wake next.
    fn tick(&self) -> Option<Duration>;
    /// Forgets every session.
    fn reset(&self);
    /// The time that `tick` goes by.
    fn clock(&self) -> Clock;
    /// Told when something is due earlier than `tick` has said.
    fn wake(&self) -> &Notify;
    /// Tells when open WebSockets swallow what they carry.
    fn frozen(&self) -> watch::Receiver<bool>;
    /// Adds to an answer what every answer of this host has.
    fn stamp(&self, headers: &mut HeaderMap);
}

/// Keeps the machine's time until the service stops; then every session is forgotten.
pub(super) async fn drive(host: Arc<impl Host>, mut shutdown: Shutdown) {
    let clock = host.clock();
    loop {
        let due = host.tick();
        let sleep = async {
            match due {
                Some(due) if due < Duration::MAX => {
                    tokio::time::sleep_until(clock.instant(due)).await;
                }
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = shutdown.requested() => break,
            () = host.wake().notified() => {}
            () = sleep => {}
        }
    }
    host.reset();
}

/// Answers a request on the Engine.IO path.
pub(super) async fn respond(
    host: &Arc<impl Host>,
    call: Call,
    mut parts: Parts,
    shutdown: Shutdown,
) -> Result<Response<Body>, Cut> {
    let wants_socket = call
        .header("upgrade")
        .is_some_and(|upgrade| upgrade.eq_ignore_ascii_case("websocket"));
    let response = match (wants_socket, parts.extensions.remove::<OnUpgrade>()) {
        (true, Some(upgrade)) => accept(host, &call, upgrade, shutdown),
        _ => exchange(host, call).await?,
    };
    Ok(response)
}

async fn exchange(host: &Arc<impl Host>, call: Call) -> Result<Response<Body>, Cut> {
    let (exchange, receiver) = host.board(Switchboard::request);
    let request = server::Request {
        content_type: call.header("content-type").map(str::to_owned),
        query: call.raw_query.clone(),
        body: String::from_utf8_lossy(&call.body).into_owned(),
        method: call.method.clone(),
    };
    host.tell(Input::Request { exchange, request }, Some(&call));
    let abort = AbortOnDrop {
        host: host.clone(),
        exchange,
    };
    let answer = receiver.await.map_err(|_| Cut)?;
    drop(abort);
    Ok(plain(&**host, answer))
}

/// Tells the machine when a client has gone away before its answer. An exchange that was answered
/// is not waiting any more, and nothing happens.
struct AbortOnDrop<H: Host> {
    host: Arc<H>,
    exchange: ExchangeId,
}

impl<H: Host> Drop for AbortOnDrop<H> {
    fn drop(&mut self) {
        let exchange = self.exchange;
        if self.host.board(|board| board.give_up(exchange)) {
            self.host.tell(Input::RequestAborted { exchange }, None);
        }
    }
}

fn accept(
    host: &Arc<impl Host>,
    call: &Call,
    upgrade: OnUpgrade,
    shutdown: Shutdown,
) -> Response<Body> {
    let Some(key) = call.headers.get("sec-websocket-key") else {
        return plain(
            &**host,
            server::Response {
                status: 400,
                content_type: None,
                body: String::new(),
            },
        );
    };
    let (socket, queue) = host.board(Switchboard::socket);
    let query = call.raw_query.clone();
    host.tell(Input::Upgrade { socket, query }, Some(call));
    if let Some(response) = host.board(|board| board.rejection(socket)) {
        return plain(&**host, response);
    }
    tokio::spawn(hold(host.clone(), socket, upgrade, queue, shutdown));
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    if let Ok(accept) = HeaderValue::try_from(derive_accept_key(key.as_bytes())) {
        headers.insert("sec-websocket-accept", accept);
    }
    host.stamp(headers);
    response
}

/// Holds one WebSocket until it ends, and reports the end.
async fn hold(
    host: Arc<impl Host>,
    socket: SocketId,
    upgrade: OnUpgrade,
    queue: mpsc::UnboundedReceiver<ToSocket>,
    mut shutdown: Shutdown,
) {
    tokio::select! {
        biased;
        () = shutdown.requested() => {}
        () = carry(&*host, socket, upgrade, queue) => {}
    }
    if host.board(|board| board.hang_up(socket)) {
        host.tell(Input::WsClosed { socket }, None);
    }
}

async fn carry(
    host: &impl Host,
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
    let mut frozen = host.frozen();
    loop {
        // The sender lives as long as the host does.
        let _ = frozen.wait_for(|frozen| !frozen).await;
        tokio::select! {
            biased;
            Ok(()) = frozen.changed() => {}
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
            incoming = socket_io.next() => match incoming {
                Some(Ok(Message::Close(_))) => {
                    // The answer to it is queued already and only has to leave.
                    let _ = socket_io.flush().await;
                    return;
                }
                Some(Ok(message)) => hear(host, socket, message),
                Some(Err(_)) | None => return,
            }
        }
    }
}

/// Gives the machine what a message says to it, while it wants to hear from this WebSocket.
fn hear(host: &impl Host, socket: SocketId, message: Message) {
    let frame = match message {
        Message::Text(text) => Frame::Text(text.as_str().to_owned()),
        Message::Binary(bytes) => Frame::Binary(bytes),
        _ => return,
    };
    if host.board(|board| board.has(socket)) {
        host.tell(Input::WsFrame { socket, frame }, None);
    }
}

fn message(frame: Frame) -> Message {
    match frame {
        Frame::Text(text) => Message::text(text),
        Frame::Binary(bytes) => Message::binary(bytes),
    }
}

fn plain(host: &impl Host, answer: server::Response) -> Response<Body> {
    let mut response = Response::new(Full::new(Bytes::from(answer.body)));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(NOT_KEPT));
    if let Some(kind) = answer.content_type {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    host.stamp(headers);
    response
}
