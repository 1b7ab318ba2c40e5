//! `rehearsal mock --tls`: an app that trusts this machine's authority uses services over https and wss.

use std::fs;
use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use reqwest::{Certificate, Client};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::tungstenite::Message;

use crate::commands::rehearsal;
use crate::local::Mock;

/// What is signed in with over TLS by whoever trusts this.
async fn sign_in(mock: &Mock, authority: &[u8]) -> Result<String, reqwest::Error> {
    let trusted = Certificate::from_pem(authority).unwrap();
    let http = Client::builder().no_proxy().tls_certs_only([trusted]);
    let account = &mock.ready()["accounts"][0];
    let body = json!({
        "email": account["username"], "password": account["password"], "product": "tradedesk",
    });
    let url = format!("{}/api/v1/sessions", mock.url("/services/platform"));
    let request = http.build().unwrap().post(url);
    let request = request.header("content-type", "application/json");
    let answer = request.body(body.to_string()).send().await?.text().await?;
    let answer: Value = serde_json::from_str(&answer).unwrap();
    Ok(answer["tokens"]["access"].as_str().unwrap().to_owned())
}

/// What a socket of the feed over wss is sent first, and when it has said who it is.
async fn connected(url: &str, token: &str, authority: &[u8]) -> [String; 2] {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(authority).unwrap())
        .unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let url = url::Url::parse(url).unwrap();
    let host = url.host_str().unwrap().to_owned();
    let stream = TcpStream::connect((host.as_str(), url.port().unwrap())).await;
    let stream = TlsConnector::from(Arc::new(config))
        .connect(ServerName::try_from(host).unwrap(), stream.unwrap())
        .await
        .unwrap();
    let wss = url.as_str().replacen("https://", "wss://", 1);
    let wss = format!("{wss}/socket.io/?EIO=4&transport=websocket");
    let (mut socket, _) = tokio_tungstenite::client_async(wss, stream).await.unwrap();
    let heard = async |socket: &mut tokio_tungstenite::WebSocketStream<_>| {
        socket.next().await.unwrap().unwrap().to_string()
    };
    let open = heard(&mut socket).await;
    let hello = format!("40/trading,{}", json!({ "token": token }));
    socket.send(Message::text(hello)).await.unwrap();
    [open, heard(&mut socket).await]
}

#[tokio::test]
async fn an_app_that_trusts_the_authority_signs_in_and_has_its_feed_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let more = ["--tls", "--bind", "0.0.0.0", "--env-file", ".env"];
    let mock = Mock::typed_in(folder.path(), &more);
    let url = mock.url("/services/trading").to_owned();
    assert!(url.starts_with("https://"), "{url}");
    let variables = fs::read_to_string(folder.path().join(".env")).unwrap();
    assert!(variables.contains(&format!("={url}\n")), "{variables}");
    assert!(mock.url("/operator").starts_with("http://127.0.0.1:"));
    let authority = fs::read(mock.url("/authority")).unwrap();
    let token = sign_in(&mock, &authority).await.unwrap();
    let [open, greeted] = connected(&url, &token, &authority).await;
    assert!(open.starts_with("0{"), "{open}");
    assert!(greeted.starts_with("40/trading,{"), "{greeted}");
    drop(mock);

    fs::write(folder.path().join("rehearsal.toml"), "[mock]\ntls = true\n").unwrap();
    let again = Mock::typed_in(folder.path(), &[]);
    sign_in(&again, &authority).await.unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let other = Mock::typed_in(elsewhere.path(), &["--tls"]);
    let refused = sign_in(&other, &authority).await.unwrap_err();
    assert!(
        format!("{refused:?}").contains("UnknownIssuer"),
        "{refused:?}"
    );
    // Whoever does not trust it is not served, and the one who looks for the reason finds it.
    let journal = format!("{}/journal?kind=refused&wait=30", other.url("/operator"));
    let noted = reqwest::get(journal).await.unwrap().text().await.unwrap();
    assert!(
        noted.contains("it does not trust the certificate"),
        "{noted}"
    );
}

#[tokio::test]
async fn who_speaks_plain_http_gets_the_certificate_and_otherwise_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let mock = Mock::typed_in(folder.path(), &["--tls"]);
    let http = Client::builder().no_proxy().build().unwrap();
    let clear = mock.url("/services/platform").replace("https:", "http:");
    let got = http.get(format!("{clear}/ca.crt")).send().await.unwrap();
    assert_eq!(got.headers()["content-type"], "application/x-x509-ca-cert");
    let authority = fs::read_to_string(mock.url("/authority")).unwrap();
    assert_eq!(got.text().await.unwrap(), authority);
    let got = http.get(format!("{clear}/health")).send().await.unwrap();
    assert_eq!(got.status(), 400);
    assert!(got.text().await.unwrap().contains("https://"));
}

#[test]
fn files_that_cannot_be_used_are_told_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join(".rehearsal");
    fs::create_dir(&state).unwrap();
    fs::write(state.join("mock-ca-key.pem"), "no key").unwrap();
    for name in ["cert.pem", "key.pem"] {
        fs::write(folder.path().join(name), "nothing of the kind").unwrap();
    }
    for (words, said, next) in [
        (
            &["--tls"][..],
            "mock-ca-key.pem holds no private key",
            "move both away",
        ),
        (
            &["--tls-cert", "cert.pem", "--tls-key", "key.pem"],
            "key.pem: ",
            "both as PEM files",
        ),
        (
            &["--tls", "--tls-cert", "cert.pem", "--tls-key", "key.pem"],
            "cannot be used with",
            "--tls",
        ),
    ] {
        let words = [&["mock", "--port", "0"], words].concat();
        let ended = rehearsal(folder.path(), &words).output().unwrap();
        let told = String::from_utf8(ended.stderr).unwrap();
        assert!(told.contains(said) && told.contains(next), "{told}");
        assert!(matches!(ended.status.code(), Some(1 | 2)), "{told}");
    }
}
