//! When the kill-switch is asked, and what it does.

use super::*;

#[test]
fn the_switch_is_asked_before_the_first_data_at_every_cold_start() {
    let mut bench = Bench::new().signed_in().relaunch();
    bench.start();
    assert_eq!(bench.screen(), LOADING);
    assert_eq!((bench.count(&Role::Status), bench.all_loads()), (1, 0));
    bench.serve();
    assert_eq!(bench.screen(), "overview");
    assert!(bench.all_loads() > 0);
}

#[test]
fn maintenance_stops_everything_at_once_and_ends_without_sign_in_or_relaunch() {
    let mut bench = Bench::new().on_air();
    bench.maintenance = true;
    bench.user(UserAct::Refresh);
    bench.serve();
    assert_eq!(bench.screen(), MAINTENANCE);
    assert_eq!(bench.socket, None);
    assert_eq!(bench.app.view().feed, FeedState::Off);
    let (loads, sockets) = (bench.all_loads(), bench.sockets.len());
    bench.live(seconds(300));
    assert_eq!((bench.all_loads(), bench.sockets.len()), (loads, sockets));
    assert!(bench.app.view().session.is_some());
    bench.maintenance = false;
    bench.live(seconds(34));
    assert_eq!(bench.screen(), "overview");
    assert!(bench.all_loads() > loads);
    assert_eq!(bench.count(&Role::SignIn), 1);
    assert_eq!(bench.sockets.len(), sockets + 1);
}

#[test]
fn screens_that_are_opened_while_the_switch_is_asked_are_all_loaded_after_it() {
    let mut contract = contract();
    contract.kill_switch.as_mut().unwrap().fresh_for = Duration::ZERO;
    let mut bench = Bench::of(contract, &[]);
    bench.start();
    bench.serve();
    bench.live(seconds(3));
    bench.sign_in();
    let tokens = bench.fresh_tokens();
    bench.answer(&Role::SignIn, 200, &tokens);
    assert!(bench.pending(&Role::Status).is_some());
    for screen in ["history", "overview"] {
        bench.user(UserAct::Open(screen.into()));
    }
    assert_eq!(bench.all_loads(), 0);
    bench.serve();
    assert!(bench.app.view().shown.contains_key("trades"));
    assert!(bench.app.view().shown.contains_key("positions"));
}

#[test]
fn a_visible_app_notices_maintenance_by_itself() {
    let mut bench = Bench::new().on_air();
    bench.maintenance = true;
    bench.live(seconds(34));
    assert_eq!(bench.screen(), MAINTENANCE);
}

#[test]
fn refused_data_makes_the_app_ask_at_once() {
    let mut bench = Bench::new().signed_in();
    bench.user(UserAct::Open("history".into()));
    bench.maintenance = true;
    bench.pass(seconds(1));
    bench.answer(&Role::Resource("trades".into()), 503, &json!({}));
    bench.serve();
    assert_eq!(bench.screen(), MAINTENANCE);
}

#[test]
fn data_that_is_refused_without_maintenance_is_asked_for_a_few_times_only() {
    let mut bench = Bench::new().signed_in();
    bench.user(UserAct::Open("history".into()));
    let trades = Role::Resource("trades".into());
    for _ in 0..20 {
        bench.serve_all_but(&trades);
        if bench.pending(&trades).is_some() {
            bench.answer(&trades, 503, &json!({}));
        }
        bench.pass(seconds(1));
    }
    assert_eq!(bench.loads("trades"), 3);
    assert!(bench.count(&Role::Status) <= 6);
}

