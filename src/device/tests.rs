//! The device with the real app on it, against a tiny backend over Unix-domain sockets in virtual
//! time.

use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use tempfile::TempDir;

use super::backend::{Backend, Reply, Seen};
use super::*;
use crate::app::{SIGNED_OUT, View};
use crate::domain::contract::{
    Body, Condition, FailMode, KillSwitch, Operation, Promises, Queries, Resource, Retry, Scope,
    Screen, Service, Session, SessionRequest, Token, TokenAnswer, TrafficFloor,
};
use crate::domain::journal::{AppFact, ClientOutcome, Fact, SessionState};
use crate::domain::selector::{Selector, Template};
use crate::net::{Clock, Net};

const SERVICE: &str = "platform";
const HOME: &str = "home";

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn pointer(text: &str) -> Selector {
    Selector::Pointer(text.to_owned())
}

fn operation(method: &str, path: &str) -> Operation {
    Operation {
        method: method.to_owned(),
        service: SERVICE.to_owned(),
        path: path.to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        body: Body::Empty,
        authorized: false,
    }
}

fn kill_switch() -> KillSwitch {
    KillSwitch {
        operation: operation("GET", "/status"),
        blocked_when: Condition::OneOf(pointer("/blocked"), vec![json!(true)]),
        absent: None,
        answer_off: json!({"blocked": false}),
        answer_on: json!({"blocked": true}),
        status_on: 200,
        data_refusal: None,
        every: seconds(30),
        fresh_for: seconds(30),
        takes_effect_within: seconds(5),
        jitter: false,
        fail_mode: FailMode::Open,
        feed: None,
    }
}

fn session() -> Session {
    let mut sign_in = operation("POST", "/sign-in");
    sign_in.body = Body::Json(Template(
        json!({"user": "{username}", "password": "{password}"}),
    ));
    Session {
        reuse_grace: Duration::ZERO,
        rotates: false,
        sign_out_ends_access: false,
        expired_by: vec![401],
        other_audience: None,
        user_parameters: Vec::new(),
        sign_in: SessionRequest {
            operation: sign_in,
            answer: TokenAnswer {
                access_token: pointer("/token"),
                refresh_token: None,
                expiry: None,
            },
        },
        refresh: None,
        sign_out: None,
        authorize: (
            "authorization".to_owned(),
            "Bearer {access-token}".to_owned(),
        ),
        ended_by: vec![401],
        refused_by: vec![401],
        refresh_ahead: seconds(60),
        token: Token::Opaque,
        identity: None,
    }
}

/// An app that signs in, asks every 30 s whether it may go on, and shows a profile.
fn contract() -> Contract {
    let mut profile = operation("GET", "/profile");
    profile.authorized = true;
    Contract {
        name: "Tiny".to_owned(),
        services: vec![Service {
            name: SERVICE.to_owned(),
            variable: None,
            base_path: "/v1".to_owned(),
        }],
        request_id: None,
        secrecy: Default::default(),
        session: session(),
        kill_switch: Some(kill_switch()),
        health: Vec::new(),
        promises: Promises::default(),
        resources: vec![Resource::plain("profile", profile)],
        screens: vec![Screen {
            name: HOME.to_owned(),
            resources: vec!["profile".to_owned()],
        }],
        realtime: None,
        polling: None,
        retry: Retry {
            attempts: 1,
            delay: seconds(1),
            delay_max: seconds(8),
            jitter: 0.5,
        },
        request_timeout: seconds(10),
        stale_after: seconds(60),
        limits: Vec::new(),
        parity: None,
        scope: Scope {
            forbid: Vec::new(),
            allow: Vec::new(),
            allow_emits: Vec::new(),
            forbid_emits: Vec::new(),
            forbid_namespaces: Vec::new(),
            queries: Queries::Any,
            bodies: Queries::Any,
            reads_needed: false,
            floor: TrafficFloor { requests: 1 },
        },
    }
}

fn reply(seen: &Seen) -> Reply {
    match (seen.method.as_str(), seen.path()) {
        ("GET", "/v1/status") => Reply::json(200, &json!({"blocked": false})),
        ("POST", "/v1/sign-in") => Reply::json(200, &json!({"token": "t0ken"})),
        ("GET", "/v1/profile") if seen.header("authorization") == Some("Bearer t0ken") => {
            Reply::json(200, &json!({"name": "Ada"}))
        }
        _ => Reply::json(401, &json!({})),
    }
}

/// A profile that takes five seconds.
fn slow_profile(seen: &Seen) -> Reply {
    match seen.path() {
        "/v1/profile" => Reply::Later(Duration::from_secs(5), Box::new(reply(seen))),
        _ => reply(seen),
    }
}

