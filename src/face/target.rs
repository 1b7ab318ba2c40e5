//! Where the backend is that a plan is played against.

use std::collections::BTreeMap;

use url::Url;

use super::Error;
use crate::domain::secret::{Account, Secret};
use crate::run;
use crate::suite::config;

/// Where the backend is: the mock, a server of the test's own such as wiremock's, or some of both.
///
/// Whatever is not all mock is played in real time. The harness then asks nothing on its own account, so
/// that what it would ask is not judged.
#[derive(Debug, Clone)]
pub struct Target {
    is_mock: bool,
    services: BTreeMap<String, String>,
    accounts: Vec<Account>,
}

impl Target {
    /// The embedded mock, which needs a world.
    #[must_use]
    pub fn mock() -> Self {
        Self {
            is_mock: true,
            services: BTreeMap::new(),
            accounts: Vec::new(),
        }
    }

    /// Nothing but the services that [`Target::service`] names, every one of the contract's. Who can sign
    /// in is named by [`Target::account`].
    #[must_use]
    pub fn elsewhere() -> Self {
        Self {
            is_mock: false,
            ..Self::mock()
        }
    }

    /// A service of the contract stands at this URL. Beside the mock, the mock serves all others.
    #[must_use]
    pub fn service(mut self, name: impl Into<String>, url: impl Into<String>) -> Self {
        self.services.insert(name.into(), url.into());
        self
    }

    /// An account that scenarios name, what it signs in with, and its password. The mock's stand in its
    /// world.
    #[must_use]
    pub fn account(
        mut self,
        name: impl Into<String>,
        username: impl Into<String>,
        password: impl Into<String>,
    ) -> Self {
        self.accounts.push(Account {
            name: name.into(),
            username: username.into(),
            password: Secret::new(password.into()),
        });
        self
    }

    /// Whether scenarios share one world.
    pub(super) fn is_shared(&self) -> bool {
        !self.is_mock || !self.services.is_empty()
    }

    /// Where the services are that stand elsewhere than in the mock, each one of the contract's.
    pub(super) fn services(&self, known: &[&str]) -> Result<BTreeMap<String, Url>, Error> {
        let mut wrong = Vec::new();
        let mut services = BTreeMap::new();
        for (name, text) in &self.services {
            if !known.contains(&name.as_str()) {
                let known = known.join(", ");
                wrong.push(format!(
                    "the contract has no service `{name}`; there are: {known}"
                ));
            }
            match Url::parse(text).map(|url| (url.has_host(), url)) {
                Ok((true, url)) if matches!(url.scheme(), "http" | "https") => {
                    services.insert(name.clone(), url);
                }
                Ok(_) => wrong.push(format!("`{text}` is not the URL of an HTTP service")),
                Err(why) => wrong.push(format!("`{text}` is no URL: {why}")),
            }
        }
        if !self.is_mock {
            let missing = known
                .iter()
                .filter(|own| !self.services.contains_key(**own));
            wrong.extend(
                missing.map(|own| format!("the target has no URL for the service `{own}`")),
            );
        }
        if wrong.is_empty() {
            Ok(services)
        } else {
            Err(Error::new(wrong.join("\n")))
        }
    }

    /// The target of a plan; `services` are those that stand elsewhere.
    pub(super) fn played(&self, services: &BTreeMap<String, Url>) -> run::Target {
        if self.is_mock {
            return run::Target::Mock;
        }
        run::Target::Deployment(Box::new(config::Target {
            name: "elsewhere".to_owned(),
            access: Default::default(),
            latency: None,
            rate: None,
            budget: None,
            fleet: None,
            services: services.clone(),
            suite: None,
            contract: None,
            accounts: self.accounts.clone(),
            levers: BTreeMap::new(),
            probes: false,
            disposable: None,
            app_variables: None,
            secrets: BTreeMap::new(),
        }))
    }
}
