//! One process of the app: the pure machine, and everything that is open on its behalf.
//!
//! Dropping it is what killing does. Nothing that was under way reaches anybody afterwards.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::select_all;
use serde_json::Value;
use tokio::sync::mpsc;

use super::error::ActError;
use super::http::{Call, Clients, ExchangeId, Outcome, Purpose, Traffic};
use super::keep::Keep;
use super::socket::{News, Socket};
use super::storage::{StorageError, Stored};
use super::timers::Timers;
use super::witness::Witness;
use crate::app::{
    App, Effect, Event, Now, OpenSocket, Request, RequestId, SocketId, StorageRead, View,
};
use crate::domain::journal::Fact;
use crate::net::Clock;
use crate::protocol::client::{AckRequest, Emit, Input, Options};
use crate::protocol::packet::Args;

mod translate;

/// What a process is made of.
pub(super) struct Settings {
    pub(super) app: App,
    pub(super) clients: Clients,
    pub(super) witness: Arc<dyn Witness>,
    pub(super) online: bool,
    pub(super) clock_offset: i64,
    pub(super) seed: u64,
}

pub(super) struct Process {
    app: App,
    clock: Clock,
    /// How far the device's wall clock is off, in seconds.
    clock_offset: i64,
    rng: fastrand::Rng,
    traffic: Traffic,
    requests: BTreeMap<RequestId, ExchangeId>,
    /// In boxes, because a map keeps room for several.
    sockets: BTreeMap<SocketId, Box<Session>>,
    /// Sockets that the app has closed and that still have last words to send.
    leaving: Vec<Socket>,
    timers: Timers,
    outcomes: mpsc::UnboundedReceiver<Ended>,
    ended: mpsc::UnboundedSender<Ended>,
    storage_error: Option<StorageError>,
}

struct Session {
    socket: Socket,
    namespaces: Vec<String>,
}

/// A request with how it ended. In a box, because a channel keeps room for many.
type Ended = Box<(RequestId, Outcome)>;

/// What a process waits for.
enum Arrival {
    Outcome(RequestId, Outcome),
    Socket,
    Timer,
}

impl Process {
    pub(super) fn new(settings: Settings) -> Self {
        let (ended, outcomes) = mpsc::unbounded_channel();
        Self {
            app: settings.app,
            clock: settings.witness.clock(),
            clock_offset: settings.clock_offset,
            rng: fastrand::Rng::with_seed(settings.seed),
            traffic: Traffic::new(settings.clients, settings.witness, settings.online),
            requests: BTreeMap::new(),
            sockets: BTreeMap::new(),
            leaving: Vec::new(),
            timers: Timers::default(),
            outcomes,
            ended,
            storage_error: None,
        }
    }

    /// What the user sees.
    pub(super) fn view(&self) -> &View {
        self.app.view()
    }

    /// What went wrong with the storage since this was last asked.
    pub(super) fn take_storage_error(&mut self) -> Result<(), ActError> {
        self.storage_error
            .take()
            .map_or(Ok(()), |error| Err(error.into()))
    }

    /// Waits for the next thing that arrives, and hands it to the app. Cancelling it loses nothing.
    pub(super) async fn arrive(&mut self, storage: &dyn Keep) {
        match self.next_arrival().await {
            Arrival::Outcome(request, outcome) => {
                if self.requests.remove(&request).is_some() {
                    self.handle(translate::outcome(request, outcome), storage);
                }
            }
            Arrival::Socket => {
                self.hear_sockets(storage);
                for socket in &mut self.leaving {
                    while socket.news().is_some() {}
                }
                self.leaving.retain(|socket| !socket.is_quiet());
            }
            Arrival::Timer => {
                if let Some(timer) = self.timers.take(self.clock.elapsed()) {
                    self.handle(Event::Timer(timer), storage);
                }
            }
        }
    }

    /// Hands an event to the app and performs everything that follows from it.
    pub(super) fn handle(&mut self, event: Event, storage: &dyn Keep) {
        self.settle(event, storage);
        self.hear_sockets(storage);
    }

