//! Hostile load: what a proxy and a mock hold in memory, and how long a good client waits, while others do all that is
//! not done.
//!
//! `cargo bench --bench fortress -- 60` attacks each of them for a minute, and `-- 60 polls posts` with those attacks alone
//! that have such a word in their names. It prints, per attack, how often it was done, and for the process the memory at its
//! tenths and how long a good client's requests took. Each attack is a client that behaves badly with requests that the
//! contract declares, so that a verdict about it is one about manners. Nothing here asserts a figure.

#![expect(clippy::print_stdout, reason = "a benchmark's figures are its output")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::pin::Pin;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

const REHEARSAL: &str = env!("CARGO_BIN_EXE_rehearsal");

/// As long as a post may be before it is cut off by the protocol's own limits, in bytes.
const LONG: usize = 16_000_000;

/// How long a bad client waits for anything.
const PATIENCE: Duration = Duration::from_secs(20);

fn main() {
    let seconds = std::env::args().skip(1).find_map(|own| own.parse().ok());
    let time = Duration::from_secs(seconds.unwrap_or(30));
    let folder = tempfile::tempdir().expect("a folder");
    let journal = folder.path().join("journal.jsonl");
    let journal = journal.to_string_lossy();
    attack("mock", &["mock", "--port", "0", "--no-console"], time);
    attack("proxy", &["proxy", "--no-console"], time);
    let kept = ["proxy", "--no-console", "--journal", &journal];
    attack("proxy with its journal", &kept, time);
    let written = fs::metadata(&*journal).map_or(0, |own| own.len());
    println!("  the journal is {} MB", written / 1_000_000);
}

/// Attacks a process for a while, and says what became of it.
fn attack(name: &str, arguments: &[&str], time: Duration) {
    let mut served = Served::start(arguments);
    let start = Instant::now();
    println!("{name}, {}", show(time));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(storm(&served, time));
    let after = served.memory();
    // What it took over from clients that are gone is given back.
    runtime.block_on(async { sleep(Duration::from_secs(2)).await });
    println!(
        "  memory {after} MB at the end, {} MB with everybody gone",
        served.memory()
    );
    let said = served.end();
    println!("  ended after {}: {said}\n", show(start.elapsed()));
}

/// A mock or a proxy.
struct Served {
    child: Child,
    out: BufReader<ChildStdout>,
    ready: Value,
}

impl Served {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(REHEARSAL)
            .args(arguments)
            .args(["--json", "--seed", "1"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let mut out = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        out.read_line(&mut line).expect("a line when ready");
        let ready = serde_json::from_str(&line).expect("JSON when ready");
        Self { child, out, ready }
    }

    fn place(&self, service: &str) -> String {
        let url = self.ready["services"][service].as_str().expect("a URL");
        let rest = url.split_once("://").expect("a URL").1;
        rest.split('/').next().unwrap_or_default().to_owned()
    }

    /// What is resident, in MB.
    fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kb = line.and_then(|own| own.split_whitespace().next()?.parse::<u64>().ok());
        kb.unwrap_or(0) / 1_000
    }

    /// Ends it as Ctrl-C does; the rules that were broken, or how it ended.
    fn end(&mut self) -> String {
        let pid = i32::try_from(self.child.id()).expect("a process id");
        kill(Pid::from_raw(pid), Signal::SIGINT).expect("it is still there");
        let mut said = String::new();
        self.out.read_to_string(&mut said).expect("what it says");
        let status = self.child.wait().expect("its end");
        let told: Value = serde_json::from_str(said.trim()).unwrap_or_default();
        let findings = told["findings"].as_array().into_iter().flatten();
        let rules: Vec<&str> = findings.filter_map(|own| own["rule"].as_str()).collect();
        match told["verdict"].as_str() {
            Some(verdict) => format!("{verdict}, {}", rules.join(" ")),
            None => status.to_string(),
        }
    }
}

