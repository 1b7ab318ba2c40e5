//! Reads that follow an event: an app that reads again what it was told of does not poll.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::journal::Request;
use crate::rules::context::Context;

/// How soon after an event a read is because of it, at the most.
const BECAUSE: Duration = Duration::from_secs(2);

/// How soon after an event a read of a resource is because of it. Where it is polled as often as it is told
/// of, whatever a poller asks would follow some event, so that half an interval is the most.
pub(super) fn because(resource: &str, context: &Context<'_>) -> Duration {
    let polling = context.contract.polling.as_ref();
    let own = polling.filter(|own| own.resources.iter().any(|name| name == resource));
    own.map_or(BECAUSE, |own| BECAUSE.min(own.every / 2))
}

/// When each resource was first changed by an event since it was last read. A poller reads between
/// events of which the first is long ago; who reads because of an event does so at once.
#[derive(Default)]
pub(super) struct Told(BTreeMap<String, Duration>);

impl Told {
    /// Follows what events tell of.
    pub(super) fn see(&mut self, context: &Context<'_>) {
        if let Some((_, name, _)) = context.event_down()
            && let Some(rule) = context.contract.event(name)
            && let Some(resource) = &rule.updates
            && !self.0.contains_key(resource)
        {
            self.0.insert(resource.clone(), context.now);
        }
    }

    /// Whether a read follows an event. It is the last that does until another one comes.
    pub(super) fn explains(&mut self, request: &Request, context: &Context<'_>) -> bool {
        let Some(Role::Resource(name)) = &request.role else {
            return false;
        };
        let told = self.0.remove(name);
        told.is_some_and(|told| context.now <= told + because(name, context))
    }
}
