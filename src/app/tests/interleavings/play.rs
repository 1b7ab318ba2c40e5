//! How a script is played: each step becomes events, as far as it can happen at that moment.

use super::*;

const NAMESPACE: &str = "/live";

/// The best connect there is.
pub(super) const ANEW: Step = Step::Connect {
    recovered: false,
    by: TransportName::Websocket,
};

/// Plays a script to its end, and on until everything has settled.
pub(super) fn play(script: &Script, quirks: &[Quirk]) -> Outcome {
    let mut world = World::new(quirks);
    world.launch()?;
    if !matches!(script.start, Start::Launched) {
        world.step(Step::StorageRead(Storage::Whole))?;
        world.serve()?;
        world.step(Step::User(Act::SignIn(0)))?;
        world.serve()?;
    }
    if matches!(script.start, Start::Live) {
        world.step(ANEW)?;
        world.serve()?;
    }
    for step in &script.steps {
        world.step(*step)?;
    }
    world.settle()
}

impl World {
    /// Plays a step.
    pub(super) fn step(&mut self, step: Step) -> Outcome {
        match step {
            Step::Answer(which, with) => self.answer(which, with),
            Step::LateAnswer(which) => self.late_answer(which),
            Step::Lose(which) => self.lose(which),
            Step::Pass(span) => self.pass(seconds(span)),
            Step::LateTimer(which) => self.late_timer(which),
            Step::StorageRead(storage) => self.storage_read(storage),
            Step::Kill => self.launch(),
            Step::Network(online) => self.event(Event::Connectivity(online)),
            Step::Maintenance(on) => {
                self.truth.maintenance = on;
                Ok(())
            }
            Step::Clock(hours) => {
                self.clock(hours);
                Ok(())
            }
            Step::User(act) => self.act(act),
            Step::Changes(count) => {
                for _ in 0..count {
                    self.change();
                }
                Ok(())
            }
            Step::TradeClosed => {
                let user = self.session.map_or(0, |own| own.user);
                self.truth.holdings[user].trades += 1;
                self.enqueue(received("trade_closed", json!({})));
                Ok(())
            }
            Step::LatePacket(which) => self.late_packet(which),
            Step::Connect { .. }
            | Step::ConnectFails
            | Step::Upgraded
            | Step::Disconnect(_)
            | Step::Refused { .. }
            | Step::Deliver(_) => self.on_wire(step),
        }
    }

    fn storage_read(&mut self, storage: Storage) -> Outcome {
        let read = match (storage, &self.storage) {
            (Storage::Whole, Some((bytes, _))) => StorageRead::Found(bytes.clone()),
            (Storage::Whole, None) => StorageRead::Absent,
            (Storage::Corrupt, _) => StorageRead::Corrupt,
            (Storage::Undecryptable, _) => StorageRead::Undecryptable,
        };
        if !std::mem::take(&mut self.is_reading) {
            return self.late(Event::StorageRead(read));
        }
        if matches!(storage, Storage::Whole) {
            self.session = self.storage.as_ref().map(|(_, owner)| *owner);
        }
        self.event(Event::StorageRead(read))
    }

    fn act(&mut self, act: Act) -> Outcome {
        let act = match act {
            Act::SignIn(user) => UserAct::SignIn {
                username: truth::USERS[user].into(),
                password: Secret::new("p"),
            },
            Act::SignOut => {
                self.session = None;
                UserAct::SignOut
            }
            Act::Refresh => UserAct::Refresh,
            Act::OpenHistory => UserAct::Open("history".into()),
            Act::OpenOverview => UserAct::Open("overview".into()),
            Act::LoadAllTrades => UserAct::LoadAll("trades".into()),
            Act::Background => UserAct::Background,
            Act::Foreground => UserAct::Foreground,
        };
        self.event(Event::User(act))
    }

    /// Positions change once; the account changes with them.
    fn change(&mut self) {
        let user = self.session.map_or(0, |own| own.user);
        let holdings = &mut self.truth.holdings[user];
        holdings.positions += 1;
        holdings.account += 1;
        let change = truth::change(user, holdings.positions);
        self.enqueue(received("positions_changed", change));
    }

    /// The server emits to whoever is connected, or can still be restored.
    fn enqueue(&mut self, event: SocketEvent) {
        if let Some(wire) = &mut self.wire
            && (wire.connected || wire.restorable)
        {
            wire.queue.push_back(event);
        }
    }

    fn on_wire(&mut self, step: Step) -> Outcome {
        let Some(wire) = &mut self.wire else {
            return Ok(());
        };
        let socket = wire.socket;
        let event = match step {
            Step::Connect { recovered, by } if !wire.connected => {
                let recovered = recovered && wire.restorable;
                wire.connected = true;
                wire.restorable = true;
                if !recovered {
                    wire.queue.clear();
                    wire.last = None;
                }
                let namespace = NAMESPACE.into();
                let wanted = SocketEvent::AuthWanted { namespace };
                self.event(Event::Socket {
                    socket,
                    event: wanted,
                })?;
                SocketEvent::Connected {
                    namespace: NAMESPACE.into(),
                    recovered,
                    transport: by,
                }
            }
            Step::ConnectFails if !wire.connected => SocketEvent::ConnectFailed {
                why: "refused".into(),
            },
            Step::Upgraded if wire.connected => SocketEvent::Upgraded {
                transport: TransportName::Websocket,
            },
            Step::Disconnect(reason) if wire.connected => {
                wire.connected = false;
                SocketEvent::Disconnected {
                    namespace: NAMESPACE.into(),
                    reason,
                }
            }
            Step::Refused { token } if !wire.connected => SocketEvent::Refused {
                namespace: NAMESPACE.into(),
                message: if token { "token expired" } else { "full" }.into(),
                data: None,
            },
            Step::Deliver(packet) if wire.connected => {
                let Some(event) = wire.deliver(packet) else {
                    return Ok(());
                };
                event
            }
            _ => return Ok(()),
        };
        self.event(Event::Socket { socket, event })
    }
}
