//! One service's listener, which can really close and come back at the same address.

use std::future::poll_fn;
use std::io::{self, Cursor};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::sync::{Notify, watch};
use url::Url;

use super::exchange;
use super::listen::{Listen, Tls};
use super::lock::lock;
use super::names::{Homes, Names};
use super::state::State;
use super::upstream::{Link, Route};
use crate::domain::journal::{Fact, Insecure};
use crate::net::{Endpoint, Listener, Net, ServiceAddress, Stream};

/// One service, as the gateway serves it.
pub(super) struct Site {
    pub(super) state: Arc<State>,
    pub(super) service: String,
    pub(super) url: Url,
    pub(super) names: Names,
    pub(super) homes: Arc<Homes>,
    pub(super) base_path: String,
    pub(super) route: Route,
    pub(super) port: Port,
}

impl Site {
    pub(super) fn address(&self) -> ServiceAddress {
        ServiceAddress {
            url: self.url.clone(),
            via: Some(self.port.endpoint.clone()),
            certificate: self.port.tls.as_ref().and_then(|own| own.tls.told()),
        }
    }
}

/// A listener that may be closed for a while.
pub(super) struct Port {
    endpoint: Endpoint,
    listener: Mutex<Option<Listener>>,
    changed: Notify,
    cut: watch::Sender<()>,
    ended: AtomicBool,
    tls: Option<Secured>,
}

/// How a listener serves over TLS.
struct Secured {
    tls: Tls,
    /// What it shows while no client may trust it.
    stranger: Tls,
    trusted: AtomicBool,
}

impl Port {
    pub(super) fn bind(net: &Net, service: &str, listen: &Listen) -> io::Result<Self> {
        let listener = match listen.addresses.get(service) {
            Some(address) => Listener::bind(&Endpoint::Tcp(*address)).map_err(|error| {
                io::Error::new(
                    error.kind(),
                    format!("the service `{service}` cannot listen on {address}: {error}"),
                )
            })?,
            None => net.bind(&format!("gateway-{service}"))?,
        };
        Ok(Self {
            endpoint: listener.endpoint().clone(),
            listener: Mutex::new(Some(listener)),
            changed: Notify::new(),
            cut: watch::Sender::new(()),
            ended: AtomicBool::new(false),
            tls: listen.tls.clone().map(Secured::new).transpose()?,
        })
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn cuts(&self) -> watch::Receiver<()> {
        self.cut.subscribe()
    }

    /// Listens again at the same address.
    pub(super) fn open(&self) -> io::Result<()> {
        let mut listener = lock(&self.listener);
        if listener.is_none() && !self.ended.load(Ordering::Relaxed) {
            *listener = Some(Listener::bind(&self.endpoint)?);
            self.changed.notify_one();
        }
        Ok(())
    }

    /// Refuses from now on, and cuts what is connected.
    pub(super) fn close(&self) {
        if lock(&self.listener).take().is_some() {
            self.changed.notify_one();
            self.cut.send_replace(());
        }
    }

    /// Shows the certificate that its clients trust, or another, to whoever connects from now on;
    /// what is connected is cut.
    pub(super) fn trust(&self, trusted: bool) {
        if let Some(own) = &self.tls
            && own.trusted.swap(trusted, Ordering::Relaxed) != trusted
        {
            self.cut.send_replace(());
        }
    }

    /// Closes for good.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
        self.close();
        self.changed.notify_one();
    }

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Stream>> {
        match &*lock(&self.listener) {
            Some(listener) => listener.poll_accept(cx),
            None => Poll::Pending,
        }
    }
}

impl Secured {
    fn new(tls: Tls) -> io::Result<Self> {
        Ok(Self {
            tls,
            stranger: Tls::stranger()?,
            trusted: AtomicBool::new(true),
        })
    }
}

/// How long accepting rests when the system refuses, which it does when it is short of something.
const BREATH: Duration = Duration::from_millis(10);

/// Accepts connections until the port ends.
pub(super) async fn listen(site: Arc<Site>) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = site.port.changed.notified() => {
                if site.port.ended.load(Ordering::Relaxed) {
                    return;
                }
                continue;
            }
            accepted = poll_fn(|cx| site.port.poll_accept(cx)) => accepted,
        };
        match accepted {
            Ok(stream) => {
                // Whatever is cut from now on includes this connection, also before it is served.
                let cut = site.port.cuts();
                tokio::spawn(welcome(Arc::clone(&site), stream, cut));
            }
            Err(_) => tokio::time::sleep(BREATH).await,
        }
    }
}

/// Finds out what a client speaks. The harness's own calls are in plain text also where clients are
/// served over TLS.
async fn welcome(site: Arc<Site>, mut stream: Stream, mut cut: watch::Receiver<()>) {
    let Some(own) = &site.port.tls else {
        return serve(site, stream, cut, None).await;
    };
    let trusted = own.trusted.load(Ordering::Relaxed);
    let mut first = [0];
    let read = tokio::select! {
        biased;
        _ = cut.changed() => return,
        read = stream.read(&mut first) => read,
    };
    if !matches!(read, Ok(1)) {
        return;
    }
    let (rest, write) = tokio::io::split(stream);
    let stream = tokio::io::join(Cursor::new(first).chain(rest), write);
    if first != [TLS_HANDSHAKE] {
        return serve(site, stream, cut, Some(Insecure::Clear)).await;
    }
    let tls = if trusted { &own.tls } else { &own.stranger };
    let shaken = tokio::select! {
        biased;
        _ = cut.changed() => return,
        shaken = tls.acceptor().accept(stream) => shaken,
    };
    match shaken {
        Ok(stream) => {
            let insecure = (!trusted).then_some(Insecure::Untrusted);
            serve(site, stream, cut, insecure).await;
        }
        // A client that trusts no such certificate goes away.
        Err(error) => site.state.scribe.record(Fact::TlsRefused {
            service: site.service.clone(),
            why: error.to_string(),
        }),
    }
}

/// The first byte of a TLS connection (RFC 8446 §5.1).
const TLS_HANDSHAKE: u8 = 22;

/// Serves one connection until either side ends it, or a fault cuts it.
async fn serve<S>(
    site: Arc<Site>,
    stream: S,
    mut cut: watch::Receiver<()>,
    insecure: Option<Insecure>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let link = Arc::new(Link::default());
    let seen = cut.clone();
    let service = service_fn(move |request| {
        let client = exchange::Client {
            link: Arc::clone(&link),
            cut: seen.clone(),
            insecure,
        };
        exchange::carry(Arc::clone(&site), client, request)
    });
    let connection = http1::Builder::new()
        .preserve_header_case(true)
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    // An error here is the client's or a fault's doing, and stands in the journal as such.
    tokio::select! {
        biased;
        _ = cut.changed() => {}
        _ = &mut connection => {}
    }
}
