//! What the doctor says of a deployment, in health and in sickness.

use std::net::TcpListener;

use serde_json::Value;

use crate::access::Deployment;
use crate::commands::ends;

/// What is found, as pairs of what it is about and what it came to.
fn examined(deployment: &Deployment, more: &[&str], code: i32) -> Vec<(String, String, String)> {
    let words = ["doctor", "--target", "local", "--suite", ".", "--json"];
    let words = [&words[..], more].concat();
    let (out, _) = ends(deployment.folder.path(), &words, code);
    let all: Vec<Value> = serde_json::from_str(&out).unwrap();
    let text = |own: &Value, key: &str| own[key].as_str().unwrap_or_default().to_owned();
    let all = all.iter().map(|own| {
        let said = format!("{} {}", text(own, "said"), text(own, "next"));
        (text(own, "what"), text(own, "state"), said)
    });
    all.collect()
}

fn state<'e>(all: &'e [(String, String, String)], what: &str) -> (&'e str, &'e str) {
    let own = all.iter().find(|own| own.0 == what);
    let own = own.unwrap_or_else(|| panic!("nothing is said of {what}: {all:?}"));
    (&own.1, &own.2)
}

#[test]
fn of_a_healthy_deployment_everything_is_found_to_work_and_levers_move_when_they_may() {
    let deployment = Deployment::start();
    let all = examined(&deployment, &["--levers"], 0);
    for what in [
        "configuration",
        "lease",
        "tcp trading",
        "tls trading",
        "http platform",
        "clock platform",
        "ports",
        "gateway",
        "sign-in tester-a",
        "socket polling",
        "socket websocket",
        "lever maintenance",
    ] {
        assert_eq!(state(&all, what).0, "ok", "{what}: {all:?}");
    }
    assert!(state(&all, "tls trading").1.contains("more days"));
    assert!(state(&all, "lever maintenance").1.contains("it moves"));
    let untried = examined(&deployment, &[], 0);
    assert_eq!(state(&untried, "lever maintenance").0, "not-tried");
    let words = ["doctor", "--target", "local", "--suite", "."];
    let (out, _) = ends(deployment.folder.path(), &words, 0);
    assert!(
        out.contains("ok        tls trading: its chain is trusted"),
        "{out}"
    );
}

#[test]
fn of_a_sick_deployment_the_sickness_is_named_with_what_to_do_next() {
    let deployment = Deployment::start();
    // Accepts and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap();
    let mute = format!("targets.local.proxy=http://{silent}");
    for (settings, what, said) in [
        (
            &["targets.local.tls.ca=stranger.pem"][..],
            "tls platform",
            "tls = { ca",
        ),
        (
            &["targets.local.tls={ca=\"ca.pem\"}"],
            "tls trading",
            "client-certificate",
        ),
        (
            &["targets.local.headers.x-edge=nobody"],
            "http platform",
            "`headers`",
        ),
        (
            &["targets.local.proxy=http://127.0.0.1:1"],
            "tcp trading",
            "`proxy`",
        ),
        (
            &[
                "targets.local.proxy=http://127.0.0.1:1",
                "targets.local.proxy=http://nowhere.invalid:1",
            ],
            "dns trading",
            "see that the name is right",
        ),
        (
            &["targets.local.accounts.tester-a.username=nobody"],
            "sign-in tester-a",
            "not tried again",
        ),
        (
            &["targets.local.accounts.tester-a.password-env=GONE"],
            "configuration",
            "`GONE`",
        ),
        (&[mute.as_str()], "tcp trading", "nothing came within"),
    ] {
        let flags: Vec<&str> = settings.iter().flat_map(|own| ["--set", own]).collect();
        let all = examined(&deployment, &flags, 3);
        let (state, told) = state(&all, what);
        assert_eq!(state, "failure", "{settings:?}: {all:?}");
        assert!(told.contains(said), "{settings:?}: {told}");
    }
}
