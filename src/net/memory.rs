//! Connections that never leave the process, for whoever talks in virtual time.
//!
//! A pipe wakes its reader the moment it is written to or dropped, so a paused clock never runs ahead of
//! what is under way. No socket of the system does that: where another thread starts a process, that
//! process holds a copy of every open socket until it runs its program, and for so long a connection that
//! was dropped here is not closed to its other end.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::DuplexStream;
use tokio::sync::mpsc;

/// What one end may write before the other reads; about what a socket takes.
const CAPACITY: usize = 128 * 1024;

/// Where somebody may listen. Clones are the same port.
#[derive(Debug, Clone)]
pub struct MemoryPort {
    pub(super) name: Arc<str>,
    listener: Arc<Mutex<Option<mpsc::UnboundedSender<DuplexStream>>>>,
}

impl PartialEq for MemoryPort {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.listener, &other.listener)
    }
}

impl Eq for MemoryPort {}

impl MemoryPort {
    /// A port where nobody listens yet.
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            listener: Arc::default(),
        }
    }

    /// Listens, unless somebody does.
    pub(super) fn listen(&self) -> io::Result<Backlog> {
        let mut listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        if listener.as_ref().is_some_and(|sender| !sender.is_closed()) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let (sender, backlog) = mpsc::unbounded_channel();
        *listener = Some(sender);
        Ok(Backlog(Mutex::new(backlog)))
    }

    /// Connects, if somebody listens.
    pub(super) fn connect(&self) -> io::Result<DuplexStream> {
        let (near, far) = tokio::io::duplex(CAPACITY);
        let listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        match &*listener {
            Some(sender) if sender.send(far).is_ok() => Ok(near),
            _ => Err(io::ErrorKind::ConnectionRefused.into()),
        }
    }
}

/// Connections that wait to be accepted. Dropped, it refuses further ones.
#[derive(Debug)]
pub(super) struct Backlog(Mutex<mpsc::UnboundedReceiver<DuplexStream>>);

impl Backlog {
    pub(super) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<DuplexStream>> {
        let mut backlog = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let stream = ready!(backlog.poll_recv(cx));
        Poll::Ready(stream.ok_or_else(|| io::ErrorKind::ConnectionAborted.into()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use crate::net::{Endpoint, Listener, Net};

    #[tokio::test(start_paused = true)]
    async fn a_place_is_connected_to_while_somebody_listens_and_can_be_listened_at_again() {
        let listener = Net::Memory.bind("mock").unwrap();
        let endpoint = listener.endpoint().clone();
        assert_eq!(endpoint.authority(), "mock");
        assert!(Listener::bind(&endpoint).is_err());
        let mut near = endpoint.connect().await.unwrap();
        let mut far = listener.accept().await.unwrap();
        near.write_all(b"hello").await.unwrap();
        let mut read = [0; 5];
        far.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"hello");
        drop(far);
        assert_eq!(near.read(&mut read).await.unwrap(), 0);
        drop(listener);
        let refused = endpoint.connect().await.map(|_| ()).unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
        let again = Listener::bind(&endpoint).unwrap();
        assert!(matches!(again.endpoint(), Endpoint::Memory(_)));
        assert!(endpoint.connect().await.is_ok());
    }
}
