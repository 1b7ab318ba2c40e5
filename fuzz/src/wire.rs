//! A gateway between a client and a backend that send whatever they like.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Arc, Once};
use std::time::Duration;

use rehearsal::internals::domain::contract::Contract;
use rehearsal::internals::domain::secret::{Account, Secret};
use rehearsal::internals::gateway::{Gateway, Mode, Settings, Upstream};
use rehearsal::internals::net::{Clock, Listener, Net, Pace, Recorder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A password, which stands nowhere in a journal.
const PASSWORD: &str = "hunter2-planted";

/// Where the backend says that it is.
const BACKEND: &str = "backend.example";

thread_local! {
    /// Whether a task of this thread has panicked: tokio keeps that to itself.
    static PANICKED: Cell<bool> = const { Cell::new(false) };
}

/// What a client sends stands before the first byte 0xff, and what the backend answers after it, both as they are on the wire.
/// Nothing panics or hangs, the journal holds no secret, and no redirect leads to the backend that is not led back or told of.
pub fn wire(contract: &Arc<Contract>, data: &[u8]) {
    notice_panics();
    let at = data.iter().position(|byte| *byte == 0xff);
    let (asked, answered) = data.split_at(at.unwrap_or(data.len()));
    let answered = answered.get(1..).unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let (said, journal) = runtime.block_on(exchange(Arc::clone(contract), asked, answered));
    drop(runtime);
    assert!(!PANICKED.replace(false), "a task has panicked");
    assert!(!journal.contains(PASSWORD), "{journal}");
    let said = String::from_utf8_lossy(&said);
    let head = said.split("\r\n\r\n").next().unwrap_or_default();
    let leads = head.lines().any(|line| {
        let target = line
            .split_once(':')
            .filter(|(name, _)| name.eq_ignore_ascii_case("location"));
        target.is_some_and(|(_, target)| is_backends(target.trim()))
    });
    assert!(
        !leads || journal.contains("leads_past"),
        "{head}\n{journal}"
    );
}

/// Whether a browser that was answered by the gateway would go to the backend itself.
fn is_backends(target: &str) -> bool {
    let base = url::Url::parse("http://gateway.example/").expect("a URL");
    base.join(target)
        .is_ok_and(|url| url.host_str() == Some(BACKEND))
}

fn notice_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANICKED.set(true);
            before(panic);
        }));
    });
}

/// What the client is told, and the journal.
async fn exchange(contract: Arc<Contract>, asked: &[u8], answered: &[u8]) -> (Vec<u8>, String) {
    let backend = Net::Memory.bind("backend").expect("a port in memory");
    let upstream = Upstream {
        scheme: "http".to_owned(),
        authority: BACKEND.to_owned(),
        base_path: String::new(),
        via: Some(backend.endpoint().clone()),
        access: Arc::default(),
    };
    tokio::spawn(answer(backend, answered.to_vec()));
    let recorder = Recorder::new(Clock::virtual_time());
    let services = contract.services.iter().map(|service| service.name.clone());
    let gateway = Gateway::start(Settings {
        upstreams: services
            .map(|name| (name, upstream.clone()))
            .collect::<BTreeMap<_, _>>(),
        contract,
        recorder: recorder.clone(),
        net: Net::Memory,
        mode: Mode::Enforcing,
        accounts: vec![Account {
            name: "tester".to_owned(),
            username: "tester".to_owned(),
            password: Secret::new(PASSWORD),
        }],
        marker: "marker".to_owned(),
        pace: Pace::default(),
    })
    .expect("a gateway in memory");
    let address = gateway.address("trading").expect("it has an upstream");
    let endpoint = address.via.expect("a port in memory");
    let mut client = endpoint.connect().await.expect("it listens");
    let mut said = Vec::new();
    // It may be refused before all of it was sent.
    let _ = client.write_all(asked).await;
    let _ = client.shutdown().await;
    let read = tokio::time::timeout(Duration::from_secs(3_600), client.read_to_end(&mut said));
    assert!(
        read.await.is_ok(),
        "a client that has left is held for an hour"
    );
    drop(gateway);
    let entries: Vec<_> = recorder.journal().entries().cloned().collect();
    let lines = entries
        .iter()
        .map(|entry| serde_json::to_string(&**entry).unwrap_or_default());
    (said, lines.collect())
}

/// Answers whatever is asked with these bytes, and hangs up.
async fn answer(backend: Listener, bytes: Vec<u8>) {
    while let Ok(mut stream) = backend.accept().await {
        let bytes = bytes.clone();
        tokio::spawn(async move {
            let mut some = [0; 4_096];
            let _ = stream.read(&mut some).await;
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        });
    }
}
