//! The on-path reverse proxy: it observes into the journal, obeys the scope and applies faults.
//!
//! One listener per service of the contract. What crosses it is passed on as it came: target, header
//! order and case, streaming bodies, aborts. Changed are only the hop-by-hop headers, `Host` (to the
//! backend's authority), `Accept-Encoding` (to `identity`, so that the journal can read answers),
//! `Sec-WebSocket-Extensions` (dropped, so that frames stay plain), the harness' own marker, and what
//! names the backend's origin or hangs on its TLS: headers that lead somewhere, cookies, and the link to
//! a list's next page where the contract says that it stands.
//!
//! Reading order: [`Gateway`] here; `settings` and `listen` say how it is set up; `state` holds what all
//! connections share: the `scribe` that judges and writes, the operator's `controls` over the `levers`,
//! the live feed's `sessions`, the `tokens`. A `service` has a `port`; `accept` lets connections in;
//! `exchange` carries one request and `tunnel` an upgraded connection; `upstream` connects to the
//! backend. Files know each other in this one direction, and `lock` says in which order to lock.
//!
//! A blocked live feed (`set_socket(false)`) is what a resetting proxy does: each request to the
//! Engine.IO path breaks without an answer. A backend that cannot be reached looks the same to the
//! client: its connection ends without an answer.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use serde_json::Value;
use url::Url;

use crate::domain::scenario::{Fault, RequestMatch};
use crate::net::ServiceAddress;

mod accept;
mod aside;
mod body;
mod bounds;
mod controls;
mod cookies;
mod exchange;
mod headers;
mod heard;
mod listen;
mod lock;
mod names;
mod observe;
mod port;
mod reply;
mod scribe;
mod service;
mod sessions;
mod settings;
mod state;
#[cfg(test)]
mod tests;
mod tokens;
mod tunnel;
mod upstream;

use bounds::Bounds;
pub use bounds::{Limit, Limits, NoLimit};
pub use listen::{Listen, Name, NoName};
use names::{Names, OriginMap};
use port::Port;
use service::Service;
pub use settings::{Mode, Settings, Upstream};
use state::{Shared, State};
use upstream::Route;
pub use upstream::{Knocked, client_config, knock};

/// A running gateway. Dropping it closes its listeners and cuts its connections.
pub struct Gateway {
    state: Arc<State>,
    services: BTreeMap<String, Arc<Service>>,
}

impl Gateway {
    /// Binds a listener for every upstream and begins to serve.
    ///
    /// # Errors
    /// When a listener cannot be bound, or a secure connection to an upstream cannot be prepared.
    pub fn start(settings: Settings) -> io::Result<Self> {
        Self::start_at(settings, &Listen::default())
    }

    /// Begins to serve at fixed addresses, under further names or over TLS.
    ///
    /// # Errors
    /// As [`Gateway::start`], and when there is no upstream for a service that is given an address.
    pub fn start_at(settings: Settings, listen: &Listen) -> io::Result<Self> {
        Self::start_with(settings, listen, Shared::default())
    }

    /// Begins to serve another client beside this one, whose traffic stands in the same journal: numbers
    /// and labels there mean the same whichever of the two wrote them.
    ///
    /// # Errors
    /// As [`Gateway::start_at`].
    pub fn start_beside(&self, settings: Settings, listen: &Listen) -> io::Result<Self> {
        Self::start_with(settings, listen, self.state.shared.clone())
    }

