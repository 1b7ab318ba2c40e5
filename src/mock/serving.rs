//! HTTP/1.1 on one listener, until it is stopped.
//!
//! Everything that a running listener has spawned holds a [`Shutdown`]. Stopping requests it and waits
//! until nobody holds it any more: after that the listener is closed and every connection is cut.

use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use crate::net::{ACCEPT_PAUSE, Listener, Stream};

/// How long a request's head may be, and how much is read at once, in bytes: Node takes heads of 16 KiB.
const LONGEST_HEAD: usize = 64 * 1024;

/// The exchange is cut without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection was cut")]
pub(super) struct Cut;

/// The end of a listener, held by everything that ends with it.
#[derive(Clone)]
pub(super) struct Shutdown(watch::Receiver<bool>);

impl Shutdown {
    /// Completes when the listener is to stop, or the mock is gone.
    pub(super) async fn requested(&mut self) {
        let _ = self.0.wait_for(|stopped| *stopped).await;
    }
}

/// A listener that runs.
pub(super) struct Running(watch::Sender<bool>);

impl Running {
    /// Accepts connections and hands each to `serve`.
    pub(super) fn start<F, Done>(listener: Listener, serve: F) -> Self
    where
        F: Fn(Stream, Shutdown) -> Done + Send + Sync + 'static,
        Done: Future<Output = ()> + Send + 'static,
    {
        let (sender, receiver) = watch::channel(false);
        let mut shutdown = Shutdown(receiver);
        tokio::spawn(async move {
            let spare = shutdown.clone();
            let accept = async {
                loop {
                    let Ok(stream) = listener.accept().await else {
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                        continue;
                    };
                    let mut shutdown = spare.clone();
                    let served = serve(stream, shutdown.clone());
                    tokio::spawn(async move {
                        tokio::select! {
                            biased;
                            () = shutdown.requested() => {}
                            () = served => {}
                        }
                    });
                }
            };
            tokio::select! {
                biased;
                () = shutdown.requested() => {}
                () = accept => {}
            }
            // The shutdown is let go of only after the socket is closed.
            drop(listener);
            drop(spare);
            drop(shutdown);
        });
        Self(sender)
    }

    /// For one more task that ends with the listener.
    pub(super) fn shutdown(&self) -> Shutdown {
        Shutdown(self.0.subscribe())
    }

    /// Closes the listener and cuts every connection.
    pub(super) async fn stop(self) {
        self.0.send_replace(true);
        self.0.closed().await;
    }
}

/// Serves HTTP/1.1 on one connection.
pub(super) async fn serve<S, F, Done, B>(stream: S, answer: F)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Fn(Request<Incoming>) -> Done,
    Done: Future<Output = Result<Response<B>, Cut>>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let connection = http1::Builder::new()
        .auto_date_header(false)
        .max_buf_size(LONGEST_HEAD)
        .serve_connection(TokioIo::new(stream), service_fn(answer))
        .with_upgrades();
    // However it ended, the client has noticed it itself.
    let _ = connection.await;
}

/// The first `limit` bytes of a body.
pub(super) async fn read(mut body: Incoming, limit: usize) -> Result<Vec<u8>, hyper::Error> {
    // As much as there will be: one that grows takes twice that on its way.
    let announced = body.size_hint().lower();
    let mut bytes =
        Vec::with_capacity(usize::try_from(announced).map_or(limit, |own| own.min(limit)));
    while bytes.len() < limit
        && let Some(frame) = body.frame().await
    {
        if let Some(data) = frame?.data_ref() {
            bytes.extend_from_slice(&data[..data.len().min(limit - bytes.len())]);
        }
    }
    Ok(bytes)
}
