//! Handshakes with clients of a service over TLS: who is let in, and why somebody is not.

use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use serde_json::json;

use super::backend::Backend;
use super::reply::Body;
use super::secured::AUTHORITY;
use super::serving::{Cut, serve};
use crate::net::{Begun, Stream, Tls};

/// How long a client may take for its part of a handshake. Browsers open connections in advance.
const PATIENCE: Duration = Duration::from_secs(30);

/// Serves one connection of a service, over TLS where that is agreed.
pub(super) async fn serve_service<F, Done>(
    backend: Arc<Backend>,
    service: Arc<str>,
    stream: Stream,
    answer: F,
) where
    F: Fn(Request<Incoming>) -> Done,
    Done: Future<Output = Result<Response<Body>, Cut>>,
{
    let Some(secured) = &backend.secured else {
        return serve(stream, answer).await;
    };
    let begun = tokio::time::timeout(PATIENCE, Begun::of(stream)).await;
    let Ok(Some(Begun { stream, speaks_tls })) = begun else {
        return;
    };
    if !speaks_tls {
        let asked = |request: Request<Incoming>| {
            let path = request.uri().path();
            let response = secured.in_the_clear(path);
            if path != AUTHORITY {
                refuse(&backend, &service, "it speaks http where https is spoken");
            }
            std::future::ready(Ok(response))
        };
        return serve(stream, asked).await;
    }
    let stranger = (!backend.faults.is_trusted(&service)).then(Tls::stranger);
    let Ok(stranger) = stranger.transpose() else {
        return;
    };
    let tls = stranger.as_ref().unwrap_or(&secured.tls);
    let shaken = tokio::time::timeout(PATIENCE, tls.acceptor().accept(stream)).await;
    match shaken {
        Ok(Ok(stream)) => serve(stream, answer).await,
        Ok(Err(error)) => refuse(&backend, &service, &why(&error.to_string())),
        Err(_) => {}
    }
}

fn refuse(backend: &Backend, service: &str, why: &str) {
    backend.note("refused", || json!({ "service": service, "why": why }));
}

/// What a client has against the certificate, which it says by an alert (RFC 8446 §6.2) if at all.
fn why(error: &str) -> String {
    let alerts = ["UnknownCA", "CertificateUnknown", "BadCertificate"];
    if alerts.iter().any(|alert| error.contains(alert)) {
        "it does not trust the certificate".to_owned()
    } else {
        format!("it broke off while TLS was set up: {error}")
    }
}