    fn start_with(settings: Settings, listen: &Listen, shared: Shared) -> io::Result<Self> {
        let bounds = Bounds::new(listen.limits, listen.allowed.clone());
        let state = Arc::new(State::new(&settings, bounds, shared));
        let mut origins = OriginMap::default();
        let mut bound = Vec::new();
        for (service, upstream) in settings.upstreams {
            let port = Port::bind(settings.net, &service, listen)?;
            let base_path = upstream.base_path.trim_end_matches('/').to_owned();
            let names = Names::new(port.endpoint().authority(), listen);
            let route = Route::new(upstream)?;
            origins.add(&service, &route.origin, &base_path, &names);
            bound.push((service, port, names, route, base_path));
        }
        let origins = Arc::new(origins);
        let mut services = BTreeMap::new();
        for (name, port, names, route, base_path) in bound {
            let url = format!("{}://{}{base_path}", names.scheme, names.authority);
            let service = Arc::new(Service {
                state: Arc::clone(&state),
                name,
                url: Url::parse(&url).map_err(io::Error::other)?,
                names,
                origins: Arc::clone(&origins),
                base_path,
                route,
                port,
            });
            tokio::spawn(accept::listen(Arc::clone(&service)));
            services.insert(service.name.clone(), service);
        }
        Ok(Self { state, services })
    }

    /// Where clients find a service; `None` for one that has no upstream.
    #[must_use]
    pub fn address(&self, service: &str) -> Option<ServiceAddress> {
        self.services.get(service).map(|service| service.address())
    }

    /// Where clients find each service.
    #[must_use]
    pub fn addresses(&self) -> BTreeMap<String, ServiceAddress> {
        self.services
            .iter()
            .map(|(name, service)| (name.clone(), service.address()))
            .collect()
    }

    /// The network is there, or is gone: every listener refuses and every connection is cut.
    ///
    /// # Errors
    /// When a listener's address was taken meanwhile.
    pub fn set_network(&self, on: bool) -> io::Result<()> {
        self.state.controls.set_network(on);
        self.apply()
    }

    /// WebSocket upgrades pass, or are answered with 403 while polling goes on; open WebSockets are
    /// cut then.
    pub fn set_websocket(&self, on: bool) {
        self.state.controls.set_websocket(on);
    }

    /// The Engine.IO path can be used, or each of its requests breaks without an answer; what is
    /// open is cut then.
    pub fn set_socket(&self, on: bool) {
        self.state.controls.set_socket(on);
    }

    /// Switches a fault for some requests on, or off with `None`. A later fault goes before an
    /// earlier one.
    ///
    /// # Errors
    /// When a listener's address was taken while it was closed by a fault.
    pub fn set_fault(&self, on: RequestMatch, fault: Option<Fault>) -> io::Result<()> {
        self.state.controls.set_fault(on, fault);
        self.apply()
    }

    /// Imitates a backend, or one service of it, that runs or is stopped: the listener closes and
    /// its connections are cut.
    ///
    /// # Errors
    /// When a listener's address was taken while it was closed.
    pub fn set_running(&self, service: Option<&str>, running: bool) -> io::Result<()> {
        for name in self.services.keys() {
            if service.is_none_or(|service| service == name) {
                self.state.controls.set_running(name, running);
            }
        }
        self.apply()
    }

    /// Imitates the kill-switch: its request is answered as the contract says, and data is refused
    /// if the contract says that, too.
    pub fn set_maintenance(&self, on: bool) {
        self.state.controls.set_maintenance(on);
    }

    /// Cuts every Engine.IO session; on polling, its session id is unknown from now on.
    pub fn drop_sockets(&self) {
        self.state.sessions.forget_all();
        self.state.controls.cut_sockets();
    }

    /// Lets the ids of all sessions on long-polling be unknown from now on.
    pub fn forget_polled_sessions(&self) {
        self.state.sessions.forget_polled();
    }

    /// The key set by which tokens are verified from now on.
    pub fn set_keys(&self, keys: Value) {
        self.state.tokens.set_keys(keys);
    }

    /// Opens and closes listeners as the levers say.
    fn apply(&self) -> io::Result<()> {
        for (name, service) in &self.services {
            let controls = &self.state.controls;
            service.port.trust(controls.is_trusted(name));
            if controls.lets_in(name) {
                service.port.open()?;
            } else {
                service.port.close();
            }
        }
        Ok(())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.state.sessions.close();
        for service in self.services.values() {
            service.port.end();
        }
        self.state.controls.cut_tunnels();
    }
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Gateway")
            .field("services", &self.services.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
