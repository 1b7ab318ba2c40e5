//! A clock, a storage and a backend around one app, all in the hands of a test.

use super::*;

/// The app, and everything that it has asked for.
pub(super) struct Bench {
    pub(super) app: App,
    pub(super) contract: Arc<Contract>,
    pub(super) now: Now,
    pub(super) timers: BTreeMap<TimerId, Duration>,
    /// Requests in the order in which they were sent.
    pub(super) sent: Vec<Request>,
    pub(super) open: Vec<RequestId>,
    pub(super) storage: Option<Vec<u8>>,
    pub(super) sockets: Vec<OpenSocket>,
    pub(super) socket: Option<SocketId>,
    pub(super) auths: Vec<Value>,
    pub(super) emitted: Vec<String>,
    pub(super) facts: Vec<AppFact>,
    /// What the obedient backend says.
    pub(super) maintenance: bool,
    pub(super) tokens: u64,
    pub(super) sequence: i64,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::of(contract(), &[])
    }

    pub(super) fn with(quirk: Quirk) -> Self {
        Self::of(contract(), &[quirk])
    }

    pub(super) fn of(contract: Contract, quirks: &[Quirk]) -> Self {
        let contract = Arc::new(contract);
        let settings = Settings {
            contract: Arc::clone(&contract),
            quirks: quirks.iter().copied().collect(),
            seed: 7,
        };
        Self {
            app: App::new(settings),
            contract,
            now: Now {
                elapsed: Duration::ZERO,
                unix: seconds(1_767_603_600),
            },
            timers: BTreeMap::new(),
            sent: vec![],
            open: vec![],
            storage: None,
            sockets: vec![],
            socket: None,
            auths: vec![],
            emitted: vec![],
            facts: vec![],
            maintenance: false,
            tokens: 0,
            sequence: 10,
        }
    }

    /// The same device with a new process.
    pub(super) fn relaunch(self) -> Self {
        let quirks: Vec<Quirk> = self.app.quirks.iter().collect();
        let mut next = Self::of((*self.contract).clone(), &quirks);
        next.storage = self.storage;
        next.now = self.now;
        next.tokens = self.tokens;
        next.maintenance = self.maintenance;
        next
    }

    pub(super) fn event(&mut self, event: Event) {
        for effect in self.app.handle(event, self.now) {
            self.perform(effect);
        }
    }

    pub(super) fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Request(request) => {
                self.open.push(request.id);
                self.sent.push(request);
            }
            Effect::Cancel(id) => self.open.retain(|own| *own != id),
            Effect::OpenSocket(open) => {
                assert_eq!(self.socket, None, "two sockets");
                self.socket = Some(open.socket);
                self.sockets.push(open);
            }
            Effect::CloseSocket(socket) | Effect::LeaveSocket(socket) => {
                assert_eq!(self.socket.take(), Some(socket));
            }
            Effect::RejoinSocket(socket) => {
                assert_eq!(self.socket.replace(socket), None, "two sockets");
            }
            Effect::SocketAuth { payload, .. } => self.auths.push(payload.0),
            Effect::Emit { event, .. } => self.emitted.push(event),
            Effect::ReadStorage => {}
            Effect::WriteStorage(content) => self.storage = Some(content.0),
            Effect::ClearStorage => self.storage = None,
            Effect::SetTimer { id, after } => {
                assert!(
                    self.timers.insert(id, self.now.elapsed + after).is_none(),
                    "a timer id used twice"
                );
            }
            Effect::ClearTimer(id) => {
                self.timers.remove(&id);
            }
            Effect::Journal(fact) => self.facts.push(fact),
        }
    }

    pub(super) fn user(&mut self, act: UserAct) {
        self.event(Event::User(act));
    }

    /// Lets time pass; requests stay open.
    pub(super) fn pass(&mut self, span: Duration) {
        let until = self.now.elapsed + span;
        while let Some((&id, &at)) = self
            .timers
            .iter()
            .filter(|(_, at)| **at <= until)
            .min_by_key(|(id, at)| (**at, **id))
        {
            self.timers.remove(&id);
            self.jump(at);
            self.event(Event::Timer(id));
        }
        self.jump(until);
    }

    /// Lets time pass while the backend answers everything at once.
    pub(super) fn live(&mut self, span: Duration) {
        let until = self.now.elapsed + span;
        self.serve();
        while let Some(at) = self
            .timers
            .values()
            .copied()
            .min()
            .filter(|at| *at <= until)
        {
            self.pass(at.saturating_sub(self.now.elapsed));
            self.serve();
        }
        self.pass(until.saturating_sub(self.now.elapsed));
    }

    pub(super) fn jump(&mut self, to: Duration) {
        let step = to.saturating_sub(self.now.elapsed);
        self.now.elapsed += step;
        self.now.unix += step;
    }

    pub(super) fn role(&self, request: &Request) -> Option<Role> {
        let path = request.target.split('?').next().unwrap();
        self.contract
            .role_of(&request.method, &request.service, path)
    }

    /// How often something was asked for.
    pub(super) fn count(&self, role: &Role) -> usize {
        self.sent
            .iter()
            .filter(|request| self.role(request).as_ref() == Some(role))
            .count()
    }

    pub(super) fn loads(&self, name: &str) -> usize {
        self.count(&Role::Resource(name.into()))
    }

    pub(super) fn all_loads(&self) -> usize {
        self.sent
            .iter()
            .filter(|request| matches!(self.role(request), Some(Role::Resource(_))))
            .count()
    }

    /// The oldest open request of a role.
    pub(super) fn pending(&self, role: &Role) -> Option<Request> {
        self.sent
            .iter()
            .find(|request| {
                self.open.contains(&request.id) && self.role(request).as_ref() == Some(role)
            })
            .cloned()
    }

    pub(super) fn answer(&mut self, role: &Role, status: u16, body: &Value) {
        let request = self
            .pending(role)
            .unwrap_or_else(|| panic!("no open request: {role}"));
        self.reply(request.id, status, &[], body.to_string());
    }

    pub(super) fn reply(
        &mut self,
        id: RequestId,
        status: u16,
        headers: &[(&str, &str)],
        body: String,
    ) {
        self.open.retain(|own| *own != id);
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        self.event(Event::Answered {
            request: id,
            answer: Answer {
                status,
                headers,
                body: Bytes::from(body),
            },
        });
    }

    pub(super) fn fail(&mut self, role: &Role) {
        let request = self
            .pending(role)
            .unwrap_or_else(|| panic!("no open request: {role}"));
        self.open.retain(|own| *own != request.id);
        self.event(Event::RequestFailed {
            request: request.id,
            failure: RequestFailure::TimedOut,
        });
    }

    pub(super) fn fresh_tokens(&mut self) -> Value {
        self.tokens += 1;
        json!({
            "access": format!("access-{}", self.tokens),
            "refresh": format!("refresh-{}", self.tokens),
            "expires_in": 600
        })
    }

    /// What an obedient backend answers.
    pub(super) fn usual(&mut self, request: &Request) -> Value {
        match self.role(request) {
            Some(Role::SignIn | Role::Refresh) => self.fresh_tokens(),
            Some(Role::Status) => json!({"maintenance": self.maintenance}),
            Some(Role::Resource(name)) => match name.as_str() {
                "positions" => json!({"seq": self.sequence, "items": [{"id": 1, "pnl": "1.0"}]}),
                "account" => json!({"equity": "1000"}),
                _ => json!({"items": [{"id": 1}, {"id": 2}], "next": null}),
            },
            _ => json!({}),
        }
    }

    /// Answers everything that is open as an obedient backend would.
    pub(super) fn serve(&mut self) {
        while let Some(id) = self.open.first().copied() {
            let request = self.sent.iter().find(|own| own.id == id).unwrap().clone();
            let body = self.usual(&request);
            self.reply(id, 200, &[], body.to_string());
        }
    }

    pub(super) fn start(&mut self) {
        self.event(Event::Started { online: true });
        let read = match &self.storage {
            Some(bytes) => StorageRead::Found(bytes.clone()),
            None => StorageRead::Absent,
        };
        self.event(Event::StorageRead(read));
    }

    pub(super) fn sign_in(&mut self) {
        self.user(UserAct::SignIn {
            username: "anna".into(),
            password: Secret::new("pass word"),
        });
    }

    /// Started, signed in, everything loaded, the socket not yet connected.
    pub(super) fn signed_in(mut self) -> Self {
        self.start();
        self.serve();
        self.sign_in();
        self.serve();
        assert_eq!(&*self.app.view().screen, "overview");
        self
    }

    /// Signed in, and the feed is live.
    pub(super) fn on_air(self) -> Self {
        let mut bench = self.signed_in();
        bench.connect();
        bench.serve();
        bench
    }

    pub(super) fn on_socket(&mut self, event: SocketEvent) {
        let socket = self.socket.expect("a socket");
        self.event(Event::Socket { socket, event });
    }

    pub(super) fn connect(&mut self) {
        self.connect_by(TransportName::Websocket, false);
    }

    pub(super) fn connect_by(&mut self, transport: TransportName, recovered: bool) {
        self.on_socket(SocketEvent::AuthWanted {
            namespace: "/live".into(),
        });
        self.on_socket(SocketEvent::Connected {
            namespace: "/live".into(),
            recovered,
            transport,
        });
    }

    pub(super) fn disconnect(&mut self, reason: DisconnectReason) {
        self.on_socket(SocketEvent::Disconnected {
            namespace: "/live".into(),
            reason,
        });
    }

    pub(super) fn push(&mut self, name: &str, payload: Value) {
        self.on_socket(SocketEvent::Received {
            namespace: "/live".into(),
            name: name.into(),
            args: vec![payload],
        });
    }

    pub(super) fn pnl(&self) -> &str {
        self.app.view().shown["positions"].value["items"][0]["pnl"]
            .as_str()
            .unwrap()
    }

    pub(super) fn screen(&self) -> &str {
        &self.app.view().screen
    }

    pub(super) fn has_notice(&self, name: &str) -> bool {
        self.facts
            .iter()
            .any(|fact| matches!(fact, AppFact::Notice { name: own } if own == name))
    }
}

impl Bench {
    /// Answers everything that is open, but not what has this role.
    pub(super) fn serve_all_but(&mut self, role: &Role) {
        loop {
            let next = self.open.iter().copied().find(|id| {
                let request = self.sent.iter().find(|own| own.id == *id).unwrap();
                self.role(request).as_ref() != Some(role)
            });
            let Some(id) = next else { return };
            let request = self.sent.iter().find(|own| own.id == id).unwrap().clone();
            let body = self.usual(&request);
            self.reply(id, 200, &[], body.to_string());
        }
    }
}
