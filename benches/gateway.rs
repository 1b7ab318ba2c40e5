//! What the gateway costs in time: the same requests to the same mock, straight and through it.
//!
//! `cargo bench --bench gateway` prints the median and the 99th percentile of one request on a kept
//! connection, and the ratio. The mock is a process of its own, so both ways cross the kernel; the two
//! ways take turns, so that both meet the same moods of the machine. Nothing here asserts a time.

#![expect(clippy::print_stdout, reason = "a benchmark's figures are its output")]

use std::collections::BTreeMap;
use std::io::BufRead as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rehearsal::internals::device::http::{Call, Clients, Outcome, Traffic};
use rehearsal::internals::gateway::{Gateway, Mode, Settings, Upstream};
use rehearsal::internals::net::{Clock, Net, Recorder, ServiceAddress};
use rehearsal::internals::suite::Suite;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const REQUESTS: usize = 3_000;
const WARM_UP: usize = 200;

fn main() {
    let mut mock = Command::new(env!("CARGO_BIN_EXE_rehearsal"))
        .args(["mock", "--json", "--seed", "1", "--port", "0"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the mock starts");
    let mut line = String::new();
    let out = mock.stdout.take().expect("piped");
    std::io::BufReader::new(out)
        .read_line(&mut line)
        .expect("a ready line");
    let ready: serde_json::Value = serde_json::from_str(&line).expect("JSON when ready");
    let urls: BTreeMap<String, url::Url> = ready["services"]
        .as_object()
        .expect("services")
        .iter()
        .map(|(name, url)| {
            let url = url.as_str().and_then(|url| url.parse().ok());
            (name.clone(), url.expect("a URL"))
        })
        .collect();
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(compare(urls));
    let _ = mock.kill();
    let _ = mock.wait();
}

async fn compare(urls: BTreeMap<String, url::Url>) {
    let Ok(suite) = Suite::shipped() else {
        panic!("the shipped suite is valid");
    };
    let recorder = Recorder::new(Clock::real_time());
    let upstreams = urls.iter().map(|(name, url)| {
        let upstream = Upstream {
            scheme: url.scheme().to_owned(),
            authority: url.authority().to_owned(),
            base_path: url.path().trim_end_matches('/').to_owned(),
            via: None,
            access: std::sync::Arc::default(),
        };
        (name.clone(), upstream)
    });
    let gateway = Gateway::start(Settings {
        contract: Arc::clone(&suite.contract),
        recorder: recorder.clone(),
        net: Net::Real,
        upstreams: upstreams.collect(),
        mode: Mode::Enforcing,
        accounts: Vec::new(),
        marker: "bench".to_owned(),
        pace: rehearsal::internals::net::Pace::default(),
    })
    .expect("a gateway");
    let straight = urls.into_iter().map(|(name, url)| {
        let address = ServiceAddress {
            url,
            via: None,
            certificate: None,
        };
        (name, address)
    });
    // What the clients tell of themselves goes to a journal that nobody reads.
    let aside = Recorder::new(Clock::real_time());
    let traffic = |services: &BTreeMap<String, ServiceAddress>| {
        let clients = Clients::new(services).expect("clients");
        Traffic::new(clients, Arc::new(aside.clone()), true)
    };
    let (straight, through) = (traffic(&straight.collect()), traffic(&gateway.addresses()));
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for round in 0..REQUESTS + WARM_UP {
        let (first, second) = (ask(&straight).await, ask(&through).await);
        if round >= WARM_UP {
            without.push(first);
            with.push(second);
        }
    }
    println!("{:<28} {:>10} {:>10}", "one request", "median", "99 %");
    let plain = report("straight to the mock", without);
    let judged = report("through the gateway", with);
    println!("ratio of the medians: {:.2}", judged / plain);
}

/// How long one request takes.
async fn ask(traffic: &Traffic) -> Duration {
    let (done, answered) = tokio::sync::oneshot::channel();
    let call = Call {
        service: "trading".to_owned(),
        method: "GET".to_owned(),
        target: "/edge/trading/health/live".to_owned(),
        ..Call::default()
    };
    let began = Instant::now();
    traffic.send(call, |outcome| drop(done.send(outcome)));
    let outcome = answered.await;
    let took = began.elapsed();
    let ok = matches!(&outcome, Ok(Outcome::Answered(answer)) if answer.status == 200);
    assert!(ok, "{outcome:?}");
    took
}

fn report(name: &str, mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    let at = |part: usize| times[times.len() * part / 100].as_secs_f64() * 1e6;
    println!("{name:<28} {:>7.0} µs {:>7.0} µs", at(50), at(99));
    at(50)
}
