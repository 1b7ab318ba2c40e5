//! How the services of a target are reached: `tls`, `proxy` and `headers`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use url::Url;

use super::variables::{Filled, Variables};
use crate::domain::access::{Access, Identity, Proxy};
use crate::domain::secret::Secret;
use crate::domain::selector::Template;
use crate::suite::Source;
use crate::suite::cursor::{Cursor, Fields};

/// Headers that the app, the gateway or HTTP itself sets, each with why it cannot be set here.
const TAKEN: [(&str, &str); 12] = [
    ("authorization", "the app signs in by it"),
    ("cookie", "the app signs in by it"),
    ("host", "the service's URL says it"),
    ("content-length", "it belongs to one message"),
    ("content-type", "it belongs to one message"),
    ("transfer-encoding", "it belongs to one connection"),
    ("connection", "it belongs to one connection"),
    ("upgrade", "it belongs to one connection"),
    ("te", "it belongs to one connection"),
    ("accept-encoding", "the gateway sets it to read what comes"),
    ("proxy-authorization", "write credentials into `proxy`"),
    ("x-rehearsal", "it marks what the harness asks by itself"),
];

/// What the readers of a target's parts share.
pub(super) struct Around<'a> {
    /// Understands paths.
    pub(super) path: &'a dyn Fn(&Cursor<'_>) -> Option<PathBuf>,
    pub(super) variables: &'a Variables<'a>,
    /// What is taken from the environment is collected here, too.
    pub(super) secrets: &'a mut BTreeMap<String, Secret>,
}

/// Reads the three keys of a target.
pub(super) fn read(fields: &Fields<'_>, around: &mut Around<'_>) -> Option<Access> {
    let mut access = Access::default();
    let tls = fields.or("tls", (None, None), |cursor| tls(cursor, around));
    let proxy = fields.maybe("proxy", |cursor| proxy(cursor, around, &mut access.secrets));
    let headers = fields.or("headers", Vec::new(), |cursor| {
        let entries = cursor.entries()?.into_iter();
        let headers =
            entries.map(|(entry, cursor)| header(&entry.key, &cursor, around, &mut access.secrets));
        let headers: Vec<Option<(String, Secret)>> = headers.collect();
        headers.into_iter().collect()
    });
    (access.ca, access.identity) = tls?;
    access.proxy = proxy?;
    access.headers = headers?;
    Some(access)
}

type Tls = (Option<Secret>, Option<Identity>);

fn tls(cursor: &Cursor<'_>, around: &Around<'_>) -> Option<Tls> {
    let fields = cursor.fields("`tls`")?;
    let ca = fields.maybe("ca", |cursor| certificates(cursor, around));
    let chain = fields.maybe("client-certificate", |cursor| certificates(cursor, around));
    let key = fields.maybe("client-key", |cursor| key(cursor, around));
    let identity = match (chain?, key?) {
        (Some(chain), Some(key)) => Some(Identity { chain, key }),
        (None, None) => None,
        _ => {
            return fields.refuse(
                "`client-certificate` and `client-key` belong together",
                "name both files; one file may hold both",
            );
        }
    };
    let ca = ca?;
    if ca.is_none() && identity.is_none() {
        return fields.refuse(
            "`tls` says nothing",
            "write `ca = \"ca.pem\"`, or leave `tls` away: then the system's certificates are trusted",
        );
    }
    Some((ca, identity))
}

/// The text of a file, if its name is all right. A file is read where the target is used: it may be
/// somebody's secret, and not be on the machine where the configuration is only checked.
fn text(cursor: &Cursor<'_>, around: &Around<'_>, what: &str) -> Option<Option<Arc<Source>>> {
    let path = (around.path)(cursor)?;
    if !around.variables.are_known() {
        return Some(None);
    }
    match Source::read(&path, what) {
        Ok(source) => Some(Some(source)),
        // What stands in the file is not shown.
        Err(problem) => cursor.refuse(
            problem.message,
            "certificates and keys are PEM files: texts that begin with `-----BEGIN`",
        ),
    }
}