#[test]
fn a_silent_switch_is_judged_by_the_fail_mode_and_the_last_answer() {
    let answers: [(u16, &str); 4] = [(500, "{}"), (200, "<html>"), (200, "{}"), (404, "{}")];
    for (mode, prior, blocked) in [
        (FailMode::LastKnown, None, false),
        (FailMode::LastKnown, Some(false), false),
        (FailMode::LastKnown, Some(true), true),
        (FailMode::Open, Some(true), false),
        (FailMode::Closed, Some(false), true),
        (FailMode::Closed, None, true),
    ] {
        for (status, body) in answers {
            let mut contract = contract();
            if let Some(switch) = &mut contract.kill_switch {
                switch.fail_mode = mode;
            }
            let mut bench = Bench::of(contract, &[]).signed_in();
            match prior {
                Some(prior) => {
                    bench.maintenance = prior;
                    bench.user(UserAct::Refresh);
                    bench.serve();
                }
                None => {
                    let kept = String::from_utf8(bench.storage.take().unwrap()).unwrap();
                    bench.storage = Some(kept.replace(",\"blocked\":false", "").into());
                }
            }
            let mut bench = bench.relaunch();
            bench.start();
            let id = bench.pending(&Role::Status).unwrap().id;
            bench.reply(id, status, &[], body.into());
            let expected = if blocked { MAINTENANCE } else { "overview" };
            assert_eq!(
                bench.screen(),
                expected,
                "{mode:?} {prior:?} {status} {body}"
            );
        }
    }
}

#[test]
fn a_switch_that_never_answers_does_not_leave_the_app_loading() {
    let mut bench = Bench::new().signed_in().relaunch();
    bench.start();
    bench.pass(seconds(10));
    bench.fail(&Role::Status);
    assert_eq!(bench.screen(), "overview");
    assert!(bench.pending(&positions()).is_some());
}

#[test]
fn coming_back_to_the_app_asks_first_only_when_the_answer_has_grown_old() {
    let mut bench = Bench::new().on_air();
    bench.user(UserAct::Background);
    bench.pass(seconds(20));
    let asked = bench.count(&Role::Status);
    bench.user(UserAct::Foreground);
    assert_eq!(bench.count(&Role::Status), asked);
    assert!(bench.pending(&positions()).is_some());
    bench.serve();
    bench.user(UserAct::Background);
    bench.pass(seconds(120));
    assert_eq!(bench.open.len(), 0, "nothing is asked in the background");
    bench.user(UserAct::Foreground);
    assert_eq!(bench.count(&Role::Status), asked + 1);
    assert!(bench.pending(&positions()).is_none());
    bench.serve();
    assert!(bench.app.flowing);
}

#[test]
fn a_switch_that_wants_to_be_left_alone_is_left_alone() {
    let mut bench = Bench::new().on_air();
    bench.user(UserAct::Refresh);
    let id = bench.pending(&Role::Status).unwrap().id;
    bench.reply(id, 503, &[("Retry-After", "120")], "{}".into());
    let asked = bench.count(&Role::Status);
    bench.live(seconds(100));
    bench.user(UserAct::Refresh);
    bench.live(seconds(15));
    assert_eq!(bench.count(&Role::Status), asked);
    bench.live(seconds(60));
    assert!(bench.count(&Role::Status) > asked);
    assert_eq!(bench.screen(), "overview");
}

#[test]
fn a_switch_for_those_who_are_signed_in_is_asked_after_the_session_is_renewed_and_never_blocks_the_view()
 {
    let for_users = || {
        let mut contract = contract();
        if let Some(switch) = &mut contract.kill_switch {
            switch.operation.authorized = true;
        }
        contract
    };
    let mut bench = Bench::of(for_users(), &[]).signed_in().relaunch();
    assert_eq!(bench.count(&Role::Status), 0);
    bench.jump(bench.now.elapsed + seconds(700));
    bench.start();
    assert_eq!(
        (bench.count(&Role::Refresh), bench.count(&Role::Status)),
        (1, 0)
    );
    bench.fail(&Role::Refresh);
    assert_eq!(bench.screen(), "overview");
    bench.live(seconds(5));
    let roles: Vec<String> = bench
        .sent
        .iter()
        .map(|request| bench.role(request).unwrap().to_string())
        .collect();
    assert_eq!(
        roles,
        ["refresh", "refresh", "status", "positions", "account"]
    );
}

#[test]
fn after_a_sign_in_long_after_the_start_the_switch_is_asked_again_before_data() {
    let mut bench = Bench::new();
    bench.start();
    bench.live(seconds(600));
    bench.maintenance = true;
    bench.sign_in();
    bench.serve();
    assert_eq!(bench.screen(), MAINTENANCE);
    assert_eq!(bench.all_loads(), 0);
}