/// All attacks at once, beside a good client.
async fn storm(served: &Served, time: Duration) {
    let (platform, trading) = (served.place("platform"), served.place("trading"));
    let until = Instant::now() + time;
    let attacks: [(&str, Attack); 8] = [
        ("heads that never end", |at| Box::pin(half_heads(at))),
        ("bodies that trickle", |at| Box::pin(trickle(at))),
        ("requests that are none", |at| Box::pin(garbage(at))),
        ("strangers' credentials", |at| Box::pin(strangers(at))),
        ("clients that leave", |at| Box::pin(leave(at))),
        ("posts of empty packets", |at| Box::pin(packets(at))),
        ("long posts to no session", |at| Box::pin(unknown(at))),
        ("long polls", |at| Box::pin(polls(at))),
    ];
    let mut running = Vec::new();
    for (number, (name, attack)) in attacks.into_iter().enumerate() {
        if !is_chosen(name) {
            continue;
        }
        let at = if number < 5 { &platform } else { &trading }.clone();
        let times = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&times);
        let task = tokio::spawn(async move {
            while Instant::now() < until {
                let done = attack(at.clone()).await;
                counted.fetch_add(done, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        });
        running.push((name, times, task));
    }
    assert!(!running.is_empty(), "no attack has such a word in its name");
    let good = tokio::spawn(good(platform, until));
    let mut seen = Vec::new();
    for _ in 0..10 {
        sleep(time / 10).await;
        seen.push(served.memory());
    }
    println!("  memory in MB  {seen:?}");
    for (name, times, task) in running {
        task.abort();
        println!("  {name:<26} {:>9}", times.load(Ordering::Relaxed));
    }
    let mut took = good.await.expect("the good client");
    took.sort();
    let at = |part: f64| took.get(((took.len().max(1) - 1) as f64 * part) as usize);
    let at = |part: f64| at(part).copied().unwrap_or_default();
    println!(
        "  a good client: {} answers, p50 {}, p99 {}, most {}",
        took.len(),
        show(at(0.5)),
        show(at(0.99)),
        show(at(1.0))
    );
}

/// Whether the attack of this name is one of those that were asked for: all of them, if none was.
fn is_chosen(name: &str) -> bool {
    let arguments = std::env::args().skip(1);
    let mut words = arguments
        .filter(|own| !own.starts_with('-') && own.parse::<u64>().is_err())
        .peekable();
    words.peek().is_none() || words.any(|word| name.contains(&word))
}

/// Attacks the place once; how often it was done.
type Attack = fn(String) -> Pin<Box<dyn Future<Output = u64> + Send>>;

/// One request after the other, as an app asks for the kill-switch; how long each answer took.
async fn good(at: String, until: Instant) -> Vec<Duration> {
    let mut took = Vec::new();
    while Instant::now() < until {
        let start = Instant::now();
        let asked = ask(&at, &status(""), 12).await;
        if asked.is_some_and(|said| said.starts_with(b"HTTP/1.1 200")) {
            took.push(start.elapsed());
        }
        sleep(Duration::from_millis(50)).await;
    }
    took
}

fn status(headers: &str) -> Vec<u8> {
    format!("GET /api/v1/status?product=tradedesk HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n")
        .into_bytes()
}

/// Sends this, and reads the beginning of an answer.
async fn ask(at: &str, request: &[u8], bytes: usize) -> Option<Vec<u8>> {
    let exchange = async {
        let mut stream = TcpStream::connect(at).await.ok()?;
        // Whoever refuses a request may do so before all of it was sent.
        let _ = stream.write_all(request).await;
        let mut said = vec![0; bytes];
        let read = stream.read(&mut said).await.ok()?;
        said.truncate(read);
        Some(said)
    };
    timeout(PATIENCE, exchange).await.ok().flatten()
}

/// Many connections that send this, and stay for a while.
async fn hold(at: &str, times: usize, bytes: &[u8]) -> Vec<TcpStream> {
    let mut held = Vec::new();
    for _ in 0..times {
        let Ok(Ok(mut stream)) = timeout(PATIENCE, TcpStream::connect(at)).await else {
            break;
        };
        if stream.write_all(bytes).await.is_ok() {
            held.push(stream);
        }
    }
    held
}

async fn half_heads(at: String) -> u64 {
    let head = [
        &b"GET /api/v1/status HTTP/1.1\r\nhost: localhost\r\nx-more: "[..],
        &[b'a'; 16_000],
    ]
    .concat();
    let held = hold(&at, 400, &head).await;
    sleep(Duration::from_secs(2)).await;
    held.len() as u64
}

async fn trickle(at: String) -> u64 {
    let mut body = b"POST /api/v1/sessions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 300000\r\n\r\n".to_vec();
    body.resize(body.len() + 255_000, b' ');
    let mut held = hold(&at, 100, &body).await;
    for _ in 0..10 {
        sleep(Duration::from_millis(200)).await;
        for stream in &mut held {
            let _ = stream.write_all(b" ").await;
        }
    }
    held.len() as u64
}

async fn garbage(at: String) -> u64 {
    let many: String = (0..200)
        .map(|number| format!("x-{number}: a\r\n"))
        .collect();
    let requests = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        b"GET /api/v1/status HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n".to_vec(),
        status(&many),
        b"POST /api/v1/sessions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".to_vec(),
        b"\0\0\0\0\r\n\r\n".to_vec(),
    ];
    for request in &requests {
        ask(&at, request, 64).await;
    }
    requests.len() as u64
}

