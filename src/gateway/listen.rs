//! Where a gateway listens, and the certificate it shows there.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::bounds::Limits;

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

/// The gateway's own certificate, for clients that are told to trust it.
const OWN: &[u8] = include_bytes!("../../fixtures/keys/gateway-test-only.pem");
/// The certificate that no client may trust.
const STRANGER: &[u8] = include_bytes!("../../fixtures/keys/stranger-test-only.pem");

/// A certificate and its key.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    /// What clients are told to trust, when it is the gateway's own.
    told: Option<Arc<[u8]>>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Tls")
    }
}

impl Tls {
    /// Reads a certificate chain and its private key, both as PEM.
    ///
    /// # Errors
    /// When a file cannot be read, holds nothing of the kind, or they do not belong together.
    pub fn read(certificate: &Path, key: &Path) -> io::Result<Self> {
        let about = |path: &Path, why: &dyn fmt::Display| {
            io::Error::other(format!("{}: {why}", path.display()))
        };
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect)
            .map_err(|error| about(certificate, &error))?;
        let private = PrivateKeyDer::from_pem_file(key).map_err(|error| about(key, &error))?;
        Self::of(chain, private).map_err(|error| about(certificate, &error))
    }

    /// The gateway's own: its clients are told to trust this certificate alone.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn own() -> io::Result<Self> {
        Self::embedded(OWN)
    }

    /// One that no client may trust.
    pub(super) fn stranger() -> io::Result<Self> {
        Self::embedded(STRANGER)
    }

    fn embedded(pem: &[u8]) -> io::Result<Self> {
        let certificate = CertificateDer::from_pem_slice(pem).map_err(io::Error::other)?;
        let private = PrivateKeyDer::from_pem_slice(pem).map_err(io::Error::other)?;
        let told = Some(Arc::from(certificate.as_ref()));
        let own = Self::of(vec![certificate], private)?;
        Ok(Self { told, ..own })
    }

    fn of(
        chain: Vec<CertificateDer<'static>>,
        private: PrivateKeyDer<'static>,
    ) -> io::Result<Self> {
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(chain, private)
            .map_err(io::Error::other)?;
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            told: None,
        })
    }

    pub(super) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    /// The certificate, in DER, that clients are told to trust.
    pub(super) fn told(&self) -> Option<Arc<[u8]>> {
        self.told.clone()
    }
}
