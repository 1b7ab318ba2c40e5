//! Whatever happens in whatever order: no crash, and the promises that hold at every moment.

use proptest::prelude::*;

use super::*;

/// One thing that can happen to the app.
#[derive(Debug, Clone)]
enum Turn {
    Answer { which: usize, how: usize },
    Lose { which: usize },
    Late { which: usize },
    Timer { which: usize },
    Pass(u64),
    Connectivity(bool),
    User(usize),
    Socket(usize),
    Clock(i64),
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        8 => (0..8_usize, 0..14_usize).prop_map(|(which, how)| Turn::Answer { which, how }),
        1 => (0..8_usize).prop_map(|which| Turn::Lose { which }),
        1 => (0..40_usize).prop_map(|which| Turn::Late { which }),
        3 => (0..12_usize).prop_map(|which| Turn::Timer { which }),
        3 => (1..40_u64).prop_map(Turn::Pass),
        1 => any::<bool>().prop_map(Turn::Connectivity),
        3 => (0..10_usize).prop_map(Turn::User),
        5 => (0..16_usize).prop_map(Turn::Socket),
        1 => (-90_000..90_000_i64).prop_map(Turn::Clock),
    ]
}

fn socket_event(number: usize, bench: &Bench) -> SocketEvent {
    let namespace = || "/live".to_owned();
    let received = |name: &str, payload: Value| SocketEvent::Received {
        namespace: namespace(),
        name: name.into(),
        args: vec![payload],
    };
    let changed = |sequence| {
        received(
            "positions_changed",
            json!({"seq": sequence, "changed": [{"id": sequence % 3, "pnl": "2"}]}),
        )
    };
    let disconnected = |reason| SocketEvent::Disconnected {
        namespace: namespace(),
        reason,
    };
    match number {
        0 | 1 => SocketEvent::Connected {
            namespace: namespace(),
            recovered: number == 1,
            transport: TransportName::Polling,
        },
        2 => SocketEvent::Upgraded {
            transport: TransportName::Websocket,
        },
        3..=6 => changed(bench.sequence + number as i64 - 3),
        7 => changed(bench.sequence + 20),
        8 => received("trade_closed", json!(null)),
        9 => received("unheard_of", json!([])),
        10 => received("positions_changed", json!("broken")),
        11 => disconnected(DisconnectReason::TransportClose),
        12 => disconnected(DisconnectReason::IoServerDisconnect),
        13 => SocketEvent::Refused {
            namespace: namespace(),
            message: "token expired".into(),
            data: None,
        },
        14 => SocketEvent::ConnectFailed { why: "xhr".into() },
        _ => SocketEvent::AuthWanted {
            namespace: namespace(),
        },
    }
}

fn user_act(number: usize) -> UserAct {
    match number {
        0..=2 => UserAct::SignIn {
            username: "anna".into(),
            password: Secret::new("p"),
        },
        3 => UserAct::SignOut,
        4 => UserAct::Refresh,
        5 => UserAct::Open("history".into()),
        6 => UserAct::Open("overview".into()),
        7 => UserAct::LoadAll("trades".into()),
        8 => UserAct::Background,
        _ => UserAct::Foreground,
    }
}

impl Bench {
    fn turn(&mut self, turn: Turn) {
        match turn {
            Turn::Answer { which, how } => {
                let Some(id) = self.open.get(which % self.open.len().max(1)).copied() else {
                    return;
                };
                let request = self.sent.iter().find(|own| own.id == id).unwrap().clone();
                let usual = self.usual(&request).to_string();
                let html = [("content-type", "text/html")];
                match how {
                    0..=6 => self.reply(id, 200, &[], usual),
                    7 => self.reply(id, 401, &[], "{}".into()),
                    8 => self.reply(id, 403, &[], "{}".into()),
                    9 => self.reply(id, 503, &[("retry-after", "30")], "{}".into()),
                    10 => self.reply(id, 200, &html, "<html>".into()),
                    11 => self.reply(id, 500, &[], String::new()),
                    12 => self.reply(id, 200, &[], json!({"maintenance": true}).to_string()),
                    _ => self.reply(id, 200, &[], "{\"items\":[".into()),
                }
            }
            Turn::Lose { which } => {
                if let Some(id) = self.open.get(which).copied() {
                    self.open.retain(|own| *own != id);
                    self.event(Event::RequestFailed {
                        request: id,
                        failure: RequestFailure::Broken("reset".into()),
                    });
                }
            }
            Turn::Late { which } => {
                let known = self.sent.get(which).map(|request| request.id);
                if let Some(id) = known.filter(|id| !self.open.contains(id)) {
                    self.reply(id, 200, &[], "{}".into());
                }
            }
            Turn::Timer { which } => {
                let due = self.timers.keys().nth(which).copied();
                self.timers.remove(&due.unwrap_or(TimerId(0)));
                self.event(Event::Timer(due.unwrap_or(TimerId(99_999))));
            }
            Turn::Pass(span) => self.pass(seconds(span)),
            Turn::Connectivity(online) => self.event(Event::Connectivity(online)),
            Turn::User(number) => self.user(user_act(number)),
            Turn::Socket(number) => {
                if self.socket.is_some() {
                    let event = socket_event(number, self);
                    self.sequence += 1;
                    self.on_socket(event);
                }
            }
            Turn::Clock(shift) => {
                let unix = self.now.unix.as_secs().saturating_add_signed(shift);
                self.now.unix = seconds(unix);
            }
        }
    }

