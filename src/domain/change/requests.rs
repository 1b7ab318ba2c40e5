//! Which requests a fault or an expectation is about.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::contract::{RequestPattern, Role, is_safe};

/// Which requests are meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequestMatch {
    /// Those of a role: `sign-in`, `refresh`, `status`, a resource's name, `realtime`.
    Role(Role),
    /// All data: resources and the live feed.
    Data,
    /// Those that may change something, sign-in, refresh, sign-out and polling posts excepted.
    Writes,
    /// All of them.
    Any,
    /// Those under a pattern.
    Pattern(RequestPattern),
}

impl RequestMatch {
    /// Whether a request is meant. `path` is canonical and below the service's URL.
    #[must_use]
    pub fn matches(&self, role: Option<&Role>, method: &str, service: &str, path: &str) -> bool {
        match self {
            Self::Role(wanted) => role == Some(wanted),
            Self::Data => role.is_some_and(Role::is_data),
            Self::Writes => {
                let session = [Role::SignIn, Role::Refresh, Role::SignOut, Role::Realtime];
                !is_safe(method) && !role.is_some_and(|role| session.contains(role))
            }
            Self::Any => true,
            Self::Pattern(pattern) => pattern.matches(method, service, path),
        }
    }
}

impl RequestMatch {
    /// Whether everything that a service could be asked is meant.
    #[must_use]
    pub fn covers_service(&self, service: &str) -> bool {
        self.is_of_whole_services()
            && match self {
                Self::Pattern(pattern) => pattern.service.as_ref().is_none_or(|own| own == service),
                _ => true,
            }
    }

    /// Whether it is said of whole services rather than of some of their requests.
    #[must_use]
    pub fn is_of_whole_services(&self) -> bool {
        match self {
            Self::Any => true,
            Self::Pattern(pattern) => pattern.method.is_none() && pattern.path.to_string() == "/**",
            Self::Role(_) | Self::Data | Self::Writes => false,
        }
    }
}

impl fmt::Display for RequestMatch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role(role) => write!(out, "{role}"),
            Self::Data => out.write_str("data"),
            Self::Writes => out.write_str("writes"),
            Self::Any => out.write_str("any"),
            Self::Pattern(pattern) => write!(out, "{pattern}"),
        }
    }
}
