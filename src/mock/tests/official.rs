//! The official suites for servers, from a folder that the caller names, against this mock's engine.
//!
//! The suites are those of the public `socketio/socket.io` repository
//! (`docs/engine.io-protocol/v4-test-suite`, `docs/socket.io-protocol/v5-test-suite`). They want a
//! server that echoes, which no contract describes, so [`Counterpart`] stands in for the backend;
//! machine, switchboard and I/O are the mock's own. Nothing of a suite is changed but its URL.
//!
//! The suites ask for a pong within 200 ms, so on a machine that is out of breath a heartbeat case
//! fails now and then, against Node's server as much as against this one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;
use tokio::sync::{Notify, watch};

use crate::domain::scope::canonical::pairs;
use crate::mock::call::Call;
use crate::mock::engine::{self, Host};
use crate::mock::reply::Reply;
use crate::mock::routes::NOT_KEPT;
use crate::mock::service::BODY_LIMIT;
use crate::mock::serving::{Cut, Running, read, serve};
use crate::mock::switchboard::Switchboard;
use crate::net::{Clock, Endpoint, Listener};
use crate::protocol::packet::Args;
use crate::protocol::server::{Delivery, Emit, Event, Input, Options, PeerId, Server};

/// The variable that names the folder.
const FOLDER: &str = "REHEARSAL_OFFICIAL_SUITE";

/// Where the suites expect their server.
const URL: &str = "http://localhost:3000";

/// The server that the suites' own README asks for.
struct Counterpart {
    board: Mutex<Switchboard>,
    clock: Clock,
    wake: Notify,
}

