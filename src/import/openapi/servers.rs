//! Servers: those of the document are one backend at several places; those of a path or an operation are
//! another one.

use serde_json::Value;
use url::Url;

use super::Reading;
use crate::import::api::{Left, Service, kebab};

impl Reading<'_> {
    /// The service of the whole document.
    pub(super) fn servers(&mut self) {
        let mut service = Service {
            name: "api".to_owned(),
            ..Service::default()
        };
        let servers = self.document.root.get("servers").and_then(Value::as_array);
        for server in servers.into_iter().flatten() {
            let (url, about) = filled(server);
            let path = path_of(&url);
            if service.deployed.is_empty() {
                service.base_path = path;
            } else if path != service.base_path {
                let why = "its path is not that of the first server; a target's URL may have any";
                self.api.left.push(Left::new(format!("server {url}"), why));
            }
            service.deployed.push((url, about));
        }
        self.api.services.push(service);
    }

    /// The service of a path or an operation, which may have a server of its own.
    pub(super) fn service_of(&mut self, holders: [Option<&Value>; 2]) -> String {
        let own = holders.into_iter().flatten().find_map(|holder| {
            let servers = holder.get("servers")?.as_array()?;
            servers.first().map(filled)
        });
        let Some((url, about)) = own else {
            return self.api.services[0].name.clone();
        };
        self.service_at(&url, &about)
    }

    /// The service that stands at a URL; a new one if there is none yet.
    pub(super) fn service_at(&mut self, url: &str, about: &str) -> String {
        let known = self
            .api
            .services
            .iter()
            .find(|service| service.deployed.iter().any(|(own, _)| own == url));
        if let Some(known) = known {
            return known.name.clone();
        }
        let host = Url::parse(url).ok();
        let host = host.as_ref().and_then(Url::host_str).unwrap_or_default();
        let first = host
            .split('.')
            .find(|part| *part != "www")
            .unwrap_or_default();
        let mut name = kebab(first);
        if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
            "other".clone_into(&mut name);
        }
        let taken = |name: &str| self.api.services.iter().any(|own| own.name == name);
        if taken(&name) {
            let number = (2..).find(|number| !taken(&format!("{name}-{number}")));
            name = format!("{name}-{}", number.unwrap_or_default());
        }
        self.api.services.push(Service {
            name: name.clone(),
            base_path: path_of(url),
            deployed: vec![(url.to_owned(), about.to_owned())],
        });
        name
    }
}

/// A server's URL with its variables filled by their defaults, and what is said of it.
fn filled(server: &Value) -> (String, String) {
    let word = |key: &str| server.get(key).and_then(Value::as_str).unwrap_or_default();
    let mut url = word("url").to_owned();
    for (name, own) in server
        .get("variables")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let default = own
            .get("default")
            .and_then(Value::as_str)
            .unwrap_or_default();
        url = url.replace(&format!("{{{name}}}"), default);
    }
    (url, word("description").to_owned())
}

/// The path of a server's URL, which may have no host, without a slash at its end.
fn path_of(url: &str) -> String {
    let path = match Url::parse(url) {
        Ok(url) => url.path().to_owned(),
        Err(_) => url.to_owned(),
    };
    let path = path.trim_end_matches('/');
    match path.starts_with('/') && !path.contains(['{', '?', '#', ' ', '*']) {
        true => path.to_owned(),
        false => String::new(),
    }
}
