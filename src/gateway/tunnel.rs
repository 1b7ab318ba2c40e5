//! Upgraded connections: the live feed's WebSocket, and whatever else a backend may switch to.
//!
//! A message of ordinary size is held whole, judged and passed on as one frame. A larger one is judged
//! by its beginning and passes in fragments, as it comes. Control frames pass between them, so a ping
//! asks the other end and not the gateway.

use std::sync::Arc;
use std::time::Duration;

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::sync::{mpsc, watch};

use super::service::Service;
use super::upstream;
use crate::domain::journal::SocketEnd;

mod carry;
mod feed;
mod framing;
mod large;
mod wire;

use feed::{Feed, Reader, Writer};
use framing::Signal;

/// Both ends of an upgraded connection.
pub(super) struct Ends {
    pub(super) client: OnUpgrade,
    pub(super) backend: OnUpgrade,
    /// Keeps the backend's connection alive until the upgrade is done.
    pub(super) wire: upstream::Wire,
    pub(super) cuts: Cuts,
}

/// What cuts a tunnel: everything that came after the request for it was let in.
pub(super) struct Cuts {
    pub(super) connection: watch::Receiver<()>,
    pub(super) tunnels: watch::Receiver<()>,
}

impl Cuts {
    async fn cut(&mut self) {
        tokio::select! {
            biased;
            _ = self.connection.changed() => {}
            _ = self.tunnels.changed() => {}
        }
    }
}

/// How long both ends may take to end a connection that one of them has closed.
const FAREWELL: Duration = Duration::from_secs(5);

/// How many answers to packets that were kept back may wait for a client that does not read. A client
/// that sends more is not read from either, as a backend would do.
const ANSWERS: usize = 16;

async fn upgraded(
    client: OnUpgrade,
    backend: OnUpgrade,
    wire: upstream::Wire,
) -> Option<(TokioIo<Upgraded>, TokioIo<Upgraded>)> {
    let (client, backend) = tokio::join!(client, backend);
    drop(wire);
    Some((TokioIo::new(client.ok()?), TokioIo::new(backend.ok()?)))
}

/// Passes bytes that nobody can read.
pub(super) async fn pass(mut ends: Ends) {
    let copy = async {
        let streams = upgraded(ends.client, ends.backend, ends.wire).await;
        if let Some((mut client, mut backend)) = streams {
            // However it ends, both ends learn it.
            let _ = tokio::io::copy_bidirectional(&mut client, &mut backend).await;
        }
    };
    tokio::select! {
        biased;
        () = ends.cuts.cut() => {}
        () = copy => {}
    }
}

/// Follows the live feed's WebSocket until it ends. One for a session that is unknown or over ends
/// at once, for nobody could say whose packets it carries.
pub(super) async fn follow(service: Arc<Service>, sid: Option<String>, mut ends: Ends) {
    let session = sid
        .as_deref()
        .and_then(|sid| service.state.sessions.find(sid));
    if sid.is_some() && session.is_none() {
        return;
    }
    let feed = Feed::new(service, session);
    tokio::select! {
        biased;
        () = ends.cuts.cut() => feed.end(SocketEnd::Gateway),
        () = feed.run(ends.client, ends.backend, ends.wire) => {}
    }
}

impl Feed {
    async fn run(&self, client: OnUpgrade, backend: OnUpgrade, wire: upstream::Wire) {
        let Some((client, backend)) = upgraded(client, backend, wire).await else {
            return self.end(SocketEnd::Network {
                detail: "the upgrade broke".to_owned(),
            });
        };
        let (from_client, to_client) = tokio::io::split(client);
        let (from_backend, to_backend) = tokio::io::split(backend);
        let mut from_client = Reader::new(from_client, true);
        let mut from_backend = Reader::new(from_backend, false);
        let mut to_client = Writer::to_client(to_client);
        let mut to_backend = Writer::to_backend(to_backend);
        let (answers, mut answered) = mpsc::channel(ANSWERS);
        let Err(end) = tokio::select! {
            biased;
            end = self.carry_up(&mut from_client, &mut to_backend, &answers) => end,
            end = self.carry_down(&mut from_backend, &mut to_client, &mut answered) => end,
        };
        let by_client = end.why == SocketEnd::Client;
        self.end(end.why);
        let Some(said) = end.closed else { return };
        let farewell = async {
            if by_client {
                let _ = to_client.signal(Signal::Close, &said).await;
                from_backend.drain().await;
            } else {
                let _ = to_backend.signal(Signal::Close, &said).await;
                from_client.drain().await;
            }
        };
        let _ = tokio::time::timeout(FAREWELL, farewell).await;
    }
}
