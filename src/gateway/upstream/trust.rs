//! TLS towards a deployment: whose certificates count there, and which one is shown.

use std::io;
use std::sync::Arc;

use hyper_rustls::ConfigBuilderExt;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::domain::access::{Access, Identity};

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

fn other(what: &str, why: &dyn std::fmt::Display) -> io::Error {
    io::Error::other(format!("{what} cannot be used: {why}"))
}
