//! A phone in the background: the timers and the reads of the client stand still while the wall clock, the network and
//! the server go on.

use super::network::{Network, Weather, ms, polling_only, websocket_only};
use crate::protocol::client::{Input, Options};
use crate::protocol::packet::Args;

const LONG: std::time::Duration = std::time::Duration::from_secs(2 * 3600);

fn asleep(options: Options, span: std::time::Duration) -> Network {
    let mut network = Network::trading(options);
    network.run(ms(1000));
    assert!(network.client.is_connected("/trading"));
    network.freeze(span);
    network
}

#[test]
fn after_a_long_sleep_it_takes_itself_for_connected_until_it_notices_waits_and_has_a_new_id() {
    for options in [Options::default(), websocket_only(), polling_only()] {
        let mut network = asleep(options, LONG);
        assert!(network.client.is_connected("/trading"), "nothing ran yet");
        let awake = network.now;
        let before = network.heard.len();
        network.run(ms(20_000));
        let events = network.events();
        assert_eq!(
            events[before..before + 4],
            [
                "disconnected /trading ping timeout",
                "scheduled 1",
                "attempt 1",
                "reconnected 1"
            ]
        );
        let (attempted, _) = network.heard[before + 2];
        assert!((500..=1500).contains(&(attempted - awake).as_millis()));
        assert!(network.client.is_connected("/trading"));
        let ids = network.ids();
        assert_eq!(ids.len(), 2, "one reconnect, no burst");
        assert_ne!(ids[0], ids[1]);
        assert_eq!(network.auths, 2);
    }
}

#[test]
fn what_is_emitted_on_waking_is_not_lost_on_the_dead_connection() {
    for options in [Options::default(), websocket_only(), polling_only()] {
        let mut network = asleep(options, LONG);
        let before = network.heard.len();
        network.log.clear();
        network.emit("echo", Args::none().and("good morning"));
        let dead = |line: &&String| line.contains("good morning");
        assert_eq!(network.log.iter().find(dead), None);
        network.run(ms(20_000));
        let events = &network.events()[before..];
        assert_eq!(events[0], "disconnected /trading ping timeout");
        let echoes = events.iter().filter(|line| line.starts_with("echoed"));
        assert_eq!(echoes.collect::<Vec<_>>(), [r#"echoed ["good morning"]"#]);
    }
}

#[test]
fn a_nap_shorter_than_the_heartbeats_patience_costs_nothing() {
    for options in [Options::default(), websocket_only(), polling_only()] {
        let mut network = Network::trading(options);
        network.run(ms(1000));
        network.forget();
        network.push("price", Args::none().and(1), None);
        network.freeze(ms(40_000));
        network.run(ms(100_000));
        assert_eq!(network.events(), ["price [1]"]);
        assert!(network.client.is_connected("/trading"));
        assert_eq!(network.server.sessions(), 1);
    }
}

#[test]
fn waking_without_a_network_tries_until_there_is_one() {
    let mut network = asleep(websocket_only(), LONG);
    network.weather = Weather::Refused;
    network.tell_client(Input::Tick);
    network.run(ms(30_000));
    assert!(!network.client.is_connected("/trading"));
    network.weather = Weather::Fine;
    network.run(ms(10_000));
    assert!(network.client.is_connected("/trading"));
    assert_eq!(network.ids().len(), 2);
}
