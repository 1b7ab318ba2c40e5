//! The console from outside: who may use it, what its files carry, and what readers that come, go and never read
//! leave behind.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};

use reqwest::{Client, Method, StatusCode};
use serde_json::Value;

use super::local::Mock;
use super::proxy::Proxy;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

fn suite() -> tempfile::TempDir {
    let suite = tempfile::tempdir().unwrap();
    super::local::impatient_suite(suite.path());
    suite
}

/// Both that have a console: their addresses and what each is held by.
fn client() -> Client {
    let client = Client::builder().no_proxy().tls_certs_only([]);
    client.build().unwrap()
}

async fn every_file_is_served(console: &str) {
    let client = client();
    for (path, kind, part) in [
        ("/", "text/html; charset=utf-8", "<script type=\"module\""),
        ("/console.js", "text/javascript; charset=utf-8", "makeStore"),
        ("/console.css", "text/css; charset=utf-8", "color-scheme"),
    ] {
        let answer = client.get(format!("{console}{path}")).send().await.unwrap();
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-security-policy"), POLICY);
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("content-type"), kind);
        assert!(!answer.headers().contains_key("access-control-allow-origin"));
        let text = answer.text().await.unwrap();
        assert!(text.contains(part), "{path}");
    }
    let state: Value = ask(&client, Method::GET, &format!("{console}/api/state"), &[])
        .await
        .1;
    assert!(state["elapsed_ms"].is_number(), "{state}");
}

async fn ask(
    client: &Client,
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
) -> (StatusCode, Value) {
    let mut request = client.request(method, url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let body = answer.bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

/// Only its own origin may use it, whatever is asked for.
async fn others_are_refused(console: &str) {
    let client = client();
    let port = console.rsplit(':').next().unwrap();
    let rebound = format!("rebound.example:{port}");
    let other = "http://127.0.0.1:1".to_owned();
    for path in ["/", "/console.js", "/api/", "/api/state", "/api/journal"] {
        for (name, value, error) in [
            ("host", &rebound, "not-local"),
            (
                "origin",
                &"https://elsewhere.example".to_owned(),
                "foreign-page",
            ),
            ("origin", &other, "foreign-page"),
            ("sec-fetch-site", &"cross-site".to_owned(), "foreign-page"),
        ] {
            let url = format!("{console}{path}");
            let (status, said) = ask(&client, Method::GET, &url, &[(name, value)]).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{path} {name} {value}");
            assert_eq!(said["error"], error, "{path} {name} {value}");
        }
    }
    let json = ("content-type", "application/json");
    let url = format!("{console}/api/expire-tokens");
    let (status, _) = ask(&client, Method::POST, &url, &[json, ("origin", console)]).await;
    assert_eq!(status, StatusCode::OK);
    let (status, _) = ask(&client, Method::POST, &url, &[json, ("origin", &other)]).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let (status, _) = ask(&client, Method::POST, console, &[json]).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn the_console_of_the_mock_and_of_the_proxy_is_for_its_own_origin_alone() {
    let suite = suite();
    let mock = Mock::start(suite.path());
    let proxy = Proxy::start(&[]);
    for console in [
        mock.url("/console"),
        proxy.ready()["console"].as_str().unwrap(),
    ] {
        every_file_is_served(console).await;
        others_are_refused(console).await;
    }
    let without = Mock::start_with(suite.path(), &["--no-console"]);
    assert_eq!(without.ready()["console"], Value::Null);
}

#[test]
fn a_port_that_is_taken_is_said_and_the_next_one_is_used_unless_it_was_asked_for() {
    let suite = suite();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for command in [&["mock", "--port", "0"][..], &["proxy"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_rehearsal"))
            .args(command)
            .args(["--console-port", &port, "--suite"])
            .arg(suite.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{command:?}: {said}");
        assert!(said.contains("console") && said.contains(&port), "{said}");
    }
}

/// The one thing that a mock says first, with `xdg-open` in the place of the person's browser.
#[cfg(target_os = "linux")]
#[test]
fn the_browser_is_shown_the_console() {
    use std::os::unix::fs::PermissionsExt as _;

    let suite = suite();
    let folder = tempfile::tempdir().unwrap();
    let (program, seen) = (folder.path().join("xdg-open"), folder.path().join("seen"));
    let pipe = std::process::Command::new("mkfifo").arg(&seen).status();
    assert!(pipe.unwrap().success());
    std::fs::write(
        &program,
        format!("#!/bin/sh\necho \"$1\" > {}\n", seen.display()),
    )
    .unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let mut child = Command::new(env!("CARGO_BIN_EXE_rehearsal"))
        .args(["mock", "--json", "--port", "0", "--open", "--suite"])
        .arg(suite.path())
        .env("PATH", path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    // Read from a pipe: that waits for whoever writes.
    let shown = std::fs::read_to_string(&seen).unwrap();
    let _ = child.kill();
    let _ = child.wait();
    assert_eq!(shown.trim(), ready["console"]);
}

/// A stream of the tape that is asked for and not read.
fn follow(console: &str) -> TcpStream {
    let address: SocketAddr = console.trim_start_matches("http://").parse().unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let asked = format!(
        "GET /api/journal HTTP/1.1\r\nhost: {address}\r\naccept: text/event-stream\r\n\r\n"
    );
    stream.write_all(asked.as_bytes()).unwrap();
    stream
}

/// How many descriptors a process has open.
#[cfg(target_os = "linux")]
fn descriptors(process: u32) -> usize {
    std::fs::read_dir(format!("/proc/{process}/fd"))
        .unwrap()
        .count()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_hundred_reloads_leave_nothing_behind() {
    let suite = suite();
    let mock = Mock::start(suite.path());
    let console = mock.url("/console");
    let client = client();
    let state = format!("{console}/api/state");
    let _ = ask(&client, Method::GET, &state, &[]).await;
    let before = descriptors(mock.process());
    for _ in 0..100 {
        let mut stream = follow(console);
        // It is there once its head is.
        let mut head = [0; 12];
        stream.read_exact(&mut head).unwrap();
        assert_eq!(&head, b"HTTP/1.1 200");
    }
    // Each ends when the other end is seen to be gone; every further question gives it the time.
    while descriptors(mock.process()) > before + 1 {
        let _ = ask(&client, Method::GET, &state, &[]).await;
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_reader_that_never_reads_costs_nobody_anything() {
    let suite = suite();
    let mock = Mock::start(suite.path());
    let console = mock.url("/console");
    let client = client();
    let mut silent = follow(console);
    let mut head = [0; 12];
    silent.read_exact(&mut head).unwrap();
    let memory = |process: u32| {
        let text = std::fs::read_to_string(format!("/proc/{process}/statm")).unwrap();
        let pages: u64 = text.split(' ').nth(1).unwrap().parse().unwrap();
        pages * 4096
    };
    let missing = format!("{}/nothing", mock.url("/services/platform"));
    let serve = async |times: usize| {
        for _ in 0..times {
            let _ = ask(
                &client,
                Method::GET,
                &missing,
                &[("x-long", &"y".repeat(4_000))],
            )
            .await;
        }
    };
    serve(500).await;
    let before = memory(mock.process());
    serve(2_000).await;
    let grown = memory(mock.process()).saturating_sub(before);
    assert!(grown < 64 << 20, "it has grown by {grown} bytes");
    // Whoever reads meanwhile gets all of it.
    let url = format!("{console}/api/journal?since=0&limit=1000");
    let (_, page) = ask(&client, Method::GET, &url, &[]).await;
    assert_eq!(page["lost"], 0);
    assert_eq!(page["entries"].as_array().unwrap().len(), 1_000);
}
