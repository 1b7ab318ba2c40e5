//! One request on its way through: judged, journalled, decided on, passed on.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderName, UPGRADE};
use http::{Request, Response, StatusCode, Uri, Version};
use hyper::body::Incoming;
use serde_json::json;
use tokio::sync::watch;

use super::body::{Ahead, Payload, Upload, Watched, read_ahead};
use super::headers::{self, MARK};
use super::hub::{Hub, lock};
use super::levers::{Course, Matter, Reply};
use super::observe::KEPT;
use super::port::Site;
use super::tunnel;
use super::upstream::Link;
use crate::domain::contract::Role;
use crate::domain::journal::{Answerer, Content, Insecure, LossReason, Sender};
use crate::domain::scope::Decision;

mod arrival;
mod ending;
mod polling;

pub(super) use ending::{Passing, blocked};

use arrival::{Arrival, Known};
use ending::own_answer;
use polling::observe_post;

/// How much of a polling body is read: more than any server lets one be.
const KEPT_OF_POLLS: usize = 16 * 1024 * 1024;

/// The connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection was severed")]
pub(super) struct Severed;

/// The connection that a request comes over.
pub(super) struct Client {
    /// Its own connection to the backend.
    pub(super) link: Arc<Link>,
    /// Tells when it is cut.
    pub(super) cut: watch::Receiver<()>,
    /// In what it falls short of the TLS that was offered.
    pub(super) insecure: Option<Insecure>,
}

/// Carries one request through.
pub(super) async fn carry(
    site: Arc<Site>,
    client: Client,
    mut request: Request<Incoming>,
) -> Result<Response<Payload>, Severed> {
    let Client {
        link,
        cut,
        insecure,
    } = client;
    let hub = Arc::clone(&site.hub);
    let mut polls = hub.poll_cuts();
    let tunnels = hub.tunnel_cuts();
    let client_upgrade = hyper::upgrade::on(&mut request);
    let (parts, incoming) = request.into_parts();
    let upgrade = wants_upgrade(&parts.headers);
    let mark = parts.headers.get(MARK).and_then(|it| it.to_str().ok());
    let sender = mark.and_then(|mark| hub.sender(mark));
    let mut arrival = Arrival {
        cut,
        sender: sender.unwrap_or(Sender::Client),
        // The harness's own calls are in the clear everywhere.
        insecure: insecure.filter(|_| sender.is_none()),
        method: parts.method.to_string(),
        target: parts.uri.to_string(),
        host: header(&parts.headers, &HOST),
        headers: headers::as_text(&parts.headers)
            .into_iter()
            .filter(|(name, _)| sender.is_none() || name != MARK)
            .collect(),
        body: Vec::new(),
        announced: None,
        journalled: false,
        site: Arc::clone(&site),
    };
    let sid = query_value(&arrival.target, "sid");
    let realtime_path = hub.contract.realtime.as_ref().is_some_and(|realtime| {
        realtime.service == site.service
            && arrival.target.contains(realtime.path.trim_end_matches('/'))
    });
    let limit = if realtime_path { KEPT_OF_POLLS } else { KEPT };
    let rest = read_ahead(incoming, limit, &mut arrival.body)
        .await
        .map_err(|_| Severed)?;
    if rest.is_some() {
        let length = header(&parts.headers, &CONTENT_LENGTH).parse().ok();
        arrival.announced = Some(length.unwrap_or(arrival.body.len() as u64));
    }
    let Known {
        mut exchange,
        judged,
        grantee,
    } = arrival.journal();
    let realtime = judged.role == Some(Role::Realtime);
    let polling = realtime && !upgrade;

    // What the scope says goes before every fault.
    let mut denied = hub.denies(judged.judgement.class);
    // A session that is unknown or over begins no other: what its requests carry was judged above.
    let socket = sid
        .as_ref()
        .filter(|_| polling && sender.is_none())
        .and_then(|sid| hub.sessions().find(sid));
    let (mut session, mut shortened) = (None, false);
    if let Some(socket) = socket {
        if parts.method == "POST" && rest.is_none() {
            let posted = observe_post(&hub, &socket, &arrival.body);
            exchange.closes = posted.closes;
            if let Some(passes) = posted.passes {
                denied = arrival.denied_with(&passes);
                shortened = true;
                arrival.body = passes.into_bytes();
            }
        }
        exchange.join(Arc::clone(&socket));
        session = Some(socket);
    }
    let sunk = sender == Some(Sender::Canary) || parts.method == "CONNECT";
    if sunk || (denied && sender != Some(Sender::Probe)) {
        let body = blocked(judged.judgement.class, &judged.judgement.reason);
        return Ok(own_answer(
            exchange,
            Reply::json(403, body),
            Answerer::Policy,
        ));
    }

    if shortened && arrival.body.is_empty() {
        // What a server says to a post whose packets it took.
        let reply = Reply {
            status: 200,
            headers: Vec::new(),
            body: Some("ok".into()),
        };
        return Ok(own_answer(exchange, reply, Answerer::Policy));
    }

    let course = if sender.is_none() {
        let unknown = realtime
            && sid
                .as_ref()
                .is_some_and(|sid| hub.sessions().is_forgotten(sid));
        decide(&hub, &site, &judged, &arrival.method, upgrade, unknown)
    } else {
        Course::Forward {
            hold: Duration::ZERO,
        }
    };
    let hold = match course {
        Course::Forward { hold } => hold,
        Course::Answer(reply) => return Ok(own_answer(exchange, reply, Answerer::Fault)),
        Course::Sever => {
            exchange.lost(LossReason::Fault);
            return Err(Severed);
        }
        Course::Hang => {
            if polling {
                let _ = polls.changed().await;
                exchange.lost(LossReason::Fault);
                return Err(Severed);
            }
            let never: Infallible = std::future::pending().await;
            match never {}
        }
    };

    let mut onward = Request::new(match rest {
        None => Payload::Whole(Bytes::from(std::mem::take(&mut arrival.body))),
        Some(rest) => {
            let upload = Upload {
                hub: Arc::clone(&hub),
                exchange: exchange.number(),
            };
            let read = std::mem::take(&mut arrival.body);
            Payload::Ahead(Box::new(Ahead::new(read, rest, upload)))
        }
    });
    *onward.method_mut() = parts.method.clone();
    *onward.uri_mut() = origin_form(&parts.uri);
    *onward.version_mut() = Version::HTTP_11;
    *onward.headers_mut() = headers::for_backend(
        &parts.headers,
        &site.route.authority,
        upgrade,
        sender.is_some(),
    );
    if shortened {
        // The body's own length frames it now.
        onward.headers_mut().remove(CONTENT_LENGTH);
    }
    // The extensions carry the spelling of the header names.
    *onward.extensions_mut() = parts.extensions;
    let sent = async {
        let answer = link.send(&site.route, onward).await;
        if !hold.is_zero() {
            tokio::time::sleep(hold).await;
        }
        answer
    };
    let answer = if polling {
        tokio::select! {
            biased;
            _ = polls.changed() => {
                exchange.lost(LossReason::Fault);
                return Err(Severed);
            }
            answer = sent => answer,
        }
    } else {
        sent.await
    };
    let (mut response, wire) = match answer {
        Ok(answer) => answer,
        Err(detail) => {
            exchange.lost(LossReason::Upstream { detail });
            return Err(Severed);
        }
    };

    let backend_upgrade = wire.is_some().then(|| hyper::upgrade::on(&mut response));
    let (mut head, incoming) = response.into_parts();
    head.headers = headers::for_client(
        &head.headers,
        &headers::Way {
            homes: &site.homes,
            service: &site.service,
            origin: &site.route.origin,
            named: site.names.expected(&arrival.host),
        },
        wire.is_some(),
    );
    let texts = headers::as_text(&head.headers);
    if let (Some(wire), Some(backend_upgrade)) = (wire, backend_upgrade) {
        let headers = headers::redacted(&hub, texts);
        exchange.answered(101, headers, Content::Empty, Answerer::Backend);
        let ends = tunnel::Ends {
            client: client_upgrade,
            backend: backend_upgrade,
            wire,
            cuts: tunnel::Cuts {
                connection: arrival.cut.clone(),
                tunnels,
            },
        };
        // A feed that the harness listens to is not the client's.
        if realtime && sender.is_none() && reads_version_4(&arrival.target) {
            tokio::spawn(tunnel::follow(Arc::clone(&site), sid, ends));
        } else {
            tokio::spawn(tunnel::pass(ends));
        }
        return Ok(Response::from_parts(head, Payload::Whole(Bytes::new())));
    }
    // A feed that the harness looks at is not the client's.
    let poll = polling && parts.method == "GET" && sender.is_none();
    let before = session
        .filter(|_| poll && head.status == StatusCode::OK)
        .map_or_else(String::new, |session| lock(&session).pay(&hub));
    if !before.is_empty() {
        head.headers.remove(CONTENT_LENGTH);
    }
    let passing = Passing {
        exchange,
        service: site.service.clone(),
        status: head.status.as_u16(),
        headers: texts,
        role: judged.role,
        grantee,
        poll,
    };
    let limit = if polling { KEPT_OF_POLLS } else { KEPT };
    let watched = Watched::new(Bytes::from(before), incoming, limit, passing);
    Ok(Response::from_parts(
        head,
        Payload::Watched(Box::new(watched)),
    ))
}

