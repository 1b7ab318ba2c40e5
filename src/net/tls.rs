//! TLS towards clients: the certificate that a listener shows, and how it tells who does not speak TLS at all.

use std::fmt;
use std::io::{self, Cursor};
use std::path::Path;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, Chain, Join, ReadHalf, WriteHalf};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The first byte of whoever speaks TLS: the record of a handshake (RFC 8446 §5.1).
pub(crate) const HANDSHAKE: u8 = 22;

/// The harness's own certificate, for clients that are told to trust it.
const OWN: &[u8] = include_bytes!("../../fixtures/keys/gateway-test-only.pem");
/// The certificate that no client may trust.
const STRANGER: &[u8] = include_bytes!("../../fixtures/keys/stranger-test-only.pem");

/// A certificate and its key.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    /// What clients are told to trust, when it is the harness's own.
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

    /// The harness's own: its clients are told to trust this certificate alone.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn own() -> io::Result<Self> {
        Self::embedded(OWN)
    }

    /// One that no client may trust.
    pub(crate) fn stranger() -> io::Result<Self> {
        Self::embedded(STRANGER)
    }

    fn embedded(pem: &[u8]) -> io::Result<Self> {
        let certificate = CertificateDer::from_pem_slice(pem).map_err(io::Error::other)?;
        let private = PrivateKeyDer::from_pem_slice(pem).map_err(io::Error::other)?;
        let told = Some(Arc::from(certificate.as_ref()));
        let own = Self::of(vec![certificate], private)?;
        Ok(Self { told, ..own })
    }

    pub(super) fn of(
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

    /// What shakes hands with clients.
    pub(crate) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    /// The certificate, in DER, that clients are told to trust.
    pub(crate) fn told(&self) -> Option<Arc<[u8]>> {
        self.told.clone()
    }
}

/// What is read of a connection: the first byte once more, and the rest.
type Again<S> = Chain<Cursor<[u8; 1]>, ReadHalf<S>>;

/// A connection of which the first byte was read; it comes again to whoever reads on.
pub(crate) struct Begun<S> {
    /// All of it.
    pub(crate) stream: Join<Again<S>, WriteHalf<S>>,
    /// Whether the client wants to shake hands.
    pub(crate) speaks_tls: bool,
}

impl<S: AsyncRead + AsyncWrite> Begun<S> {
    /// Waits for the first byte; nothing from clients that go away before it.
    pub(crate) async fn of(mut stream: S) -> Option<Self>
    where
        S: Unpin,
    {
        let mut first = [0];
        if !matches!(stream.read(&mut first).await, Ok(1)) {
            return None;
        }
        let (rest, write) = tokio::io::split(stream);
        Some(Self {
            stream: tokio::io::join(Cursor::new(first).chain(rest), write),
            speaks_tls: first == [HANDSHAKE],
        })
    }
}
