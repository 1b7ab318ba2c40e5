//! What an idle connected app weighs, on the client's side: a thousand of them beside one mock in a
//! process of its own.
//!
//! `cargo bench --bench idle` prints kilobytes of resident memory an app, over what the first fifty
//! have already paid for together (code, roots of trust, the contract). Nothing here asserts a
//! figure: allocators round, and pages are shared. Two ways of holding an app are weighed:
//!
//! - the client's side of a Socket.IO connection: the protocol's state, the WebSocket with its
//!   buffers, the task and the channels that serve it. HTTP clients are shared;
//! - a whole device with its app, signed in and live: besides that the app with the data that it
//!   shows, its storage, its timers, and HTTP clients of its own. It is at rest: a connection counts
//!   only while the kill-switch is asked for, about one second in five.
//!
//! Not counted are the kernel's socket buffers, and the journal: it is the run's, bounded for itself,
//! and taken away here as it grows.

#![expect(clippy::print_stdout, reason = "a benchmark's figures are its output")]

use std::collections::BTreeMap;
use std::io::BufRead as _;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rehearsal::internals::app::Quirks;
use rehearsal::internals::device::http::{Call, Clients, Outcome, Traffic};
use rehearsal::internals::device::socket::{News, Settings as SocketSettings, Socket};
use rehearsal::internals::device::{Device, Settings};
use rehearsal::internals::domain::journal::FeedState;
use rehearsal::internals::domain::secret::Secret;
use rehearsal::internals::net::{Clock, Recorder, ServiceAddress};
use rehearsal::internals::protocol::client::{Input, Options, Transport};
use rehearsal::internals::protocol::packet::Auth;
use rehearsal::internals::suite::Suite;
use serde_json::json;
use tokio::task::JoinSet;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const APPS: usize = 1_000;
/// What is loaded, resolved and pooled once is paid for by these.
const FIRST: usize = 50;
/// How long all are left alone before they are weighed: connections that their launch has opened are
/// closed by then.
const REST: Duration = Duration::from_secs(15);

const USERNAME: &str = "ada.lindqvist@tradedesk.example";
const PASSWORD: &str = "mock-heron-41";

fn main() {
    // Pages of two megabytes would hide what an app weighs.
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_thp_disable(true).expect("small pages");
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).expect("the limit of open files");
    setrlimit(Resource::RLIMIT_NOFILE, most, most).expect("more open files");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    println!(
        "{:<44} {:>12}",
        "a thousand, idle and connected", "kB an app"
    );
    runtime.block_on(async {
        let mock = Mock::start();
        feeds(&mock).await;
    });
    runtime.block_on(async {
        let mock = Mock::start();
        devices(&mock).await;
    });
}

/// The mock in a process of its own.
struct Mock {
    child: Child,
    services: BTreeMap<String, ServiceAddress>,
}

impl Mock {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_rehearsal"))
            .args(["mock", "--json", "--seed", "1", "--port", "0"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the mock starts");
        let mut line = String::new();
        let out = child.stdout.take().expect("piped");
        std::io::BufReader::new(out)
            .read_line(&mut line)
            .expect("a ready line");
        let ready: serde_json::Value = serde_json::from_str(&line).expect("JSON when ready");
        let services = ready["services"].as_object().expect("services").iter();
        let services = services
            .map(|(name, url)| {
                let url = url.as_str().and_then(|url| url.parse().ok());
                let url = url.expect("a URL");
                (
                    name.clone(),
                    ServiceAddress {
                        url,
                        via: None,
                        certificate: None,
                    },
                )
            })
            .collect();
        Self { child, services }
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Resident memory in bytes.
fn resident() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("the kernel's account");
    let pages: f64 = statm
        .split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse().ok())
        .expect("resident pages");
    pages * 4096.0
}

fn report(name: &str, before: f64) {
    let each = (resident() - before) / (APPS - FIRST) as f64 / 1024.0;
    println!("{name:<44} {each:>9.1} kB");
}

/// Empties the journal, whose weight is not an app's.
fn forget(recorder: &Recorder) {
    drop(std::mem::take(&mut *recorder.journal()));
}

async fn rest(recorder: &Recorder) {
    let until = tokio::time::Instant::now() + REST;
    while tokio::time::Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(100)).await;
        forget(recorder);
    }
}

