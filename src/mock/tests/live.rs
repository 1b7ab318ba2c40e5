//! A world that goes on by itself: figures follow prices, trades close and open, health flaps when it is told to.

use std::time::Duration;

use serde_json::Value;

use super::shipped::Shipped;
use crate::domain::world::{Alteration, World};

fn as_it_is(_: &mut World) {}

/// What a user's resource is just now.
fn held(shipped: &Shipped, user: usize, resource: &str) -> Value {
    let core = shipped.stage.mock.inner.backend.core();
    core.people[user].data[resource].answer.clone()
}

fn number(value: &Value, pointer: &str) -> f64 {
    value.pointer(pointer).and_then(Value::as_f64).unwrap()
}

fn sum(list: &Value, of: impl Fn(&Value) -> f64) -> f64 {
    list.as_array().unwrap().iter().map(of).sum()
}

/// What was paid in: all that is there, without what was won and lost.
fn deposits(shipped: &Shipped, user: usize) -> f64 {
    let (positions, history) = (
        held(shipped, user, "positions"),
        held(shipped, user, "history"),
    );
    number(&held(shipped, user, "overview"), "/portfolio/equity")
        - sum(&positions["positions"], |own| number(own, "/unrealisedPnl"))
        - sum(&history["trades"], |own| number(own, "/realisedPnl"))
}

/// Every figure of every user is what it follows.
fn check_figures(shipped: &Shipped) {
    for user in 0..3 {
        let overview = held(shipped, user, "overview");
        let positions = held(shipped, user, "positions");
        let positions = &positions["positions"];
        for own in positions.as_array().unwrap() {
            let side = if own["side"] == "LONG" { 1.0 } else { -1.0 };
            let gained = number(own, "/markPrice") - number(own, "/entryPrice");
            let profit = gained * number(own, "/size") * side;
            assert!(
                (profit - number(own, "/unrealisedPnl")).abs() < 0.006,
                "{own}"
            );
        }
        let profit = sum(positions, |own| number(own, "/unrealisedPnl"));
        assert!((profit - number(&overview, "/portfolio/unrealisedPnl")).abs() < 1e-6);
        let worth = sum(positions, |own| {
            number(own, "/size") * number(own, "/markPrice")
        });
        let margin = worth / number(&overview, "/account/leverage");
        assert!((margin - number(&overview, "/account/marginUsed")).abs() < 0.006);
        let free = number(&overview, "/portfolio/equity") - margin;
        assert!((free - number(&overview, "/portfolio/available")).abs() < 0.011);
    }
}

/// The items of a list that is read have among them all that an event brought.
fn check_told(told: &Value, read: &Value) {
    assert_eq!(told["seq"], read["seq"]);
    for item in told["positions"].as_array().unwrap() {
        assert!(
            read["positions"].as_array().unwrap().contains(item),
            "{item} {read}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn figures_are_what_they_follow_at_every_moment_and_a_later_read_says_what_the_event_said() {
    let shipped = Shipped::living(as_it_is);
    check_figures(&shipped);
    let paid_in: Vec<f64> = (0..3).map(|user| deposits(&shipped, user)).collect();
    let token = shipped.sign_in(0).await;
    let mut socket = shipped.join(&token).await;
    let mut events = 0;
    while shipped.stage.clock.elapsed() < Duration::from_secs(14 * 60) {
        let text = socket.text().await.unwrap();
        let packet = text.split_once(',').unwrap().1;
        let packet: Value = serde_json::from_str(packet).unwrap();
        check_figures(&shipped);
        match packet[0].as_str().unwrap() {
            "price_update" | "positions_update" => {
                check_told(&packet[1], &shipped.read("positions", &token).await);
            }
            "health_update" => {
                let mut read = shipped.read("overview", &token).await;
                // When it was read is said by answers alone.
                read.as_object_mut().unwrap().remove("asOf");
                assert_eq!(packet[1], read);
            }
            _ => {}
        }
        events += 1;
    }
    assert!(events > 800, "{events}");
    for (user, paid_in) in paid_in.iter().enumerate() {
        assert!((deposits(&shipped, user) - paid_in).abs() < 1e-6);
    }
}

/// The ids of all that was traded when somebody has polled for an hour without a socket.
async fn an_hour_of(shipped: &Shipped) -> Vec<String> {
    let mut token = shipped.sign_in(1).await;
    for minute in 0..60 {
        tokio::time::sleep(Duration::from_secs(60)).await;
        if minute % 10 == 0 {
            token = shipped.sign_in(1).await;
        }
        let positions = shipped.read("positions", &token).await;
        let count = positions["positions"].as_array().unwrap().len();
        assert!((2..=6).contains(&count), "{count}");
    }
    let trades = held(shipped, 1, "history");
    let trades = trades["trades"].as_array().unwrap().iter();
    trades
        .map(|trade| trade["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn trades_close_and_open_within_bounds_and_the_same_seed_has_the_same_ones() {
    let shipped = Shipped::living(as_it_is);
    let before = held(&shipped, 1, "history")["trades"]
        .as_array()
        .unwrap()
        .len();
    let trades = an_hour_of(&shipped).await;
    assert!(trades.len() > before + 10, "{trades:?}");
    let opened =
        |id: &String| id.starts_with("trade-of-pos_") && !id.starts_with("trade-of-pos_0e5d");
    assert!(trades.iter().any(opened), "{trades:?}");
    check_figures(&shipped);
    assert_eq!(trades, an_hour_of(&Shipped::living(as_it_is)).await);
}

#[tokio::test(start_paused = true)]
async fn nothing_goes_on_by_itself_where_a_scenario_says_what_happens() {
    let shipped = Shipped::new();
    let token = shipped.sign_in(0).await;
    let before = held(&shipped, 0, "history");
    let _socket = shipped.join(&token).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(held(&shipped, 0, "history"), before);
}

#[tokio::test(start_paused = true)]
async fn health_flaps_when_it_is_told_to_and_not_otherwise() {
    let shipped = Shipped::living(as_it_is);
    let token = shipped.sign_in(0).await;
    for wanted in ["degraded", "ok", "degraded"] {
        assert_eq!(shipped.stage.mock.alter("flap-health").unwrap(), 3);
        for _ in 0..3 {
            let health = &shipped.read("overview", &token).await["health"];
            assert_eq!(health["status"], wanted);
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_falls_off_a_list_or_is_brought_back_moves_no_sum() {
    let shipped = Shipped::living(|world| {
        world.live.changes.clear();
        let close = world.changes.get_mut("close-trade").unwrap();
        if let Alteration::Move(close) = &mut close.what {
            close.most = Some(20);
        }
    });
    let mock = &shipped.stage.mock;
    let equity = || number(&held(&shipped, 0, "overview"), "/portfolio/equity");
    let before = equity();
    mock.keep("before").unwrap();
    for _ in 0..3 {
        mock.alter("close-trade").unwrap();
        check_figures(&shipped);
    }
    assert!((equity() - before).abs() < 1e-6);
    let trades = held(&shipped, 0, "history")["trades"]
        .as_array()
        .unwrap()
        .len();
    assert_eq!(trades, 20);
    mock.go_back("before").unwrap();
    check_figures(&shipped);
    assert!((equity() - before).abs() < 1e-6);
}
