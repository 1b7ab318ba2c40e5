//! A service of the contract, as the gateway stands in for it.

use std::sync::Arc;

use url::Url;

use super::names::{Names, OriginMap};
use super::port::Port;
use super::state::State;
use super::upstream::Route;
use crate::domain::journal::{Bound, Fact};
use crate::net::ServiceAddress;

/// A service of the contract, as the gateway stands in for it.
pub(super) struct Service {
    pub(super) state: Arc<State>,
    pub(super) name: String,
    pub(super) url: Url,
    pub(super) names: Names,
    pub(super) origins: Arc<OriginMap>,
    pub(super) base_path: String,
    pub(super) route: Route,
    pub(super) port: Port,
}

impl Service {
    /// Journals that what came was refused for a limit, before it was a request.
    pub(super) fn refuse(&self, bound: Bound, most: usize) {
        self.state.scribe.record(Fact::Limited {
            service: self.name.clone(),
            bound,
            most: most as u64,
            exchange: None,
        });
    }

    /// Where clients find it.
    pub(super) fn address(&self) -> ServiceAddress {
        ServiceAddress {
            url: self.url.clone(),
            via: Some(self.port.endpoint().clone()),
            certificate: self.port.certificate(),
        }
    }
}
