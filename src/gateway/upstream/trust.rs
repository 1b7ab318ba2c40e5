//! TLS towards a deployment: whose certificates count there, and which one is shown.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper_rustls::ConfigBuilderExt;
use tokio::io::AsyncReadExt;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::domain::access::{Access, Identity};
use crate::net::Stream;

/// How long a server that does not like a client's certificate takes to say so.
const FIRST_WORD: Duration = Duration::from_millis(500);

/// How TLS is spoken to a deployment. With `shows`, the deployment's own services are spoken to, and its
/// client certificate is shown where one is asked for.
///
/// # Errors
/// When a certificate cannot be used, the key is another one's, or the system trusts nobody.
pub fn client_config(access: &Access, shows: bool) -> io::Result<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let builder = match &access.ca {
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            for certificate in CertificateDer::pem_slice_iter(pem.expose().as_bytes()) {
                let certificate = certificate.map_err(io::Error::other)?;
                let added = roots.add(certificate);
                added.map_err(|why| other("a certificate of `ca`", &why))?;
            }
            builder.with_root_certificates(roots)
        }
        None => builder
            .try_with_platform_verifier()
            .map_err(io::Error::other)?,
    };
    match access.identity.as_ref().filter(|_| shows) {
        None => Ok(builder.with_no_client_auth()),
        Some(Identity { chain, key }) => {
            let chain =
                CertificateDer::pem_slice_iter(chain.expose().as_bytes()).collect::<Result<_, _>>();
            let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes());
            let (chain, key) = chain
                .and_then(|chain| Ok((chain, key?)))
                .map_err(io::Error::other)?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|why| other("the client certificate with its key", &why))
        }
    }
}

/// Speaks TLS, and says which certificate the other end showed. What a server has against a client's it
/// says only afterwards, so a first word is waited for.
pub(super) async fn shake(
    access: &Access,
    host: String,
    stream: Stream,
) -> io::Result<Option<Vec<u8>>> {
    let config = client_config(access, true)?;
    let name = ServerName::try_from(host).map_err(io::Error::other)?;
    let connector = TlsConnector::from(Arc::new(config));
    let mut secure = connector.connect(name, stream).await?;
    let certificates = secure.get_ref().1.peer_certificates();
    let own = certificates.and_then(|all| all.first());
    let own = own.map(|certificate| certificate.to_vec());
    // Nobody speaks first in HTTP: only an alert comes.
    let word = tokio::time::timeout(FIRST_WORD, secure.read_u8()).await;
    match word {
        Ok(Err(error)) if error.kind() != io::ErrorKind::UnexpectedEof => Err(error),
        _ => Ok(own),
    }
}

fn other(what: &str, why: &dyn std::fmt::Display) -> io::Error {
    io::Error::other(format!("{what} cannot be used: {why}"))
}
