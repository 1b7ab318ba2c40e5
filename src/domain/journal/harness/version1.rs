//! How journals of version 1 tell that the world was changed: by levers and faults in words.
//!
//! They are understood while they are read, so that whoever judges knows one form only. When nobody
//! has such journals any more, this file goes, with what names it in its parent.

use serde::Deserialize;

use super::{Changed, LeverHow};
use crate::domain::change::{Change, Fault, RequestMatch, Withheld};
use crate::domain::contract::{RequestPattern, Role};
use crate::domain::malformed::Malformed;

/// A change of the world, as a file of either version tells of it.
#[derive(Deserialize)]
pub(super) struct Written {
    /// Version 2.
    change: Option<Change>,
    how: Option<LeverHow>,
    /// Version 1: `maintenance`, `backend`, `push` …
    lever: Option<String>,
    /// Version 1: `on`, `stopped`, `trading stopped`, an event's name …
    value: Option<String>,
    /// Version 1: `network`, `websocket blocked`, `refuse on data` …
    fault: Option<String>,
    on: Option<bool>,
}

impl TryFrom<Written> for Changed {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let (change, how) = match written {
            Written {
                change: Some(change),
                how: Some(how),
                ..
            } => (change, how),
            Written {
                lever: Some(lever),
                value: Some(value),
                how: Some(how),
                ..
            } => (moved(&lever, &value), how),
            Written {
                fault: Some(fault),
                on: Some(on),
                ..
            } => (switched(&fault, on), LeverHow::Gateway),
            _ => return Err("missing field `change` or `how`".to_owned()),
        };
        Ok(Self { change, how })
    }
}

/// A lever and its value.
fn moved(lever: &str, value: &str) -> Change {
    // A name before the last word may hold any words itself.
    let (name, state) = match value.rsplit_once(' ') {
        Some((name, state)) => (Some(name.to_owned()), state),
        None => (None, value),
    };
    match lever {
        "maintenance" => Change::Maintenance(is_on(state)),
        "backend" => Change::Backend {
            service: name,
            running: is_on(state),
        },
        "push" => Change::Push {
            event: value.to_owned(),
            payload: None,
        },
        "malform" => {
            let mut classes = Malformed::ALL.iter();
            let class = classes.find(|(own, _)| *own == state);
            Change::Malform {
                resource: name.unwrap_or_default(),
                class: class.map(|(_, class)| *class),
            }
        }
        "expire-tokens" => Change::ExpireTokens,
        "drop-sockets" => Change::DropSockets,
        "websocket" => Change::Websocket(is_on(state)),
        "socket" => Change::Socket(is_on(state)),
        // A change that the world named.
        _ => Change::Own(lever.to_owned()),
    }
}

/// A fault and whether it began or ended.
fn switched(fault: &str, on: bool) -> Change {
    let (first, rest) = fault.split_once(' ').unwrap_or((fault, ""));
    match first {
        "network" => return Change::Network(!on),
        "websocket" => return Change::Websocket(!on),
        "socket" => return Change::Socket(!on),
        "sessions" => return Change::ForgetSessions,
        _ => {}
    }
    let (kind, which) = match fault.split_once(" on ") {
        Some((kind, which)) => (kind, which),
        // As somebody may have written it by hand: `black-hole`, or `status respond 500`.
        None if named(first).is_some() => (first, "any"),
        None => (rest, first),
    };
    let kind = kind.split(' ').find_map(named);
    Change::Fault {
        on: requests(which),
        // The oldest journals do not say which fault it was: of all faults a delay says least.
        fault: on.then(|| kind.unwrap_or(Fault::Delay(std::time::Duration::ZERO))),
    }
}

/// The fault of this name. How long it delays and with what it responds was not told.
fn named(name: &str) -> Option<Fault> {
    Some(match name {
        "delay" => Fault::Delay(std::time::Duration::ZERO),
        "respond" => Fault::Respond {
            status: 0,
            headers: Vec::new(),
            body: None,
        },
        "refuse" => Fault::Refuse,
        "black-hole" => Fault::BlackHole,
        "reset" => Fault::Reset,
        "withhold-ping" => Fault::Withhold(Withheld::Ping),
        "withhold-probe" => Fault::Withhold(Withheld::Probe),
        "untrusted" => Fault::Untrusted,
        _ => return None,
    })
}

/// Requests, as they are written in scenarios.
fn requests(text: &str) -> RequestMatch {
    match text {
        "data" => RequestMatch::Data,
        "writes" => RequestMatch::Writes,
        "any" => RequestMatch::Any,
        _ => match RequestPattern::parse(text) {
            Ok(pattern) => RequestMatch::Pattern(pattern),
            Err(_) => RequestMatch::Role(
                serde_json::from_value(text.into())
                    .unwrap_or_else(|_| Role::Resource(text.to_owned())),
            ),
        },
    }
}

