//! A deployment behind TLS of its own, an access gateway and a proxy, reached by all that a run opens.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto::aws_lc_rs};

use crate::commands::ends;
use crate::local::Mock;

const SERVER: &[u8] = include_bytes!("../../fixtures/keys/gateway-test-only.pem");
const CLIENT: &[u8] = include_bytes!("../../fixtures/keys/client-test-only.pem");

/// What nobody but the services may be told.
pub(crate) const EDGE: &str = "edge-t0ken-of-the-services";
pub(crate) const PASSWORD: &str = "pr0xy-passw0rd";

/// Plays what needs the live feed and the kill-switch, and moves a lever by a call elsewhere.
const SCENARIO: &str = "\
name: The app signs in, is shut out and comes back
steps:
  - do: launch
  - do: sign-in
    as: tester-a
  - expect: { screen: overview, feed: live }
    within: 30s
  - set: { maintenance: on }
  - do: refresh
  - expect: { screen: maintenance }
    within: 30s
  - set: { maintenance: off }
  - expect: { screen: overview }
    within: 60s
";

/// Speaks TLS with whoever shows the client certificate, and lets in what bears the header.
fn front(to: String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    listener.set_nonblocking(true).unwrap();
    let acceptor = acceptor();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, to) = (acceptor.clone(), to.clone());
                tokio::spawn(async move {
                    // Whoever shows no certificate goes away without an answer.
                    let Ok(mut stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let mut head = Vec::new();
                    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
                        match stream.read_buf(&mut head).await {
                            Ok(read) if read > 0 => {}
                            _ => return,
                        }
                    }
                    if !String::from_utf8_lossy(&head).contains(&format!("x-edge: {EDGE}")) {
                        let denied = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";
                        let _ = stream.write_all(denied).await;
                        return;
                    }
                    let mut backend = tokio::net::TcpStream::connect(to).await.unwrap();
                    backend.write_all(&head).await.unwrap();
                    let _ = copy_bidirectional(&mut stream, &mut backend).await;
                });
            }
        });
    });
    port
}

fn acceptor() -> TlsAcceptor {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(CLIENT).unwrap())
        .unwrap();
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.unwrap())
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(SERVER).unwrap()],
            PrivateKeyDer::from_pem_slice(SERVER).unwrap(),
        )
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// A proxy that asks for its password and takes down the heads of what it is asked.
fn proxy() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heads = Arc::new(Mutex::new(Vec::new()));
    let kept = heads.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let kept = kept.clone();
            thread::spawn(move || serve(stream.unwrap(), &kept));
        }
    });
    (port, heads)
}

fn serve(mut client: TcpStream, heads: &Mutex<Vec<String>>) {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    while !bytes.windows(4).any(|four| four == b"\r\n\r\n") {
        match client.read(&mut buffer) {
            Ok(read) if read > 0 => bytes.extend_from_slice(&buffer[..read]),
            _ => return,
        }
    }
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let target = head.split(' ').nth(1).unwrap().to_owned();
    heads.lock().unwrap().push(head.clone());
    if !head.contains(&format!("Basic {}", credentials())) {
        let denied = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
        let _ = client.write_all(denied);
        return;
    }
    let authority = target.trim_start_matches("http://");
    let authority = authority.split('/').next().unwrap();
    let mut backend = TcpStream::connect(authority).unwrap();
    if head.starts_with("CONNECT ") {
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
    } else {
        backend.write_all(&bytes).unwrap();
    }
    let (from, to) = (client.try_clone().unwrap(), backend.try_clone().unwrap());
    let back = thread::spawn(move || pour(to, from));
    pour(client, backend);
    back.join().unwrap();
}

pub(crate) fn credentials() -> String {
    STANDARD.encode(format!("deploy:{PASSWORD}"))
}

fn pour(mut from: TcpStream, mut to: TcpStream) {
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}

fn authority(url: &str) -> &str {
    let rest = url.split_once("://").unwrap().1;
    rest.split('/').next().unwrap()
}

/// A URL of the mock's as it is behind the front.
fn fronted(url: &str) -> String {
    let authority = authority(url);
    let port = front(authority.to_owned());
    let path = url.split_once(authority).unwrap().1;
    format!("https://localhost:{port}{path}")
}

