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
    /// Those that may change something: by their method, and not because the contract gives them a
    /// role. A resource that is read by POST, as with JSON-RPC and GraphQL, is read all the same.
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
            Self::Writes => !is_safe(method) && role.is_none(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_contract_declares_is_no_write_whatever_its_method() {
        let is_write = |role: Option<Role>, method: &str| {
            RequestMatch::Writes.matches(role.as_ref(), method, "api", "/rpc")
        };
        let positions = || Some(Role::Resource("positions".to_owned()));
        assert!(is_write(None, "POST") && is_write(None, "DELETE"));
        assert!(!is_write(positions(), "POST") && !is_write(Some(Role::Status), "POST"));
        assert!(!is_write(Some(Role::Refresh), "POST") && !is_write(None, "GET"));
    }
}
