//! `rehearsal proxy` from outside: what it lets through, how it is addressed, and its control API.

use super::commands::ends;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use reqwest::{Certificate, Client, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::local::Mock;

/// A running proxy with a journal. It is killed with this, unless it ended before.
pub(crate) struct Proxy {
    child: Child,
    ready: Value,
    folder: TempDir,
    client: Client,
}

impl Proxy {
    pub(crate) fn start(more: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), more)
    }

    fn start_in(folder: TempDir, more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_rehearsal"))
            .current_dir(folder.path())
            .args(["proxy", "--json", "--seed", "1"])
            .args(["--journal", "session.jsonl"])
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ready = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not ready: {line}"));
        let client = Client::builder().no_proxy().tls_certs_only([]);
        Self {
            child,
            ready,
            folder,
            client: client.build().unwrap(),
        }
    }

    /// What it printed when it was ready.
    pub(crate) fn ready(&self) -> &Value {
        &self.ready
    }

    fn url(&self, service: &str, path: &str) -> String {
        format!(
            "{}{path}",
            self.ready["services"][service].as_str().unwrap()
        )
    }

    /// The address behind a service's URL, whatever name it has there.
    pub(crate) fn address(&self, service: &str) -> SocketAddr {
        let url = reqwest::Url::parse(&self.url(service, "")).unwrap();
        SocketAddr::from(([127, 0, 0, 1], url.port().unwrap()))
    }

    async fn asked(&self, path: &str) -> Value {
        let url = format!("{}{path}", self.ready["control"].as_str().unwrap());
        let answer = self.client.get(url).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
    }

    /// What the control API says to a body.
    async fn told(&self, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}{path}", self.ready["control"].as_str().unwrap());
        let request = self.client.post(url).body(body.to_string());
        let request = request.header("content-type", "application/json");
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (
            status,
            serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap(),
        )
    }

    /// Moves something, which must be possible.
    async fn set(&self, path: &str, body: Value) -> Value {
        let (status, said) = self.told(path, &body).await;
        assert_eq!(status, 200, "{path} {body}: {said}");
        said
    }

    /// Why a lever is said not to be there for the moving; nothing if it is.
    async fn unavailable(&self, path: &str) -> Option<String> {
        let directory = self.asked("/").await;
        let levers = directory["levers"].as_array().unwrap();
        let lever = levers.iter().find(|lever| lever["path"] == path).unwrap();
        lever["unavailable"].as_str().map(str::to_owned)
    }

    /// Ends the session: the rules that were broken and by what, the exit code, and the journal.
    async fn end(mut self) -> End {
        let said = self.set("/end", json!({})).await;
        let code = self.child.wait().unwrap().code();
        let journal = std::fs::read_to_string(self.folder.path().join("session.jsonl")).unwrap();
        End {
            said,
            code,
            journal,
        }
    }

    /// Ends the session: the folder with what it wrote, and what it said.
    pub(crate) async fn folder_at_end(mut self) -> (TempDir, String) {
        let said = self.set("/end", json!({})).await;
        self.child.wait().unwrap();
        let empty = tempfile::tempdir().unwrap();
        (std::mem::replace(&mut self.folder, empty), said.to_string())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct End {
    said: Value,
    code: Option<i32>,
    journal: String,
}

impl End {
    fn rules(&self) -> Vec<&str> {
        let findings = self.said["findings"].as_array().unwrap().iter();
        findings
            .map(|finding| finding["rule"].as_str().unwrap())
            .collect()
    }
}

const FORBIDDEN: &str = "/api/trade";
const STATUS: &str = "/api/v1/status?product=tradedesk";

#[tokio::test]
async fn what_is_forbidden_is_found_whether_it_reaches_the_target_or_not() {
    for (more, arrives) in [(&["--observe"][..], true), (&[][..], false)] {
        let proxy = Proxy::start(more);
        let mode = if arrives { "observing" } else { "enforcing" };
        assert_eq!(proxy.ready["mode"], mode);
        let request = proxy.client.post(proxy.url("trading", FORBIDDEN));
        let answer = request.body("{}").send().await.unwrap();
        assert!(answer.status().is_client_error(), "{}", answer.status());
        assert_eq!(proxy.asked("/state").await["forbidden"], 1);
        let end = proxy.end().await;
        assert!(end.rules().contains(&"SCOPE-1"), "{}", end.said);
        assert_eq!(end.code, Some(5), "{}", end.said);
        // The proxy's own marked calls are kept back in both modes.
        let count = format!(
            r#"{{"forbidden-reached":{{"calls":{}}}}}"#,
            u8::from(arrives)
        );
        assert!(end.journal.contains(&count), "{mode}: {}", end.journal);
    }
}

#[tokio::test]
async fn over_tls_an_app_that_checks_certificates_is_served_and_one_that_does_not_is_found() {
    let pem = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/keys/gateway-test-only.pem");
    let file = pem.to_str().unwrap();
    let proxy = Proxy::start(&["--tls-cert", file, "--tls-key", file]);
    let status = proxy.url("platform", STATUS);
    assert!(status.starts_with("https://127.0.0.1:"), "{status}");
    let certificate = Certificate::from_pem(&std::fs::read(&pem).unwrap()).unwrap();
    let builder = || Client::builder().no_proxy().pool_max_idle_per_host(0);
    let careful = builder().tls_certs_only([certificate]).build().unwrap();
    let careless = builder().tls_danger_accept_invalid_certs(true);
    let careless = careless.build().unwrap();

    let answer = careful.get(&status).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    // Nobody vouches for this certificate to a client that was not told.
    assert!(proxy.client.get(&status).send().await.is_err());

    let fault = json!({"on": "any", "untrusted": true});
    proxy.set("/fault", fault).await;
    assert!(careful.get(&status).send().await.is_err());
    assert!(careless.get(&status).send().await.is_err());
    let over = json!({"on": "any", "off": true});
    proxy.set("/fault", over).await;
    assert_eq!(
        careful.get(&status).send().await.unwrap().status(),
        StatusCode::OK
    );
    let clear = status.replace("https:", "http:");
    // It is let talk, so that what it sends can be seen.
    let _ = proxy.client.get(clear).send().await.unwrap();

    let end = proxy.end().await;
    let found = end.rules().iter().filter(|rule| **rule == "NET-8").count();
    assert_eq!(found, 2, "{}", end.said);
    for entry in [
        r#""insecure":"untrusted""#,
        r#""insecure":"clear""#,
        "tls-refused",
    ] {
        assert!(end.journal.contains(entry), "{entry}\n{}", end.journal);
    }
}

#[tokio::test]
async fn a_name_that_the_proxy_was_not_given_is_one_remark_with_the_flag_to_add() {
    let proxy = Proxy::start(&["--bind", "0.0.0.0", "--name", "desk.test"]);
    let address = proxy.address("platform");
    let status = proxy.url("platform", STATUS);
    let prefix = format!("http://desk.test:{}/", address.port());
    assert!(status.starts_with(&prefix), "{status}");
    let named = |name: &str| {
        let client = Client::builder().no_proxy().tls_certs_only([]);
        client.resolve(name, address).build().unwrap()
    };
    let answer = named("desk.test").get(&status).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(proxy.asked("/state").await["undeclared"], 0);
    let other = status.replace("desk.test", "evil.test");
    let _ = named("evil.test").get(other).send().await.unwrap();
    let end = proxy.end().await;
    assert!(!end.rules().contains(&"SCOPE-3"), "{}", end.said);
    let flag = format!("--name evil.test:{}", address.port());
    assert!(end.said.to_string().contains(&flag), "{}", end.said);
}

#[tokio::test]
async fn a_port_that_somebody_forwards_is_a_name_of_the_proxy() {
    let proxy = Proxy::start(&["--name", "localhost:8080", "--name", "desk.test"]);
    let forwarded = proxy.client.get(
        proxy
            .url("platform", STATUS)
            .replace("desk.test", "127.0.0.1"),
    );
    for host in ["localhost:8080", "desk.test:9000", "desk.test"] {
        let request = forwarded.try_clone().unwrap().header("host", host);
        assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
    }
    let end = proxy.end().await;
    assert!(
        !end.said.to_string().contains("another Host"),
        "{}",
        end.said
    );
    assert_eq!(end.rules(), Vec::<&str>::new());
}

/// Signs in at the proxy and gives the access token.
async fn signed_in(proxy: &Proxy, email: &str, password: &str) -> String {
    let mark = json!({"act": "sign-in", "account": email});
    proxy.set("/mark", mark).await;
    let form = json!({"email": email, "password": password, "product": "tradedesk"});
    let request = proxy.client.post(proxy.url("platform", "/api/v1/sessions"));
    let request = request.header("content-type", "application/json");
    let answer = request.body(form.to_string()).send().await.unwrap();
    let said: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    let access = said.pointer("/tokens/access").unwrap();
    access.as_str().unwrap().to_owned()
}

/// Reads the profile, under a condition if there is one, and gives its entity tag.
async fn profile(proxy: &Proxy, access: &str, known: Option<&str>) -> String {
    let request = proxy.client.get(proxy.url("trading", "/api/me/profile"));
    let mut request = request.bearer_auth(access);
    if let Some(tag) = known {
        request = request.header("if-none-match", tag);
    }
    let answer = request.send().await.unwrap();
    let tag = answer.headers()["etag"].to_str().unwrap();
    tag.to_owned()
}

#[tokio::test]
async fn what_an_app_of_others_keeps_for_the_next_user_of_the_device_is_found() {
    const ADA: (&str, &str) = ("ada.lindqvist@tradedesk.example", "mock-heron-41");
    const BRAM: (&str, &str) = ("bram.okonkwo@tradedesk.example", "mock-otter-88");
    for keeps in [None, Some("etag"), Some("token")] {
        let proxy = Proxy::start(&[]);
        let ada = signed_in(&proxy, ADA.0, ADA.1).await;
        let known = profile(&proxy, &ada, None).await;
        let bram = signed_in(&proxy, BRAM.0, BRAM.1).await;
        let own = profile(&proxy, &bram, None).await;
        match keeps {
            Some("etag") => profile(&proxy, &bram, Some(&known)).await,
            Some(_) => profile(&proxy, &ada, None).await,
            None => profile(&proxy, &bram, Some(&own)).await,
        };
        let end = proxy.end().await;
        let found = end.rules().contains(&"TENANT-6");
        assert_eq!(found, keeps.is_some(), "{keeps:?}: {}", end.said);
    }
}

#[tokio::test]
async fn the_journal_is_there_for_whoever_reads_along() {
    let proxy = Proxy::start(&[]);
    let status = proxy.url("platform", STATUS);
    proxy.client.get(&status).send().await.unwrap();
    let path = proxy.folder.path().join("session.jsonl");
    let written = || std::fs::read_to_string(&path).unwrap();
    while !written().contains("\"answer\"") {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_control_api_says_what_is_going_on() {
    let proxy = Proxy::start(&[]);
    let state = proxy.asked("/state").await;
    for switch in ["network", "websocket", "socket"] {
        assert_eq!(state[switch], true, "{state}");
        assert_eq!(proxy.unavailable(&format!("/{switch}")).await, None);
        proxy.set(&format!("/{switch}"), json!({"on": false})).await;
    }
    let fault = json!({"on": "data", "respond": {"status": 503}});
    let said = proxy.set("/fault", fault).await;
    let before = state["requests_judged"].clone();
    let state = proxy.asked("/state").await;
    for switch in ["network", "websocket", "socket"] {
        assert_eq!(state[switch], false, "{state}");
    }
    assert_eq!(state["faults"], json!([said["on"]]), "{state}");
    assert_eq!(state["maintenance"], Value::Null, "nobody moved it");
    // Nobody reaches a listener while the network is away.
    let status = proxy.url("platform", STATUS);
    assert!(proxy.client.get(&status).send().await.is_err());
    proxy.set("/network", json!({"on": true})).await;
    let answer = proxy.client.get(&status).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let over = json!({"on": "data", "off": true});
    proxy.set("/fault", over).await;
    proxy.set("/maintenance", json!({"on": true})).await;
    let stopped = json!({"service": "trading", "running": false});
    proxy.set("/backend", stopped).await;
    let state = proxy.asked("/state").await;
    assert_eq!(state["faults"], json!([]));
    assert_eq!(state["maintenance"], true);
    assert_eq!(state["stopped"], json!(["trading"]));
    assert_eq!(
        state["requests_judged"].as_u64(),
        before.as_u64().map(|own| own + 1)
    );
}

#[tokio::test]
async fn the_control_api_refuses_what_it_does_not_know_and_says_what_there_is() {
    let proxy = Proxy::start(&[]);
    let (status, refusal) = proxy
        .told("/push", &json!({"event": "no_such_thing"}))
        .await;
    assert_eq!((status, &refusal["error"]), (404, &json!("unknown")));
    let message = refusal["message"].as_str().unwrap();
    assert!(
        message.contains("`no_such_thing`") && message.contains("positions_update"),
        "{message}"
    );
    proxy
        .set("/push", json!({"event": "positions_update"}))
        .await;
    let nowhere = json!({"service": "nowhere", "running": false});
    let (status, refusal) = proxy.told("/backend", &nowhere).await;
    assert_eq!((status, &refusal["error"]), (404, &json!("unknown")));
    for (path, body) in [
        ("/maintenance", json!({"off": true})),
        ("/push", json!({"evnt": "positions_update"})),
        ("/drop-sockets", json!({"all": true})),
        ("/fault", json!({"on": "data"})),
        ("/mark", json!({"act": "dance"})),
    ] {
        let (status, refusal) = proxy.told(path, &body).await;
        assert_eq!((status, &refusal["error"]), (400, &json!("bad-body")));
        let message = refusal["message"].as_str().unwrap();
        assert!(message.contains(&format!("POST {path} takes")), "{message}");
    }
    let control = proxy.ready["control"].as_str().unwrap();
    let wrong = proxy.client.get(format!("{control}/push"));
    let wrong = wrong.send().await.unwrap();
    assert_eq!(wrong.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(wrong.headers()["allow"], "POST");
    let elsewhere = proxy.client.get(control).header("host", "evil.test");
    let elsewhere = elsewhere.send().await.unwrap();
    assert_eq!(elsewhere.status(), StatusCode::FORBIDDEN);
    assert_eq!(proxy.told("/nothing", &json!({})).await.0, 404);
}

#[tokio::test]
async fn levers_that_a_target_lacks_are_marked_with_why_and_refused() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR"));
    let suite = tempfile::tempdir().unwrap();
    for (from, to) in [
        ("scenarios/contract.yaml", "contract.yaml"),
        ("scenarios/sign-in/sign-in.yaml", "sign-in.yaml"),
        ("fixtures/world.yaml", "world.yaml"),
    ] {
        std::fs::copy(shipped.join(from), suite.path().join(to)).unwrap();
    }
    let mock = Mock::start(suite.path());
    let config = format!(
        r#"
[targets.local.services]
platform = "{}"
trading = "{}"

[targets.local.levers]
maintenance = "gateway"
push.call = {{ request = "POST {}/push", json = {{ event = "{{event}}" }} }}
"#,
        mock.url("/services/platform"),
        mock.url("/services/trading"),
        mock.url("/operator"),
    );
    std::fs::write(suite.path().join("rehearsal.toml"), config).unwrap();
    let proxy = Proxy::start_in(suite, &["--target", "local"]);
    for path in ["/maintenance", "/push", "/network", "/mark"] {
        assert_eq!(proxy.unavailable(path).await, None, "{path}");
    }
    let lacking = "the target `local` has no lever `expire-tokens`";
    let said = proxy.unavailable("/expire-tokens").await;
    assert_eq!(said.as_deref(), Some(lacking));
    let (status, refusal) = proxy.told("/expire-tokens", &json!({})).await;
    assert_eq!(status, 409);
    assert_eq!(refusal["error"], "cannot-be-moved");
    assert_eq!(
        (&refusal["message"], &refusal["detail"]),
        (&json!(lacking), &json!(lacking))
    );
    let (status, refusal) = proxy
        .told("/push", &json!({"event": "no_such_thing"}))
        .await;
    assert_eq!((status, &refusal["error"]), (404, &json!("unknown")));
    proxy
        .set("/push", json!({"event": "positions_update"}))
        .await;
}

#[cfg(unix)]
#[test]
fn a_journal_is_not_written_to_a_pipe_that_nobody_may_read() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let (_, err) = ends(folder.path(), &["proxy", "--journal", "pipe"], 1);
    assert!(err.contains("it is a named pipe"), "{err}");
}

#[test]
fn whoever_is_let_in_is_an_address() {
    let folder = tempfile::tempdir().unwrap();
    let (_, err) = ends(folder.path(), &["proxy", "--allow", "phone"], 1);
    assert!(err.contains("the address of a device"), "{err}");
}