/// Whether the last word of a value says that something is there or on.
fn is_on(state: &str) -> bool {
    !matches!(
        state,
        "off" | "false" | "stopped" | "stop" | "down" | "no" | "blocked"
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::journal::Fact;

    fn read(fact: &Value) -> Change {
        let fact: Fact = serde_json::from_value(json!({ "harness": fact })).unwrap();
        fact.change().unwrap().clone()
    }

    #[rstest]
    #[case("maintenance", "on", json!({"maintenance": true}))]
    #[case("maintenance", "off", json!({"maintenance": false}))]
    #[case("backend", "stopped", json!({"backend": {"running": false}}))]
    #[case("backend", "trading running", json!({"backend": {"service": "trading", "running": true}}))]
    #[case("backend", "stop-loss running", json!({"backend": {"service": "stop-loss", "running": true}}))]
    #[case("push", "order filled", json!({"push": {"event": "order filled"}}))]
    #[case("malform", "open orders truncated", json!({"malform": {"resource": "open orders", "class": "truncated"}}))]
    #[case("malform", "orders good", json!({"malform": {"resource": "orders"}}))]
    #[case("close-trade", "done", json!({"own": "close-trade"}))]
    #[case("expire-tokens", "done", json!("expire-tokens"))]
    #[case("drop-sockets", "done", json!("drop-sockets"))]
    #[case("websocket", "off", json!({"websocket": false}))]
    fn a_lever_in_words_is_a_change(
        #[case] lever: &str,
        #[case] value: &str,
        #[case] change: Value,
    ) {
        let old = json!({"lever": {"lever": lever, "value": value, "how": "http"}});
        let new = json!({"changed": {"change": change, "how": "http"}});
        assert_eq!(read(&old), read(&new));
    }

    #[rstest]
    #[case("network", json!({"network": false}), json!({"network": true}))]
    #[case("websocket blocked", json!({"websocket": false}), json!({"websocket": true}))]
    #[case("socket blocked", json!({"socket": false}), json!({"socket": true}))]
    #[case("sessions forgotten", json!("forget-sessions"), json!("forget-sessions"))]
    #[case("refuse on data", json!({"fault": {"on": "data", "fault": "refuse"}}), json!({"fault": {"on": "data"}}))]
    #[case("untrusted on any", json!({"fault": {"on": "any", "fault": "untrusted"}}), json!({"fault": {"on": "any"}}))]
    #[case("withhold-ping on realtime", json!({"fault": {"on": {"role": "realtime"}, "fault": {"withhold": "ping"}}}), json!({"fault": {"on": {"role": "realtime"}}}))]
    #[case("delay on GET orders /api/refused-orders", json!({"fault": {"on": {"pattern": "GET orders /api/refused-orders"}, "fault": {"delay": 0}}}), json!({"fault": {"on": {"pattern": "GET orders /api/refused-orders"}}}))]
    #[case("respond on refuse on any", json!({"fault": {"on": {"role": {"resource": "refuse on any"}}, "fault": {"respond": {"status": 0}}}}), json!({"fault": {"on": {"role": {"resource": "refuse on any"}}}}))]
    #[case("fault on status", json!({"fault": {"on": {"role": "status"}, "fault": {"delay": 0}}}), json!({"fault": {"on": {"role": "status"}}}))]
    #[case("black-hole", json!({"fault": {"on": "any", "fault": "black-hole"}}), json!({"fault": {"on": "any"}}))]
    fn a_fault_in_words_is_a_change(
        #[case] fault: &str,
        #[case] began: Value,
        #[case] ended: Value,
    ) {
        for (on, change) in [(true, began), (false, ended)] {
            let old = json!({"fault": {"fault": fault, "on": on}});
            let new = json!({"changed": {"change": change, "how": "gateway"}});
            assert_eq!(read(&old), read(&new));
        }
    }

    #[test]
    fn what_is_of_neither_version_is_no_change() {
        for fact in [
            json!({"changed": {"change": {"maintenance": true}}}),
            json!({"changed": {"change": {"weather": true}, "how": "mock"}}),
            json!({"lever": {"lever": "weather", "value": "fine"}}),
            json!({"fault": {"fault": "refuse on data"}}),
        ] {
            let read = serde_json::from_value::<Fact>(json!({ "harness": fact }));
            assert!(read.is_err(), "{fact}");
        }
    }

    #[test]
    fn a_change_comes_back_from_the_journal_without_the_content_that_is_passed_on() {
        let written = |change: &Change| {
            let changed = Changed {
                change: change.clone(),
                how: LeverHow::Gateway,
            };
            let text = serde_json::to_string(&changed).unwrap();
            assert!(!text.contains("secret"), "{text}");
            serde_json::from_str::<Changed>(&text).unwrap().change
        };
        let delay = Change::Fault {
            on: RequestMatch::Role(Role::Resource("any".to_owned())),
            fault: Some(Fault::Delay(Duration::from_millis(1_500))),
        };
        assert_eq!(written(&delay), delay);
        let respond = |headers, body| Change::Fault {
            on: RequestMatch::Any,
            fault: Some(Fault::Respond {
                status: 503,
                headers,
                body,
            }),
        };
        let header = ("x-key".to_owned(), "secret".to_owned());
        let told = respond(vec![header], Some(json!("secret")));
        assert_eq!(written(&told), respond(Vec::new(), None));
        let push = |payload| Change::Push {
            event: "moved".to_owned(),
            payload,
        };
        assert_eq!(written(&push(Some(json!("secret")))), push(None));
    }
}