    /// The device's wall clock is set.
    pub(super) fn set_clock(&mut self, offset: i64) {
        self.clock_offset = offset;
    }

    /// What the device's wall clock says.
    fn wall_clock(&self) -> Duration {
        let off = Duration::from_secs(self.clock_offset.unsigned_abs());
        let right = self.clock.unix();
        if self.clock_offset < 0 {
            right.saturating_sub(off)
        } else {
            right.saturating_add(off)
        }
    }

    /// Every connection breaks at this moment; the network is there as before.
    pub(super) fn cut(&mut self) {
        self.set_network(false);
        self.traffic.set_network(true);
    }

    /// Whether a request is under way, or a socket has last words to send.
    pub(super) fn is_busy(&self) -> bool {
        !self.requests.is_empty() || !self.leaving.is_empty()
    }

    /// The network comes or goes; the app is not told.
    pub(super) fn set_network(&mut self, online: bool) {
        self.traffic.set_network(online);
        if !online {
            let open = self.sockets.values_mut().map(|session| &mut session.socket);
            for socket in open.chain(&mut self.leaving) {
                socket.cut();
            }
        }
    }

    /// Performs one effect. Some are answered at once.
    fn perform(&mut self, effect: Effect, storage: &dyn Keep) -> Option<Event> {
        match effect {
            Effect::Request(request) => self.send(request),
            Effect::Cancel(request) => {
                if let Some(exchange) = self.requests.remove(&request) {
                    self.traffic.abandon(exchange);
                }
            }
            Effect::OpenSocket(open) => self.open(open),
            Effect::CloseSocket(socket) => self.close(socket),
            Effect::LeaveSocket(socket) => {
                self.each_namespace(socket, |namespace| Input::Disconnect { namespace });
            }
            Effect::RejoinSocket(socket) => {
                self.each_namespace(socket, |namespace| Input::Connect { namespace });
            }
            Effect::SocketAuth {
                socket,
                namespace,
                payload,
            } => {
                let payload = match payload.0 {
                    Value::Object(fields) => Some(fields.into()),
                    _ => None,
                };
                self.tell(socket, Input::Auth { namespace, payload });
            }
            Effect::Emit {
                socket,
                namespace,
                event,
                args,
                ack,
            } => {
                // The library refuses its own event names with an exception: nothing is sent.
                if let Ok(mut emit) = Emit::new(event, Args::from(args)) {
                    if let Some(token) = ack {
                        let timeout = None;
                        emit = emit.acknowledged(AckRequest { token, timeout });
                    }
                    self.tell(socket, Input::Emit { namespace, emit });
                }
            }
            Effect::ReadStorage => return Some(self.read(storage)),
            Effect::WriteStorage(content) => self.note(storage.write(&content.0)),
            Effect::ClearStorage => self.note(storage.clear()),
            Effect::SetTimer { id, after } => self.timers.set(id, self.clock.elapsed() + after),
            Effect::ClearTimer(id) => self.timers.clear(id),
            Effect::Journal(fact) => {
                self.traffic.witness().tell(Fact::App(fact));
            }
        }
        None
    }

    fn send(&mut self, request: Request) {
        let id = request.id;
        let base = self.traffic.clients().base_path(&request.service);
        let call = Call {
            target: format!("{base}{}", request.target),
            service: request.service,
            method: request.method,
            headers: request.headers,
            body: request.body,
            timeout: Some(request.timeout),
            purpose: Purpose::Answer,
            channel: request.channel,
        };
        let ended = self.ended.clone();
        let exchange = self.traffic.send(call, move |outcome| {
            let _ = ended.send(Box::new((id, outcome)));
        });
        self.requests.insert(id, exchange);
    }

