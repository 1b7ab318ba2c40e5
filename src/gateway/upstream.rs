//! Connections to the backend: one for each connection of a client.
//!
//! Requests that share a connection before the gateway share one behind it, so whatever a backend ties
//! to connections, and whatever happens to an idle one, is as it would be without the gateway.

use std::io;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue, Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tower_service::Service;

use super::body::{Payload, Upload};
use super::lock::lock;
use super::settings::Upstream;
use crate::domain::access::Proxy;
use crate::net::{Connector, Endpoint, Stream};

mod trust;

pub use trust::client_config;

/// How many headers an answer may have.
const MOST_HEADERS: usize = 2_000;

/// How a service's backend is reached.
pub(super) struct Route {
    /// `scheme://authority`.
    pub(super) origin: String,
    pub(super) authority: String,
    /// What is said along with every request, and never written down.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    dial: Dial,
    /// Only for `https`, because to prepare it costs more than a whole scenario.
    secure: Option<HttpsConnector<Connector>>,
}

impl Route {
    pub(super) fn new(upstream: Upstream) -> io::Result<Self> {
        let secure = upstream.scheme.eq_ignore_ascii_case("https");
        let default_port = if secure { 443 } else { 80 };
        let target = match upstream.via {
            Some(endpoint) => Target::Endpoint(endpoint),
            None => Target::host(&upstream.authority, default_port),
        };
        let access = &upstream.access;
        let through = access.proxy.as_ref().map(Through::new).transpose()?;
        let dial = Dial { target, through };
        let secure = secure
            .then(|| {
                let config = trust::client_config(access, true)?;
                let builder = HttpsConnectorBuilder::new().with_tls_config(config);
                let builder = builder.https_only().enable_http1();
                Ok::<_, io::Error>(builder.wrap_connector(dial.connector()))
            })
            .transpose()?;
        let headers = access.headers.iter().filter_map(|(name, value)| {
            let mut value = HeaderValue::from_str(value.expose()).ok()?;
            value.set_sensitive(true);
            Some((HeaderName::from_bytes(name.as_bytes()).ok()?, value))
        });
        let headers = headers.collect();
        Ok(Self {
            origin: format!("{}://{}", upstream.scheme, upstream.authority),
            authority: upstream.authority,
            headers,
            dial,
            secure,
        })
    }

    async fn connect(&self) -> Result<MaybeHttpsStream<TokioIo<Stream>>, String> {
        let Some(mut secure) = self.secure.clone() else {
            let stream = self.dial.connect().await.map_err(|it| it.to_string())?;
            return Ok(MaybeHttpsStream::Http(TokioIo::new(stream)));
        };
        let uri: Uri = self.origin.parse().map_err(|_| "no URL".to_owned())?;
        secure.call(uri).await.map_err(|error| error.to_string())
    }
}

/// What opening a connection to a backend comes to.
#[derive(Debug)]
pub enum Knocked {
    /// There is none, and why.
    Nobody(String),
    /// TLS is not spoken there as it should be, and why.
    Untrusted(String),
    /// There is one in plain text.
    Open,
    /// There is one over TLS.
    Secure {
        /// The backend's own certificate, in DER.
        certificate: Option<Vec<u8>>,
    },
}

/// Opens a connection as one for a request is opened, and asks nothing.
pub async fn knock(upstream: Upstream) -> Knocked {
    let is_secure = upstream.scheme.eq_ignore_ascii_case("https");
    let access = Arc::clone(&upstream.access);
    let dial = match Route::new(upstream) {
        Ok(route) => route.dial,
        Err(error) => return Knocked::Untrusted(error.to_string()),
    };
    let host = match &dial.target {
        Target::Host { host, .. } => host.clone(),
        Target::Endpoint(endpoint) => endpoint.authority(),
    };
    let stream = match dial.connect().await {
        Ok(stream) => stream,
        Err(error) => return Knocked::Nobody(error.to_string()),
    };
    if !is_secure {
        return Knocked::Open;
    }
    match trust::shake(&access, host, stream).await {
        Ok(certificate) => Knocked::Secure { certificate },
        Err(error) => Knocked::Untrusted(describe(&error)),
    }
}

/// Connects, to an endpoint or to a host by name, perhaps through a proxy.
#[derive(Clone)]
struct Dial {
    target: Target,
    through: Option<Through>,
}

/// A proxy that opens tunnels. What passes is the same for every scheme: sockets live as long there.
#[derive(Clone)]
struct Through {
    proxy: Uri,
    credentials: Option<HeaderValue>,
    dial: Target,
}

