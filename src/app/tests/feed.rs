//! The live feed, its loss, polling in its place, and the order of changes.

use super::*;

fn change(sequence: i64, pnl: &str) -> Value {
    json!({"seq": sequence, "changed": [{"id": 1, "pnl": pnl}]})
}

#[test]
fn a_connect_carries_the_token_subscribes_and_is_followed_by_a_snapshot() {
    let mut bench = Bench::new().signed_in();
    let (positions_before, account_before) = (bench.loads("positions"), bench.loads("account"));
    bench.connect();
    assert_eq!(bench.auths, [json!({"token": "access-1"})]);
    assert_eq!(bench.emitted, ["subscribe"]);
    assert_eq!(bench.app.view().feed, FeedState::Off);
    bench.serve();
    assert_eq!(bench.app.view().feed, FeedState::Live);
    assert_eq!(bench.loads("positions"), positions_before + 1);
    assert_eq!(bench.loads("account"), account_before);
    assert!(bench.sockets[0].query.is_empty());
}

#[test]
fn every_connect_uses_the_newest_token() {
    let mut bench = Bench::new().on_air();
    bench.live(seconds(560));
    bench.disconnect(DisconnectReason::TransportClose);
    bench.connect();
    assert_eq!(bench.auths.last(), Some(&json!({"token": "access-2"})));
    assert_eq!(bench.sockets.len(), 1);
}

#[test]
fn changes_wait_for_the_snapshot_and_only_the_newer_ones_are_applied() {
    let mut bench = Bench::new().signed_in();
    bench.connect();
    for (sequence, pnl) in [(11, "11"), (12, "12"), (13, "13")] {
        bench.push("positions_changed", change(sequence, pnl));
    }
    assert_eq!(bench.pnl(), "1.0");
    bench.answer(
        &positions(),
        200,
        &json!({"seq": 12, "items": [{"id": 1, "pnl": "12"}]}),
    );
    assert_eq!(bench.pnl(), "13");
    bench.push("positions_changed", change(13, "again"));
    bench.push("positions_changed", change(14, "14"));
    assert_eq!(bench.pnl(), "14");
    assert_eq!(bench.app.view().shown["positions"].sequence, Some(14));
}

#[test]
fn a_gap_means_a_new_snapshot() {
    let mut bench = Bench::new().on_air();
    let before = bench.loads("positions");
    bench.push("positions_changed", change(11, "11"));
    bench.push("positions_changed", change(15, "15"));
    assert_eq!(bench.pnl(), "11");
    assert_eq!(bench.loads("positions"), before + 1);
    bench.push("positions_changed", change(16, "16"));
    bench.answer(
        &positions(),
        200,
        &json!({"seq": 15, "items": [{"id": 1, "pnl": "15"}]}),
    );
    assert_eq!(bench.pnl(), "16");
    assert_eq!(bench.app.view().feed, FeedState::Live);
}

#[test]
fn a_backend_whose_numbers_have_gaps_all_the_time_causes_no_storm() {
    let mut bench = Bench::new().on_air();
    let before = bench.loads("positions");
    for step in 0..60 {
        bench.sequence = 100 + step * 10;
        bench.push("positions_changed", change(100 + step * 10 + 5, "x"));
        bench.live(seconds(1));
    }
    assert!(bench.loads("positions") - before <= 14);
}

#[test]
fn an_older_answer_never_takes_back_what_a_newer_change_brought() {
    let mut bench = Bench::new().on_air();
    bench.user(UserAct::Refresh);
    bench.answer(&Role::Status, 200, &json!({"maintenance": false}));
    bench.push("positions_changed", change(11, "11"));
    bench.push("positions_changed", change(12, "12"));
    bench.answer(
        &positions(),
        200,
        &json!({"seq": 11, "items": [{"id": 1, "pnl": "11"}]}),
    );
    assert_eq!(bench.pnl(), "12");
    let sequences: Vec<i64> = bench
        .facts
        .iter()
        .filter_map(|fact| match fact {
            AppFact::Shown { sequence, .. } => *sequence,
            _ => None,
        })
        .collect();
    assert!(sequences.is_sorted(), "{sequences:?}");
}

/// A read of ten that is on its way while eleven and twelve are shown.
fn overtaken() -> Bench {
    let mut bench = Bench::new().on_air();
    bench.user(UserAct::Refresh);
    bench.answer(&Role::Status, 200, &json!({"maintenance": false}));
    bench.push("positions_changed", change(11, "11"));
    bench.push("positions_changed", change(12, "12"));
    bench
}

fn ten() -> Value {
    json!({"seq": 10, "items": [{"id": 1, "pnl": "10"}]})
}

