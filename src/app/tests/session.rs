//! Sign-in, restore, refresh and sign-out.

use super::*;
use crate::domain::journal::SessionState;

#[test]
fn a_fresh_install_opens_on_the_sign_in_screen_and_asks_for_no_data() {
    let mut bench = Bench::new();
    bench.start();
    assert_eq!(bench.screen(), LOADING);
    bench.live(seconds(300));
    assert_eq!(bench.screen(), SIGNED_OUT);
    assert_eq!(bench.all_loads(), 0);
    assert!(bench.sockets.is_empty());
    assert_eq!(bench.count(&Role::Status), 1);
}

#[test]
fn signing_in_lands_on_the_first_screen_with_its_data_and_keeps_the_session() {
    let bench = Bench::new().signed_in();
    let view = bench.app.view();
    assert_eq!(view.session.as_ref().unwrap().username.as_ref(), "anna");
    assert_eq!(
        view.shown.keys().map(AsRef::as_ref).collect::<Vec<_>>(),
        ["account", "positions"]
    );
    assert!(bench.storage.is_some());
    let load = bench
        .sent
        .iter()
        .find(|request| bench.role(request) == Some(positions()))
        .unwrap();
    assert!(
        load.headers
            .contains(&("authorization".into(), "Bearer access-1".into()))
    );
    assert!(
        bench
            .sent
            .iter()
            .all(|request| !request.target.contains("access"))
    );
}

#[test]
fn a_form_that_is_sent_off_while_the_app_loads_is_not_lost() {
    let mut bench = Bench::new();
    bench.event(Event::Started { online: true });
    bench.sign_in();
    bench.event(Event::StorageRead(StorageRead::Absent));
    assert_eq!(bench.count(&Role::SignIn), 0);
    bench.serve();
    assert_eq!(bench.count(&Role::SignIn), 1);
    assert_eq!(bench.screen(), "overview");
}

#[test]
fn a_form_that_is_sent_off_while_a_session_is_restored_is_not_sent() {
    let mut bench = Bench::new().on_air().relaunch();
    bench.event(Event::Started { online: true });
    bench.sign_in();
    let stored = bench.storage.clone().unwrap();
    bench.event(Event::StorageRead(StorageRead::Found(stored)));
    bench.serve();
    assert_eq!(bench.count(&Role::SignIn), 0);
    assert_eq!(bench.screen(), "overview");
}

#[test]
fn wrong_credentials_and_a_broken_backend_are_told_apart_and_both_can_be_tried_again() {
    for (status, notice) in [
        (401, "sign-in-refused"),
        (500, "sign-in-failed"),
        (200, "sign-in-failed"),
    ] {
        let mut bench = Bench::new();
        bench.start();
        bench.serve();
        bench.sign_in();
        bench.answer(&Role::SignIn, status, &json!({}));
        assert_eq!(bench.app.view().notice, Some(notice));
        assert_eq!(bench.screen(), SIGNED_OUT);
        bench.sign_in();
        assert_eq!(bench.app.view().notice, None);
        bench.serve();
        assert_eq!(bench.screen(), "overview");
    }
}

#[test]
fn a_killed_process_restores_its_session_without_a_sign_in() {
    let mut bench = Bench::new().on_air().relaunch();
    bench.start();
    bench.serve();
    assert_eq!(bench.screen(), "overview");
    assert_eq!(bench.count(&Role::SignIn), 0);
    assert_eq!(bench.count(&Role::Refresh), 0);
    assert!(bench.facts.contains(&AppFact::Session {
        state: SessionState::Restored
    }));
    assert_eq!(bench.role(&bench.sent[0]), Some(Role::Status));
}

#[test]
fn an_expired_session_is_refreshed_before_any_data_is_asked_for() {
    let mut bench = Bench::new().signed_in().relaunch();
    bench.jump(bench.now.elapsed + seconds(580));
    bench.start();
    bench.answer(&Role::Status, 200, &json!({"maintenance": false}));
    assert_eq!(bench.all_loads(), 0);
    assert_eq!(bench.screen(), "overview");
    bench.serve();
    assert_eq!(bench.count(&Role::Refresh), 1);
    assert_eq!(bench.loads("positions"), 1);
}

