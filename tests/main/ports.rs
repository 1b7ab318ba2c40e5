//! Ports for programs that have to be told one.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpSocket;

/// A port that the system gives to nobody else while this lives, and that refuses connections until somebody
/// listens there.
///
/// A port that was found free and let go can be another's a moment later. This one is bound and never listens. On
/// Linux a program that is told the number can listen there all the same, because both have `SO_REUSEADDR`, as
/// listeners of Rust, nginx and Slurm do (socket(7)). Elsewhere two sockets of one address exclude each other, and the port
/// is let go at once.
pub(crate) struct Reserved {
    address: SocketAddr,
    _held: Option<TcpSocket>,
}

impl Reserved {
    pub(crate) fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        Self {
            address: socket.local_addr().unwrap(),
            _held: cfg!(target_os = "linux").then_some(socket),
        }
    }

    /// `127.0.0.1` and the port.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }
}
