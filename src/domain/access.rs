//! How the services of a deployment are reached: whom to trust, who to be, what to go through and what to
//! say along.

use url::{Origin, Url};

use super::secret::Secret;

/// How the services of a deployment are reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// Certificates, as PEM, that are trusted in place of the system's. A key may stand beside them.
    pub ca: Option<Secret>,
    /// The certificate that is shown where one is asked for.
    pub identity: Option<Identity>,
    /// What every connection goes through.
    pub proxy: Option<Proxy>,
    /// Headers of every request to the deployment's own services.
    pub headers: Vec<(String, Secret)>,
    /// What of all this must never be shown: values that the environment gave.
    pub secrets: Vec<Secret>,
}

/// A certificate with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The chain, as PEM.
    pub chain: Secret,
    /// The private key, as PEM.
    pub key: Secret,
}

/// A proxy that opens tunnels (HTTP `CONNECT`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Where it is, without credentials: `http://proxy.example:3128`.
    pub url: Url,
    /// Name and password for it.
    pub credentials: Option<(Secret, Secret)>,
}

/// Whether a URL is at one of these services' origins, and may be told what is meant for them.
pub fn is_at<'u>(url: &Url, mut services: impl Iterator<Item = &'u Url>) -> bool {
    let origin: Origin = url.origin();
    services.any(|service| service.origin() == origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant_for_a_service_is_told_to_its_origin_alone() {
        let services = [Url::parse("https://api.example.test/v2").unwrap()];
        for (url, own) in [
            ("https://api.example.test/ops", true),
            ("https://api.example.test:443/", true),
            ("http://api.example.test/", false),
            ("https://api.example.test:8443/", false),
            ("https://api.example.test.evil.test/", false),
        ] {
            assert_eq!(
                is_at(&Url::parse(url).unwrap(), services.iter()),
                own,
                "{url}"
            );
        }
    }
}
