//! What another client of the same backend reads: the app's data, in another form.

use serde_json::Value;

use super::backend::Backend;
use super::call::Call;
use super::data::{find, first_number};
use super::defect::Defect;
use super::reply::Reply;
use super::resource_state::ResourceState;
use super::writing::{find_mut, put};
use crate::domain::contract::{Counterpart, Operation, Resource};
use crate::domain::selector::Selector;

impl Backend {
    /// The answer to what another client asks for, if this is that.
    pub(super) fn other_client(&self, service: &str, call: &Call) -> Option<Reply> {
        let parity = self.contract.parity.as_ref()?;
        let covers = |own: &Operation| own.covers(&call.method, service, &call.path);
        if let Some(sign_in) = &parity.sign_in
            && covers(&sign_in.operation)
            && let Some(found) = call.captures(&sign_in.operation)
        {
            return Some(self.sign_in(&found, &sign_in.answer));
        }
        let mut all = parity.resources.iter();
        let counterpart = all.find(|own| covers(&own.resource.operation))?;
        let resource = self.contract.resource(&counterpart.of)?;
        // What is read as the app reads it is answered as the app is.
        if covers(&resource.operation) {
            return None;
        }
        Some(self.compared(counterpart, resource, call))
    }

    fn compared(&self, counterpart: &Counterpart, resource: &Resource, call: &Call) -> Reply {
        let user = match self.holder(call) {
            Ok(holder) => Some(holder.user),
            Err(denied) if counterpart.resource.operation.authorized => {
                return self.unauthorized(denied);
            }
            Err(_) => None,
        };
        let mut core = self.core();
        self.catch_up(&mut core, user, resource);
        let Some(holding) = find(&mut core, user, &counterpart.of) else {
            return Reply::error(404, "not-found", "there is no such resource");
        };
        let mut answer = translated(counterpart, resource, &holding.answer);
        if self.has(Defect::OtherClientDiffers)
            && let Some(number) = first_number(&mut answer)
        {
            *number = Value::from(number.as_f64().unwrap_or_default() + 1.0);
        }
        let mut state = ResourceState::new(&counterpart.resource, answer);
        drop(core);
        match self.answer(&mut state, &counterpart.resource, user, call) {
            Ok(reply) => reply,
            Err(why) => Reply::error(400, "bad-request", why),
        }
    }
}

/// The app's answer in the form in which the other client gets it.
fn translated(counterpart: &Counterpart, resource: &Resource, answer: &Value) -> Value {
    let renamed = |value: &Value| {
        let mut value = value.clone();
        let key = resource.key.as_ref().zip(counterpart.resource.key.as_ref());
        let key = key.filter(|(own, other)| own != other);
        let found = key.and_then(|(own, other)| Some((other, own.in_body(&value)?.clone())));
        if let Some((other, found)) = found {
            put(&mut value, other, found);
        }
        for (own, other) in &counterpart.renamed {
            let own = Selector::Pointer(own.clone());
            if let Some(found) = find_mut(&own, &mut value).map(Value::take) {
                put(&mut value, &Selector::Pointer(other.clone()), found);
            }
        }
        value
    };
    let lists = resource
        .items
        .as_ref()
        .zip(counterpart.resource.items.as_ref());
    let Some((own, other)) = lists else {
        return renamed(answer);
    };
    let items = own.in_body(answer).and_then(Value::as_array);
    let items = items.into_iter().flatten().map(renamed).collect();
    let mut body = Value::Null;
    put(&mut body, other, Value::Array(items));
    body
}
