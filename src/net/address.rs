//! Where a client finds one service.

use std::sync::Arc;

use url::Url;

use super::Endpoint;

/// Where a client finds one service of the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAddress {
    /// Its URL, with the base path that a deployment may have.
    pub url: Url,
    /// What to connect to in place of the URL's host.
    pub via: Option<Endpoint>,
    /// The one certificate, in DER, that vouches for it in place of the system's authorities.
    pub certificate: Option<Arc<[u8]>>,
}

impl ServiceAddress {
    /// The path that the URL ends in, without a trailing slash.
    #[must_use]
    pub fn base_path(&self) -> &str {
        self.url.path().trim_end_matches('/')
    }
}