    fn open_of(&self, of: impl Fn(&Role) -> bool) -> usize {
        self.open
            .iter()
            .filter_map(|id| self.sent.iter().find(|own| own.id == *id))
            .filter_map(|request| self.role(request))
            .filter(of)
            .count()
    }

    /// What holds whenever an event has been handled.
    fn check(&self) {
        let view = self.app.view();
        let may_flow = view.session.is_some()
            && view.link == LinkState::Online
            && &*view.screen != MAINTENANCE
            && &*view.screen != SIGNED_OUT
            && &*view.screen != LOADING
            && self.app.life.visible;
        let loads = self.open_of(|role| matches!(role, Role::Resource(_)));
        assert!(
            may_flow || (loads == 0 && self.socket.is_none()),
            "{view:?}"
        );
        assert!(self.open_of(|role| *role == Role::Refresh) <= 1);
        assert!(self.open_of(|role| *role == Role::SignIn) <= 1);
        assert!(self.open_of(|role| *role == Role::Status) <= 1);
        for resource in ["positions", "account", "trades"] {
            assert!(self.open_of(|role| *role == Role::Resource(resource.into())) <= 1);
        }
        if view.session.is_none() {
            assert!(view.shown.is_empty());
            assert_eq!(self.storage, None);
        }
        if view.link == LinkState::Offline {
            assert!(view.shown.values().all(|shown| shown.stale_since.is_some()));
        }
        assert!(self.timers.len() <= 16);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_events_breaks_a_promise(turns in prop::collection::vec(turn(), 1..150), signed_in: bool) {
        let mut bench = if signed_in { Bench::new().signed_in() } else { Bench::new() };
        if !signed_in {
            bench.start();
        }
        for turn in turns {
            bench.turn(turn);
            bench.check();
        }
    }

    #[test]
    fn after_any_trouble_a_working_backend_brings_the_app_back(
        turns in prop::collection::vec(turn(), 1..80),
    ) {
        let mut bench = Bench::new().signed_in();
        for turn in turns {
            bench.turn(turn);
        }
        bench.event(Event::Connectivity(true));
        bench.user(UserAct::Foreground);
        // Longer than the backend can ask to be left alone, and than any pause of the app's own.
        bench.live(seconds(1_200));
        if bench.app.view().session.is_none() {
            bench.sign_in();
            bench.live(seconds(60));
        }
        prop_assert!(bench.app.flowing);
        if bench.socket.is_some() {
            bench.connect();
            bench.live(seconds(90));
            prop_assert_eq!(bench.app.view().feed, FeedState::Live);
        } else {
            prop_assert_eq!(bench.app.view().feed, FeedState::Polling);
        }
        prop_assert!(!bench.app.view().shown["positions"].value.is_null());
    }

    #[test]
    fn the_same_seed_and_the_same_events_give_the_same_effects(
        turns in prop::collection::vec(turn(), 1..60),
    ) {
        let (mut one, mut two) = (Bench::new().signed_in(), Bench::new().signed_in());
        for turn in turns {
            one.turn(turn.clone());
            two.turn(turn);
        }
        prop_assert_eq!(one.facts, two.facts);
        prop_assert_eq!(one.sent, two.sent);
        prop_assert_eq!(one.timers, two.timers);
    }
}
