//! The device around the app: it does what the app wants, watches every effect, and keeps what the
//! app gave up, so that it can come late.

use std::collections::VecDeque;
use std::sync::LazyLock;

use super::*;

/// The most effects that one event may have.
const MOST_EFFECTS: usize = 40;

/// How many things that are over can still come late.
const KEPT: usize = 8;

static CONTRACT: LazyLock<Arc<Contract>> = LazyLock::new(|| Arc::new(contract()));

/// A promise that was broken.
#[derive(Debug)]
pub(super) struct Breach {
    pub(super) rule: &'static str,
    pub(super) what: String,
}

pub(super) type Outcome = Result<(), Breach>;

/// Says that a promise was broken unless a condition holds.
pub(super) fn ensure(holds: bool, rule: &'static str, what: impl FnOnce() -> String) -> Outcome {
    if holds {
        return Ok(());
    }
    Err(Breach { rule, what: what() })
}

/// A request on its way.
#[derive(Debug, Clone)]
pub(super) struct Flight {
    pub(super) request: Request,
    pub(super) role: Role,
    /// Whose token it carries.
    pub(super) owner: Option<Owner>,
    /// What its owner had as it was sent.
    pub(super) asked: Holdings,
}

/// The socket that is open, and what waits in it.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) socket: SocketId,
    pub(super) owner: Owner,
    pub(super) connected: bool,
    /// Whether the server can still restore the connection.
    pub(super) restorable: bool,
    pub(super) queue: VecDeque<SocketEvent>,
    pub(super) last: Option<SocketEvent>,
}

impl Wire {
    /// What arrives of what the server has sent.
    pub(super) fn deliver(&mut self, packet: Packet) -> Option<SocketEvent> {
        let event = match packet {
            Packet::Again => self.last.clone(),
            Packet::Lost => {
                self.queue.pop_front();
                None
            }
            Packet::Swapped if self.queue.len() > 1 => self.queue.remove(1),
            Packet::Next | Packet::Swapped => self.queue.pop_front(),
        }?;
        self.last = Some(event.clone());
        Some(event)
    }
}

/// The highest numbers that were shown of what is shown.
#[derive(Debug, Default)]
pub(super) struct Marks {
    pub(super) positions: Option<i64>,
    pub(super) account: Option<i64>,
}

/// The app on its device, with the truth beside it.
pub(super) struct World {
    pub(super) app: App,
    quirks: Vec<Quirk>,
    lives: u64,
    now: Now,
    pub(super) truth: Truth,
    /// Whose session is open, as the answers and acts so far demand.
    pub(super) session: Option<Owner>,
    pub(super) marks: Marks,
    pub(super) flights: Vec<Flight>,
    pub(super) timers: BTreeMap<TimerId, Duration>,
    pub(super) wire: Option<Wire>,
    pub(super) storage: Option<(Vec<u8>, Owner)>,
    pub(super) is_reading: bool,
    past_flights: VecDeque<Flight>,
    past_timers: VecDeque<TimerId>,
    past_sockets: VecDeque<(SocketId, Owner)>,
}

fn keep<T>(past: &mut VecDeque<T>, one: T) {
    past.truncate(KEPT - 1);
    past.push_front(one);
}

fn app(quirks: &[Quirk], seed: u64) -> App {
    App::new(Settings {
        contract: Arc::clone(&CONTRACT),
        quirks: quirks.iter().copied().collect(),
        seed,
    })
}

impl World {
    pub(super) fn new(quirks: &[Quirk]) -> Self {
        Self {
            app: app(quirks, 0),
            quirks: quirks.to_vec(),
            lives: 0,
            now: Now {
                elapsed: Duration::ZERO,
                unix: seconds(1_767_603_600),
            },
            truth: Truth::new(),
            session: None,
            marks: Marks::default(),
            flights: vec![],
            timers: BTreeMap::new(),
            wire: None,
            storage: None,
            is_reading: false,
            past_flights: VecDeque::new(),
            past_timers: VecDeque::new(),
            past_sockets: VecDeque::new(),
        }
    }

    /// A new process; only the storage remains of the one before.
    pub(super) fn launch(&mut self) -> Outcome {
        self.lives += 1;
        *self = Self {
            app: app(&self.quirks, self.lives),
            lives: self.lives,
            now: self.now,
            truth: self.truth.clone(),
            storage: self.storage.take(),
            ..Self::new(&self.quirks)
        };
        self.event(Event::Started { online: true })
    }

    /// Hands an event to the app, does what it wants, and looks at everything that must hold.
    pub(super) fn event(&mut self, event: Event) -> Outcome {
        let effects = self.app.handle(event, self.now);
        ensure(effects.len() <= MOST_EFFECTS, "bounded", || {
            format!("one event has {} effects", effects.len())
        })?;
        for effect in effects {
            self.perform(effect)?;
        }
        self.check()
    }

