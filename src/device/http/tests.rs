//! What a request can come to, over a Unix-domain socket in virtual time.

use std::collections::BTreeMap;

use serde_json::json;
use tokio::sync::oneshot;

use super::*;
use crate::device::backend::{Backend, Reply};
use crate::domain::journal::{AppFact, ClientOutcome, Fact};
use crate::net::{Clock, Net, Recorder};

struct World {
    backend: Backend,
    traffic: Traffic,
    recorder: Recorder,
}

fn world() -> World {
    let backend = Backend::start(Net::Memory, "trading", "/v2", |seen| {
        let redirect = |status, to: &str| {
            Reply::Answer(status, vec![("location", to.to_owned())], Bytes::new())
        };
        match seen.path() {
            "/v2/echo" => {
                let body = String::from_utf8(seen.body.to_vec()).unwrap();
                Reply::json(200, &json!({"method": seen.method, "body": body}))
            }
            "/v2/slow" => Reply::Later(
                Duration::from_secs(5),
                Box::new(Reply::json(200, &json!({}))),
            ),
            "/v2/never" => Reply::Never,
            "/v2/moved" => redirect(307, "/v2/echo?moved=1"),
            "/v2/portal" => redirect(302, "http://portal.example/sign-in"),
            "/v2/circle" => redirect(302, "/v2/circle"),
            _ => Reply::json(404, &json!({})),
        }
    });
    let services = BTreeMap::from([("trading".to_owned(), backend.address())]);
    let recorder = Recorder::new(Clock::virtual_time());
    let traffic = Traffic::new(
        Clients::new(&services).unwrap(),
        Arc::new(recorder.clone()),
        true,
    );
    World {
        backend,
        traffic,
        recorder,
    }
}

impl World {
    fn start(&self, method: &str, target: &str) -> (ExchangeId, oneshot::Receiver<Outcome>) {
        let (done, outcome) = oneshot::channel();
        let call = Call {
            service: "trading".into(),
            method: method.into(),
            target: target.into(),
            headers: vec![("authorization".into(), "Bearer t".into())],
            body: None,
            channel: Channel::Verified,
            timeout: Some(Duration::from_secs(10)),
            purpose: Purpose::Answer,
        };
        let id = self.traffic.send(call, |outcome| {
            let _ = done.send(outcome);
        });
        (id, outcome)
    }

    async fn ask(&self, method: &str, target: &str) -> Outcome {
        self.start(method, target).1.await.unwrap()
    }

    fn told(&self) -> Vec<(String, String, ClientOutcome)> {
        let journal = self.recorder.journal();
        journal
            .entries()
            .filter_map(|entry| match &entry.fact {
                Fact::App(AppFact::Exchange(exchange)) => Some((
                    exchange.method.clone(),
                    exchange.path.clone(),
                    exchange.outcome.clone(),
                )),
                _ => None,
            })
            .collect()
    }
}

fn answered(outcome: Outcome) -> Answer {
    match outcome {
        Outcome::Answered(answer) => answer,
        other => panic!("not answered: {other:?}"),
    }
}