fn decide(
    hub: &Hub,
    site: &Site,
    judged: &Decision,
    method: &str,
    upgrade: bool,
    unknown_session: bool,
) -> Course {
    let matter = Matter {
        role: judged.role.as_ref(),
        method,
        service: &site.service,
        path: &judged.path,
        upgrade,
    };
    let course = hub.levers().decide(&hub.contract, &matter);
    if unknown_session && matches!(course, Course::Forward { .. }) {
        let body = json!({"code": 1, "message": "Session ID unknown"});
        return Course::Answer(Reply::json(400, body));
    }
    course
}

fn wants_upgrade(headers: &http::HeaderMap) -> bool {
    headers.contains_key(UPGRADE)
        && headers.get_all(CONNECTION).iter().any(|value| {
            value
                .to_str()
                .is_ok_and(|value| value.to_ascii_lowercase().contains("upgrade"))
        })
}

/// Whether the packets of a session can be read: those of other versions are framed otherwise.
fn reads_version_4(target: &str) -> bool {
    query_value(target, "EIO").is_none_or(|version| version == "4")
}

fn header(headers: &http::HeaderMap, name: &HeaderName) -> String {
    headers
        .get(name)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .unwrap_or_default()
}

fn query_value(target: &str, name: &str) -> Option<String> {
    let (_, query) = target.split_once('?')?;
    url::form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

/// The target as an origin server gets it (RFC 9112 §3.2.1).
fn origin_form(uri: &Uri) -> Uri {
    match uri.path_and_query() {
        Some(path) => Uri::from(path.clone()),
        None => Uri::from_static("/"),
    }
}