    /// Something comes that nobody waits for any more: nothing may come of it.
    pub(super) fn late(&mut self, event: Event) -> Outcome {
        // What time alone has changed is not the late event's doing.
        self.event(Event::Timer(TimerId(u64::MAX)))?;
        let before = self.app.view().clone();
        let what = format!("{event:?}");
        let effects = self.app.handle(event, self.now);
        ensure(
            effects.is_empty() && *self.app.view() == before,
            "NET-11",
            || format!("{what} came late and had {effects:?}"),
        )
    }

    fn perform(&mut self, effect: Effect) -> Outcome {
        match effect {
            Effect::Request(request) => return self.sent(request),
            Effect::Cancel(id) => {
                self.land(id);
            }
            Effect::OpenSocket(open) => return self.open_wire(open.socket),
            Effect::CloseSocket(socket) => return self.close_wire(socket),
            Effect::LeaveSocket(_) | Effect::RejoinSocket(_) => {
                return ensure(false, "TENANT-6", || "a socket is kept".into());
            }
            Effect::SocketAuth { payload, .. } => {
                let owner = Owner::of_token(payload.0["token"].as_str().unwrap_or_default());
                return ensure(
                    owner.is_some() && owner == self.session,
                    "SESSION-3",
                    || format!("a CONNECT with the token of {owner:?}"),
                );
            }
            Effect::Emit { socket, .. } => {
                let is_open = self.wire.as_ref().is_some_and(|wire| wire.socket == socket);
                return ensure(is_open, "SYNC-10", || "an emit on a closed socket".into());
            }
            Effect::ReadStorage => self.is_reading = true,
            Effect::WriteStorage(content) => {
                let owner = Owner::of_token(std::str::from_utf8(&content.0).unwrap());
                ensure(
                    owner.is_some() && owner == self.session,
                    "SESSION-11",
                    || {
                        format!(
                            "the session of {owner:?} is stored during {:?}",
                            self.session
                        )
                    },
                )?;
                self.storage = owner.map(|owner| (content.0, owner));
            }
            Effect::ClearStorage => self.storage = None,
            Effect::SetTimer { id, after } => {
                let at = self.now.elapsed + after;
                let is_new = self.timers.insert(id, at).is_none();
                return ensure(is_new, "bounded", || "a timer id used twice".into());
            }
            Effect::ClearTimer(id) => {
                self.timers.remove(&id);
                keep(&mut self.past_timers, id);
            }
            Effect::Journal(_) => {}
        }
        Ok(())
    }

    fn open_wire(&mut self, socket: SocketId) -> Outcome {
        ensure(self.wire.is_none(), "SYNC-10", || "a second socket".into())?;
        let Some(owner) = self.session else {
            return ensure(false, "SESSION-14", || "a socket without a session".into());
        };
        self.wire = Some(Wire {
            socket,
            owner,
            connected: false,
            restorable: false,
            queue: VecDeque::new(),
            last: None,
        });
        Ok(())
    }

    fn close_wire(&mut self, socket: SocketId) -> Outcome {
        let wire = self.wire.take().filter(|wire| wire.socket == socket);
        let Some(wire) = wire else {
            return ensure(false, "SYNC-10", || "an unknown socket is closed".into());
        };
        keep(&mut self.past_sockets, (socket, wire.owner));
        Ok(())
    }

    fn sent(&mut self, request: Request) -> Outcome {
        let path = request.target.split('?').next().unwrap();
        let role = CONTRACT.role_of(&request.method, &request.service, path);
        let role = role.expect("only what the contract has is sent");
        let authorization = request
            .headers
            .iter()
            .find(|(name, _)| name == "authorization");
        let text = match (authorization, &request.body) {
            (Some((_, value)), _) => value.as_str(),
            (None, Some(body)) => std::str::from_utf8(body).unwrap(),
            (None, None) => "",
        };
        let flight = Flight {
            owner: Owner::of_token(text),
            asked: self.truth.holdings[self.session.map_or(0, |own| own.user)],
            role,
            request,
        };
        self.check_sent(&flight)?;
        self.flights.push(flight);
        Ok(())
    }

    /// A request is not on its way any more.
    fn land(&mut self, id: RequestId) -> Option<Flight> {
        let at = self.flights.iter().position(|own| own.request.id == id)?;
        let flight = self.flights.remove(at);
        keep(&mut self.past_flights, flight.clone());
        Some(flight)
    }

    fn nth_flight(&self, which: usize) -> Option<RequestId> {
        let count = self.flights.len();
        (count > 0).then(|| self.flights[which % count].request.id)
    }

