//! No network, its return, and the background.

use super::*;

#[test]
fn an_app_without_network_says_so_and_attempts_nothing() {
    let mut bench = Bench::new().on_air();
    bench.event(Event::Connectivity(false));
    let view = bench.app.view();
    assert_eq!(
        (view.link, view.feed),
        (LinkState::Offline, FeedState::Stale)
    );
    assert_eq!(view.notice, Some("offline"));
    assert!(view.shown.values().all(|shown| shown.stale_since.is_some()));
    assert_eq!(bench.socket, None);
    let before = bench.sent.len();
    bench.user(UserAct::Refresh);
    bench.user(UserAct::Open("history".into()));
    bench.live(seconds(3_600));
    assert_eq!(bench.sent.len(), before);
}

#[test]
fn the_return_of_the_network_renews_the_session_first_and_reads_everything_once() {
    let mut bench = Bench::new().on_air();
    bench.event(Event::Connectivity(false));
    bench.pass(seconds(3_600));
    let before = bench.sent.len();
    bench.event(Event::Connectivity(true));
    bench.live(seconds(2));
    let roles: Vec<String> = bench.sent[before..]
        .iter()
        .map(|request| bench.role(request).unwrap().to_string())
        .collect();
    assert_eq!(roles, ["status", "refresh", "positions", "account"]);
    bench.connect();
    bench.serve();
    assert_eq!(bench.app.view().feed, FeedState::Live);
    assert!(
        bench
            .app
            .view()
            .shown
            .values()
            .all(|shown| shown.stale_since.is_none())
    );
}

#[test]
fn many_apps_that_return_together_do_not_return_at_once() {
    let mut first = std::collections::BTreeSet::new();
    for seed in 0..20 {
        let mut bench = Bench::new().on_air();
        bench.app.rng = Rng::with_seed(seed);
        bench.event(Event::Connectivity(false));
        bench.pass(seconds(100));
        bench.event(Event::Connectivity(true));
        let before = bench.sent.len();
        while bench.sent.len() == before {
            bench.pass(Duration::from_millis(1));
        }
        first.insert(bench.now.elapsed);
    }
    assert!(first.len() > 10);
}

#[test]
fn a_start_without_network_shows_the_last_known_state_and_recovers() {
    let mut bench = Bench::new().signed_in().relaunch();
    bench.event(Event::Started { online: false });
    bench.event(Event::StorageRead(StorageRead::Found(
        bench.storage.clone().unwrap(),
    )));
    assert_eq!(bench.screen(), "overview");
    assert!(bench.sent.is_empty());
    bench.event(Event::Connectivity(true));
    bench.live(seconds(2));
    assert_eq!(bench.role(&bench.sent[0]), Some(Role::Status));
    assert_eq!(bench.app.view().shown.len(), 2);
}

#[test]
fn an_answer_that_comes_too_late_is_never_applied() {
    let mut bench = Bench::new().signed_in();
    bench.user(UserAct::Open("history".into()));
    let late = bench.pending(&Role::Resource("trades".into())).unwrap().id;
    bench.user(UserAct::SignOut);
    bench.serve();
    bench.sign_in();
    bench.serve();
    bench.reply(
        late,
        200,
        &[],
        json!({"items": [{"id": 9}], "next": null}).to_string(),
    );
    assert!(!bench.app.view().shown.contains_key("trades"));
}

#[test]
fn two_hours_in_the_background_end_in_one_reconcile() {
    let mut bench = Bench::new().on_air();
    bench.user(UserAct::Background);
    assert_eq!(bench.socket, None);
    // The timers of a frozen process do not fire; those that are late all come at once.
    let late: Vec<TimerId> = bench.timers.keys().copied().collect();
    bench.jump(bench.now.elapsed + seconds(7_200));
    let before = bench.sent.len();
    bench.user(UserAct::Foreground);
    for id in late {
        bench.timers.remove(&id);
        bench.event(Event::Timer(id));
    }
    bench.serve();
    let count = bench.sent.len() - before;
    assert_eq!(
        count, 4,
        "status, refresh and the two resources of the screen"
    );
    assert_eq!(bench.sockets.len(), 2);
}
