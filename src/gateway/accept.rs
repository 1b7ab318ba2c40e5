//! Clients' connections: let in, asked what they speak, and served until either side ends them.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use super::body::within;
use super::bounds::Seat;
use super::exchange::{self, Client};
use super::heard::Heard;
use super::service::Service;
use super::upstream::Link;
use crate::domain::journal::{Bound, Fact, Insecure};
use crate::net::{ACCEPT_PAUSE, Begun, Stream};

/// Accepts connections until the service's port ends.
pub(super) async fn listen(service: Arc<Service>) {
    while let Some(accepted) = service.port.accept().await {
        match accepted {
            Ok(stream) => {
                // Whatever is cut from now on includes this connection, also before it is served.
                let cut = service.port.cuts();
                match service.state.bounds.seat(stream.peer()) {
                    Ok(seat) => {
                        tokio::spawn(welcome(Arc::clone(&service), Seated { stream, seat }, cut));
                    }
                    Err(full) if full.is_new => service.refuse(full.bound, full.most),
                    Err(_) => {}
                }
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// A connection on its seat, which it keeps as long as it lasts.
struct Seated {
    stream: Stream,
    seat: Seat,
}

/// Finds out what a client speaks. The harness's own calls are in plain text also where clients are
/// served over TLS.
async fn welcome(service: Arc<Service>, seated: Seated, mut cut: watch::Receiver<()>) {
    let Seated { stream, seat } = seated;
    let Some((tls, trusted)) = service.port.tls() else {
        return serve(service, (stream, seat), cut, None).await;
    };
    let head = service.state.bounds.limits.head;
    let begun = tokio::select! {
        biased;
        _ = cut.changed() => return,
        begun = within(head, Begun::of(stream)) => begun,
    };
    let Some(Some(Begun { stream, speaks_tls })) = begun else {
        return;
    };
    if !speaks_tls {
        return serve(service, (stream, seat), cut, Some(Insecure::Clear)).await;
    }
    let shaken = tokio::select! {
        biased;
        _ = cut.changed() => return,
        shaken = within(head, tls.acceptor().accept(stream)) => shaken,
    };
    let Some(shaken) = shaken else {
        return service.refuse(Bound::Head, seconds(head));
    };
    match shaken {
        Ok(stream) => {
            let insecure = (!trusted).then_some(Insecure::Untrusted);
            serve(service, (stream, seat), cut, insecure).await;
        }
        // A client that trusts no such certificate goes away.
        Err(error) => service.state.scribe.record(Fact::TlsRefused {
            service: service.name.clone(),
            why: error.to_string(),
        }),
    }
}

/// How many headers a request may have, and how long its head may be: far above what any app sends, and
/// what any server takes (Node 16 KiB, nginx 32, Envoy 96 at most). It is also what is read at once of a body.
const MOST_HEADERS: usize = 2_000;
const LONGEST_HEAD: usize = 128 * 1024;

/// Serves one connection until either side ends it, or a fault cuts it.
async fn serve<S>(
    service: Arc<Service>,
    (stream, seat): (S, Seat),
    mut cut: watch::Receiver<()>,
    insecure: Option<Insecure>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let told = Arc::clone(&service);
    let link = Arc::new(Link::default());
    let seen = cut.clone();
    let carry = service_fn(move |request| {
        let client = Client {
            link: Arc::clone(&link),
            cut: seen.clone(),
            insecure,
        };
        exchange::carry(Arc::clone(&service), client, request)
    });
    let heard = Heard::default();
    let head = told.state.bounds.limits.head;
    let mut builder = http1::Builder::new();
    if let Some(head) = head {
        builder.timer(TokioTimer::new()).header_read_timeout(head);
    }
    let connection = builder
        .preserve_header_case(true)
        .auto_date_header(false)
        .max_headers(MOST_HEADERS)
        .max_buf_size(LONGEST_HEAD)
        .serve_connection(TokioIo::new(heard.listen_to(stream, seat)), carry)
        .with_upgrades();
    tokio::pin!(connection);
    // Any other error here is the client's or a fault's doing, and stands in the journal as such.
    let ended = tokio::select! {
        biased;
        _ = cut.changed() => return,
        ended = &mut connection => ended,
    };
    let Err(error) = ended else {
        return;
    };
    // Whoever was only idle is not refused anything.
    if error.is_timeout() && heard.is_amid() {
        told.refuse(Bound::Head, seconds(head));
    } else if error.is_parse() {
        let unreadable = heard.unreadable(&told.name, &error, &told.state.scribe);
        told.state.scribe.record(Fact::Unreadable(unreadable));
    }
}

fn seconds(limit: Option<Duration>) -> usize {
    limit.map_or(0, |limit| limit.as_secs() as usize)
}
