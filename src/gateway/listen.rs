//! Where a gateway listens, and under which names.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use super::bounds::Limits;
use crate::net::Tls;

/// Where a gateway listens, and under which names its clients find it.
#[derive(Debug, Clone, Default)]
pub struct Listen {
    /// Addresses by service; a service that is not named takes a free one.
    pub addresses: BTreeMap<String, SocketAddr>,
    /// Names of this machine that clients may use beside its loopback names, the one to be told
    /// first.
    pub names: Vec<Name>,
    /// What clients may be served with over TLS.
    pub tls: Option<Tls>,
    /// What is taken from clients at most.
    pub limits: Limits,
    /// Addresses whose connections are taken beside this machine's own; everybody's where none is named.
    pub allowed: Vec<IpAddr>,
}

/// A name of the machine, by which clients reach the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    pub(super) host: String,
    /// The port that somebody forwards to it; without one, any.
    pub(super) port: Option<u16>,
}

impl Name {
    /// The host as it stands in a URL.
    pub(super) fn written(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        }
    }
}

/// Why a text is no name of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name is a host, with a port or without: `10.0.2.2`, `localhost:8080`, `[::1]:8080`")]
pub struct NoName;

impl std::str::FromStr for Name {
    type Err = NoName;

    fn from_str(text: &str) -> Result<Self, NoName> {
        let is_address = text.parse::<std::net::Ipv6Addr>().is_ok();
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !is_address && !text.ends_with(']') => {
                (host, Some(port.parse().map_err(|_| NoName)?))
            }
            _ => (text, None),
        };
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let host = bare.unwrap_or(host);
        let fits = |letter: char| letter.is_ascii_alphanumeric() || "-._:".contains(letter);
        if host.is_empty()
            || !host.chars().all(fits)
            || (host.contains(':') && bare.is_none() && !is_address)
        {
            return Err(NoName);
        }
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }
}