struct World {
    _storage: TempDir,
    backend: Backend,
    recorder: Recorder,
    device: Device,
}

fn world(reply: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> World {
    let storage = tempfile::tempdir().unwrap();
    let backend = Backend::start(Net::Memory, SERVICE, "/v1", reply);
    let recorder = Recorder::new(Clock::virtual_time());
    let device = Device::start(Settings {
        contract: Arc::new(contract()),
        recorder: recorder.clone(),
        services: BTreeMap::from([(SERVICE.to_owned(), backend.address())]).into(),
        storage: storage.path().join("device"),
        seed: 7,
        quirks: Quirks::none(),
    })
    .unwrap();
    World {
        _storage: storage,
        backend,
        recorder,
        device,
    }
}

impl World {
    async fn until(&self, what: impl Fn(&View) -> bool) {
        let mut view = self.device.view().await.unwrap();
        let patience = Duration::from_secs(60);
        let came = tokio::time::timeout(patience, view.wait_for(what))
            .await
            .is_ok();
        assert!(came, "it never came: {:?}", view.borrow());
    }

    async fn sign_in(&self) {
        let password = Secret::new("pass");
        let signed_in = self.device.sign_in("ada", password, "tester-a");
        signed_in.await.unwrap();
    }

    /// Starts the app and signs in, until the profile is there.
    async fn at_home(&self) {
        self.device.launch().await.unwrap();
        self.until(|view| &*view.screen == SIGNED_OUT).await;
        self.sign_in().await;
        self.until(at_home).await;
    }

    fn facts(&self) -> Vec<Fact> {
        let journal = self.recorder.journal();
        journal.entries().map(|entry| entry.fact.clone()).collect()
    }

    fn outcomes(&self, path: &str) -> Vec<ClientOutcome> {
        let facts = self.facts().into_iter();
        facts
            .filter_map(|fact| match fact {
                Fact::App(AppFact::Exchange(exchange)) if exchange.path == path => {
                    Some(exchange.outcome)
                }
                _ => None,
            })
            .collect()
    }

    fn asked(&self, path: &str) -> usize {
        let seen = self.backend.seen();
        seen.iter().filter(|seen| seen.path() == path).count()
    }
}

fn at_home(view: &View) -> bool {
    &*view.screen == HOME && view.shown.contains_key("profile")
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn a_fresh_app_asks_for_a_sign_in_and_then_shows_the_home_screen() {
    let world = world(reply);
    world.at_home().await;
    let view = world.device.view().await.unwrap();
    let shown = view.borrow().shown["profile"].value.clone();
    assert_eq!(*shown, json!({"name": "Ada"}));
    let acts: Vec<Act> = world
        .facts()
        .into_iter()
        .filter_map(|fact| match fact {
            Fact::Act(act) => Some(act),
            _ => None,
        })
        .collect();
    let account = "tester-a".to_owned();
    assert_eq!(acts, [Act::Launch, Act::SignIn { account }]);
    let answered = ClientOutcome::Answered { status: 200 };
    assert_eq!(world.outcomes("/v1/sign-in"), [answered]);
    let text = format!("{:?}", world.facts());
    assert!(!text.contains("pass\"") && !text.contains("t0ken"));
}

#[tokio::test(start_paused = true)]
async fn a_session_outlives_its_process() {
    let world = world(reply);
    world.at_home().await;
    world.device.kill().await.unwrap();
    assert_eq!(
        *world.device.view().await.unwrap().borrow(),
        View::default()
    );
    world.device.launch().await.unwrap();
    world.until(at_home).await;
    assert_eq!(world.asked("/v1/sign-in"), 1);
}

#[rstest]
#[case(StorageAccident::Lost)]
#[case(StorageAccident::Corrupt)]
#[case(StorageAccident::Undecryptable)]
#[tokio::test(start_paused = true)]
async fn an_accident_to_the_storage_ends_in_a_clean_sign_in(#[case] accident: StorageAccident) {
    let world = world(reply);
    world.at_home().await;
    world.device.kill().await.unwrap();
    world.device.accident(accident).await.unwrap();
    world.device.launch().await.unwrap();
    world.until(|view| &*view.screen == SIGNED_OUT).await;
    let not_found = |fact: &Fact| {
        matches!(
            fact,
            Fact::App(AppFact::Session {
                state: SessionState::NotFound { .. }
            })
        )
    };
    assert_eq!(
        world.facts().iter().filter(|fact| not_found(fact)).count(),
        2
    );
    world.sign_in().await;
    world.until(at_home).await;
}

#[tokio::test(start_paused = true)]
async fn a_process_that_is_killed_in_the_middle_of_a_request_says_nothing_more() {
    let world = world(slow_profile);
    world.device.launch().await.unwrap();
    world.sign_in().await;
    pass(2).await;
    assert_eq!(world.asked("/v1/profile"), 1);
    world.device.kill().await.unwrap();
    let told = world.facts().len();
    let asked = world.backend.seen().len();
    pass(3600).await;
    assert_eq!(world.facts().len(), told);
    assert_eq!(world.backend.seen().len(), asked);
    let why = "the process ended".to_owned();
    assert_eq!(
        world.outcomes("/v1/profile"),
        [ClientOutcome::Broken { why }]
    );
}

#[tokio::test(start_paused = true)]
async fn without_a_network_nothing_reaches_the_wire_until_it_is_back() {
    let world = world(reply);
    world.at_home().await;
    world.device.network(false).await.unwrap();
    world
        .until(|view| view.link == crate::domain::journal::LinkState::Offline)
        .await;
    let asked = world.backend.seen().len();
    world.device.refresh().await.unwrap();
    pass(300).await;
    assert_eq!(world.backend.seen().len(), asked);
    world.device.network(true).await.unwrap();
    pass(60).await;
    assert!(world.backend.seen().len() > asked);
    world.until(at_home).await;
}

#[tokio::test(start_paused = true)]
async fn a_process_that_starts_without_a_network_knows_it() {
    let world = world(reply);
    world.device.network(false).await.unwrap();
    world.device.launch().await.unwrap();
    world
        .until(|view| view.link == crate::domain::journal::LinkState::Offline)
        .await;
    pass(60).await;
    assert_eq!(world.backend.seen().len(), 0);
    let sent = world.outcomes("/v1/status");
    let unsent = |outcome: &ClientOutcome| matches!(outcome, ClientOutcome::NotSent { .. });
    assert!(sent.iter().all(unsent), "{sent:?}");
}

#[tokio::test(start_paused = true)]
async fn a_process_in_the_background_is_soon_frozen_and_wakes_up_in_front() {
    let world = world(reply);
    world.at_home().await;
    pass(300).await;
    assert!(world.asked("/v1/status") >= 5, "it asks while in front");
    world.device.background().await.unwrap();
    pass(6).await;
    let asked = world.backend.seen().len();
    pass(7200).await;
    assert_eq!(world.backend.seen().len(), asked);
    world.device.foreground().await.unwrap();
    pass(10).await;
    let woken = world.backend.seen().len() - asked;
    assert!((1..=4).contains(&woken), "{woken} requests on waking up");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_done_is_refused_by_its_reason() {
    let world = world(reply);
    let device = &world.device;
    assert!(matches!(device.kill().await, Err(ActError::NotRunning)));
    assert!(matches!(device.refresh().await, Err(ActError::NotRunning)));
    assert!(matches!(
        device.foreground().await,
        Err(ActError::NotRunning)
    ));
    device.launch().await.unwrap();
    assert!(matches!(device.launch().await, Err(ActError::Running)));
    assert!(matches!(
        device.foreground().await,
        Err(ActError::InForeground)
    ));
    let accident = device.accident(StorageAccident::Lost).await;
    assert!(matches!(accident, Err(ActError::Running)));
    device.background().await.unwrap();
    assert!(matches!(
        device.open(HOME).await,
        Err(ActError::InBackground)
    ));
    assert!(matches!(
        device.background().await,
        Err(ActError::InBackground)
    ));
}

#[tokio::test(start_paused = true)]
async fn a_stopped_device_has_told_of_everything_that_was_open() {
    let mut world = world(slow_profile);
    world.device.launch().await.unwrap();
    world.sign_in().await;
    pass(2).await;
    world.device.stop().await.unwrap();
    let told = world.facts().len();
    assert_eq!(world.outcomes("/v1/profile").len(), 1);
    pass(60).await;
    assert_eq!(world.facts().len(), told);
    assert!(matches!(world.device.launch().await, Err(ActError::Ended)));
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_tells_the_same_story() {
    let story = || async {
        let world = world(slow_profile);
        world.at_home().await;
        world.device.network(false).await.unwrap();
        pass(40).await;
        world.device.network(true).await.unwrap();
        world.device.background().await.unwrap();
        pass(100).await;
        world.device.foreground().await.unwrap();
        world.device.refresh().await.unwrap();
        pass(2).await;
        world.device.kill().await.unwrap();
        world.device.launch().await.unwrap();
        pass(300).await;
        let journal = world.recorder.journal();
        let entries = journal
            .entries()
            .map(|entry| (entry.at, entry.fact.clone()));
        entries.collect::<Vec<_>>()
    };
    let first = story().await;
    assert!(first.len() > 30);
    assert_eq!(first, story().await);
}
