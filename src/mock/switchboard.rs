//! The realtime machine, and which queue leads to whom. It knows nothing of what is said.

use std::collections::BTreeMap;

use tokio::sync::{mpsc, oneshot};

use crate::protocol::packet::Frame;
use crate::protocol::server::{Event, ExchangeId, Output, Response, Server, SocketId};

/// A machine with its open requests and WebSockets.
pub(super) struct Switchboard {
    pub(super) server: Server,
    waiting: BTreeMap<ExchangeId, oneshot::Sender<Response>>,
    links: BTreeMap<SocketId, mpsc::UnboundedSender<ToSocket>>,
    /// WebSocket handshakes that were turned away.
    rejected: BTreeMap<SocketId, Response>,
    last_id: u64,
}

/// What a WebSocket's task is to do.
pub(super) enum ToSocket {
    /// Send a frame.
    Frame(Frame),
    /// Close in an orderly way.
    Close(Option<u16>),
}

impl Switchboard {
    pub(super) fn new(server: Server) -> Self {
        Self {
            server,
            waiting: BTreeMap::new(),
            links: BTreeMap::new(),
            rejected: BTreeMap::new(),
            last_id: 0,
        }
    }

    /// Puts another machine in place of this one, as when a process died: all queues end, and no
    /// id is used again, so that whoever comes late finds nobody.
    pub(super) fn replace(&mut self, server: Server) {
        self.server = server;
        self.waiting.clear();
        self.links.clear();
        self.rejected.clear();
    }

    /// A new request, and where its answer will come from.
    pub(super) fn request(&mut self) -> (ExchangeId, oneshot::Receiver<Response>) {
        let (sender, receiver) = oneshot::channel();
        let exchange = ExchangeId(self.next_id());
        self.waiting.insert(exchange, sender);
        (exchange, receiver)
    }

    /// Nobody waits for this answer any more; whether somebody did until now.
    pub(super) fn give_up(&mut self, exchange: ExchangeId) -> bool {
        self.waiting.remove(&exchange).is_some()
    }

    /// A new WebSocket, and the queue of what it is to do.
    pub(super) fn socket(&mut self) -> (SocketId, mpsc::UnboundedReceiver<ToSocket>) {
        let (sender, queue) = mpsc::unbounded_channel();
        let socket = SocketId(self.next_id());
        self.links.insert(socket, sender);
        (socket, queue)
    }

    /// The answer to a handshake, if it was turned away.
    pub(super) fn rejection(&mut self, socket: SocketId) -> Option<Response> {
        self.rejected.remove(&socket)
    }

    /// Whether the machine still wants to hear from this WebSocket.
    pub(super) fn has(&self, socket: SocketId) -> bool {
        self.links.contains_key(&socket)
    }

    /// This WebSocket has ended; whether the machine is still to be told.
    pub(super) fn hang_up(&mut self, socket: SocketId) -> bool {
        self.links.remove(&socket).is_some()
    }

    /// Cuts every WebSocket; the machine is still to be told of each.
    pub(super) fn cut_websockets(&mut self) -> Vec<SocketId> {
        let cut = self.links.keys().copied().collect();
        self.links.clear();
        cut
    }

    /// Performs what the machine wants done, up to the next event. Nothing is awaited: answers and
    /// frames go into queues.
    pub(super) fn next_event(&mut self) -> Option<Event> {
        while let Some(output) = self.server.next_output() {
            match output {
                Output::Respond { exchange, response } => {
                    if let Some(waiting) = self.waiting.remove(&exchange) {
                        // A client that has gone away misses its answer.
                        let _ = waiting.send(response);
                    }
                }
                Output::AcceptWs { .. } => {}
                Output::RejectWs { socket, response } => {
                    self.links.remove(&socket);
                    self.rejected.insert(socket, response);
                }
                Output::SendWs { socket, frame } => {
                    if let Some(link) = self.links.get(&socket) {
                        let _ = link.send(ToSocket::Frame(frame));
                    }
                }
                Output::CloseWs { socket, code } => {
                    if let Some(link) = self.links.remove(&socket) {
                        let _ = link.send(ToSocket::Close(code));
                    }
                }
                Output::Event(event) => return Some(event),
            }
        }
        None
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}