async fn strangers(at: String) -> u64 {
    for _ in 0..50 {
        let secret: String = std::iter::repeat_with(fastrand::alphanumeric)
            .take(1_400)
            .collect();
        ask(
            &at,
            &status(&format!(
                "cookie: sid={secret}\r\nauthorization: Bearer {secret}\r\n"
            )),
            64,
        )
        .await;
    }
    50
}

async fn leave(at: String) -> u64 {
    drop(hold(&at, 50, &status("")).await);
    50
}

/// Opens a session over long-polling; its id.
async fn session(at: &str) -> Option<String> {
    let open = b"GET /edge/trading/socket.io/?EIO=4&transport=polling HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let said = ask(at, open, 2_000).await?;
    let said = String::from_utf8_lossy(&said).into_owned();
    let (_, rest) = said.split_once("\"sid\":\"")?;
    Some(rest.split('"').next()?.to_owned())
}

fn post(sid: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /edge/trading/socket.io/?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

async fn packets(at: String) -> u64 {
    let Some(sid) = session(&at).await else {
        return 0;
    };
    let body = b"6\x1e".repeat(LONG / 2);
    ask(&at, &post(&sid, &body[..body.len() - 1]), 64).await;
    // As many as are taken.
    let Some(sid) = session(&at).await else {
        return 1;
    };
    let body = b"6\x1e".repeat(9_000);
    ask(&at, &post(&sid, &body[..body.len() - 1]), 64).await;
    2
}

async fn unknown(at: String) -> u64 {
    let body = vec![b'4'; LONG];
    let request = post("nobody-has-this-one", &body);
    let four = [0; 4].map(|_| ask(&at, &request, 64));
    let [one, two, three, four] = four;
    tokio::join!(one, two, three, four);
    4
}

async fn polls(at: String) -> u64 {
    let mut held = Vec::new();
    for _ in 0..50 {
        if let Some(sid) = session(&at).await {
            let poll = format!(
                "GET /edge/trading/socket.io/?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\nhost: localhost\r\n\r\n"
            );
            held.extend(hold(&at, 2, poll.as_bytes()).await);
        }
    }
    sleep(Duration::from_secs(1)).await;
    held.len() as u64
}

fn show(time: Duration) -> String {
    match time.as_millis() {
        0..10_000 => format!("{} ms", time.as_millis()),
        _ => format!("{} s", time.as_secs()),
    }
}
