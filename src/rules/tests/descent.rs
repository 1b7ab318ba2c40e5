//! Sessions and tokens by their descent: what nobody may be accused of.

use std::time::Duration;

use serde_json::json;

use super::{Play, harbour};

const fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

fn ships() -> serde_json::Value {
    json!({"ships": [], "count": 1})
}

/// Ada signs in, goes on, and is marked to sign in again, with a token of another name.
fn signs_in_twice() -> Play {
    let mut play = Play::of(harbour());
    play.fact(json!({"act": {"sign-in": {"account": "ada"}}}))
        .signs_in("client", "ada", json!("sailor-7"))
        .reads("client", "ada", "ships", ships())
        .after(seconds(30))
        .fact(json!({"act": {"sign-in": {"account": "ada"}}}))
        .signs_in("client", "ada-2", json!("sailor-7"))
        .after(seconds(2));
    play
}

#[test]
fn a_second_sign_in_for_a_session_that_is_good_is_found() {
    let mut play = signs_in_twice();
    play.reads("client", "ada-2", "ships", ships())
        .after(seconds(20))
        .ended();
    assert_eq!(play.found("SESSION-18").len(), 1);
}

/// Ada reads her profile, Bo signs in and reads none, for long.
fn changes_users(opens_first: bool) -> Play {
    let mut play = Play::of(harbour());
    play.fact(json!({"act": {"sign-in": {"account": "ada"}}}))
        .signs_in("client", "ada", json!("sailor-7"));
    if opens_first {
        play.after(seconds(2))
            .fact(json!({"act": {"open": {"screen": "cabin"}}}));
    }
    let profile = json!({"id": "sailor-7", "mail": "ada@port.example"});
    play.reads("client", "ada", "sailor", profile)
        .after(seconds(30))
        .fact(json!({"act": {"sign-in": {"account": "bo"}}}))
        .signs_in("client", "bo", json!("sailor-9"))
        .after(seconds(90))
        .reads("client", "bo", "ships", ships());
    play
}

#[test]
fn a_new_user_need_not_open_what_the_one_before_opened() {
    assert_eq!(changes_users(false).found("SESSION-19").len(), 1);
    assert_eq!(
        changes_users(true).found("SESSION-19"),
        Vec::<String>::new()
    );
}

#[test]
fn two_devices_of_one_account_have_a_session_each() {
    let mut play = signs_in_twice();
    play.reads("client", "ada-2", "ships", ships())
        .reads("client", "ada", "ships", ships())
        .after(seconds(20))
        .ended();
    assert_eq!(play.found("SESSION-18"), Vec::<String>::new());
}
