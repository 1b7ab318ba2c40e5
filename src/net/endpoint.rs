//! Endpoints, listeners and streams over Unix-domain sockets, TCP and memory.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use super::memory::{Backlog, MemoryPort};

/// How long whoever accepts connections rests when the system refuses one, which it does when it is
/// short of something, like descriptors. The client waits in the backlog meanwhile.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// The transport of one run.
#[derive(Debug, Clone)]
pub enum Net {
    /// Unix-domain sockets in a folder of the run's own, removed with it.
    Virtual(Arc<TempDir>),
    /// Pipes in memory, between peers that both connect by [`Endpoint::connect`].
    Memory,
    /// Loopback TCP.
    Real,
}

/// Where something listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A Unix-domain socket.
    Unix(PathBuf),
    /// A TCP address.
    Tcp(SocketAddr),
    /// A port in this process.
    Memory(MemoryPort),
}

impl Net {
    /// Unix-domain sockets in a fresh folder.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn virtual_time() -> io::Result<Self> {
        Ok(Self::Virtual(Arc::new(TempDir::with_prefix("rehearsal-")?)))
    }

    /// Binds a listener: a socket or a port of this name, or a free port on loopback.
    ///
    /// # Errors
    /// When the socket cannot be bound.
    pub fn bind(&self, name: &str) -> io::Result<Listener> {
        match self {
            Self::Virtual(folder) => Listener::bind(&Endpoint::Unix(folder.path().join(name))),
            Self::Memory => Listener::bind(&Endpoint::Memory(MemoryPort::new(name))),
            Self::Real => Listener::bind(&Endpoint::Tcp(SocketAddr::from(([127, 0, 0, 1], 0)))),
        }
    }
}

impl Endpoint {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens.
    pub async fn connect(&self) -> io::Result<Stream> {
        match self {
            Self::Unix(path) => UnixStream::connect(path).await.map(Stream::Unix),
            Self::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Ok(Stream::Tcp(stream))
            }
            Self::Memory(port) => port.connect().map(Stream::Memory),
        }
    }

    /// The `host:port` that URLs and `Host` headers use. What is no TCP
    /// address has neither, so its name stands for it.
    #[must_use]
    pub fn authority(&self) -> String {
        match self {
            Self::Unix(path) => path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default(),
            Self::Tcp(address) => address.to_string(),
            Self::Memory(port) => port.name.to_string(),
        }
    }

    /// The Unix-domain socket's path, if it is one.
    #[must_use]
    pub fn unix_path(&self) -> Option<&Path> {
        match self {
            Self::Unix(path) => Some(path),
            Self::Tcp(_) | Self::Memory(_) => None,
        }
    }
}

/// A bound listener. Dropping it closes it: later connects are refused.
#[derive(Debug)]
pub struct Listener {
    endpoint: Endpoint,
    socket: Socket,
}

#[derive(Debug)]
enum Socket {
    Unix(UnixListener),
    Tcp(TcpListener),
    Memory(Backlog),
}

impl Listener {
    /// Binds. A TCP port that was just closed can be bound again at once, and so can a
    /// Unix-domain socket's path.
    ///
    /// # Errors
    /// When somebody else holds the address.
    pub fn bind(endpoint: &Endpoint) -> io::Result<Self> {
        match endpoint {
            Endpoint::Unix(path) => {
                let socket = UnixListener::bind(path)?;
                Ok(Self {
                    endpoint: endpoint.clone(),
                    socket: Socket::Unix(socket),
                })
            }
            Endpoint::Tcp(address) => {
                let socket = if address.is_ipv4() {
                    tokio::net::TcpSocket::new_v4()?
                } else {
                    tokio::net::TcpSocket::new_v6()?
                };
                socket.set_reuseaddr(true)?;
                socket.bind(*address)?;
                let socket = socket.listen(1024)?;
                let endpoint = Endpoint::Tcp(socket.local_addr()?);
                Ok(Self {
                    endpoint,
                    socket: Socket::Tcp(socket),
                })
            }
            Endpoint::Memory(port) => Ok(Self {
                endpoint: endpoint.clone(),
                socket: Socket::Memory(port.listen()?),
            }),
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Waits for the next connection.
    ///
    /// # Errors
    /// When the system cannot accept one.
    pub async fn accept(&self) -> io::Result<Stream> {
        std::future::poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// Asks for the next connection, for whoever must be able to close the listener while it waits.
    ///
    /// # Errors
    /// When the system cannot accept one.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Stream>> {
        match &self.socket {
            Socket::Unix(socket) => socket
                .poll_accept(cx)
                .map_ok(|(stream, _)| Stream::Unix(stream)),
            Socket::Tcp(socket) => socket.poll_accept(cx).map(|accepted| {
                let (stream, _) = accepted?;
                stream.set_nodelay(true)?;
                Ok(Stream::Tcp(stream))
            }),
            Socket::Memory(backlog) => backlog.poll_accept(cx).map_ok(Stream::Memory),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Endpoint::Unix(path) = &self.endpoint {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// A connection.
#[derive(Debug)]
pub enum Stream {
    /// Over a Unix-domain socket.
    Unix(UnixStream),
    /// Over TCP.
    Tcp(TcpStream),
    /// Within this process.
    Memory(DuplexStream),
}

impl Stream {
    /// The address at its other end, if it has one.
    #[must_use]
    pub fn peer(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(stream) => stream.peer_addr().ok().map(|address| address.ip()),
            Self::Unix(_) | Self::Memory(_) => None,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Memory(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Memory(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Memory(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Memory(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Memory(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Unix(stream) => stream.is_write_vectored(),
            Self::Tcp(stream) => stream.is_write_vectored(),
            Self::Memory(stream) => stream.is_write_vectored(),
        }
    }
}
