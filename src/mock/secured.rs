//! How services are served over TLS, and what is answered to whoever speaks plain HTTP to them.

use std::sync::Arc;

use http::Response;
use http_body_util::Full;

use super::reply::{Body, Reply};
use crate::net::Tls;

/// Where whoever speaks plain HTTP finds the certificate of the authority.
pub(crate) const AUTHORITY: &str = "/ca.crt";

/// How services are served over TLS.
#[derive(Debug, Clone)]
pub struct Secured {
    /// What they show.
    pub tls: Tls,
    /// Who signed that, as PEM, if it is nobody whom clients trust anyway.
    pub authority: Option<Arc<str>>,
}

impl Secured {
    /// What is answered to whoever speaks plain HTTP.
    pub(super) fn in_the_clear(&self, path: &str) -> Response<Body> {
        match &self.authority {
            Some(pem) if path == AUTHORITY => {
                let mut response = Response::new(Full::from(pem.to_string()));
                let kind = http::HeaderValue::from_static("application/x-x509-ca-cert");
                response
                    .headers_mut()
                    .insert(http::header::CONTENT_TYPE, kind);
                response
            }
            _ => {
                let word = "TLS is spoken here: the URL begins with https:// or wss://";
                Reply::error(400, "speaks-tls", word).finish("no-store")
            }
        }
    }
}
