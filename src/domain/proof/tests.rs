//! The proof holds only when everything that it rests on was seen.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Proof, Proven, Prover};
use crate::domain::contract::harbour::harbour;
use crate::domain::journal::{Fact, Journal};

/// A journal under construction; facts are written as in journal files.
struct Story {
    journal: Journal,
    prover: Prover,
    at: Duration,
    exchange: u64,
}

impl Story {
    fn new() -> Self {
        Self {
            journal: Journal::new(),
            prover: Prover::new(Arc::new(harbour())),
            at: Duration::ZERO,
            exchange: 0,
        }
    }

    fn then(&mut self, fact: Value) {
        self.at += Duration::from_millis(10);
        let fact: Fact = serde_json::from_value(fact).unwrap();
        self.prover.observe(&self.journal.append(self.at, fact));
    }

    fn request(&mut self, sender: &str, class: &str) -> u64 {
        self.exchange += 1;
        self.then(json!({"request": {
            "exchange": self.exchange, "sender": sender, "service": "deck", "method": "GET",
            "target": "/v2/ships?page=1", "host": "deck.example", "headers": [],
            "judgement": {"class": class, "reason": "a test"},
        }}));
        self.exchange
    }

    fn answer(&mut self, exchange: u64, from: &str) {
        self.then(
            json!({"answer": {"exchange": exchange, "status": 200, "headers": [], "from": from}}),
        );
    }

    fn client_says(&mut self, outcome: Value) {
        self.then(json!({"app": {"exchange": {
            "service": "deck", "method": "GET", "path": "/v2/ships", "outcome": outcome,
        }}}));
    }

    /// An exchange on which both sides agree.
    fn exchanged(&mut self) {
        let exchange = self.request("client", "allowed");
        self.answer(exchange, "backend");
        self.client_says(json!({"answered": {"status": 200}}));
    }

    fn canary(&mut self) {
        let exchange = self.request("canary", "forbidden");
        self.answer(exchange, "policy");
        self.then(json!({"harness": {"canary": {"exchange": exchange, "call": "POST deck /v2/orders", "caught": true}}}));
    }

    fn reached(&mut self, calls: u64) {
        self.then(json!({"harness": {"forbidden-reached": {"calls": calls}}}));
    }

    fn end(mut self) -> Proven {
        self.then(json!({"harness": "ended"}));
        self.prover.finish()
    }
}

fn sound() -> Story {
    let mut story = Story::new();
    story.canary();
    for _ in 0..4 {
        story.exchanged();
    }
    story.reached(0);
    story
}

fn reasons(proven: &Proven) -> &[String] {
    match &proven.proof {
        Proof::Inconclusive(reasons) => reasons,
        other => panic!("{other:?}"),
    }
}

#[test]
fn it_holds_when_the_canary_was_caught_and_both_sides_agree() {
    let proven = sound().end();
    assert_eq!(proven.proof, Proof::Holds);
    assert!(proven.notes.is_empty(), "{:?}", proven.notes);
}

#[test]
fn without_a_canary_nothing_is_proven() {
    let mut story = Story::new();
    for _ in 0..4 {
        story.exchanged();
    }
    story.reached(0);
    assert!(reasons(&story.end())[0].contains("no marked forbidden call"));
}

#[test]
fn a_canary_that_reached_the_backend_proves_nothing_whatever_is_reported() {
    let mut story = Story::new();
    let exchange = story.request("canary", "forbidden");
    story.answer(exchange, "backend");
    story.then(json!({"harness": {"canary": {"exchange": exchange, "call": "POST deck /v2/orders", "caught": true}}}));
    for _ in 0..4 {
        story.exchanged();
    }
    assert!(reasons(&story.end())[0].contains("does not show the gateway answering it"));
}

#[test]
fn a_canary_that_was_not_caught_is_named() {
    for (exchange, told) in [
        (json!(9), "POST deck /v2/orders was not caught"),
        (
            json!(null),
            "POST deck /v2/orders did not reach the gateway",
        ),
    ] {
        let mut story = sound();
        story.then(json!({"harness": {"canary": {"exchange": exchange, "call": "POST deck /v2/orders", "caught": false}}}));
        assert!(reasons(&story.end())[0].contains(told), "{told}");
    }
}

#[test]
fn too_little_traffic_proves_nothing() {
    let mut story = Story::new();
    story.canary();
    story.exchanged();
    assert!(reasons(&story.end())[0].contains("only 1 requests"));
}

#[test]
fn an_answer_that_did_not_come_through_the_gateway_is_noticed() {
    let mut story = sound();
    story.client_says(json!({"answered": {"status": 200}}));
    assert!(reasons(&story.end())[0].contains("the gateway saw only 4"));
}

#[test]
fn a_request_that_the_client_does_not_know_of_is_noticed() {
    let mut story = sound();
    let exchange = story.request("client", "allowed");
    story.answer(exchange, "backend");
    story.at += Duration::from_secs(60);
    assert!(reasons(&story.end())[0].contains("the client knows of only 4"));
}

