//! The control API of the proxy: HTTP on loopback, JSON both ways, of one family with the mock's
//! operator API. `docs/PROXY.md` describes it for those who use it.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::header::{ALLOW, CONNECTION, CONTENT_TYPE, HOST, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};

use super::Ready;
use super::marks::{ACTS, Mark};
use crate::domain::journal::Fact;
use crate::domain::result::ScenarioResult;
use crate::domain::scenario::Setting;
use crate::mock::asked::{self, Asked, Backend, Nothing, Push, Switch};
use crate::net::Listener;
use crate::run::environment::Environment;
use crate::suite;

/// Bytes of a body that may be sent.
const BODY_LIMIT: usize = 1_000_000;

/// What can be moved beside the levers that the mock's operator has, too.
const OWN: [Asked; 6] = [
    ("/network", r#"{"on": false}"#),
    ("/websocket", r#"{"on": false}"#),
    ("/socket", r#"{"on": false}"#),
    (
        "/fault",
        r#"{"on": "data", "respond": {"status": 503}}, or {"on": "data", "off": true}"#,
    ),
    ("/mark", r#"{"act": "launch"}"#),
    ("/end", "{}"),
];

/// What it all came to, for whoever asked for the end.
pub(super) struct Outcome(Value);

impl Outcome {
    pub(super) fn of(result: &ScenarioResult) -> Self {
        let outcome = &result.outcome;
        let findings = outcome.findings.iter().map(|finding| {
            json!({
                "rule": finding.rule,
                "subject": finding.subject.name(),
                "message": finding.message,
            })
        });
        Self(json!({
            "verdict": outcome.verdict.name(),
            "reason": outcome.verdict.reason(),
            "findings": findings.collect::<Vec<_>>(),
            "not_judged": outcome.not_judged.iter()
                .map(|(rule, reason)| json!({"rule": rule, "reason": reason}))
                .collect::<Vec<_>>(),
            "journal_entries": result.journal_entries,
        }))
    }
}

/// The running API. It ends with this.
pub(super) struct Control {
    accepting: AbortHandle,
    served: Arc<Mutex<JoinSet<()>>>,
}

impl Drop for Control {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

struct Desk {
    around: Arc<Environment>,
    ready: Ready,
    switches: Mutex<Switches>,
    end: mpsc::UnboundedSender<oneshot::Sender<Outcome>>,
}

/// What was switched at the gateway, for `/state`.
struct Switches {
    network: bool,
    websocket: bool,
    socket: bool,
    faults: Vec<String>,
}

impl Control {
    pub(super) fn serve(
        listener: Listener,
        around: Arc<Environment>,
        ready: Ready,
        end: mpsc::UnboundedSender<oneshot::Sender<Outcome>>,
    ) -> Self {
        let desk = Arc::new(Desk {
            around,
            ready,
            switches: Mutex::new(Switches {
                network: true,
                websocket: true,
                socket: true,
                faults: Vec::new(),
            }),
            end,
        });
        let served = Arc::new(Mutex::new(JoinSet::new()));
        let serving = Arc::clone(&served);
        let accepting = tokio::spawn(async move {
            // When the system is short of something, the next attempt waits for the next client.
            while let Ok(stream) = listener.accept().await {
                let desk = Arc::clone(&desk);
                let service = service_fn(move |request| {
                    let desk = Arc::clone(&desk);
                    async move { Ok::<_, Infallible>(desk.respond(request).await) }
                });
                let connection = http1::Builder::new()
                    .auto_date_header(false)
                    .serve_connection(TokioIo::new(stream), service);
                let mut serving = serving.lock().unwrap_or_else(PoisonError::into_inner);
                while serving.try_join_next().is_some() {}
                serving.spawn(async move {
                    // A client that breaks off has nobody to be told.
                    let _ = connection.await;
                });
            }
        });
        Self {
            accepting: accepting.abort_handle(),
            served,
        }
    }

    /// Takes no more clients, and completes when those that are there have their answers.
    pub(super) async fn answered(self) {
        self.accepting.abort();
        let mut served =
            std::mem::take(&mut *self.served.lock().unwrap_or_else(PoisonError::into_inner));
        while served.join_next().await.is_some() {}
    }
}

/// A status, a stable word and what to tell people.
struct Refusal(u16, &'static str, String);

impl Desk {
    async fn respond(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path().trim_end_matches('/').to_owned();
        let answer = if is_local(&parts.headers) {
            self.route(&parts.method, &path, body).await
        } else {
            let why = "call it by a loopback name, like http://127.0.0.1:PORT".to_owned();
            Err(Refusal(403, "not-local", why))
        };
        let (status, value) = match answer {
            Ok(value) => (200, value),
            Err(Refusal(status, error, message)) => {
                (status, json!({"error": error, "message": message}))
            }
        };
        let mut text = value.to_string();
        text.push('\n');
        let mut response = Response::new(Full::new(Bytes::from(text)));
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // Whoever ends a session waits for the last answer to be read.
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        if status == 405 {
            let allowed = if matches!(path.as_str(), "" | "/state") {
                "GET"
            } else {
                "POST"
            };
            headers.insert(ALLOW, HeaderValue::from_static(allowed));
        }
        response
    }

    async fn route(&self, method: &Method, path: &str, body: Incoming) -> Result<Value, Refusal> {
        let is_lever = asked::is_lever(path, &OWN);
        match (method, path) {
            (&Method::GET, "") => Ok(self.directory()),
            (&Method::GET, "/state") => Ok(self.state()),
            (&Method::POST, lever) if is_lever => {
                let body = Limited::new(body, BODY_LIMIT).collect().await;
                let body = body.map_err(|error| Refusal(400, "bad-body", error.to_string()))?;
                self.pull(lever, &body.to_bytes()).await
            }
            (_, "" | "/state") => Err(Refusal(405, "method-not-allowed", "this takes GET".into())),
            (_, _) if is_lever => Err(Refusal(405, "method-not-allowed", "this takes POST".into())),
            _ => Err(Refusal(
                404,
                "not-found",
                "GET / lists what there is".into(),
            )),
        }
    }

    async fn pull(&self, lever: &str, body: &[u8]) -> Result<Value, Refusal> {
        if let Some(why) = self.around.lacks(lever) {
            return Err(Refusal(409, "cannot-be-moved", why));
        }
        match lever {
            "/mark" => {
                let mark: Mark = parse(lever, body)?;
                let act = mark
                    .read(&self.around.contract)
                    .map_err(|why| bad_body(lever, &why.to_string()))?;
                let entry = self.around.recorder.record(Fact::Act(act.clone()));
                Ok(json!({"act": act, "entry": entry.id}))
            }
            "/end" => {
                let Nothing {} = parse(lever, body)?;
                let (send, outcome) = oneshot::channel();
                let over = || Refusal(409, "nothing-to-do", "it is ending already".to_owned());
                self.end.send(send).map_err(|_| over())?;
                outcome
                    .await
                    .map(|Outcome(value)| value)
                    .map_err(|_| over())
            }
            "/maintenance" => {
                let Switch { on } = parse(lever, body)?;
                self.set(&Setting::Maintenance(on)).await?;
                Ok(json!({"maintenance": on}))
            }
            "/backend" => {
                let Backend { service, running } = parse(lever, body)?;
                if let Some(name) = &service {
                    known("service", name, self.ready.services.keys())?;
                }
                let setting = Setting::Backend {
                    service: service.clone(),
                    running,
                };
                self.set(&setting).await?;
                Ok(json!({"service": service, "running": running}))
            }
            "/push" => {
                let Push { event, payload } = parse(lever, body)?;
                let feed = self.around.contract.realtime.iter();
                let events = feed.flat_map(|feed| feed.events.iter().map(|own| &own.name));
                known("event", &event, events)?;
                let setting = Setting::Push {
                    event: event.clone(),
                    payload,
                };
                self.set(&setting).await?;
                Ok(json!({"event": event}))
            }
            "/network" | "/websocket" | "/socket" => {
                let Switch { on } = parse(lever, body)?;
                self.set(&match lever {
                    "/network" => Setting::Network(on),
                    "/websocket" => Setting::Websocket(on),
                    _ => Setting::Socket(on),
                })
                .await?;
                let mut switches = self.switches();
                match lever {
                    "/network" => switches.network = on,
                    "/websocket" => switches.websocket = on,
                    _ => switches.socket = on,
                }
                Ok(json!({ lever.trim_start_matches('/'): on }))
            }
            "/fault" => self.fault(lever, body).await,
            _ => {
                let Nothing {} = parse(lever, body)?;
                let (setting, done) = match lever {
                    "/close-trade" => (Setting::CloseTrade, "closed"),
                    "/expire-tokens" => (Setting::ExpireTokens, "expired"),
                    _ => (Setting::DropSockets, "dropped"),
                };
                self.set(&setting).await?;
                Ok(json!({ done: true }))
            }
        }
    }

    /// A fault in the words of a scenario.
    async fn fault(&self, lever: &str, body: &[u8]) -> Result<Value, Refusal> {
        let asked: Value = parse(lever, body)?;
        let setting = suite::read_setting(&json!({ "fault": asked }), &self.around.contract)
            .map_err(|problems| bad_body(lever, &problems.on_one_line()))?;
        self.set(&setting).await?;
        let Setting::Fault { on, fault } = &setting else {
            return Err(bad_body(lever, "that is no fault"));
        };
        let (on, is_on) = (on.to_string(), fault.is_some());
        let mut switches = self.switches();
        switches.faults.retain(|own| *own != on);
        if is_on {
            switches.faults.push(on.clone());
        }
        Ok(json!({"on": on, "fault": is_on}))
    }

    async fn set(&self, setting: &Setting) -> Result<(), Refusal> {
        let moved = self.around.set(setting).await;
        moved.map_err(|why| Refusal(409, "cannot-be-moved", why.to_string()))
    }

    fn switches(&self) -> std::sync::MutexGuard<'_, Switches> {
        self.switches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn directory(&self) -> Value {
        json!({
            "contract": self.around.contract.name,
            "services": self.ready.services,
            "levers": asked::directory(&OWN, |path| self.around.lacks(path)),
            "acts": ACTS.iter().map(|(_, body)| body).collect::<Vec<_>>(),
            "state": {"method": "GET", "path": "/state"},
        })
    }

    /// What is going on: no token and no password is in it.
    fn state(&self) -> Value {
        let tally = self.around.tally();
        let switches = self.switches();
        let elapsed = self.around.recorder.clock().elapsed().as_millis();
        json!({
            "entries": self.around.recorder.journal().len(),
            "requests_judged": tally.requests_judged,
            "frames_judged": tally.frames_judged,
            "forbidden": tally.forbidden,
            "undeclared": tally.undeclared,
            "network": switches.network,
            "websocket": switches.websocket,
            "socket": switches.socket,
            "faults": switches.faults,
            "elapsed_ms": u64::try_from(elapsed).unwrap_or(u64::MAX),
        })
    }
}

/// Whether a call names this machine's loopback: a page from elsewhere that has its own name resolve
/// to this address does not.
fn is_local(headers: &http::HeaderMap) -> bool {
    let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else {
        return true;
    };
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let address = name.trim_matches(['[', ']']).parse();
    name.eq_ignore_ascii_case("localhost")
        || address.is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

/// Refuses a name that the contract does not have, with those that it has.
fn known<'a>(
    kind: &str,
    name: &str,
    mut all: impl Iterator<Item = &'a String> + Clone,
) -> Result<(), Refusal> {
    if all.clone().any(|own| own == name) {
        return Ok(());
    }
    let first = all.next().map_or("", String::as_str);
    let listed = all.fold(first.to_owned(), |list, own| format!("{list}, {own}"));
    let why = format!("there is no {kind} `{name}`; there are {listed}");
    Err(Refusal(404, "unknown", why))
}

fn parse<T: DeserializeOwned>(lever: &str, body: &[u8]) -> Result<T, Refusal> {
    asked::parse(lever, &OWN, body).map_err(|why| Refusal(400, "bad-body", why))
}

fn bad_body(lever: &str, why: &str) -> Refusal {
    Refusal(400, "bad-body", asked::misread(lever, &OWN, why))
}
