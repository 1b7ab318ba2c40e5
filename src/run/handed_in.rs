//! What a caller of the library brings of its own: services of another backend, and code that looks.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use url::Url;

use super::moment::Moment;
use crate::gateway::Upstream;

/// Code that looks at a moment of a scenario. What panics in it did not come true.
pub type Own = Arc<dyn Fn(Moment) -> Pin<Box<dyn Future<Output = ()>>> + Send + Sync>;

/// What a caller of the library brings of its own.
#[derive(Clone, Default)]
pub struct HandedIn {
    /// Where services are that the mock does not serve, by name.
    pub services: BTreeMap<String, Url>,
    /// By a scenario's id, the code that its steps name by its place here.
    pub code: BTreeMap<String, Vec<Own>>,
}

impl fmt::Debug for HandedIn {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("HandedIn")
            .field("services", &self.services)
            .field("code", &self.code.keys())
            .finish()
    }
}

impl HandedIn {
    /// The code that a scenario's steps name.
    pub(super) fn code_of(&self, scenario: &str) -> Vec<Own> {
        self.code.get(scenario).cloned().unwrap_or_default()
    }

    /// Where the gateway finds the services: those that were handed in instead of the mock's.
    pub(super) fn instead(
        &self,
        mut upstreams: BTreeMap<String, Upstream>,
    ) -> BTreeMap<String, Upstream> {
        let own = self.services.iter();
        upstreams.extend(own.map(|(name, url)| (name.clone(), upstream(url))));
        upstreams
    }
}

/// Where a service is that stands at a URL.
pub(super) fn upstream(url: &Url) -> Upstream {
    Upstream {
        scheme: url.scheme().to_owned(),
        authority: url.authority().to_owned(),
        base_path: url.path().trim_end_matches('/').to_owned(),
        via: None,
        access: Arc::default(),
    }
}
