//! The way to a service: what is connected to, and whom it may be.
//!
//! Every process of the app has connections and TLS sessions of its own, as phones have. Shared is
//! only what says nothing about anybody: the roots of trust, which cost more to read than all else
//! that a device does.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper_rustls::ConfigBuilderExt as _;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::client::{ClientConfig, Resumption, WantsClientCert};
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    self, ConfigBuilder, DigitallySignedStruct, RootCertStore, SignatureScheme, WantsVerifier,
};

use super::client::Client;
use super::{HttpError, cause};
use crate::app::Channel;
use crate::net::{Endpoint, ServiceAddress};

/// How long a connection is kept for another request. A kept one weighs about as much as all the
/// rest of an idle app. Backends close theirs after five seconds and more, and a request that meets
/// that moment is lost without a fault of either side.
const KEPT: Duration = Duration::from_secs(4);

/// How many servers' TLS sessions are kept for the next handshake.
const RESUMED: usize = 8;

/// What decides whether two services can share a client: nothing but where they are connected to and
/// the need for TLS roots does.
#[derive(Debug, PartialEq)]
pub(super) struct Route {
    via: Option<(String, Endpoint)>,
    tls: bool,
    certificate: Option<Arc<[u8]>>,
    source: Option<IpAddr>,
}

impl Route {
    pub(super) fn to(
        service: &str,
        address: &ServiceAddress,
        source: Option<IpAddr>,
    ) -> Result<Self, HttpError> {
        let url = &address.url;
        let (tls, host) = match (url.scheme(), url.host_str()) {
            ("http", Some(host)) => (false, host),
            ("https", Some(host)) => (true, host),
            _ => {
                let mut url = url.clone();
                let _ = url.set_password(None);
                return Err(HttpError::Address {
                    service: service.to_owned(),
                    url: url.to_string(),
                });
            }
        };
        let via = address.via.clone().map(|via| (host.to_owned(), via));
        let certificate = address.certificate.clone();
        Ok(Self {
            via,
            tls,
            certificate,
            source,
        })
    }

    /// A client with connections of its own, or why there is none.
    pub(super) fn client(&self, channel: Channel) -> Result<Client, String> {
        let trust = match channel {
            Channel::Unverified => anybody(),
            Channel::Verified | Channel::OrClear => self.trust(),
        };
        let trust = trust.map_err(|error| error.to_string())?;
        if let Some((_, port @ Endpoint::Memory(_))) = &self.via {
            return Ok(Client::in_memory(port, trust, KEPT));
        }
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .http1_only()
            .tcp_nodelay(true)
            .pool_idle_timeout(KEPT)
            .local_address(self.source)
            .tls_backend_preconfigured(trust);
        if let Some((host, Endpoint::Tcp(address))) = &self.via {
            builder = builder.resolve(host, *address);
        }
        let built = builder.build().map_err(|error| cause(&error))?;
        Ok(Client::Tcp(built))
    }

    /// Whom a server may be, with no memory of any server yet.
    fn trust(&self) -> Result<ClientConfig, rustls::Error> {
        static SYSTEM: OnceLock<ClientConfig> = OnceLock::new();
        static NOBODY: OnceLock<ClientConfig> = OnceLock::new();
        let mut trust = match (&self.certificate, self.tls) {
            (Some(certificate), _) => finish(only(Some(certificate))?),
            (None, true) => shared(&SYSTEM, || versions()?.try_with_platform_verifier())?,
            (None, false) => shared(&NOBODY, || only(None))?,
        };
        trust.resumption = if self.tls {
            Resumption::in_memory_sessions(RESUMED)
        } else {
            Resumption::disabled()
        };
        Ok(trust)
    }
}

type Verified = ConfigBuilder<ClientConfig, WantsClientCert>;

/// What is made once and copied from then on.
fn shared(
    once: &OnceLock<ClientConfig>,
    make: impl FnOnce() -> Result<Verified, rustls::Error>,
) -> Result<ClientConfig, rustls::Error> {
    if let Some(made) = once.get() {
        return Ok(made.clone());
    }
    let made = finish(make()?);
    Ok(once.get_or_init(|| made).clone())
}

fn versions() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, rustls::Error> {
    ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
}

/// Trust in one certificate at most.
fn only(certificate: Option<&Arc<[u8]>>) -> Result<Verified, rustls::Error> {
    let mut roots = RootCertStore::empty();
    if let Some(certificate) = certificate {
        roots.add(CertificateDer::from(certificate.to_vec()))?;
    }
    Ok(versions()?.with_root_certificates(roots))
}

/// Trust in whoever answers, as an app has that switched the check off.
fn anybody() -> Result<ClientConfig, rustls::Error> {
    let versions = versions()?;
    let verifier = Arc::new(Anybody(Arc::clone(versions.crypto_provider())));
    let trusting = versions
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    Ok(finish(trusting))
}

fn finish(verified: Verified) -> ClientConfig {
    let mut config = verified.with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

/// Takes every certificate for the right one.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.0.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}