#[test]
fn storage_that_cannot_be_used_ends_in_a_clean_sign_in() {
    for read in [
        StorageRead::Corrupt,
        StorageRead::Undecryptable,
        StorageRead::Found(b"{".to_vec()),
        StorageRead::Found(vec![b' '; 5_000]),
    ] {
        let mut bench = Bench::new();
        bench.storage = Some(vec![]);
        bench.event(Event::Started { online: true });
        bench.event(Event::StorageRead(read));
        bench.serve();
        assert_eq!(bench.screen(), SIGNED_OUT);
        assert_eq!(bench.storage, None);
        bench.sign_in();
        bench.serve();
        assert_eq!(bench.screen(), "overview");
    }
}

#[test]
fn the_session_is_refreshed_once_ahead_of_its_expiry() {
    let mut bench = Bench::new().on_air();
    bench.live(seconds(535));
    assert_eq!(bench.count(&Role::Refresh), 0);
    bench.live(seconds(10));
    assert_eq!(bench.count(&Role::Refresh), 1);
    let kept = String::from_utf8(bench.storage.clone().unwrap()).unwrap();
    assert!(
        kept.contains("refresh-2") && kept.contains("access-2"),
        "{kept}"
    );
    bench.live(seconds(600));
    assert_eq!(bench.count(&Role::Refresh), 2);
}

#[test]
fn parallel_401s_cause_one_refresh_and_one_replay_each() {
    let mut bench = Bench::new().signed_in();
    bench.user(UserAct::Refresh);
    bench.answer(&Role::Status, 200, &json!({"maintenance": false}));
    let before = bench.all_loads();
    bench.answer(&positions(), 401, &json!({}));
    bench.answer(&Role::Resource("account".into()), 401, &json!({}));
    assert_eq!(bench.count(&Role::Refresh), 1);
    assert_eq!(bench.all_loads(), before);
    bench.serve();
    assert_eq!(bench.count(&Role::Refresh), 1);
    assert_eq!(bench.all_loads(), before + 2);
    assert_eq!(bench.screen(), "overview");
}

#[test]
fn a_401_to_an_older_token_is_replayed_with_the_newer_one_and_not_refreshed_again() {
    let mut bench = Bench::new().signed_in();
    bench.user(UserAct::Refresh);
    bench.answer(&Role::Status, 200, &json!({"maintenance": false}));
    bench.answer(&positions(), 401, &json!({}));
    let tokens = bench.fresh_tokens();
    bench.answer(&Role::Refresh, 200, &tokens);
    bench.answer(&Role::Resource("account".into()), 401, &json!({}));
    assert_eq!(bench.count(&Role::Refresh), 1);
    let last = bench.sent.last().unwrap();
    assert!(
        last.headers
            .contains(&("authorization".into(), "Bearer access-2".into()))
    );
}

#[test]
fn a_fresh_token_that_is_refused_as_well_is_not_refreshed_for_again() {
    let mut bench = Bench::new().signed_in();
    for _ in 0..3 {
        bench.user(UserAct::Refresh);
        bench.answer(&Role::Status, 200, &json!({"maintenance": false}));
        for _ in 0..2 {
            if bench.pending(&positions()).is_some() {
                bench.answer(&positions(), 401, &json!({}));
            }
            if bench.pending(&Role::Refresh).is_some() {
                let tokens = bench.fresh_tokens();
                bench.answer(&Role::Refresh, 200, &tokens);
            }
        }
        bench.serve();
        bench.pass(seconds(5));
    }
    assert_eq!(bench.count(&Role::Refresh), 1);
    assert_eq!(bench.screen(), "overview");
    assert!(bench.has_notice("data-refused"));
}

#[test]
fn a_403_is_neither_refreshed_for_nor_the_end_of_the_session() {
    let mut bench = Bench::new().signed_in();
    bench.user(UserAct::Refresh);
    bench.answer(&Role::Status, 200, &json!({"maintenance": false}));
    bench.answer(&positions(), 403, &json!({}));
    bench.live(seconds(60));
    assert_eq!(bench.count(&Role::Refresh), 0);
    assert_eq!(bench.screen(), "overview");
}