pub(crate) struct Deployment {
    pub(crate) folder: tempfile::TempDir,
    heads: Arc<Mutex<Vec<String>>>,
    _mock: Mock,
}

impl Deployment {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let copy = |from: &str, to: &str| {
            fs::copy(root.join(from), folder.path().join(to)).unwrap();
        };
        copy("fixtures/world.yaml", "world.yaml");
        copy("scenarios/contract.yaml", "contract.yaml");
        copy("fixtures/keys/gateway-test-only.pem", "ca.pem");
        copy("fixtures/keys/client-test-only.pem", "client.pem");
        copy("fixtures/keys/stranger-test-only.pem", "stranger.pem");
        fs::write(folder.path().join("shut-out.yaml"), SCENARIO).unwrap();
        fs::write(
            folder.path().join("secrets"),
            format!("EDGE={EDGE}\nPROXY={PASSWORD}\nA=mock-heron-41\n"),
        )
        .unwrap();
        let mock = Mock::start(folder.path());
        let (port, heads) = proxy();
        let operator = mock.url("/operator");
        let config = format!(
            r#"
secrets-file = "secrets"

[targets.local]
proxy = "http://deploy:{{env:PROXY}}@127.0.0.1:{port}"
tls = {{ ca = "ca.pem", client-certificate = "client.pem", client-key = "client.pem" }}
headers = {{ x-edge = "{{env:EDGE}}" }}

[targets.local.services]
platform = "{}"
trading = "{}"

[targets.local.accounts.tester-a]
username = "ada.lindqvist@tradedesk.example"
password-env = "A"

[targets.local.levers]
maintenance.on = {{ request = "POST {operator}/maintenance", json = {{ on = true }} }}
maintenance.off = {{ request = "POST {operator}/maintenance", json = {{ on = false }} }}
"#,
            fronted(mock.url("/services/platform")),
            fronted(mock.url("/services/trading")),
        );
        fs::write(folder.path().join("rehearsal.toml"), config).unwrap();
        Self {
            folder,
            heads,
            _mock: mock,
        }
    }

    pub(crate) fn run(&self, more: &[&str], code: i32) -> (String, String) {
        let words = ["run", "--target", "local", "--suite", "."];
        ends(self.folder.path(), &[&words[..], more].concat(), code)
    }
}

#[test]
fn a_deployment_behind_tls_of_its_own_an_access_gateway_and_a_proxy_is_played() {
    let deployment = Deployment::start();
    let (out, err) = deployment.run(
        &["--journal", "journals", "--report-json", "report.json"],
        0,
    );
    let encoded = credentials();
    for secret in [EDGE, PASSWORD, &encoded] {
        assert!(!out.contains(secret) && !err.contains(secret));
        for file in ["journals/shut-out.jsonl", "report.json"] {
            let text = fs::read_to_string(deployment.folder.path().join(file)).unwrap();
            assert!(!text.contains(secret), "{secret} stands in {file}");
        }
    }
    let heads = deployment.heads.lock().unwrap();
    let (tunnels, other): (Vec<&String>, Vec<&String>) =
        heads.iter().partition(|head| head.starts_with("CONNECT "));
    assert!(
        tunnels
            .iter()
            .all(|head| head.starts_with("CONNECT localhost:"))
    );
    assert!(!tunnels.is_empty());
    // The operator is elsewhere, and so are none of the services' headers.
    assert!(
        other.iter().any(|head| head.starts_with("POST http://")),
        "{other:?}"
    );
    assert!(heads.iter().all(|head| !head.contains(EDGE)));
}

#[test]
fn what_is_in_the_way_of_a_deployment_is_said_before_anything_is_played() {
    let deployment = Deployment::start();
    for (setting, said) in [
        (
            "targets.local.tls.ca=stranger.pem",
            "invalid peer certificate",
        ),
        ("targets.local.tls={ca=\"ca.pem\"}", "CertificateRequired"),
        ("targets.local.headers.x-edge=nobody", "403"),
        ("targets.local.proxy=http://127.0.0.1:1", "no connection"),
        ("targets.local.tls.ca=world.yaml", "holds no certificate"),
    ] {
        let code = if said.starts_with("holds") { 1 } else { 3 };
        let (_, err) = deployment.run(&["--set", setting], code);
        assert!(err.contains(said), "{setting}: {err}");
    }
}
