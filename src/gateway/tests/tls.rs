//! TLS to clients, and the certificate that they must not trust.

use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::*;
use crate::domain::journal::Insecure;
use crate::domain::scenario::{Fault, RequestMatch};
use crate::net::Tls;

fn secured() -> Room {
    let listen = Listen {
        tls: Some(Tls::own().unwrap()),
        ..Listen::default()
    };
    Room::listening(Net::Memory, "http", Mode::Enforcing, &listen)
}

/// Asks for positions over TLS, as a client that trusts this certificate alone.
async fn ask(room: &Room, trusts: &Tls) -> Result<Got, String> {
    let mut stream = shake(room, trusts)
        .await
        .map_err(|error| format!("no TLS: {error}"))?;
    let (mut sender, connection) = http1::Builder::new()
        .handshake(TokioIo::new(&mut stream))
        .await
        .map_err(|error| error.to_string())?;
    let request = room.request("GET", "trading", "/api/positions", "");
    let asked = async {
        let answer = sender.send_request(request).await;
        let status = answer.map_err(|error| error.to_string())?.status();
        Ok(status)
    };
    tokio::select! {
        biased;
        status = asked => status.map(|status| Got {
            status,
            headers: HeaderMap::new(),
            body: String::new(),
        }),
        _ = connection => Err("it broke".to_owned()),
    }
}

async fn shake(room: &Room, trusts: &Tls) -> std::io::Result<TlsStream<Stream>> {
    let mut roots = RootCertStore::empty();
    let certificate = trusts.told().unwrap().to_vec();
    roots.add(CertificateDer::from(certificate)).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let address = room.gateway.address("trading").unwrap();
    let name = address.url.host_str().unwrap().to_owned();
    TlsConnector::from(Arc::new(config))
        .connect(
            ServerName::try_from(name).unwrap(),
            room.connect("trading").await?,
        )
        .await
}

fn insecure(room: &Room) -> Vec<Option<Insecure>> {
    let requests = room.requests().into_iter();
    requests.map(|request| request.insecure).collect()
}

fn refused(room: &Room) -> usize {
    let facts = room.facts().into_iter();
    facts
        .filter(|fact| matches!(fact, Fact::TlsRefused { service, .. } if service == "trading"))
        .count()
}

#[tokio::test(start_paused = true)]
async fn a_client_is_served_over_tls_with_the_certificate_that_it_was_told() {
    let room = secured();
    let address = room.gateway.address("trading").unwrap();
    assert_eq!(address.url.scheme(), "https");
    assert_eq!(address.certificate, Tls::own().unwrap().told());
    let got = ask(&room, &Tls::own().unwrap()).await.unwrap();
    assert_eq!(got.status, 200);
    assert_eq!(insecure(&room), [None]);
    assert_eq!(room.requests()[0].judgement.non_canonical, None);
}

#[tokio::test(start_paused = true)]
async fn a_careful_client_refuses_the_certificate_of_a_stranger_and_is_served_again_after_it() {
    let room = secured();
    let mut open = shake(&room, &Tls::own().unwrap()).await.unwrap();
    room.gateway
        .set_fault(RequestMatch::Any, Some(Fault::Untrusted))
        .unwrap();
    let mut rest = Vec::new();
    let read = tokio::io::AsyncReadExt::read_to_end(&mut open, &mut rest).await;
    assert!(read.is_err() || rest.is_empty(), "what is open is cut");
    let error = ask(&room, &Tls::own().unwrap()).await.unwrap_err();
    assert!(error.starts_with("no TLS"), "{error}");
    settle().await;
    assert_eq!((insecure(&room), refused(&room)), (vec![], 1));
    room.gateway.set_fault(RequestMatch::Any, None).unwrap();
    let got = ask(&room, &Tls::own().unwrap()).await.unwrap();
    assert_eq!(got.status, 200);
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_under_the_certificate_of_a_stranger_is_noticed_and_goes_nowhere() {
    let room = secured();
    room.gateway
        .set_fault(RequestMatch::Any, Some(Fault::Untrusted))
        .unwrap();
    ask(&room, &Tls::stranger().unwrap()).await.unwrap_err();
    assert_eq!(insecure(&room), [Some(Insecure::Untrusted)]);
    assert_eq!(room.backend.lines(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn what_a_client_sends_in_the_clear_is_noticed_and_the_harness_may() {
    let room = secured();
    room.get("trading", "/api/positions").await.unwrap();
    let mut probe = room.request("GET", "trading", "/api/positions", "");
    let mark = "probe m4rk".parse().unwrap();
    probe.headers_mut().insert("x-rehearsal", mark);
    room.send("trading", probe).await.unwrap();
    assert_eq!(insecure(&room), [Some(Insecure::Clear), None]);
}

#[tokio::test(start_paused = true)]
async fn where_clients_are_served_in_the_clear_a_failing_tls_breaks_their_connections() {
    let room = Room::new().await;
    room.gateway
        .set_fault(RequestMatch::Any, Some(Fault::Untrusted))
        .unwrap();
    room.get("trading", "/api/positions").await.unwrap_err();
    assert_eq!(insecure(&room), [None]);
    assert_eq!(room.backend.lines(), Vec::<String>::new());
}
