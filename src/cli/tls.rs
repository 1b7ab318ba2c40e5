//! What is served over TLS: with a certificate of one's own, or with one that is made for this machine.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::arguments::TlsArguments;
use super::problem::Problem;
use crate::mock::Secured;
use crate::net::{Authority, Clock, Tls};

/// The certificate that is named.
pub(super) fn of_files(arguments: &TlsArguments) -> Result<Option<Tls>, Problem> {
    let certificate = arguments.tls_cert.as_deref();
    let files = certificate.zip(arguments.tls_key.as_deref());
    files
        .map(|(certificate, key)| Tls::read(certificate, key).map_err(Problem::Tls))
        .transpose()
}

/// Who vouches for a certificate that was made.
#[derive(Debug, Clone)]
pub(super) struct Voucher {
    /// Where what clients must trust is.
    pub(super) path: PathBuf,
    /// Whether it was made just now.
    pub(super) is_new: bool,
}

/// A certificate for these addresses, and who vouches for it: an authority that is kept in a folder.
pub(super) fn made(folder: &Path, addresses: &[IpAddr]) -> Result<(Secured, Voucher), Problem> {
    let now = Clock::real_time().epoch();
    let authority = Authority::kept_in(folder, now).map_err(Problem::Authority)?;
    let tls = authority.certify(addresses).map_err(Problem::Authority)?;
    let path = authority.path();
    let voucher = Voucher {
        path: std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
        is_new: authority.is_new(),
    };
    let secured = Secured {
        tls,
        authority: Some(authority.pem()),
    };
    Ok((secured, voucher))
}