    pub(super) fn answer(&mut self, which: usize, with: With) -> Outcome {
        let Some(flight) = self.nth_flight(which).and_then(|id| self.land(id)) else {
            return Ok(());
        };
        let (status, headers, body): (u16, &[(&str, &str)], String) = match with {
            With::Fresh | With::AsWhenAsked => {
                let (status, body, opened) = self.truth.usual(&flight, with);
                self.session = opened.or(self.session);
                (status, &[], body.to_string())
            }
            With::Unauthorized => (401, &[], "{}".into()),
            With::Forbidden => (403, &[], "{}".into()),
            With::Trouble => (500, &[], String::new()),
            With::RetryAfter => (503, &[("retry-after", "30")], "{}".into()),
            With::Page => (200, &[("content-type", "text/html")], "<html>".into()),
            With::Broken => (200, &[], "{\"items\":[".into()),
        };
        if flight.role == Role::Refresh && status == 401 {
            self.session = None;
        }
        self.event(Event::Answered {
            request: flight.request.id,
            answer: answer(status, headers, body),
        })
    }

    pub(super) fn late_answer(&mut self, which: usize) -> Outcome {
        let count = self.past_flights.len().max(1);
        let Some(flight) = self.past_flights.get(which % count).cloned() else {
            return Ok(());
        };
        let (status, body, _) = self.truth.clone().usual(&flight, With::AsWhenAsked);
        self.late(Event::Answered {
            request: flight.request.id,
            answer: answer(status, &[], body.to_string()),
        })
    }

    pub(super) fn lose(&mut self, which: usize) -> Outcome {
        let Some(flight) = self.nth_flight(which).and_then(|id| self.land(id)) else {
            return Ok(());
        };
        self.event(Event::RequestFailed {
            request: flight.request.id,
            failure: RequestFailure::TimedOut,
        })
    }

    pub(super) fn late_timer(&mut self, which: usize) -> Outcome {
        match self.past_timers.get(which % KEPT).copied() {
            Some(id) => self.late(Event::Timer(id)),
            None => Ok(()),
        }
    }

    pub(super) fn late_packet(&mut self, which: usize) -> Outcome {
        let count = self.past_sockets.len().max(1);
        let Some((socket, owner)) = self.past_sockets.get(which % count).copied() else {
            return Ok(());
        };
        let sequence = self.truth.holdings[owner.user].positions + 1;
        self.late(Event::Socket {
            socket,
            event: received("positions_changed", truth::change(owner.user, sequence)),
        })
    }

    /// Lets time pass; what is on its way stays there.
    pub(super) fn pass(&mut self, span: Duration) -> Outcome {
        let until = self.now.elapsed + span;
        while self.next_timer().is_some_and(|(at, _)| at <= until) {
            self.next_due()?;
        }
        self.jump(until);
        Ok(())
    }

    fn next_timer(&self) -> Option<(Duration, TimerId)> {
        self.timers.iter().map(|(id, at)| (*at, *id)).min()
    }

    fn next_due(&mut self) -> Outcome {
        let Some((at, id)) = self.next_timer() else {
            return Ok(());
        };
        self.timers.remove(&id);
        keep(&mut self.past_timers, id);
        self.jump(at);
        self.event(Event::Timer(id))
    }

    fn jump(&mut self, to: Duration) {
        let step = to.saturating_sub(self.now.elapsed);
        self.now.elapsed += step;
        self.now.unix += step;
    }

    pub(super) fn clock(&mut self, hours: i64) {
        let unix = self.now.unix.as_secs().saturating_add_signed(hours * 3_600);
        self.now.unix = seconds(unix);
    }

    /// Answers everything as an obedient backend would.
    pub(super) fn serve(&mut self) -> Outcome {
        for _ in 0..100 {
            if self.flights.is_empty() {
                return Ok(());
            }
            self.answer(0, With::Fresh)?;
        }
        ensure(false, "bounded", || "requests without end".into())
    }

    /// Lets time pass while the backend answers everything at once.
    pub(super) fn live(&mut self, span: Duration) -> Outcome {
        let until = self.now.elapsed + span;
        self.serve()?;
        while self.next_timer().is_some_and(|(at, _)| at <= until) {
            self.next_due()?;
            self.serve()?;
        }
        self.jump(until);
        Ok(())
    }
}

/// An event of the feed.
pub(super) fn received(name: &str, payload: Value) -> SocketEvent {
    SocketEvent::Received {
        namespace: "/live".into(),
        name: name.into(),
        args: vec![payload],
    }
}

fn answer(status: u16, headers: &[(&str, &str)], body: String) -> Answer {
    let headers = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Answer {
        status,
        headers,
        body: Bytes::from(body),
    }
}
