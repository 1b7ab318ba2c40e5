//! Finding things in a contract: by name, by role, or wherever they stand.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    Contract, EventRule, Operation, PathPattern, Resource, Screen, Service, SessionRequest, Token,
};

/// What a request is for, as the contract declares it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Opens a session.
    SignIn,
    /// Renews a session.
    Refresh,
    /// Ends a session.
    SignOut,
    /// Asks the kill-switch.
    Status,
    /// Asks whether the deployment is alive.
    Health,
    /// Asks for the key set.
    Keys,
    /// Reads the named resource.
    Resource(String),
    /// Engine.IO, on either transport.
    Realtime,
}

impl Role {
    /// Whether this is data in the sense of the kill-switch: resources and the live feed.
    #[must_use]
    pub fn is_data(&self) -> bool {
        matches!(self, Self::Resource(_) | Self::Realtime)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::SignIn => "sign-in",
            Self::Refresh => "refresh",
            Self::SignOut => "sign-out",
            Self::Status => "status",
            Self::Health => "health",
            Self::Keys => "keys",
            Self::Resource(name) => name,
            Self::Realtime => "realtime",
        })
    }
}

impl Contract {
    /// The service of this name.
    #[must_use]
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name == name)
    }

    /// The resource of this name.
    #[must_use]
    pub fn resource(&self, name: &str) -> Option<&Resource> {
        self.resources.iter().find(|resource| resource.name == name)
    }

    /// The event of this name.
    #[must_use]
    pub fn event(&self, name: &str) -> Option<&EventRule> {
        let feed = self.realtime.as_ref()?;
        feed.events.iter().find(|event| event.name == name)
    }

    /// Whether a client subscribes to the feed by an event of this name.
    #[must_use]
    pub fn subscribes_by(&self, name: &str) -> bool {
        let mut feed = self.realtime.iter().flat_map(|feed| &feed.subscribe);
        feed.any(|emit| emit.event == name)
    }

    /// The screen of this name.
    #[must_use]
    pub fn screen(&self, name: &str) -> Option<&Screen> {
        self.screens.iter().find(|screen| screen.name == name)
    }

    /// Where a session lands.
    #[must_use]
    pub fn home(&self) -> &str {
        self.screens
            .first()
            .map_or("home", |screen| screen.name.as_str())
    }

    /// Every declared HTTP operation with its role.
    pub fn operations(&self) -> impl Iterator<Item = (Role, &Operation)> {
        let session = &self.session;
        let keys = match &session.token {
            Token::Jwt(policy) => policy.keys.as_ref(),
            Token::Opaque => None,
        };
        [
            Some((Role::SignIn, &session.sign_in.operation)),
            session
                .refresh
                .as_ref()
                .map(|refresh| (Role::Refresh, &refresh.operation)),
            session
                .sign_out
                .as_ref()
                .map(|operation| (Role::SignOut, operation)),
            self.kill_switch
                .as_ref()
                .map(|switch| (Role::Status, &switch.operation)),
            keys.map(|operation| (Role::Keys, operation)),
        ]
        .into_iter()
        .flatten()
        .chain(
            self.other_sign_ins()
                .map(|other| (Role::SignIn, &other.operation)),
        )
        .chain(
            self.health
                .iter()
                .map(|operation| (Role::Health, operation)),
        )
        .chain(
            self.resources
                .iter()
                .map(|resource| (Role::Resource(resource.name.clone()), &resource.operation)),
        )
    }

    /// Sign-ins that are not the app's: for another audience, and another client's.
    pub fn other_sign_ins(&self) -> impl Iterator<Item = &SessionRequest> {
        let compared = self.parity.iter().filter_map(|own| own.sign_in.as_ref());
        self.session.other_audience.iter().chain(compared)
    }

    /// The sign-ins that a request may be, by its method, service and path: the app's before others.
    pub fn sign_ins_of<'c>(
        &'c self,
        method: &'c str,
        service: &'c str,
        path: &'c str,
    ) -> impl Iterator<Item = &'c SessionRequest> {
        let all = std::iter::once(&self.session.sign_in).chain(self.other_sign_ins());
        all.filter(move |own| own.operation.covers(method, service, path))
    }

    /// The declared operation of this role.
    #[must_use]
    pub fn operation(&self, role: &Role) -> Option<&Operation> {
        self.operations()
            .find(|(own, _)| own == role)
            .map(|(_, operation)| operation)
    }

    /// Whether an operation of this role has a query key, by itself or by its paging.
    #[must_use]
    pub fn declares_key(&self, role: &Role, operation: &Operation, key: &str) -> bool {
        let paging = match role {
            Role::Resource(name) => self.resource(name).and_then(|own| own.paging.as_ref()),
            _ => None,
        };
        let by_paging = paging.is_some_and(|paging| {
            paging.next.query() == key || paging.size.as_ref().is_some_and(|(size, _)| size == key)
        });
        by_paging || operation.query.iter().any(|(own, _)| own == key)
    }

    /// What a request is for. `path` is canonical and below the service's URL, without query.
    /// Two operations on one path are told apart by method; of two that still fit, a literal path
    /// goes before a template.
    #[must_use]
    pub fn role_of(&self, method: &str, service: &str, path: &str) -> Option<Role> {
        if let Some(realtime) = &self.realtime
            && realtime.service == service
            && path.trim_end_matches('/') == realtime.path.trim_end_matches('/')
        {
            return Some(Role::Realtime);
        }
        self.operations()
            .filter(|(_, operation)| operation.covers(method, service, path))
            .min_by_key(|(_, operation)| operation.path.contains('{'))
            .map(|(role, _)| role)
    }
}

impl Token {
    /// How far clocks may differ, where it says when it ends.
    #[must_use]
    pub fn leeway(&self) -> Option<Duration> {
        match self {
            Self::Jwt(policy) => Some(policy.leeway),
            Self::Opaque => None,
        }
    }
}

impl Operation {
    /// Whether a request is this operation, by method, service and path.
    #[must_use]
    pub fn covers(&self, method: &str, service: &str, path: &str) -> bool {
        self.method == method
            && self.service == service
            && (self.path == path
                || (self.path.contains('{')
                    && PathPattern::parse(&self.path).is_ok_and(|pattern| pattern.matches(path))))
    }

    /// The request line that declares it: method, service and path.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{} {} {}", self.method, self.service, self.path)
    }

    /// Whether this operation may change something: by its method, anything but a safe one
    /// (RFC 9110 §9.2.1).
    #[must_use]
    pub fn is_write(&self) -> bool {
        !is_safe(&self.method)
    }
}

/// Whether a method is safe in the sense of RFC 9110 §9.2.1.
#[must_use]
pub fn is_safe(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE")
}