/// Live feeds over one set of HTTP clients.
async fn feeds(mock: &Mock) {
    let clients = Clients::new(&mock.services).expect("clients");
    let recorder = Recorder::new(Clock::real_time());
    let traffic = Traffic::new(clients, Arc::new(recorder.clone()), true);
    let token = sign_in(&traffic).await;
    let mut sockets: JoinSet<()> = JoinSet::new();
    let mut before = 0.0;
    for seed in 0..APPS {
        if seed == FIRST {
            before = resident();
        }
        let mut socket = Socket::new(SocketSettings {
            options: Options {
                path: "/edge/trading/socket.io/".to_owned(),
                transports: vec![Transport::WebSocket],
                seed: seed as u64,
                ..Options::default()
            },
            service: "trading".to_owned(),
            traffic: traffic.clone(),
            clock: recorder.clock(),
        });
        socket.handle(Input::Connect {
            namespace: "/trading".to_owned(),
        });
        while !socket.is_connected("/trading") {
            socket.arrive().await;
            while let Some(news) = socket.news() {
                if let News::AuthWanted { namespace } = news {
                    let payload = json!({"token": token});
                    let payload = Auth::from(payload.as_object().cloned().unwrap_or_default());
                    socket.handle(Input::Auth {
                        namespace,
                        payload: Some(payload),
                    });
                }
            }
        }
        sockets.spawn(async move {
            loop {
                socket.arrive().await;
                while socket.news().is_some() {}
            }
        });
        forget(&recorder);
    }
    rest(&recorder).await;
    report("client side of a Socket.IO connection", before);
}

async fn sign_in(traffic: &Traffic) -> String {
    let (done, answered) = tokio::sync::oneshot::channel();
    let credentials = json!({"email": USERNAME, "password": PASSWORD, "product": "tradedesk"});
    traffic.send(
        Call {
            service: "platform".to_owned(),
            method: "POST".to_owned(),
            target: "/api/v1/sessions".to_owned(),
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: Some(Bytes::from(credentials.to_string())),
            ..Call::default()
        },
        |outcome| drop(done.send(outcome)),
    );
    let Ok(Outcome::Answered(answer)) = answered.await else {
        panic!("the mock lets nobody in");
    };
    let answer: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
    answer["tokens"]["access"]
        .as_str()
        .expect("a token")
        .to_owned()
}

/// Whole devices, each with HTTP clients, a storage and a life of its own.
async fn devices(mock: &Mock) {
    let Ok(suite) = Suite::shipped() else {
        panic!("the shipped suite is valid");
    };
    let recorder = Recorder::new(Clock::real_time());
    let storage = tempfile::tempdir().expect("a folder");
    let services = Arc::new(mock.services.clone());
    let mut devices = Vec::with_capacity(APPS);
    let mut before = 0.0;
    for seed in 0..APPS {
        if seed == FIRST {
            before = resident();
        }
        let device = Device::start(Settings {
            contract: Arc::clone(&suite.contract),
            recorder: recorder.clone(),
            services: Arc::clone(&services),
            storage: storage.path().join(seed.to_string()),
            seed: seed as u64,
            quirks: Quirks::none(),
        })
        .expect("a device");
        let mut view = device.view().await.expect("a view");
        device.launch().await.expect("a launch");
        let signed_in = device.sign_in(USERNAME, Secret::new(PASSWORD), "tester-a");
        signed_in.await.expect("a sign-in");
        let live = view.wait_for(|view| view.feed == FeedState::Live).await;
        live.map(drop).expect("a live feed");
        devices.push(device);
        forget(&recorder);
    }
    rest(&recorder).await;
    report("a whole device with its app", before);
}