fn certificates(cursor: &Cursor<'_>, around: &Around<'_>) -> Option<Secret> {
    let Some(source) = text(cursor, around, "a certificate")? else {
        return Some(Secret::new(""));
    };
    let read = CertificateDer::pem_slice_iter(source.text().as_bytes());
    match read.collect::<Result<Vec<_>, _>>() {
        Ok(found) if !found.is_empty() => Some(Secret::new(source.text())),
        _ => cursor.refuse(
            format!("`{}` holds no certificate", source.name()),
            "write the name of a PEM file with `-----BEGIN CERTIFICATE-----`",
        ),
    }
}

fn key(cursor: &Cursor<'_>, around: &Around<'_>) -> Option<Secret> {
    let Some(source) = text(cursor, around, "a private key")? else {
        return Some(Secret::new(""));
    };
    match PrivateKeyDer::from_pem_slice(source.text().as_bytes()) {
        Ok(_) => Some(Secret::new(source.text())),
        Err(_) => cursor.refuse(
            format!("`{}` holds no private key that can be used", source.name()),
            "write the name of a PEM file with `-----BEGIN PRIVATE KEY-----`, not encrypted",
        ),
    }
}

/// A text with its variables filled in, which are taken down as secrets.
fn filled(
    cursor: &Cursor<'_>,
    around: &mut Around<'_>,
    secrets: &mut Vec<Secret>,
) -> Option<Filled> {
    let text = cursor.name_text()?;
    let filled = around.variables.filled(cursor, &text, &[])?;
    if matches!(filled, Filled::Known(_)) {
        for name in Template(text.into()).names() {
            if let Some(value) = around.variables.of_placeholder(cursor, &name) {
                secrets.push(value.clone());
                around.secrets.insert(name, value);
            }
        }
    }
    Some(filled)
}

fn proxy(cursor: &Cursor<'_>, around: &mut Around<'_>, secrets: &mut Vec<Secret>) -> Option<Proxy> {
    const FORM: &str = "write it like `http://proxy.example.com:3128`";
    let written = cursor.name_text()?;
    let Filled::Known(text) = filled(cursor, around, secrets)? else {
        return Some(Proxy {
            url: Url::parse("http://unknown.invalid").ok()?,
            credentials: None,
        });
    };
    // What was written may hold a password, so it is not repeated.
    let Ok(mut url) = Url::parse(&text) else {
        return cursor.refuse("`proxy` is not a URL", FORM);
    };
    if url.scheme() != "http" || url.host_str().is_none() {
        return cursor.refuse("`proxy` must be an http URL", FORM);
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return cursor.refuse("`proxy` must end with its port", FORM);
    }
    let decoded = |text: &str| {
        percent_encoding::percent_decode_str(text)
            .decode_utf8_lossy()
            .into_owned()
    };
    let password = url.password().map(decoded);
    if password.is_some() && text == written {
        return cursor.refuse(
            "a password does not stand in this file",
            "write `http://{env:PROXY_USER}:{env:PROXY_PASSWORD}@proxy.example.com:3128`",
        );
    }
    let name = decoded(url.username());
    let credentials =
        (!name.is_empty()).then(|| (Secret::new(name), Secret::new(password.unwrap_or_default())));
    if url.set_username("").is_err() || url.set_password(None).is_err() {
        return cursor.refuse("`proxy` is not a URL", FORM);
    }
    Some(Proxy { url, credentials })
}

fn header(
    name: &str,
    cursor: &Cursor<'_>,
    around: &mut Around<'_>,
    secrets: &mut Vec<Secret>,
) -> Option<(String, Secret)> {
    let name = name.to_ascii_lowercase();
    if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
        return cursor.refuse(
            format!("`{name}` cannot be a header's name"),
            "letters, digits and `-`",
        );
    }
    let is_socket = name
        .starts_with("sec-websocket-")
        .then_some("it belongs to one connection");
    let taken = TAKEN.iter().find(|(own, _)| *own == name);
    if let Some(why) = taken.map(|(_, why)| *why).or(is_socket) {
        return cursor.refuse(
            format!("the header `{name}` cannot be set for a whole target: {why}"),
            "headers of a target are for what stands before its services, like an access gateway",
        );
    }
    let value = match filled(cursor, around, secrets)? {
        Filled::Known(value) => value,
        Filled::Unknown => String::new(),
    };
    if http::HeaderValue::from_str(&value).is_err() {
        return cursor.refuse(
            format!("the value of the header `{name}` holds what no header can hold"),
            "one line of text",
        );
    }
    Some((name, Secret::new(value)))
}
