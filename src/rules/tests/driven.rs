//! What shows only where somebody drives an app again and again, or tells what its screen shows.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Play, harbour};

const fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// How often NET-1 is found where a user opens a screen again and again, and each time two retries follow after
/// these gaps, in milliseconds; 500 ms ± 50 % are agreed on, and three attempts.
fn repeats(rounds: &[[u64; 2]]) -> usize {
    let mut play = Play::of(harbour());
    play.fact(json!({"act": "launch"}))
        .signs_in("client", "ada", json!("sailor-7"));
    let failed = json!({"status": 500});
    for gaps in rounds {
        play.after(Duration::from_secs(30))
            .fact(json!({"act": {"open": {"screen": "quay"}}}))
            .asks("client", "ada", "sailor", failed.clone());
        for gap in gaps {
            // An entry takes ten milliseconds of its own.
            play.after(millis(gap - 10))
                .asks("client", "ada", "sailor", failed.clone());
        }
    }
    play.found("NET-1").len()
}

#[test]
fn retries_that_never_grow_are_found_over_several_rows_where_few_attempts_are_agreed_on() {
    assert_eq!(repeats(&[[180, 180]; 3]), 1);
    assert_eq!(repeats(&[[180, 180]; 2]), 0);
    // A faster schedule of the app's own, which grows, and one row that does.
    assert_eq!(repeats(&[[110, 220]; 6]), 0);
    let mut mixed = [[180, 180]; 5];
    mixed[2] = [300, 700];
    assert_eq!(repeats(&mixed), 0);
}

#[test]
fn retries_in_step_are_found_although_timers_are_a_little_late() {
    // 500 ms and the double of it are agreed on, and half of each as jitter.
    let late = [[504, 1003], [511, 1008], [502, 1012], [503, 1001]];
    assert_eq!(repeats(&late), 1);
    let varied = [
        [504, 1003],
        [390, 1100],
        [640, 870],
        [503, 1001],
        [720, 960],
    ];
    assert_eq!(repeats(&varied), 0);
}

/// What SESSION-18 says of a signed-in app whose driver tells these screens, two seconds apart, and that may
/// go on reading after them.
fn shows(before: &Value, screens: &[&str], goes_on: bool) -> usize {
    let ships = json!({"status": 200, "body": {"json": {"value": {"ships": []}, "bytes": 9}}});
    let mut play = Play::of(harbour());
    play.fact(json!({"act": "launch"}))
        .fact(json!({"act": {"sign-in": {"account": "ada"}}}))
        .signs_in("client", "ada", json!("sailor-7"))
        .after(millis(1_000))
        .asks("client", "ada", "ships", ships.clone())
        .after(millis(1_500));
    match before.as_u64() {
        Some(status) => play.asks("client", "ada", "ships", json!({ "status": status })),
        None => play.fact(before.clone()),
    };
    for screen in screens {
        play.after(millis(2_000))
            .fact(json!({"app": {"reported": {"screen": screen}}}));
    }
    if goes_on {
        play.asks("client", "ada", "ships", ships);
    }
    play.after(millis(20_000)).ended();
    play.found("SESSION-18").len()
}

#[test]
fn a_screen_that_asks_for_a_sign_in_while_the_session_is_good_is_found() {
    for cause in [json!(403), json!(500), json!({"act": "refresh"})] {
        assert_eq!(shows(&cause, &["signed-out"], false), 1, "{cause}");
    }
    for cause in [json!({"act": "sign-out"}), json!(401)] {
        assert_eq!(shows(&cause, &["signed-out"], false), 0, "{cause}");
    }
    // The user does what it asks for.
    let mut play = Play::of(harbour());
    let ships = json!({"status": 200, "body": {"json": {"value": {"ships": []}, "bytes": 9}}});
    let signs_in = |play: &mut Play| {
        play.fact(json!({"act": {"sign-in": {"account": "ada"}}}))
            .signs_in("client", "ada", json!("sailor-7"))
            .after(millis(3_000));
    };
    play.fact(json!({"act": "launch"}));
    signs_in(&mut play);
    play.asks("client", "ada", "ships", ships)
        .after(millis(3_000))
        .fact(json!({"app": {"reported": {"screen": "signed-out"}}}));
    signs_in(&mut play);
    play.fact(json!({"app": {"reported": {"screen": "quay"}}}))
        .after(millis(20_000))
        .ended();
    assert_eq!(play.found("SESSION-18").len(), 1);
    // A screen that only came first, or one that another device saw.
    assert_eq!(shows(&json!(500), &["signed-out", "quay"], false), 0);
    assert_eq!(shows(&json!(500), &["signed-out"], true), 0);
    assert_eq!(shows(&json!(500), &["quay"], false), 0);
}

/// How often SYNC-4 is found where each poll begins so long after the one before, in milliseconds, and is given up
/// without an answer after so many more.
fn polls(every: u64, held: u64) -> usize {
    let mut contract = harbour();
    contract.realtime = None;
    contract.request_timeout = Duration::from_secs(20);
    let mut play = Play::of(contract);
    play.fact(json!({"act": "launch"}))
        .signs_in("client", "ada", json!("sailor-7"))
        .after(millis(30_000));
    let mut given_up = Vec::new();
    for poll in 0..8_u64 {
        let begins = poll * every;
        let mut now = poll.saturating_sub(1) * every;
        given_up.retain(|(exchange, at): &(u64, u64)| {
            let is_over = *at <= begins;
            if is_over {
                play.after(millis(at.saturating_sub(now)))
                    .fact(json!({"lost": {"exchange": exchange, "reason": "client-gone"}}));
                now = now.max(*at);
            }
            !is_over
        });
        play.after(millis(begins - now.min(begins)))
            .fact(json!({"request": {"exchange": 100 + poll, "sender": "client", "service": "deck", "method": "GET", "target": "/v2/ships",
                "path": "/v2/ships", "host": "deck.example", "headers": [["authorization", "Bearer ‹client ada›"]],
                "judgement": {"class": "allowed", "reason": "declared"}, "role": {"resource": "ships"}}}));
        given_up.push((100 + poll, begins + held));
    }
    play.after(millis(60_000)).ended();
    play.found("SYNC-4").len()
}

#[test]
fn polls_that_pile_up_are_found_although_none_is_answered() {
    assert_eq!(polls(12_000, 15_000), 1);
    // The next one begins as the one before is given up.
    assert_eq!(polls(12_000, 12_000), 0);
    assert_eq!(polls(12_000, 12_300), 0);
}

/// What DATA-1 says where an event that can be used and one that cannot come one right after the other, and an app
/// shows something of an event so often, once between them or only afterwards.
fn shows_of_two(between: bool, after: usize) -> usize {
    let shown = json!({"app": {"shown": {"resource": "ships", "items": 3, "source": "event"}}});
    let mut play = Play::of(harbour());
    play.fact(json!({"act": "launch"}))
        .signs_in("client", "ada", json!("sailor-7"))
        .joins(1, "ada")
        .after(millis(3_000))
        .event(1, "ship_moved", json!({"imo": 1, "count": 7}));
    if between {
        play.fact(shown.clone());
    }
    play.event(1, "ship_moved", json!("junk"));
    for _ in 0..after {
        play.fact(shown.clone());
    }
    play.found("DATA-1").len()
}

#[test]
fn what_is_shown_while_the_next_event_is_there_already_is_the_one_befores() {
    assert_eq!(shows_of_two(false, 1), 0);
    assert_eq!(shows_of_two(false, 2), 1);
    assert_eq!(shows_of_two(true, 0), 0);
    assert_eq!(shows_of_two(true, 1), 1);
}