impl Counterpart {
    fn new(server: Server, clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            board: Mutex::new(Switchboard::new(server)),
            clock,
            wake: Notify::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Switchboard> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handle(&self, board: &mut Switchboard, input: Input) {
        let now = self.clock.elapsed();
        board.server.handle(input, now);
        while let Some(event) = board.next_event() {
            for answer in answers(event) {
                board.server.handle(answer, now);
            }
        }
    }
}

/// Everybody is let in and told their auth; messages come back.
fn answers(event: Event) -> Vec<Input> {
    match event {
        Event::Connect { peer, auth, .. } => {
            let auth = auth.map(|auth| auth.0).unwrap_or_default();
            let told = emit(peer, "auth", Args::none().and(Value::Object(auth)));
            vec![Input::Accept { peer }, told]
        }
        Event::Received {
            peer,
            name,
            args,
            ack,
        } => match (name.as_str(), ack) {
            ("message", _) => vec![emit(peer, "message-back", args)],
            ("message-with-ack", Some(id)) => vec![Input::Answer { peer, id, args }],
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn emit(peer: PeerId, name: &str, args: Args) -> Input {
    let emit = Emit {
        name: name.to_owned(),
        args,
        ack: None,
        delivery: Delivery::Buffered,
    };
    Input::Emit { peer, emit }
}

impl Host for Counterpart {
    fn frozen(&self) -> watch::Receiver<bool> {
        watch::Sender::new(false).subscribe()
    }

    fn board<T>(&self, act: impl FnOnce(&mut Switchboard) -> T) -> T {
        act(&mut self.lock())
    }

    fn tell(&self, input: Input, _: Option<&Call>) {
        self.handle(&mut self.lock(), input);
        self.wake.notify_one();
    }

    fn tick(&self) -> Option<Duration> {
        let mut board = self.lock();
        self.handle(&mut board, Input::Tick);
        board.server.deadline()
    }

    fn reset(&self) {}

    fn clock(&self) -> Clock {
        self.clock
    }

    fn wake(&self) -> &Notify {
        &self.wake
    }

    fn stamp(&self, _: &mut HeaderMap) {}
}

/// Serves both counterparts on a free port.
fn listen() -> (Running, u16) {
    let clock = Clock::real_time();
    let options = Options {
        namespaces: vec!["/".to_owned(), "/custom".to_owned()],
        ping_interval: Duration::from_millis(300),
        ping_timeout: Duration::from_millis(200),
        connect_timeout: Duration::from_millis(1000),
        ..Options::default()
    };
    let echo = Counterpart::new(Server::echo(options.clone()), clock);
    let rooms = Counterpart::new(Server::new(options), clock);
    let hosts = [("/engine.io/", echo), ("/socket.io/", rooms)];
    let listener = Listener::bind(&Endpoint::Tcp(([127, 0, 0, 1], 0).into())).unwrap();
    let Endpoint::Tcp(address) = *listener.endpoint() else {
        panic!("a TCP endpoint was bound as another kind");
    };
    let served = hosts.clone();
    let running = Running::start(listener, move |stream, shutdown| {
        let hosts = served.clone();
        serve(stream, move |request| {
            let path = request.uri().path();
            let host = hosts.iter().find(|(prefix, _)| path == *prefix);
            let host = host.map(|(_, host)| host.clone());
            let shutdown = shutdown.clone();
            async move {
                let Some(host) = host else {
                    return Ok(Reply::error(404, "not-found", "").finish(NOT_KEPT));
                };
                let raw_query = request.uri().query().unwrap_or_default().to_owned();
                let (parts, body) = request.into_parts();
                let call = Call {
                    method: parts.method.as_str().to_owned(),
                    path: parts.uri.path().to_owned(),
                    slashed: false,
                    query: pairs(&raw_query).collect(),
                    raw_query,
                    headers: parts.headers.clone(),
                    body: read(body, BODY_LIMIT).await.map_err(|_| Cut)?,
                    connection: Default::default(),
                };
                engine::respond(&host, call, parts, shutdown).await
            }
        })
    });
    for (_, host) in hosts {
        tokio::spawn(engine::drive(host, running.shutdown()));
    }
    (running, address.port())
}

/// A copy of the suite that speaks to this port.
fn copy(suite: &Path, port: u16) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(suite).unwrap() {
        let from = entry.unwrap().path();
        if from.is_file() {
            fs::copy(&from, copy.path().join(from.file_name().unwrap())).unwrap();
        }
    }
    let script = copy.path().join("test-suite.js");
    let original = fs::read_to_string(&script).unwrap();
    assert_eq!(
        original.matches(URL).count(),
        1,
        "the suite does not name its server as {URL}, once"
    );
    let moved = original.replace(URL, &format!("http://127.0.0.1:{port}"));
    fs::write(&script, moved).unwrap();
    copy
}

/// Runs a command of npm in a folder and returns what it printed.
fn npm(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("npm")
        .args(arguments)
        .current_dir(folder)
        .stderr(Stdio::inherit())
        .output()
        .expect("npm is needed to run an official suite");
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "npm {arguments:?}:\n{told}");
    told
}

#[tokio::test]
async fn an_official_suite_passes_unmodified_but_for_its_url() {
    let suite = std::env::var_os(FOLDER).map(PathBuf::from);
    let suite = suite.unwrap_or_else(|| panic!("{FOLDER} must name the folder of a suite"));
    assert!(
        suite.join("test-suite.js").is_file(),
        "no test-suite.js is in {}",
        suite.display()
    );
    let (running, port) = listen();
    let told = tokio::task::spawn_blocking(move || {
        let copy = copy(&suite, port);
        npm(copy.path(), &["ci", "--no-audit", "--no-fund"]);
        npm(
            copy.path(),
            &["test", "--", "--forbid-only", "--forbid-pending"],
        )
    })
    .await
    .unwrap();
    running.stop().await;
    let passed = told
        .lines()
        .find_map(|line| line.trim().split_once(" passing"))
        .and_then(|(count, _)| count.parse::<usize>().ok());
    assert!(passed.is_some_and(|count| count > 0), "{told}");
    use std::io::Write as _;
    std::io::stderr().write_all(told.as_bytes()).unwrap();
}