impl Through {
    fn new(proxy: &Proxy) -> io::Result<Self> {
        let credentials = proxy.credentials.as_ref().map(|(name, password)| {
            let pair = STANDARD.encode(format!("{}:{}", name.expose(), password.expose()));
            HeaderValue::from_str(&format!("Basic {pair}")).map_err(io::Error::other)
        });
        Ok(Self {
            proxy: proxy.url.as_str().parse().map_err(io::Error::other)?,
            credentials: credentials.transpose()?,
            dial: Target::host(proxy.url.authority(), 80),
        })
    }

    /// A connection to a host, with the proxy in between.
    async fn connect(&self, host: &str, port: u16) -> io::Result<Stream> {
        let literal = host.contains(':');
        let authority = match literal {
            true => format!("[{host}]:{port}"),
            false => format!("{host}:{port}"),
        };
        let to = Uri::builder().scheme("http").authority(authority);
        let to = to.path_and_query("/").build().map_err(io::Error::other)?;
        let straight = Dial {
            target: self.dial.clone(),
            through: None,
        };
        let mut tunnel = Tunnel::new(self.proxy.clone(), straight.connector());
        if let Some(credentials) = &self.credentials {
            tunnel = tunnel.with_auth(credentials.clone());
        }
        let opened = tunnel.call(to).await;
        let opened = opened.map_err(|why| {
            io::Error::other(format!("the proxy opened no tunnel: {}", describe(&why)))
        })?;
        Ok(opened.into_inner())
    }
}

#[derive(Clone)]
enum Target {
    Endpoint(Endpoint),
    Host { host: String, port: u16 },
}

impl Target {
    fn host(authority: &str, default_port: u16) -> Self {
        let authority = authority.rsplit('@').next().unwrap_or_default();
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().unwrap_or(default_port))
            }
            _ => (authority, default_port),
        };
        Self::Host {
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
        }
    }

    async fn connect(&self) -> io::Result<Stream> {
        match self {
            Self::Endpoint(endpoint) => endpoint.connect().await,
            Self::Host { host, port } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                Ok(Stream::Tcp(stream))
            }
        }
    }
}

impl Dial {
    async fn connect(&self) -> io::Result<Stream> {
        match (&self.target, &self.through) {
            (Target::Host { host, port }, Some(through)) => through.connect(host, *port).await,
            (target, _) => target.connect().await,
        }
    }

    fn connector(&self) -> Connector {
        let dial = self.clone();
        Connector::new(move || {
            let dial = dial.clone();
            async move { dial.connect().await }
        })
    }
}

/// The backend's end of one client connection; empty until the first request.
#[derive(Default)]
pub(super) struct Link {
    wire: Mutex<Option<Wire>>,
}

/// One open connection. Dropping it closes it, whatever is under way.
pub(super) struct Wire {
    sender: http1::SendRequest<Payload<Upload>>,
    driver: AbortHandle,
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Link {
    /// Sends a request and waits for the answer's head. Dropping the future ends the connection.
    ///
    /// The connection stays with the link, except after an upgrade: then it is handed over with the
    /// answer and must be kept as long as the upgraded stream is wanted.
    pub(super) async fn send(
        &self,
        route: &Route,
        request: Request<Payload<Upload>>,
    ) -> Result<(Response<Incoming>, Option<Wire>), String> {
        let mut wire = self.wire(route).await?;
        let response = wire
            .sender
            .send_request(request)
            .await
            .map_err(|error| describe(&error))?;
        if response.status() == http::StatusCode::SWITCHING_PROTOCOLS {
            return Ok((response, Some(wire)));
        }
        *lock(&self.wire) = Some(wire);
        Ok((response, None))
    }

    async fn wire(&self, route: &Route) -> Result<Wire, String> {
        let kept = lock(&self.wire).take();
        if let Some(mut wire) = kept
            && wire.sender.ready().await.is_ok()
        {
            return Ok(wire);
        }
        let io = route.connect().await?;
        let (sender, connection) = http1::Builder::new()
            .preserve_header_case(true)
            .max_headers(MOST_HEADERS)
            .handshake(io)
            .await
            .map_err(|error| describe(&error))?;
        // Its errors come out of the request or body that they hit.
        let driver = tokio::spawn(async move {
            let _ = connection.with_upgrades().await;
        });
        Ok(Wire {
            sender,
            driver: driver.abort_handle(),
        })
    }
}

/// An error with its causes, in one line.
pub(super) fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}
