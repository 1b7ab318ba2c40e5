//! Whose program is at the other end of a connection within this machine.
//!
//! Linux says it in `/proc/net/tcp` and `/proc/net/tcp6`: a line for each socket of this network namespace, with both
//! addresses in hexadecimal words of the machine's own byte order, the user, and an inode, which a socket has as long as a
//! program holds it (`proc_pid_net(5)`). Other systems are not asked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Stream;

/// Who holds the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The user who runs this, or root; or a system that does not say.
    Own,
    /// Another user of this machine.
    Other(u32),
    /// Nobody any more: whoever sent something and left at once cannot be told from another user.
    Gone,
}

/// Whose programs are let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Users {
    /// Those of the user who runs this, and root's.
    Own,
    /// Everybody's on this machine.
    Any,
}

impl Users {
    /// Who holds the other end of a connection, as far as that matters.
    #[must_use]
    pub fn owner(self, stream: &Stream) -> Owner {
        match self {
            Self::Own => stream.owner(),
            Self::Any => Owner::Own,
        }
    }
}

impl Owner {
    /// That of the connection between these two addresses, the other end's first.
    pub(super) fn of(client: SocketAddr, own: SocketAddr) -> Self {
        let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(std::fs::read_to_string);
        let tables: Vec<&str> = tables.iter().flatten().map(String::as_str).collect();
        Self::told(&tables, (client, own), user())
    }

    /// What the tables say, to somebody who is this user.
    fn told(tables: &[&str], (client, own): (SocketAddr, SocketAddr), user: u32) -> Self {
        let ends = (canonical(client), canonical(own));
        let sockets = || {
            tables
                .iter()
                .flat_map(|table| table.lines())
                .filter_map(Socket::read)
        };
        // A table that lacks our own end lacks others, too.
        if !sockets().any(|it| (it.remote, it.local) == ends) {
            return Self::Own;
        }
        let other = sockets().find(|it| (it.local, it.remote) == ends && it.inode != 0);
        match other {
            None => Self::Gone,
            Some(socket) if socket.user == user || socket.user == 0 => Self::Own,
            Some(socket) => Self::Other(socket.user),
        }
    }
}

#[cfg(target_os = "linux")]
fn user() -> u32 {
    nix::unistd::geteuid().as_raw()
}

#[cfg(not(target_os = "linux"))]
fn user() -> u32 {
    0
}

/// A line of a table.
struct Socket {
    local: SocketAddr,
    remote: SocketAddr,
    user: u32,
    inode: u64,
}

impl Socket {
    fn read(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        Some(Self {
            local: address(words.nth(1)?)?,
            remote: address(words.next()?)?,
            // After the state, both queues, the timer and the retransmissions.
            user: words.nth(4)?.parse().ok()?,
            // After the time-out.
            inode: words.nth(1)?.parse().ok()?,
        })
    }
}

/// An address as the tables write it: `0100007F:1F90`.
fn address(text: &str) -> Option<SocketAddr> {
    let (words, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        let digits = words.get(at * 8..at * 8 + 8)?;
        u32::from_str_radix(digits, 16).ok().map(u32::to_ne_bytes)
    };
    let ip = match words.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let bytes = [word(0)?, word(1)?, word(2)?, word(3)?].concat();
            IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?))
        }
        _ => return None,
    };
    Some(canonical(SocketAddr::new(ip, port)))
}

/// An address of version 4 that is written as one of version 6 is the same.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Port 8080 of loopback is ours, 40,000 to 40,005 are clients.
    #[cfg(target_endian = "little")]
    const TABLES: [&str; 2] = [
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
           0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 11 1 0 100 0 0 10 0\n\
           1: 0100007F:1F90 0100007F:9C40 01 00000000:00000000 00:00000000 00000000  1000        0 12 1 0 20 4 30 10 -1\n\
           2: 0100007F:9C40 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 13 1 0 20 4 30 10 -1\n\
           3: 0100007F:1F90 0100007F:9C41 01 00000000:00000000 00:00000000 00000000  1000        0 14 1 0 20 4 30 10 -1\n\
           4: 0100007F:9C41 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1001        0 15 1 0 20 4 30 10 -1\n\
           5: 0100007F:1F90 0100007F:9C42 08 00000000:00000000 00:00000000 00000000  1000        0 16 1 0 20 4 30 10 -1\n\
           6: 0100007F:9C42 0100007F:1F90 05 00000000:00000000 03:00000F00 00000000     0        0 0 3 0\n\
           7: 0100007F:1F90 0100007F:9C43 01 00000000:00000000 00:00000000 00000000  1000        0 17 1 0 20 4 30 10 -1\n\
           8: 0100007F:1F90 0100007F:9C44 01 00000000:00000000 00:00000000 00000000  1000        0 18 1 0 20 4 30 10 -1\n\
           9: 0100007F:9C44 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 19 1 0 20 4 30 10 -1\n",
        "   0: 0000000000000000FFFF00000100007F:9C43 0000000000000000FFFF00000100007F:1F90 01 00000000:00000000 00:00000000 00000000  1002        0 20 1 0 20 4 30 10 -1\n\
            half a line\n 1: zz:1 0:2 01\n",
    ];

    #[cfg(target_endian = "little")]
    #[test]
    fn a_connection_is_that_of_who_holds_its_other_end() {
        let own = SocketAddr::from(([127, 0, 0, 1], 8080));
        let of = |port| {
            let client = SocketAddr::from(([127, 0, 0, 1], port));
            Owner::told(&TABLES, (client, own), 1000)
        };
        assert_eq!(of(40_000), Owner::Own);
        assert_eq!(of(40_001), Owner::Other(1001));
        assert_eq!(of(40_002), Owner::Gone, "it was closed at once");
        assert_eq!(of(40_003), Owner::Other(1002), "written as version 6");
        assert_eq!(of(40_004), Owner::Own, "root may anything");
        assert_eq!(of(40_005), Owner::Own, "such a table says nothing");
        assert_eq!(Owner::told(&[], (own, own), 1000), Owner::Own);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_connection_of_this_process_is_its_own_until_it_is_closed() {
        for any in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = std::net::TcpListener::bind(any) else {
                continue; // There is no version 6 everywhere.
            };
            let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (served, from) = listener.accept().unwrap();
            let own = served.local_addr().unwrap();
            assert_eq!(Owner::of(from, own), Owner::Own);
            let stranger = user() + 1;
            let tables = ["/proc/net/tcp", "/proc/net/tcp6"]
                .map(|table| std::fs::read_to_string(table).unwrap_or_default());
            let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
            let expected = if user() == 0 {
                Owner::Own
            } else {
                Owner::Other(user())
            };
            assert_eq!(Owner::told(&tables, (from, own), stranger), expected);
            drop(client);
            // A process that another thread starts holds a copy of it until it runs its program.
            while Owner::of(from, own) != Owner::Gone {
                std::thread::yield_now();
            }
        }
    }
}
