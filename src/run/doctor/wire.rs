//! Names, connections and certificates of one service.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use url::Url;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use super::{Examined, PATIENCE, Show, State, within};
use crate::domain::access::Access;
use crate::gateway::{Knocked, Upstream, knock};
use crate::net::Clock;

/// A certificate with fewer days left is worth a warning.
const FEW_DAYS: u64 = 14;

/// Whether a connection to a service can be opened, as a run would open it.
pub(super) async fn examine(name: &str, url: &Url, access: &Access, show: &mut Show<'_>) -> bool {
    let (place, through) = match &access.proxy {
        Some(proxy) => (&proxy.url, " (the proxy)"),
        None => (url, ""),
    };
    let Some(host) = place.host_str() else {
        return false;
    };
    let port = place.port_or_known_default().unwrap_or(80);
    if let Some(found) = dns(name, host, port, through).await {
        let lost = found.state == State::Failure;
        show(found);
        if lost {
            return false;
        }
    }
    let upstream = Upstream {
        scheme: url.scheme().to_owned(),
        authority: url.authority().to_owned(),
        base_path: String::new(),
        via: None,
        access: Arc::new(access.clone()),
    };
    let knocked = match within(PATIENCE, knock(upstream)).await {
        Ok(knocked) => knocked,
        Err(why) => Knocked::Nobody(why),
    };
    answered(name, url.authority(), knocked, access, show)
}

/// Says what knocking came to, and whether the service can be asked.
fn answered(name: &str, at: &str, knocked: Knocked, access: &Access, show: &mut Show<'_>) -> bool {
    let accepts = || Examined::ok(format!("tcp {name}"), format!("{at} accepts connections"));
    match knocked {
        Knocked::Nobody(why) => {
            let next = match access.proxy {
                Some(_) => {
                    "see that `proxy` and its credentials are right, and that it lets this through"
                }
                None => {
                    "see that the service runs, that its URL has the right port, and that nothing blocks the way"
                }
            };
            show(Examined::failure(format!("tcp {name}"), format!("{at}: {why}")).next(next));
            false
        }
        Knocked::Open => {
            show(accepts());
            true
        }
        Knocked::Untrusted(why) => {
            show(accepts());
            let next = advice(&why);
            show(Examined::failure(format!("tls {name}"), why).next(next));
            false
        }
        Knocked::Secure { certificate } => {
            show(accepts());
            show(days(name, certificate.as_deref()));
            true
        }
    }
}

/// Where a name leads; nothing for an address.
async fn dns(name: &str, host: &str, port: u16, through: &str) -> Option<Examined> {
    let bare = host.trim_matches(['[', ']']);
    if bare.parse::<IpAddr>().is_ok() {
        return None;
    }
    let what = format!("dns {name}");
    let next = "see that the name is right, and that this machine may ask for it";
    let found = within(PATIENCE, tokio::net::lookup_host((bare, port))).await;
    Some(match found {
        Err(why) => Examined::failure(what, format!("{host}{through}: {why}")).next(next),
        Ok(Err(error)) => Examined::failure(what, format!("{host}{through}: {error}")).next(next),
        Ok(Ok(addresses)) => {
            let mut all: Vec<String> = addresses.map(|own| own.ip().to_string()).collect();
            all.dedup();
            Examined::ok(what, format!("{host}{through} is {}", all.join(", ")))
        }
    })
}

/// What helps against a handshake that failed so.
fn advice(why: &str) -> &'static str {
    for (sign, next) in [
        (
            "UnknownIssuer",
            "name the file of the CA that signed it: `tls = { ca = \"ca.pem\" }`",
        ),
        ("Expired", "renew the certificate of this service"),
        ("expired", "renew the certificate of this service"),
        ("NotValidYet", "see that this machine's clock is right"),
        (
            "NotValidForName",
            "the URL must have a name that the certificate has",
        ),
        (
            "not valid for name",
            "the URL must have a name that the certificate has",
        ),
        (
            "CertificateRequired",
            "it asks for a client certificate: `tls = { client-certificate = …, client-key = … }`",
        ),
        (
            "InvalidContentType",
            "it does not speak TLS here: is it http://?",
        ),
    ] {
        if why.contains(sign) {
            return next;
        }
    }
    "see with `openssl s_client -connect HOST:PORT` what it shows"
}

/// How long a certificate is good for.
fn days(name: &str, certificate: Option<&[u8]>) -> Examined {
    let what = format!("tls {name}");
    let until = certificate
        .and_then(|der| Certificate::from_der(der).ok())
        .map(|own| {
            own.tbs_certificate()
                .validity()
                .not_after
                .to_unix_duration()
        });
    let now = Clock::real_time().epoch();
    let left = until.map(|until| until.saturating_sub(now));
    match left.map(|left| left.as_secs() / Duration::from_secs(86_400).as_secs()) {
        None => Examined::ok(what, "its chain is trusted"),
        Some(days) if days < FEW_DAYS => {
            let said = format!("its chain is trusted, for {days} more days");
            Examined::new(what, State::Warning, said).next("renew the certificate of this service")
        }
        Some(days) => Examined::ok(what, format!("its chain is trusted, for {days} more days")),
    }
}
