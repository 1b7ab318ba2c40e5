//! How a gateway is set up: what it judges by, what it stands in front of, and how strict it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::access::Access;
use crate::domain::contract::Contract;
use crate::domain::secret::Account;
use crate::net::{Endpoint, Net, Pace, Recorder};

/// How a gateway is set up.
pub struct Settings {
    /// What is judged by.
    pub contract: Arc<Contract>,
    /// Where everything observed goes.
    pub recorder: Recorder,
    /// The transport of the listeners.
    pub net: Net,
    /// Where each service of the contract really is, by its name.
    pub upstreams: BTreeMap<String, Upstream>,
    /// What becomes of what the scope denies.
    pub mode: Mode,
    /// Whose passwords must never be written down.
    pub accounts: Vec<Account>,
    /// The secret of this run by which the harness marks its own calls:
    /// `x-rehearsal: canary <marker>` or `x-rehearsal: probe <marker>`.
    pub marker: String,
    /// How fast and how much the backend is asked. Requests wait before they are written down, so that
    /// nobody takes that for a slow backend.
    pub pace: Pace,
}

/// What becomes of requests and packets that the scope denies. They are judged and journalled alike
/// in both modes, so the findings are the same; the harness' own canaries never pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// They are kept from the backend, and answered.
    #[default]
    Enforcing,
    /// They pass.
    Observing,
}

/// Where a service really is.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// `http` or `https`.
    pub scheme: String,
    /// Host and port, as its URL and `Host` header name it.
    pub authority: String,
    /// The path that its URL ends in, without a trailing slash.
    pub base_path: String,
    /// What is connected to, if not the authority.
    pub via: Option<Endpoint>,
    /// How it is reached.
    pub access: Arc<Access>,
}