/// Long enough for everything that happens at this instant to happen.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_request_is_answered_in_no_virtual_time_and_told_of_once() {
    let world = world();
    let answer = answered(world.ask("POST", "/v2/echo?a=1").await);
    assert_eq!(answer.status, 200);
    assert_eq!(world.recorder.clock().elapsed(), Duration::ZERO);
    let seen = world.backend.seen();
    assert_eq!(seen[0].target, "/v2/echo?a=1");
    assert_eq!(seen[0].header("authorization"), Some("Bearer t"));
    assert_eq!(seen[0].header("host"), Some("trading"));
    assert!(
        seen[0]
            .header("user-agent")
            .unwrap()
            .starts_with("rehearsal/")
    );
    let status = ClientOutcome::Answered { status: 200 };
    assert_eq!(world.told(), [("POST".into(), "/v2/echo".into(), status)]);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_never_answered_ends_with_its_time() {
    let world = world();
    assert!(matches!(
        world.ask("GET", "/v2/never").await,
        Outcome::TimedOut
    ));
    let elapsed = world.recorder.clock().elapsed();
    assert!((Duration::from_secs(10)..Duration::from_millis(10_010)).contains(&elapsed));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_to_a_backend_that_does_not_listen() {
    let mut world = world();
    let gone = Backend::start(Net::Memory, "other", "", |_| Reply::Never);
    world.backend = gone;
    let outcome = world.ask("GET", "/v2/echo").await;
    assert!(
        matches!(&outcome, Outcome::NotSent { why } if why == "connection refused"),
        "{outcome:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_goes_away_breaks_what_was_sent() {
    let mut world = world();
    let (_, outcome) = world.start("GET", "/v2/never");
    settle().await;
    world.backend = Backend::start(Net::Memory, "other", "", |_| Reply::Never);
    assert!(matches!(outcome.await.unwrap(), Outcome::Broken { .. }));
}

#[tokio::test(start_paused = true)]
async fn without_a_network_nothing_touches_the_wire_and_what_was_open_breaks() {
    let world = world();
    let (_, open) = world.start("GET", "/v2/slow");
    settle().await;
    world.traffic.set_network(false);
    assert!(matches!(open.await.unwrap(), Outcome::Broken { .. }));
    assert!(matches!(
        world.ask("GET", "/v2/echo").await,
        Outcome::NotSent { .. }
    ));
    world.traffic.set_network(true);
    assert_eq!(answered(world.ask("GET", "/v2/echo").await).status, 200);
    let paths: Vec<String> = world
        .backend
        .seen()
        .iter()
        .map(|s| s.target.clone())
        .collect();
    assert_eq!(paths, ["/v2/slow", "/v2/echo"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_given_up_is_told_to_the_journal_only() {
    let world = world();
    let (id, abandoned) = world.start("GET", "/v2/slow");
    let (_, ended) = world.start("GET", "/v2/never");
    settle().await;
    world.traffic.abandon(id);
    world.traffic.end_all();
    assert!(abandoned.await.is_err() && ended.await.is_err());
    tokio::time::sleep(Duration::from_secs(60)).await;
    let whys: Vec<ClientOutcome> = world.told().into_iter().map(|told| told.2).collect();
    let broken = |why: &str| ClientOutcome::Broken { why: why.into() };
    assert_eq!(
        whys,
        [broken("it was given up"), broken("the process ended")]
    );
}

#[tokio::test(start_paused = true)]
async fn a_read_follows_a_redirect_that_stays_and_every_hop_is_told() {
    let world = world();
    let answer = answered(world.ask("GET", "/v2/moved").await);
    assert_eq!(answer.status, 200);
    let told: Vec<(String, ClientOutcome)> = world
        .told()
        .into_iter()
        .map(|told| (told.1, told.2))
        .collect();
    let status = |status| ClientOutcome::Answered { status };
    assert_eq!(
        told,
        [
            ("/v2/moved".into(), status(307)),
            ("/v2/echo".into(), status(200))
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_write_is_not_redirected_and_no_read_follows_to_a_stranger_or_in_circles() {
    let world = world();
    assert_eq!(answered(world.ask("POST", "/v2/moved").await).status, 307);
    assert_eq!(answered(world.ask("GET", "/v2/portal").await).status, 302);
    assert_eq!(answered(world.ask("GET", "/v2/circle").await).status, 302);
    assert_eq!(world.backend.seen().len(), 2 + 1 + REDIRECTS);
    assert_eq!(world.told().len(), world.backend.seen().len());
}

#[tokio::test(start_paused = true)]
async fn an_unspeakable_header_or_address_is_refused_without_being_repeated() {
    let world = world();
    let call = Call {
        service: "trading".into(),
        method: "GET".into(),
        target: "/v2/echo".into(),
        headers: vec![("authorization".into(), "Bearer s3cret\n".into())],
        ..Call::default()
    };
    let outcome = perform(world.traffic.clients(), call, |_, _| Ok(())).await;
    let Outcome::NotSent { why } = outcome else {
        panic!("{outcome:?}")
    };
    assert!(why.contains("authorization") && !why.contains("s3cret"));
    let address = ServiceAddress {
        url: Url::parse("ftp://user:s3cret@example.com/").unwrap(),
        via: None,
        certificate: None,
    };
    let error = Clients::new(&BTreeMap::from([("files".to_owned(), address)])).unwrap_err();
    assert!(error.to_string().contains("files") && !error.to_string().contains("s3cret"));
}
