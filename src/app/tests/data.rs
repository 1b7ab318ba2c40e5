//! Loading, retrying, paging, and keeping what is good.

use super::*;

fn trades() -> Role {
    Role::Resource("trades".into())
}

#[test]
fn failed_reads_are_tried_three_times_with_growing_pauses_and_then_left_alone_for_a_while() {
    let mut bench = Bench::new().signed_in();
    bench.user(UserAct::Open("history".into()));
    let mut at = vec![];
    for _ in 0..250 {
        if bench.pending(&trades()).is_some() {
            at.push(bench.now.elapsed.as_secs_f64());
            bench.answer(&trades(), 500, &json!({}));
        }
        bench.serve();
        bench.pass(Duration::from_millis(100));
    }
    assert_eq!(at.len(), 3);
    assert!((0.7..1.4).contains(&(at[1] - at[0])), "{at:?}");
    assert!((1.4..2.7).contains(&(at[2] - at[1])), "{at:?}");
}

#[test]
fn a_backend_that_wants_to_be_left_alone_is_and_absurd_wishes_are_capped() {
    for (wish, pause) in [("20", 20), ("86400", 900)] {
        let mut contract = contract();
        contract.kill_switch = None;
        let mut bench = Bench::of(contract, &[Quirk::NoFallback]).signed_in();
        bench.user(UserAct::Open("history".into()));
        let id = bench.pending(&trades()).unwrap().id;
        let before = bench.all_loads();
        bench.reply(id, 503, &[("Retry-After", wish)], "{}".into());
        bench.user(UserAct::Open("overview".into()));
        bench.user(UserAct::Refresh);
        bench.live(seconds(pause - 2));
        assert_eq!(bench.all_loads(), before, "{wish}");
        bench.live(seconds(pause / 5 + 5));
        assert!(bench.all_loads() > before, "{wish}");
    }
}

#[test]
fn what_cannot_be_read_leaves_the_last_good_data_marked_stale() {
    for (status, kind, body) in [
        (200, "text/html", "<html>portal</html>"),
        (200, "application/json", "{\"items\":"),
        (200, "application/json", "{\"items\":{}}"),
        (200, "application/json", "[]"),
        (200, "application/json", "null"),
        (302, "text/plain", ""),
        (511, "text/html", "<html>"),
    ] {
        let mut bench = Bench::new().signed_in();
        bench.user(UserAct::Refresh);
        bench.answer(&Role::Status, 200, &json!({"maintenance": false}));
        let id = bench.pending(&positions()).unwrap().id;
        let before = bench.loads("positions");
        bench.reply(id, status, &[("content-type", kind)], body.into());
        assert!(bench.has_notice("data-unreadable"), "{status} {body}");
        assert_eq!(bench.pnl(), "1.0");
        assert!(bench.app.view().shown["positions"].stale_since.is_some());
        bench.pass(seconds(9));
        assert_eq!(bench.loads("positions"), before, "a retry storm");
        assert!(bench.app.view().session.is_some());
        bench.live(seconds(30));
        assert!(bench.app.view().shown["positions"].stale_since.is_none());
        assert_eq!(bench.app.view().notice, None);
    }
}

#[test]
fn a_list_is_walked_to_its_end_and_no_item_comes_twice() {
    let mut bench = Bench::new().signed_in();
    bench.user(UserAct::Open("history".into()));
    bench.answer(
        &trades(),
        200,
        &json!({"items": [{"id": 5}, {"id": 4}], "next": "c/1"}),
    );
    assert!(!bench.app.view().shown["trades"].complete);
    bench.user(UserAct::LoadAll("trades".into()));
    let asked = bench.pending(&trades()).unwrap().target;
    assert_eq!(asked, "/api/trades?limit=2&after=c%2F1");
    bench.answer(
        &trades(),
        200,
        &json!({"items": [{"id": 4}, {"id": 3}], "next": "c/2"}),
    );
    bench.answer(&trades(), 200, &json!({"items": [{"id": 2}], "next": null}));
    let shown = &bench.app.view().shown["trades"];
    assert_eq!((shown.items, shown.complete), (4, true));
    assert!(bench.pending(&trades()).is_none());
}

#[test]
fn a_walk_that_leads_in_a_circle_ends() {
    let mut bench = Bench::new().signed_in();
    bench.user(UserAct::LoadAll("trades".into()));
    let mut pages = 0;
    while bench.pending(&trades()).is_some() {
        pages += 1;
        assert!(pages < 10, "without end");
        let items = json!([{"id": pages * 2}, {"id": pages * 2 + 1}]);
        let next = if pages % 2 == 0 { "a" } else { "b" };
        bench.answer(&trades(), 200, &json!({"items": items, "next": next}));
    }
    assert_eq!(pages, 3);
}

#[test]
fn an_event_that_announces_news_reads_the_first_page_again_and_keeps_the_older_ones() {
    let mut bench = Bench::new().signed_in();
    bench.connect();
    bench.user(UserAct::LoadAll("trades".into()));
    bench.answer(
        &trades(),
        200,
        &json!({"items": [{"id": 4}, {"id": 3}], "next": "c"}),
    );
    bench.answer(
        &trades(),
        200,
        &json!({"items": [{"id": 2}, {"id": 1}], "next": null}),
    );
    for _ in 0..5 {
        bench.push("trade_closed", json!({}));
    }
    bench.pass(seconds(1));
    bench.answer(
        &trades(),
        200,
        &json!({"items": [{"id": 5}, {"id": 4}], "next": "c"}),
    );
    let shown = &bench.app.view().shown["trades"];
    assert_eq!((shown.items, shown.complete), (5, true));
    assert!(bench.pending(&trades()).is_none());
}

#[test]
fn what_is_shown_elsewhere_is_loaded_once_its_screen_opens() {
    let mut bench = Bench::new().on_air();
    let covered = bench.loads("positions");
    bench.user(UserAct::Open("history".into()));
    bench.serve();
    assert_eq!(bench.screen(), "history");
    bench.user(UserAct::Open("overview".into()));
    bench.serve();
    assert_eq!(
        bench.loads("positions"),
        covered,
        "the feed keeps it up to date"
    );
    bench.user(UserAct::Open("nowhere".into()));
    assert_eq!(bench.screen(), "overview");
}

#[test]
fn an_error_of_one_resource_leaves_the_others_alone() {
    let mut bench = Bench::new().on_air();
    for _ in 0..60 {
        bench.user(UserAct::Refresh);
        bench.answer(&Role::Status, 200, &json!({"maintenance": false}));
        while bench.pending(&positions()).is_some() {
            bench.answer(&positions(), 500, &json!({}));
        }
        bench.serve();
        bench.pass(seconds(1));
    }
    let view = bench.app.view();
    assert!(view.shown["positions"].stale_since.is_some());
    assert!(view.shown["account"].stale_since.is_none());
    assert_eq!(view.feed, FeedState::Live);
}

#[test]
fn what_nobody_keeps_up_to_date_is_marked_once_it_has_grown_old() {
    let mut bench = Bench::new().on_air();
    bench.live(seconds(50));
    let view = bench.app.view();
    assert!(view.shown["account"].stale_since.is_some());
    assert!(
        view.shown["positions"].stale_since.is_none(),
        "the feed does"
    );
}