#[test]
fn what_was_under_way_when_the_process_was_killed_is_excused() {
    let mut story = sound();
    let open = story.request("client", "allowed");
    let answered = story.request("client", "allowed");
    story.answer(answered, "backend");
    story.then(json!({"act": "kill"}));
    story.then(json!({"lost": {"exchange": open, "reason": "client-gone"}}));
    assert_eq!(story.end().proof, Proof::Holds);
}

#[test]
fn exchanges_that_broke_or_were_never_sent_are_no_difference() {
    let mut story = sound();
    let lost = story.request("client", "allowed");
    story.then(json!({"lost": {"exchange": lost, "reason": "client-gone"}}));
    story.client_says(json!({"broken": {"why": "timeout"}}));
    story.client_says(json!({"not-sent": {"why": "no network"}}));
    let late = story.request("client", "allowed");
    story.client_says(json!({"broken": {"why": "timeout"}}));
    story.answer(late, "backend");
    assert_eq!(story.end().proof, Proof::Holds);
}

#[test]
fn a_client_that_says_nothing_is_not_compared_and_that_is_said() {
    let mut story = Story::new();
    story.canary();
    for _ in 0..4 {
        let exchange = story.request("client", "allowed");
        story.answer(exchange, "backend");
        // Its driver does: what it sees on the screen.
        story.then(json!({"app": {"reported": {"feed": "live"}}}));
    }
    let proven = story.end();
    assert_eq!(proven.proof, Proof::Holds);
    assert_eq!(proven.notes.len(), 2);
}

#[test]
fn a_forbidden_request_breaks_the_proof_and_is_left_to_its_rule() {
    let mut story = sound();
    let exchange = story.request("client", "forbidden");
    story.answer(exchange, "policy");
    assert_eq!(story.end().proof, Proof::Broken(Vec::new()));
}

#[test]
fn a_call_that_only_the_mock_counted_is_the_harness_own_finding() {
    let mut story = sound();
    story.reached(2);
    match story.end().proof {
        Proof::Broken(findings) => {
            assert_eq!(findings[0].rule, "PROOF");
            assert_eq!(
                findings[0].subject,
                crate::domain::verdict::Subject::Harness
            );
        }
        other => panic!("{other:?}"),
    }
}

/// An app of others that signed in and asked for something.
fn foreign() -> Story {
    let mut story = Story::new();
    story.then(json!({"act": "launch"}));
    for _ in 0..6 {
        let exchange = story.request("client", "allowed");
        story.answer(exchange, "backend");
    }
    story
}

fn ended(mut story: Story, after: Duration) -> Proven {
    story.canary();
    story.at += after;
    story.then(json!({"harness": "ended"}));
    story.end()
}

#[test]
fn acts_after_which_nothing_crosses_prove_nothing_and_the_way_out_is_told() {
    let mut story = foreign();
    story.then(json!({"act": "launch"}));
    story.then(json!({"act": {"sign-in": {"account": "ada"}}}));
    let proven = ended(story, Duration::from_secs(5));
    let [reason] = reasons(&proven) else {
        panic!("{proven:?}")
    };
    assert!(
        reason.contains("launch, sign-in") && reason.contains("docs/PROXY.md"),
        "{reason}"
    );
}

#[test]
fn an_app_that_is_used_and_sends_nothing_at_all_is_shown_the_way() {
    let mut story = Story::new();
    story.then(json!({"unreadable": {"service": "deck", "speaks": "tls", "why": "no method"}}));
    story.then(json!({"act": "launch"}));
    let proven = ended(story, Duration::ZERO);
    let told = reasons(&proven)
        .iter()
        .any(|reason| reason.contains("spoke TLS"));
    assert!(told, "{proven:?}");
}

#[test]
fn acts_that_could_move_nothing_are_no_doubt() {
    let acts = |story: &mut Story| {
        story.then(json!({"act": "launch"}));
        story.then(json!({"act": {"sign-in": {"account": "ada"}}}));
    };
    let mut offline = foreign();
    offline.then(json!({"act": "offline"}));
    acts(&mut offline);
    let mut stopped = foreign();
    stopped.then(json!({"harness": {"changed": {"change": {"backend": {"running": false}}, "how": "gateway"}}}));
    acts(&mut stopped);
    let mut launched = foreign();
    launched.then(json!({"act": "launch"}));
    launched.then(json!({"act": "launch"}));
    for story in [offline, stopped, launched] {
        let proven = ended(story, Duration::from_secs(60));
        assert_eq!(proven.proof, Proof::Holds);
    }
    let mut hasty = foreign();
    acts(&mut hasty);
    assert_eq!(ended(hasty, Duration::ZERO).proof, Proof::Holds);
}

#[test]
fn an_answer_that_could_not_be_read_makes_the_proof_inconclusive() {
    let mut story = foreign();
    let exchange = story.request("client", "allowed");
    story.then(json!({"answer": {"exchange": exchange, "status": 200, "headers": [], "from": "backend",
        "body": {"unread": {"why": "it is packed in the content coding `compress`", "bytes": 1, "sha256": ""}}}}));
    let proven = ended(story, Duration::ZERO);
    assert!(reasons(&proven)[0].contains("`compress`"), "{proven:?}");
}
