//! One service's listener, which can really close and come back at the same address.

use std::future::poll_fn;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tokio::sync::{Notify, watch};

use super::listen::Listen;
use super::lock::lock;
use crate::net::{Endpoint, Listener, Net, Stream, Tls};

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
    pub(super) fn bind(net: Net, service: &str, listen: &Listen) -> io::Result<Self> {
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

    /// The certificate, in DER, that its clients are told to trust.
    pub(super) fn certificate(&self) -> Option<Arc<[u8]>> {
        self.tls.as_ref().and_then(|own| own.tls.told())
    }

    /// Tells when what is connected is cut.
    pub(super) fn cuts(&self) -> watch::Receiver<()> {
        self.cut.subscribe()
    }

    /// What it shows to whoever speaks TLS now, and whether clients may trust that; `None` where
    /// clients are served in plain text.
    pub(super) fn tls(&self) -> Option<(&Tls, bool)> {
        let own = self.tls.as_ref()?;
        let trusted = own.trusted.load(Ordering::Relaxed);
        Some((if trusted { &own.tls } else { &own.stranger }, trusted))
    }

    /// Waits for a connection; `None` once the port has ended.
    pub(super) async fn accept(&self) -> Option<io::Result<Stream>> {
        loop {
            tokio::select! {
                biased;
                () = self.changed.notified() => {
                    if self.ended.load(Ordering::Relaxed) {
                        return None;
                    }
                }
                accepted = poll_fn(|cx| self.poll_accept(cx)) => return Some(accepted),
            }
        }
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