#[test]
fn only_the_backends_refusal_ends_a_session() {
    let trouble: [(u16, &str, &str); 5] = [
        (500, "application/json", "{}"),
        (503, "text/html", "<html>"),
        (200, "text/html", "<html>"),
        (401, "text/html", "<html>"),
        (302, "text/plain", ""),
    ];
    for (status, kind, body) in trouble {
        let mut bench = Bench::new().signed_in();
        for _ in 0..20 {
            bench.pass(seconds(60));
            bench.serve_all_but(&Role::Refresh);
            if let Some(refresh) = bench.pending(&Role::Refresh) {
                bench.reply(refresh.id, status, &[("content-type", kind)], body.into());
            }
        }
        assert!(bench.app.view().session.is_some(), "{status} {kind}");
        assert!(bench.count(&Role::Refresh) < 25, "a loop");
    }
    let mut bench = Bench::new().signed_in();
    bench.pass(seconds(550));
    bench.answer(&Role::Refresh, 400, &json!({"error": "invalid_grant"}));
    assert_eq!(bench.screen(), SIGNED_OUT);
    assert_eq!(bench.storage, None);
    assert!(bench.has_notice("session-expired"));
}

#[test]
fn a_lost_refresh_answer_is_asked_for_again_a_few_times_and_then_ever_more_rarely() {
    let mut bench = Bench::new().signed_in();
    let mut at = vec![];
    for _ in 0..1_200 {
        bench.pass(seconds(1));
        bench.serve_all_but(&Role::Refresh);
        if bench.pending(&Role::Refresh).is_some() {
            at.push(bench.now.elapsed.as_secs());
            bench.fail(&Role::Refresh);
        }
    }
    assert!(at.len() >= 6 && at.len() <= 20, "{at:?}");
    assert_eq!(bench.screen(), "overview");
    bench.live(seconds(600));
    assert_eq!(bench.app.view().feed, FeedState::Polling);
}

#[test]
fn signing_out_tells_the_backend_once_and_then_nothing_is_sent() {
    let mut bench = Bench::new().on_air();
    bench.user(UserAct::Refresh);
    bench.user(UserAct::SignOut);
    assert_eq!(bench.screen(), SIGNED_OUT);
    assert_eq!((bench.storage.clone(), bench.socket), (None, None));
    assert!(bench.app.view().shown.is_empty());
    assert_eq!(bench.open.len(), 1, "the sign-out itself");
    let body = bench.sent.last().unwrap().body.clone().unwrap();
    assert_eq!(body, json!({"token": "refresh-1"}).to_string());
    let before = bench.sent.len();
    bench.live(seconds(3_600));
    assert_eq!(bench.sent.len(), before);
}

#[test]
fn a_device_clock_that_is_a_day_off_causes_no_refresh_loop() {
    for shift in [-86_400_i64, -600, 600, 86_400] {
        let mut bench = Bench::new();
        bench.now.unix = bench.now.unix.saturating_add_signed(shift);
        let mut bench = bench.on_air();
        bench.live(seconds(1_700));
        assert_eq!(bench.count(&Role::Refresh), 3);
        let mut bench = bench.relaunch();
        bench.now.unix = bench.now.unix.saturating_add_signed(-2 * shift);
        bench.start();
        bench.live(seconds(300));
        assert!(bench.count(&Role::Refresh) <= 1);
        assert_eq!(bench.screen(), "overview");
    }
}

trait Shift {
    fn saturating_add_signed(self, seconds: i64) -> Self;
}

impl Shift for Duration {
    fn saturating_add_signed(self, seconds: i64) -> Self {
        Duration::from_secs(self.as_secs().saturating_add_signed(seconds))
    }
}

#[test]
fn a_contract_without_refresh_ends_the_session_with_its_token() {
    let mut contract = contract();
    contract.session.refresh = None;
    let mut bench = Bench::of(contract, &[]).on_air();
    bench.live(seconds(590));
    assert_eq!(bench.screen(), "overview");
    bench.live(seconds(60));
    assert_eq!(bench.screen(), SIGNED_OUT);
}
