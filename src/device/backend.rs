//! A tiny backend for this room's tests: one listener, and a function from requests to answers. It
//! waits on the clock of its tests, all of which let virtual time pass (`start_paused = true`).

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;
use url::Url;

use crate::net::ServiceAddress;
use crate::net::{Endpoint, Listener, Net};

/// A request, as it arrived.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: http::HeaderMap,
    pub(super) body: Bytes,
}

impl Seen {
    pub(super) fn path(&self) -> &str {
        self.target.split('?').next().unwrap()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// What is done with a request.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    Answer(u16, Vec<(&'static str, String)>, Bytes),
    Later(Duration, Box<Reply>),
    Never,
}

impl Reply {
    pub(super) fn json(status: u16, body: &serde_json::Value) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self::Answer(status, headers, body.to_string().into())
    }
}

/// The running backend. Dropping it closes the listener and every connection.
pub(super) struct Backend {
    endpoint: Endpoint,
    base_path: &'static str,
    seen: Arc<Mutex<Vec<Seen>>>,
    _serving: JoinSet<()>,
}

impl Backend {
    pub(super) fn start(
        net: Net,
        name: &str,
        base_path: &'static str,
        reply: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = net.bind(name).unwrap();
        let endpoint = listener.endpoint().clone();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, Arc::new(reply), Arc::clone(&seen)));
        Self {
            endpoint,
            base_path,
            seen,
            _serving: serving,
        }
    }

    pub(super) fn address(&self) -> ServiceAddress {
        let url = format!("http://{}{}", self.endpoint.authority(), self.base_path);
        ServiceAddress {
            url: Url::parse(&url).unwrap(),
            via: Some(self.endpoint.clone()),
            certificate: None,
        }
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(
    listener: Listener,
    reply: Arc<impl Fn(&Seen) -> Reply + Send + Sync + 'static>,
    seen: Arc<Mutex<Vec<Seen>>>,
) {
    let mut connections = JoinSet::new();
    while let Ok(stream) = listener.accept().await {
        let (reply, seen) = (Arc::clone(&reply), Arc::clone(&seen));
        connections.spawn(async move {
            let service = hyper::service::service_fn(move |request| {
                answer(request, Arc::clone(&reply), Arc::clone(&seen))
            });
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    reply: Arc<impl Fn(&Seen) -> Reply>,
    seen: Arc<Mutex<Vec<Seen>>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let request = Seen {
        method: head.method.to_string(),
        target: head.uri.to_string(),
        headers: head.headers,
        body: body.collect().await.unwrap().to_bytes(),
    };
    let mut what = reply(&request);
    seen.lock().unwrap().push(request);
    loop {
        match what {
            Reply::Answer(status, headers, body) => {
                let mut response = Response::builder().status(status);
                for (name, value) in headers {
                    response = response.header(name, value);
                }
                return Ok(response.body(Full::new(body)).unwrap());
            }
            Reply::Later(delay, then) => {
                tokio::time::sleep(delay).await;
                what = *then;
            }
            Reply::Never => std::future::pending().await,
        }
    }
}
