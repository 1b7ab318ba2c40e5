//! Resources: whose data is answered, page by page.

use serde_json::Value;

use super::backend::{Backend, Core};
use super::call::Call;
use super::defect::Defect;
use super::holding::Holding;
use super::paging::{Asked, Page};
use super::reply::{Reply, place};
use crate::domain::contract::{NextPage, Operation, Resource};

impl Backend {
    pub(super) fn resource(&self, name: &str, operation: &Operation, call: &Call) -> Reply {
        let holder = match self.holder(call) {
            Ok(holder) => Some(holder.user),
            Err(denied) if operation.authorized => return self.unauthorized(denied),
            Err(_) => None,
        };
        let Some(resource) = self.contract.resource(name) else {
            return Reply::error(404, "not-found", "there is no such resource");
        };
        let mut core = self.core();
        let user = holder.map(|user| self.answered_user(&core, user, name));
        self.catch_up(&mut core, user, resource);
        let Some(holding) = find(&mut core, user, name) else {
            return Reply::error(404, "not-found", "there is no such resource");
        };
        let sequence = holding.sequence;
        let mut reply = match self.answer(holding, resource, user, call) {
            Ok(reply) => reply,
            Err(why) => return Reply::error(400, "bad-request", why),
        };
        drop(core);
        if let Some(selector) = &resource.sequence {
            reply.put(selector, sequence.into());
        }
        if self.has(Defect::NumberAsText)
            && let Some(number) = reply.body_mut().and_then(first_number)
        {
            *number = Value::String(number.to_string());
        }
        reply
    }

    /// Whose data is answered. Only a defect makes it anybody else's.
    fn answered_user(&self, core: &Core, user: usize, resource: &str) -> usize {
        let identity = self.contract.session.identity.as_ref();
        let profile = identity.is_some_and(|identity| identity.resource == resource);
        if profile && self.has(Defect::ForeignProfile) {
            (user + 1) % core.people.len()
        } else {
            user
        }
    }

    /// The answer. Of a long list only the page is cloned.
    fn answer(
        &self,
        holding: &mut Holding,
        resource: &Resource,
        user: Option<usize>,
        call: &Call,
    ) -> Result<Reply, &'static str> {
        let (Some(paging), Some(items)) = (&resource.paging, holding.items_mut(resource)) else {
            return Ok(Reply::json(200, holding.answer.clone()));
        };
        let asked = Asked {
            user,
            resource,
            query: &call.query,
            now: self.clock.unix(),
            defect: [Defect::LostPageItem, Defect::RepeatedPageItem]
                .into_iter()
                .find(|defect| self.has(*defect)),
        };
        let Page { start, end, next } = self.cursors.page(&asked, paging, items)?;
        let page = items[start..end].to_vec();
        let all = std::mem::take(items);
        let mut body = holding.answer.clone();
        if let Some(items) = holding.items_mut(resource) {
            *items = all;
        }
        let slot = resource
            .items
            .as_ref()
            .and_then(|items| place(items, &mut body));
        if let Some(slot) = slot {
            *slot = Value::Array(page);
        }
        let mut reply = Reply::json(200, body);
        if let (NextPage::Cursor { from, .. }, Some(next)) = (&paging.next, next) {
            reply.put(from, next.into());
        }
        Ok(reply)
    }
}

/// The user's own data of this name, or what is everybody's.
pub(super) fn find<'a>(
    core: &'a mut Core,
    user: Option<usize>,
    name: &str,
) -> Option<&'a mut Holding> {
    let Core { people, shared, .. } = core;
    let own = user.and_then(|user| people[user].data.get_mut(name));
    own.or_else(|| shared.get_mut(name))
}

fn first_number(value: &mut Value) -> Option<&mut Value> {
    match value {
        Value::Number(_) => Some(value),
        Value::Array(items) => items.iter_mut().find_map(first_number),
        Value::Object(fields) => fields.values_mut().find_map(first_number),
        _ => None,
    }
}