    fn open(&mut self, open: OpenSocket) {
        let base = self.traffic.clients().base_path(&open.service);
        let path = format!("{base}{}", open.path);
        let socket = Socket::new(super::socket::Settings {
            options: Options {
                heartbeat: open.notices_silence,
                pongs: open.answers_pings,
                ..translate::options(path, open.query, &open.client, self.rng.u64(..))
            },
            service: open.service,
            traffic: self.traffic.clone(),
            clock: self.clock,
        });
        let session = Session {
            socket,
            namespaces: open.namespaces,
        };
        self.sockets.insert(open.socket, Box::new(session));
        self.each_namespace(open.socket, |namespace| Input::Connect { namespace });
    }

    fn close(&mut self, socket: SocketId) {
        self.each_namespace(socket, |namespace| Input::Disconnect { namespace });
        let Some(session) = self.sockets.remove(&socket) else {
            return;
        };
        if !session.socket.is_quiet() {
            self.leaving.push(session.socket);
        }
    }

    fn tell(&mut self, socket: SocketId, input: Input) {
        if let Some(session) = self.sockets.get_mut(&socket) {
            session.socket.handle(input);
        }
    }

    fn each_namespace(&mut self, socket: SocketId, input: impl Fn(String) -> Input) {
        if let Some(session) = self.sockets.get_mut(&socket) {
            for namespace in &session.namespaces {
                session.socket.handle(input(namespace.clone()));
            }
        }
    }

    /// Tells the app what its sockets have to say, until they have no more.
    fn hear_sockets(&mut self, storage: &dyn Keep) {
        while let Some((socket, news)) = self.next_news() {
            if let News::Event(event) = &news {
                self.traffic.witness().heard(event);
            }
            if let Some(event) = translate::news(news) {
                self.settle(Event::Socket { socket, event }, storage);
            }
        }
    }

    /// One event, and those by which its effects are answered at once.
    fn settle(&mut self, event: Event, storage: &dyn Keep) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let now = Now {
                elapsed: self.clock.elapsed(),
                unix: self.wall_clock(),
            };
            for effect in self.app.handle(event, now) {
                events.extend(self.perform(effect, storage));
            }
        }
    }

    fn next_news(&mut self) -> Option<(SocketId, News)> {
        self.sockets
            .iter_mut()
            .find_map(|(id, session)| session.socket.news().map(|news| (*id, news)))
    }

    async fn next_arrival(&mut self) -> Arrival {
        let (clock, timer) = (self.clock, self.timers.next());
        let due = async {
            match timer {
                Some(at) => tokio::time::sleep_until(clock.instant(at)).await,
                None => std::future::pending().await,
            }
        };
        let open = self.sockets.values_mut().map(|session| &mut session.socket);
        let mut arriving: Vec<_> = open
            .chain(&mut self.leaving)
            .map(|socket| Box::pin(socket.arrive()))
            .collect();
        let sockets = async {
            if arriving.is_empty() {
                std::future::pending().await
            } else {
                select_all(arriving.iter_mut()).await
            }
        };
        tokio::select! {
            biased;
            outcome = self.outcomes.recv() => match outcome {
                Some(ended) => {
                    let (request, outcome) = *ended;
                    Arrival::Outcome(request, outcome)
                }
                // This holds a sender itself, so the channel cannot end.
                None => std::future::pending().await,
            },
            _ = sockets => Arrival::Socket,
            () = due => Arrival::Timer,
        }
    }

    fn read(&mut self, storage: &dyn Keep) -> Event {
        Event::StorageRead(match storage.read() {
            Ok(Stored::Found(bytes)) => StorageRead::Found(bytes),
            Ok(Stored::Absent) => StorageRead::Absent,
            Ok(Stored::Corrupt) => StorageRead::Corrupt,
            Ok(Stored::Undecryptable) => StorageRead::Undecryptable,
            Err(error) => {
                self.note(Err(error));
                StorageRead::Absent
            }
        })
    }

    fn note(&mut self, result: Result<(), StorageError>) {
        if let Err(error) = result {
            self.storage_error = Some(error);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.traffic.end_all();
    }
}
