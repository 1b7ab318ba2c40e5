//! One request on its way through: it arrives, is decided on, is forwarded, and its answer finishes it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING};
use http::{Request, Response, StatusCode, Uri, Version};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use serde_json::json;

use super::body::{Payload, Upload};
use super::headers;
use super::lock::lock;
use super::observe::KEPT;
use super::reply::{Reply, blocked};
use super::service::Service;
use super::tunnel;
use super::upstream::Wire;
use crate::domain::change::{Disposition, RequestFacts};
use crate::domain::coding;
use crate::domain::journal::{Answerer, Content, Fact, HarnessFact, LossReason, Sender};

mod arrival;
mod ending;
mod leading;
mod passing;
mod polling;
mod received;

use arrival::{Arrived, KEPT_OF_POLLS, arrive};
use ending::Given;
pub(super) use ending::Severed;
use passing::{Passing, Watched};
pub(super) use received::Client;

/// The body of an answer, the backend's or the gateway's own.
type AnswerBody = Payload<Watched>;

/// The head of the backend's answer with its body to come, and the connection if it switches protocols.
type Answered = (Response<Incoming>, Option<Wire>);

/// Carries one request through.
pub(super) async fn carry(
    service: Arc<Service>,
    client: Client,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, Severed> {
    wait(&service).await;
    let mut arrived = arrive(service, client, request).await?;
    let (disposition, decider) = decide(&arrived);
    let hold = match disposition {
        Disposition::Forward { hold } => hold,
        Disposition::Answer(reply) => {
            let response = arrived.exchange.reply(reply, decider);
            return Ok(response.map(Payload::Whole));
        }
        Disposition::Sever => return Err(arrived.exchange.lost(LossReason::Fault)),
        Disposition::Hang => {
            hang(&mut arrived).await;
            return Err(arrived.exchange.lost(LossReason::Fault));
        }
    };
    if arrived.service.state.pace.spend().is_err() {
        return Err(without_budget(arrived).await);
    }
    match forward(&mut arrived, hold).await {
        Ok(answered) => finish(arrived, answered).await,
        Err(reason) => Err(arrived.exchange.lost(reason)),
    }
}

/// Waits for a turn to ask the backend. What a client waits here is the harness's doing, and said to be.
async fn wait(service: &Service) {
    let state = &service.state;
    let waited = u64::try_from(state.pace.turn().await.as_millis()).unwrap_or(u64::MAX);
    if waited > 0 {
        state.scribe.record(Fact::Harness(HarnessFact::Lagged {
            by_ms: waited,
            over_ms: waited,
        }));
    }
}

/// Leaves a client without an answer until the run has ended, so that it does nothing that could be
/// blamed on anybody. The harness itself must not wait.
async fn without_budget(mut arrived: Arrived) -> Severed {
    if !arrived.is_ours() {
        hang(&mut arrived).await;
    }
    arrived.exchange.lost(LossReason::Fault)
}

/// What is done to a request, and who says so. What the scope says goes before every fault.
fn decide(arrived: &Arrived) -> (Disposition, Answerer) {
    let (sender, judgement) = (arrived.received.sender, &arrived.judged.judgement);
    if arrived.crowded {
        let body = json!({"error": "too-many-packets"});
        return (Disposition::Answer(Reply::json(413, body)), Answerer::Fault);
    }
    if arrived.received.hosts != 1 && arrived.parts.version >= Version::HTTP_11 {
        // RFC 9112 §3.2 has a server refuse it: who else reads it may be led by the other one.
        let body = json!({"error": "bad-host", "message": "a request names exactly one Host"});
        return (
            Disposition::Answer(Reply::json(400, body)),
            Answerer::Policy,
        );
    }
    let sunk = sender == Some(Sender::Canary) || arrived.received.method == "CONNECT";
    if sunk || (arrived.denied && sender != Some(Sender::Probe)) {
        let body = blocked(judgement.class, &judgement.reason);
        return (
            Disposition::Answer(Reply::json(403, body)),
            Answerer::Policy,
        );
    }
    if arrived.shortened && arrived.received.body.is_empty() {
        // What a server says to a post whose packets it took.
        let reply = Reply::json(200, "ok".into());
        return (Disposition::Answer(reply), Answerer::Policy);
    }
    let disposition = if arrived.is_ours() {
        Disposition::Forward {
            hold: Duration::ZERO,
        }
    } else {
        decide_by_levers(arrived)
    };
    (disposition, Answerer::Fault)
}

/// What the levers and faults do to a client's request; one that would pass for a session that the
/// gateway has ended is told that nobody knows it.
fn decide_by_levers(arrived: &Arrived) -> Disposition {
    let state = &arrived.service.state;
    let disposition = state.controls.decide(&RequestFacts {
        role: arrived.judged.role.as_ref(),
        method: &arrived.received.method,
        service: &arrived.service.name,
        path: &arrived.judged.path,
        upgrade: arrived.upgrade,
    });
    let forgotten = arrived.is_realtime()
        && (arrived.sid.as_ref()).is_some_and(|sid| state.sessions.is_forgotten(sid));
    if forgotten && matches!(disposition, Disposition::Forward { .. }) {
        let body = json!({"code": 1, "message": "Session ID unknown"});
        return Disposition::Answer(Reply::json(400, body));
    }
    disposition
}

/// Leaves a request without an answer: a poll until the feed is cut, any other for as long as its
/// client waits.
async fn hang(arrived: &mut Arrived) {
    if arrived.is_polling() {
        let _ = arrived.polls.changed().await;
        return;
    }
    let never: Infallible = std::future::pending().await;
    match never {}
}

/// Sends a request to the backend and waits for the head of the answer, which is held back for a while.
async fn forward(arrived: &mut Arrived, hold: Duration) -> Result<Answered, LossReason> {
    let onward = onward(arrived);
    let polling = arrived.is_polling();
    let sent = async {
        let answer = arrived
            .received
            .client
            .link
            .send(&arrived.service.route, onward)
            .await;
        if !hold.is_zero() {
            tokio::time::sleep(hold).await;
        }
        answer
    };
    let answer = if polling {
        tokio::select! {
            biased;
            _ = arrived.polls.changed() => return Err(LossReason::Fault),
            answer = sent => answer,
        }
    } else {
        sent.await
    };
    answer.map_err(|detail| LossReason::Upstream { detail })
}

/// The request as the backend gets it.
fn onward(arrived: &mut Arrived) -> Request<Payload<Upload>> {
    let read = std::mem::take(&mut arrived.received.body);
    let service = &arrived.service;
    let mut onward = Request::new(match arrived.rest.take() {
        None => Payload::Whole(Bytes::from(read)),
        Some(rest) => {
            let scribe = Arc::clone(&service.state.scribe);
            let upload = Upload::new(read, rest, scribe, arrived.exchange.number());
            Payload::Streamed(Box::new(upload))
        }
    });
    let parts = &arrived.parts;
    *onward.method_mut() = parts.method.clone();
    *onward.uri_mut() = origin_form(&parts.uri);
    *onward.version_mut() = Version::HTTP_11;
    *onward.headers_mut() = headers::for_backend(
        &parts.headers,
        &headers::Onward {
            authority: &service.route.authority,
            origin: &service.route.origin,
            own: &service.names.origin(&arrived.received.host),
            upgrade: arrived.upgrade,
            marked: arrived.is_ours(),
        },
    );
    for (name, value) in &service.route.headers {
        onward.headers_mut().insert(name, value.clone());
    }
    if arrived.received.announced.is_some() && !onward.headers().contains_key(CONTENT_LENGTH) {
        // Without saying so, a body is not sent with methods that have none as a rule.
        let chunked = HeaderValue::from_static("chunked");
        onward.headers_mut().insert(TRANSFER_ENCODING, chunked);
    }
    if arrived.shortened {
        // The body's own length frames it now.
        onward.headers_mut().remove(CONTENT_LENGTH);
    }
    // The extensions carry the spelling of the header names.
    *onward.extensions_mut() = std::mem::take(&mut arrived.parts.extensions);
    onward
}

/// Passes the backend's answer on, or connects both ends after it.
async fn finish(
    arrived: Arrived,
    (mut response, wire): Answered,
) -> Result<Response<AnswerBody>, Severed> {
    let upgraded = wire.map(|wire| (wire, hyper::upgrade::on(&mut response)));
    let (mut head, incoming) = response.into_parts();
    let service = &arrived.service;
    let led = headers::for_client(
        &head.headers,
        &headers::Way::back(service, &arrived.received.host),
        upgraded.is_some(),
    );
    head.headers = led.headers;
    let texts = headers::as_text(&head.headers);
    if let Some((wire, backend)) = upgraded {
        switch(arrived, texts, led.sent, wire, backend);
        return Ok(Response::from_parts(head, Payload::Whole(Bytes::new())));
    }
    let polling = arrived.is_polling();
    // A feed that the harness looks at is not the client's.
    let poll = polling && arrived.received.method == "GET" && !arrived.is_ours();
    let session = arrived.exchange.session();
    let before = session
        .filter(|_| poll && head.status == StatusCode::OK && is_plain(&texts))
        .map_or_else(String::new, |session| lock(session).pay());
    if !before.is_empty() {
        head.headers.remove(CONTENT_LENGTH);
    }
    let next = leading::next_link(&arrived, &head);
    let named = arrived.received.host.clone();
    let passing = Passing {
        sent: led.sent,
        leads_past: led.leads_past,
        exchange: arrived.exchange,
        service: arrived.service,
        status: head.status.as_u16(),
        headers: texts,
        role: arrived.judged.role,
        grantee: arrived.grantee,
        poll,
    };
    if let Some(next) = next {
        return leading::lead_back(head, incoming, passing, &next, &named).await;
    }
    let limit = if polling { KEPT_OF_POLLS } else { KEPT };
    let watched = Watched::new(Bytes::from(before), incoming, limit, passing);
    Ok(Response::from_parts(
        head,
        Payload::Streamed(Box::new(watched)),
    ))
}

fn is_plain(headers: &[(String, String)]) -> bool {
    let pairs = headers.iter();
    coding::is_plain(pairs.map(|(name, value)| (name.as_str(), value.as_str())))
}

/// Lets both ends speak another protocol from now on.
fn switch(
    arrived: Arrived,
    headers: Vec<(String, String)>,
    sent: Vec<(String, String)>,
    wire: Wire,
    backend: OnUpgrade,
) {
    let scribe = &arrived.service.state.scribe;
    let (headers, sent) = (
        headers::redacted(scribe, headers),
        headers::redacted(scribe, sent),
    );
    let follows = arrived.is_realtime() && !arrived.is_ours() && arrived.reads_version_4();
    let ends = tunnel::Ends {
        client: arrived.client_upgrade,
        backend,
        wire,
        cuts: tunnel::Cuts {
            connection: arrived.received.client.cut.clone(),
            tunnels: arrived.tunnels,
        },
    };
    let given = Given {
        sent,
        ..Given::of(101, headers, Content::Empty, Answerer::Backend)
    };
    arrived.exchange.answered(given);
    // A feed that the harness listens to is not the client's.
    if follows {
        tokio::spawn(tunnel::follow(arrived.service, arrived.sid, ends));
    } else {
        tokio::spawn(tunnel::pass(ends));
    }
}

/// The target as an origin server gets it (RFC 9112 §3.2.1).
fn origin_form(uri: &Uri) -> Uri {
    match uri.path_and_query() {
        Some(path) => Uri::from(path.clone()),
        None => Uri::from_static("/"),
    }
}
