//! What is agreed on, for whoever looks at traffic or pushes an event: names, addresses and schemas.

use serde_json::{Value, json};

use crate::domain::contract::Contract;

/// The contract in so far as traffic is read by it.
pub(super) fn agreed(contract: &Contract) -> Value {
    let services = contract.services.iter().map(|service| &service.name);
    let operations = contract.operations().map(|(role, operation)| {
        json!({
            "role": role,
            "service": operation.service,
            "method": operation.method,
            "path": operation.path,
        })
    });
    let feed = contract.realtime.iter();
    let events = feed.flat_map(|feed| &feed.events).map(
        |event| json!({ "name": event.name, "updates": event.updates, "schema": event.schema }),
    );
    json!({
        "contract": contract.name,
        "services": services.collect::<Vec<_>>(),
        "operations": operations.collect::<Vec<_>>(),
        "events": events.collect::<Vec<_>>(),
    })
}
