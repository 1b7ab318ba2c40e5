//! Endpoints, listeners and streams, over TCP and in memory.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use super::memory::{Backlog, MemoryPort};
use super::owner::Owner;

/// How long whoever accepts connections rests when the system refuses one, which it does when it is
/// short of something, like descriptors. The client waits in the backlog meanwhile.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// The transport of one run.
#[derive(Debug, Clone, Copy)]
pub enum Net {
    /// Pipes in memory: nothing of the system stands between their ends.
    Memory,
    /// Loopback TCP.
    Real,
}

/// Where something listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A TCP address.
    Tcp(SocketAddr),
    /// A port in this process.
    Memory(MemoryPort),
}

impl Net {
    /// Binds a listener: a port in memory of this name, or a free port on loopback.
    ///
    /// # Errors
    /// When the socket cannot be bound.
    pub fn bind(self, name: &str) -> io::Result<Listener> {
        match self {
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
            Self::Tcp(address) => address.to_string(),
            Self::Memory(port) => port.name.to_string(),
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
    Tcp(TcpListener),
    Memory(Backlog),
}

impl Listener {
    /// Binds. A port that was just closed can be bound again at once.
    ///
    /// # Errors
    /// When somebody else holds the address.
    pub fn bind(endpoint: &Endpoint) -> io::Result<Self> {
        match endpoint {
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
            Socket::Tcp(socket) => socket.poll_accept(cx).map(|accepted| {
                let (stream, _) = accepted?;
                stream.set_nodelay(true)?;
                Ok(Stream::Tcp(stream))
            }),
            Socket::Memory(backlog) => backlog.poll_accept(cx).map_ok(Stream::Memory),
        }
    }
}

/// A connection.
#[derive(Debug)]
pub enum Stream {
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
            Self::Memory(_) => None,
        }
    }

    /// Whose program is at its other end.
    pub(super) fn owner(&self) -> Owner {
        let ends = match self {
            Self::Tcp(stream) => stream.peer_addr().ok().zip(stream.local_addr().ok()),
            Self::Memory(_) => None,
        };
        ends.map_or(Owner::Own, |(client, own)| Owner::of(client, own))
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
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
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Memory(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Memory(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
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
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Memory(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_write_vectored(),
            Self::Memory(stream) => stream.is_write_vectored(),
        }
    }
}
