//! Connections that never leave the process, for two rooms of ours that talk in virtual time.
//!
//! A pipe in memory wakes its reader the moment it is written to, as a Unix-domain socket does, and
//! costs no system call. It is of use only where nobody needs a path to connect to.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::DuplexStream;
use tokio::sync::mpsc;

/// What one end may write before the other reads; about what a socket takes.
const CAPACITY: usize = 128 * 1024;

type Knock = mpsc::UnboundedSender<DuplexStream>;

/// Where somebody may listen. Clones are the same place.
#[derive(Debug, Clone)]
pub struct Place {
    pub(super) name: Arc<str>,
    door: Arc<Mutex<Option<Knock>>>,
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.door, &other.door)
    }
}

impl Eq for Place {}

impl Place {
    /// A place where nobody listens yet.
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            door: Arc::default(),
        }
    }

    /// Listens, unless somebody does.
    pub(super) fn listen(&self) -> io::Result<Arrivals> {
        let mut door = self.door.lock().unwrap_or_else(PoisonError::into_inner);
        if door.as_ref().is_some_and(|knock| !knock.is_closed()) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let (knock, arrivals) = mpsc::unbounded_channel();
        *door = Some(knock);
        Ok(Arrivals(Mutex::new(arrivals)))
    }

    /// Connects, if somebody listens.
    pub(super) fn connect(&self) -> io::Result<DuplexStream> {
        let (near, far) = tokio::io::duplex(CAPACITY);
        let door = self.door.lock().unwrap_or_else(PoisonError::into_inner);
        match &*door {
            Some(knock) if knock.send(far).is_ok() => Ok(near),
            _ => Err(io::ErrorKind::ConnectionRefused.into()),
        }
    }
}

/// Connections that wait to be accepted. Dropped, it refuses further ones.
#[derive(Debug)]
pub(super) struct Arrivals(Mutex<mpsc::UnboundedReceiver<DuplexStream>>);

impl Arrivals {
    pub(super) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<DuplexStream>> {
        let mut arrivals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let stream = ready!(arrivals.poll_recv(cx));
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