#[test]
fn a_gap_does_not_make_an_older_answer_welcome() {
    let mut bench = overtaken();
    bench.push("positions_changed", change(14, "14"));
    bench.answer(&positions(), 200, &ten());
    assert_eq!(bench.pnl(), "12");
    bench.sequence = 14;
    bench.serve();
    assert_eq!(bench.app.view().shown["positions"].sequence, Some(14));
}

#[test]
fn the_loss_of_the_socket_does_not_make_an_older_answer_welcome() {
    let mut bench = overtaken();
    bench.disconnect(DisconnectReason::TransportClose);
    bench.answer(&positions(), 200, &ten());
    assert_eq!(bench.pnl(), "12");
    bench.connect();
    bench.sequence = 13;
    bench.serve();
    assert_eq!(bench.app.view().shown["positions"].sequence, Some(13));
}

#[test]
fn changes_without_numbers_also_survive_an_answer_that_was_read_before_them() {
    let mut contract = contract();
    contract.resources[0].sequence = None;
    if let Some(realtime) = &mut contract.realtime {
        realtime.events[0].sequence = None;
    }
    let mut bench = Bench::of(contract, &[]).on_air();
    bench.user(UserAct::Refresh);
    bench.answer(&Role::Status, 200, &json!({"maintenance": false}));
    bench.push("positions_changed", change(0, "new"));
    bench.answer(
        &positions(),
        200,
        &json!({"items": [{"id": 1, "pnl": "old"}]}),
    );
    assert_eq!(bench.pnl(), "new");
}

#[test]
fn a_recovered_connection_needs_no_snapshot() {
    let mut bench = Bench::new().on_air();
    let before = bench.all_loads();
    bench.disconnect(DisconnectReason::TransportClose);
    assert_eq!(bench.app.view().feed, FeedState::Stale);
    bench.connect_by(TransportName::Websocket, true);
    assert_eq!(bench.all_loads(), before);
    assert_eq!(bench.app.view().feed, FeedState::Live);
    bench.push("positions_changed", change(11, "11"));
    assert_eq!(bench.pnl(), "11");
}

#[test]
fn polling_takes_over_after_a_grace_period_and_ends_with_the_next_connect() {
    let mut bench = Bench::new().on_air();
    bench.disconnect(DisconnectReason::TransportClose);
    let before = bench.all_loads();
    bench.live(seconds(9));
    assert_eq!(bench.all_loads(), before);
    bench.live(seconds(2));
    assert_eq!(bench.app.view().feed, FeedState::Polling);
    assert_eq!(bench.all_loads(), before + 2);
    bench.live(seconds(60));
    let rounds = (bench.all_loads() - before) / 2;
    assert!((4..=5).contains(&rounds), "{rounds}");
    bench.connect();
    bench.serve();
    assert_eq!(bench.app.view().feed, FeedState::Live);
    let after = bench.all_loads();
    bench.live(seconds(300));
    assert_eq!(bench.all_loads(), after);
}

#[test]
fn a_poll_that_hangs_is_not_overtaken_by_the_next_one() {
    let mut bench = Bench::new().on_air();
    bench.disconnect(DisconnectReason::TransportClose);
    bench.pass(seconds(100));
    let open: Vec<_> = bench
        .open
        .iter()
        .filter_map(|id| bench.sent.iter().find(|own| own.id == *id))
        .filter(|request| bench.role(request) == Some(positions()))
        .collect();
    assert_eq!(open.len(), 1);
}

#[test]
fn a_feed_that_neither_the_socket_nor_polling_brings_is_stale() {
    let mut bench = Bench::new().on_air();
    bench.disconnect(DisconnectReason::TransportClose);
    for _ in 0..120 {
        bench.pass(seconds(1));
        for name in ["positions", "account"] {
            let role = Role::Resource(name.into());
            while bench.pending(&role).is_some() {
                bench.fail(&role);
            }
        }
        bench.serve();
    }
    assert_eq!(bench.app.view().feed, FeedState::Stale);
    assert!(
        bench
            .app
            .view()
            .shown
            .values()
            .all(|shown| shown.stale_since.is_some())
    );
    assert_eq!(bench.screen(), "overview");
    bench.live(seconds(60));
    assert_eq!(bench.app.view().feed, FeedState::Polling);
}

