//! A suite that a proxy makes of what crosses it.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use super::commands::ends;

/// A proxy that is ready: its process, the lines that it still prints, and its URLs by their names.
fn served(
    folder: &Path,
    command: &[&str],
) -> (
    Child,
    Lines<BufReader<ChildStdout>>,
    BTreeMap<String, String>,
) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_rehearsal"))
        .current_dir(folder)
        .args(command)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut urls = BTreeMap::new();
    for line in lines.by_ref().map(Result::unwrap) {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let [name, url, ..] = words[..]
            && url.starts_with("http://")
        {
            urls.insert(name.to_owned(), url.to_owned());
        }
        if line.starts_with("ready") {
            break;
        }
    }
    (child, lines, urls)
}

#[tokio::test]
async fn what_crosses_becomes_a_suite_that_proves_itself() {
    let folder = tempfile::tempdir().unwrap();
    let command = ["proxy", "--seed", "1", "--no-console", "--record", "suite"];
    let (mut child, lines, urls) = served(folder.path(), &command);
    let client = Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .build()
        .unwrap();
    let post = |url: String, body: Value| {
        let request = client.post(url).header("content-type", "application/json");
        async move {
            request
                .body(body.to_string())
                .send()
                .await
                .unwrap()
                .bytes()
                .await
                .unwrap()
        }
    };
    let account = json!({"email": "ada.lindqvist@tradedesk.example", "password": "mock-heron-41", "product": "tradedesk"});
    let said = post(format!("{}/api/v1/sessions", urls["platform"]), account).await;
    let said: Value = serde_json::from_slice(&said).unwrap();
    let access = said
        .pointer("/tokens/access")
        .and_then(Value::as_str)
        .unwrap();
    for resource in ["positions", "overview", "positions", "overview"] {
        let url = format!("{}/api/{resource}", urls["trading"]);
        let answer = client.get(url).bearer_auth(access).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{resource}");
    }
    post(format!("{}/end", urls["control"]), json!({})).await;
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    let rest = rest.join("\n");
    assert!(
        rest.contains("replayed against the mock: 5 requests"),
        "{rest}"
    );
    assert!(rest.contains("the same in status and shape"), "{rest}");
    child.wait().unwrap();
    let again = ["record", "suite.jsonl", "--out", "again"];
    ends(folder.path(), &again, 0);
    ends(folder.path(), &["run", "--suite", "suite/rehearsal"], 0);
    // The folder is taken now, and that is said before an hour is recorded in vain.
    let (_, err) = ends(folder.path(), &command, 1);
    assert!(err.contains("is there already"), "{err}");
}
