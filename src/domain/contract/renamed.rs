//! A contract under other names: tests use it to show that no name means anything to code.

use std::collections::BTreeMap;

use crate::domain::contract::{Contract, Operation, RequestPattern, Token};
use crate::domain::figures::Of;

/// New names by the old ones. What is not named here keeps its name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Renaming {
    pub(crate) services: BTreeMap<String, String>,
    /// The segments of paths, each for itself.
    pub(crate) segments: BTreeMap<String, String>,
    pub(crate) resources: BTreeMap<String, String>,
    pub(crate) screens: BTreeMap<String, String>,
    pub(crate) events: BTreeMap<String, String>,
    /// By which accounts are known in scenarios.
    pub(crate) accounts: BTreeMap<String, String>,
}

impl Renaming {
    pub(crate) fn service(&self, name: &mut String) {
        replace(&self.services, name);
    }

    pub(crate) fn resource(&self, name: &mut String) {
        replace(&self.resources, name);
    }

    pub(crate) fn screen(&self, name: &mut String) {
        replace(&self.screens, name);
    }

    pub(crate) fn event(&self, name: &mut String) {
        replace(&self.events, name);
    }

    pub(crate) fn account(&self, name: &mut String) {
        replace(&self.accounts, name);
    }

    /// Renames the segments of a path; what follows a `?` is none.
    pub(crate) fn path(&self, path: &mut String) {
        let (own, query) = path.split_at(path.find('?').unwrap_or(path.len()));
        let segments = own
            .split('/')
            .map(|segment| self.segments.get(segment).map_or(segment, String::as_str));
        *path = segments.collect::<Vec<_>>().join("/") + query;
    }

    pub(crate) fn pattern(&self, pattern: &mut RequestPattern) {
        if let Some(service) = &mut pattern.service {
            self.service(service);
        }
        let mut path = pattern.path.to_string();
        self.path(&mut path);
        pattern.path = crate::domain::contract::PathPattern::parse(&path).unwrap();
    }

    fn operation(&self, operation: &mut Operation) {
        self.service(&mut operation.service);
        self.path(&mut operation.path);
    }

    /// The same agreement under the new names.
    pub(crate) fn contract(&self, contract: &Contract) -> Contract {
        let mut contract = contract.clone();
        for service in &mut contract.services {
            self.service(&mut service.name);
        }
        self.session(&mut contract);
        let switch = contract.kill_switch.iter_mut();
        let switch = switch.map(|switch| &mut switch.operation);
        for operation in switch.chain(&mut contract.health) {
            self.operation(operation);
        }
        for resource in &mut contract.resources {
            self.resource(&mut resource.name);
            self.operation(&mut resource.operation);
        }
        for screen in &mut contract.screens {
            self.screen(&mut screen.name);
            for resource in &mut screen.resources {
                self.resource(resource);
            }
        }
        self.feed(&mut contract);
        let polled = contract.polling.iter_mut();
        for resource in polled.flat_map(|polling| &mut polling.resources) {
            self.resource(resource);
        }
        let compared = contract.parity.iter_mut();
        for counterpart in compared.flat_map(|parity| &mut parity.resources) {
            self.resource(&mut counterpart.of);
            self.resource(&mut counterpart.resource.name);
            self.operation(&mut counterpart.resource.operation);
        }
        let compared = contract.parity.iter_mut();
        let others = compared.filter_map(|parity| parity.sign_in.as_mut());
        for other in others.chain(&mut contract.session.other_audience) {
            self.operation(&mut other.operation);
        }
        let scope = &mut contract.scope;
        for pattern in scope.forbid.iter_mut().chain(&mut scope.allow) {
            self.pattern(pattern);
        }
        for event in scope.allow_emits.iter_mut().chain(&mut scope.forbid_emits) {
            self.event(event);
        }
        for limit in &mut contract.limits {
            if let Of::Route(route) = &mut limit.of {
                self.resource(route);
            }
        }
        contract
    }

    fn session(&self, contract: &mut Contract) {
        let session = &mut contract.session;
        self.operation(&mut session.sign_in.operation);
        let refresh = session.refresh.iter_mut();
        let refresh = refresh.map(|refresh| &mut refresh.operation);
        for operation in refresh.chain(&mut session.sign_out) {
            self.operation(operation);
        }
        if let Token::Jwt(policy) = &mut session.token
            && let Some(keys) = &mut policy.keys
        {
            self.operation(keys);
        }
        if let Some(identity) = &mut session.identity {
            self.resource(&mut identity.resource);
        }
    }

    fn feed(&self, contract: &mut Contract) {
        let Some(feed) = &mut contract.realtime else {
            return;
        };
        self.service(&mut feed.service);
        self.path(&mut feed.path);
        let renewal = feed.renewal.iter_mut().map(|renewal| &mut renewal.emit);
        for emit in feed.subscribe.iter_mut().chain(renewal) {
            self.event(&mut emit.event);
        }
        for rule in &mut feed.events {
            self.event(&mut rule.name);
            if let Some(resource) = &mut rule.updates {
                self.resource(resource);
            }
        }
    }
}

fn replace(names: &BTreeMap<String, String>, name: &mut String) {
    if let Some(new) = names.get(name.as_str()) {
        new.clone_into(name);
    }
}