#[test]
fn long_polling_is_left_again_once_websocket_works() {
    let mut bench = Bench::new().signed_in();
    bench.connect_by(TransportName::Polling, false);
    bench.serve();
    assert_eq!(bench.app.view().feed, FeedState::Live);
    // The agreed 20 s and one reconnection delay are what it may take; sooner would be for nothing.
    bench.live(seconds(20));
    assert_eq!(bench.sockets.len(), 1);
    bench.live(seconds(5));
    assert_eq!(bench.sockets.len(), 2);
    assert_eq!(bench.app.view().feed, FeedState::Live);
    bench.connect_by(TransportName::Polling, false);
    bench.on_socket(SocketEvent::Upgraded {
        transport: TransportName::Websocket,
    });
    assert_eq!(bench.app.view().transport, Some(TransportName::Websocket));
    bench.live(seconds(300));
    assert_eq!(bench.sockets.len(), 2);
}

#[test]
fn an_app_that_the_server_sends_away_asks_why_and_comes_back_later() {
    let mut bench = Bench::new().on_air();
    let asked = bench.count(&Role::Status);
    bench.pass(seconds(2));
    bench.disconnect(DisconnectReason::IoServerDisconnect);
    assert_eq!(bench.socket, None);
    assert_eq!(bench.count(&Role::Status), asked + 1);
    let mut pauses = vec![];
    for _ in 0..6 {
        let before = bench.now.elapsed;
        while bench.socket.is_none() {
            bench.live(Duration::from_millis(100));
        }
        pauses.push((bench.now.elapsed - before).as_secs_f64());
        bench.connect();
        bench.disconnect(DisconnectReason::IoServerDisconnect);
    }
    assert!(
        pauses[0] >= 0.9 && pauses[5] > 8.0 * pauses[0],
        "{pauses:?}"
    );
}

#[test]
fn a_refused_token_is_refreshed_once_and_never_sent_again() {
    let mut bench = Bench::new().signed_in();
    for _ in 0..6 {
        if bench.socket.is_some() {
            bench.on_socket(SocketEvent::AuthWanted {
                namespace: "/live".into(),
            });
            bench.on_socket(SocketEvent::Refused {
                namespace: "/live".into(),
                message: "unauthorized".into(),
                data: None,
            });
        }
        bench.live(seconds(30));
    }
    assert_eq!(bench.count(&Role::Refresh), 1);
    assert_eq!(
        bench.auths,
        [json!({"token": "access-1"}), json!({"token": "access-2"})]
    );
    assert_eq!(bench.app.view().feed, FeedState::Polling);
    assert!(bench.app.view().session.is_some());
}

#[test]
fn a_refusal_that_the_contract_names_is_about_the_token_whatever_its_words() {
    let refreshes = |reason: &str| {
        let mut contract = contract();
        let feed = contract.realtime.as_mut().unwrap();
        let at = Selector::parse("/data/reason").unwrap();
        feed.refused_by = Some(Condition::OneOf(at, vec![json!("key-over")]));
        let mut bench = Bench::of(contract, &[]).signed_in();
        bench.on_socket(SocketEvent::AuthWanted {
            namespace: "/live".into(),
        });
        bench.on_socket(SocketEvent::Refused {
            namespace: "/live".into(),
            message: "no".into(),
            data: Some(json!({ "reason": reason })),
        });
        bench.live(seconds(5));
        bench.count(&Role::Refresh)
    };
    assert_eq!(refreshes("key-over"), 1);
    assert_eq!(refreshes("token of another queue"), 0);
}

#[test]
fn events_that_nobody_can_use_are_survived() {
    let mut bench = Bench::new().on_air();
    for payload in [
        json!(null),
        json!("x"),
        json!({"changed": 7}),
        json!({"seq": 11, "changed": [null]}),
    ] {
        bench.push("positions_changed", payload);
    }
    bench.push("never_heard_of", json!({}));
    bench.on_socket(SocketEvent::Received {
        namespace: "/live".into(),
        name: "positions_changed".into(),
        args: vec![],
    });
    bench.push("health", json!({"loop": "ok"}));
    assert_eq!(bench.pnl(), "1.0");
    assert_eq!(bench.app.view().feed, FeedState::Live);
    bench.push("positions_changed", change(11, "11"));
    assert_eq!(bench.pnl(), "11");
}

#[test]
fn an_event_of_a_socket_that_was_closed_changes_nothing() {
    let mut bench = Bench::new().on_air();
    let old = bench.socket.unwrap();
    bench.user(UserAct::Background);
    bench.user(UserAct::Foreground);
    bench.serve();
    bench.event(Event::Socket {
        socket: old,
        event: SocketEvent::Received {
            namespace: "/live".into(),
            name: "positions_changed".into(),
            args: vec![change(11, "11")],
        },
    });
    assert_eq!(bench.pnl(), "1.0");
}
