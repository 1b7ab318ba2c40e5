//! Resources: whose data is answered, page by page.

use aws_lc_rs::digest::{Context, SHA256};
use serde_json::Value;

use super::backend::{Backend, Core};
use super::call::Call;
use super::defect::Defect;
use super::paging::{Page, PageRequest};
use super::reply::Reply;
use super::resource_state::ResourceState;
use super::sessions::Denied;
use super::writing::find_mut;
use crate::domain::contract::{NextPage, Operation, Resource, Role};
use crate::domain::malformed::Malformed;
use crate::domain::selector::Selector;
use crate::domain::world::User;

impl Backend {
    pub(super) fn resource(&self, name: &str, operation: &Operation, call: &Call) -> Reply {
        let holder = match self.holder(call) {
            Ok(holder) => Some(holder.user),
            Err(_) if self.has(Defect::RouteWithoutGuard) && self.is_last(name) => Some(0),
            Err(_) if self.has(Defect::SlashWithoutGuard) && call.slashed => Some(0),
            Err(Denied::Revoked)
                if self.has(Defect::SignOutForgetsARoute) && self.is_last(name) =>
            {
                Some(0)
            }
            Err(denied) if operation.authorized => return self.unauthorized(denied),
            Err(_) => None,
        };
        let Some(resource) = self.contract.resource(name) else {
            return Reply::error(404, "not-found", "there is no such resource");
        };
        let mut core = self.core();
        if let Some(failure) = self.failure(&core, name) {
            return failure;
        }
        self.live_on(&mut core);
        let user = holder.map(|user| self.answered_user(&core, user, name, call));
        self.catch_up(&mut core, user, resource);
        let Some(holding) = find(&mut core, user, name) else {
            return Reply::error(404, "not-found", "there is no such resource");
        };
        let sequence = holding.sequence;
        let mut reply = match self.answer(holding, resource, user, call) {
            Ok(reply) => reply,
            Err(why) => return Reply::error(400, "bad-request", why),
        };
        if resource.paging.is_none()
            && self.has(Defect::ItemTwice)
            && let Some(list) = list_in(resource, &mut reply)
            && let Some(first) = list.first().cloned()
        {
            list.push(first);
        }
        if let Some(user) = user.filter(|_| self.has(Defect::ForeignItem)) {
            mix(&mut core, user, resource, &mut reply);
        }
        drop(core);
        if let Some(selector) = &resource.sequence {
            reply.put(selector, sequence.into());
        }
        self.date_answer(resource, &mut reply);
        if self.has(Defect::NumberAsText)
            && let Some(number) = reply.body_mut().and_then(first_number)
        {
            *number = Value::String(number.to_string());
        }
        if self.has(Defect::MislabelledData) {
            reply = reply.with("content-type", "text/plain; charset=utf-8");
        }
        let class = self.core().malformed.get(name).copied();
        let not_kept = self.has(Defect::CodingNotKept) && self.is_last(name);
        let class = class.or(not_kept.then_some(Malformed::BadGzip));
        match class {
            Some(class) => reply.spoilt(class, resource),
            None => self.tagged(reply, user, call),
        }
    }

    /// What a defect answers in place of data.
    fn failure(&self, core: &Core, name: &str) -> Option<Reply> {
        if self.has(Defect::FailsNowAndThen) && core.requests.is_multiple_of(4) {
            return Some(Reply::error(500, "internal", "something went wrong"));
        }
        let home = self.contract.screens.first();
        let summary = home.and_then(|screen| screen.resources.first());
        let gone = self.has(Defect::NoSummary) && summary.is_some_and(|own| own == name);
        if self.has(Defect::DeniesARoute) && self.is_last(name) {
            return Some(Reply::error(403, "forbidden", "this is not for you"));
        }
        gone.then(|| Reply::error(404, "not-found", "there is no such resource"))
    }

    /// Whether this is the last resource that the contract names.
    fn is_last(&self, name: &str) -> bool {
        let last = self.contract.resources.last();
        last.is_some_and(|resource| resource.name == name)
    }

    /// What anybody may ask for, with its entity tag.
    pub(super) fn validated(&self, reply: Reply, role: &Role, call: &Call) -> Reply {
        if reply.status != 200 {
            return reply;
        }
        let asks_again = call.header("if-none-match").is_some();
        if *role == Role::Status && asks_again && self.has(Defect::SwitchNeverChanges) {
            return Reply::empty(304);
        }
        self.tagged(reply, None, call)
    }

    /// The answer with its entity tag, or 304 for who has it already (RFC 9110 §13.1.2). The user is
    /// part of the tag, so nobody's is another's.
    fn tagged(&self, mut reply: Reply, user: Option<usize>, call: &Call) -> Reply {
        let tag = reply.body_mut().map(|body| match () {
            () if self.has(Defect::OneEntityTag) => "\"1\"".to_owned(),
            () if self.has(Defect::StaleEntityTag) => tag(user, &call.path.as_str().into()),
            () => tag(user, body),
        });
        let Some(tag) = tag else { return reply };
        let wanted = call.header("if-none-match");
        let known = wanted.is_some_and(|wanted| {
            self.has(Defect::AnyEntityTag) || wanted.split(',').any(|own| own.trim() == tag)
        });
        let reply = if known { Reply::empty(304) } else { reply };
        let mut reply = reply.with("etag", tag);
        let Some(user) = user else { return reply };
        let core = self.core();
        let person = |at: usize| &core.people[at % core.people.len()].user;
        if self.has(Defect::NamesAnother) {
            reply = reply.with("x-served-with", person(user + 1).username.as_str());
        }
        if self.has(Defect::RepeatsPassword) {
            reply = reply.with("x-served-to", person(user).password.expose());
        }
        reply
    }

    /// Whose data is answered. Only a defect makes it anybody else's.
    fn answered_user(&self, core: &Core, user: usize, resource: &str, call: &Call) -> usize {
        if self.has(Defect::FirstOnConnection) {
            return call.connection.first(user);
        }
        if self.has(Defect::ForeignCursors)
            && let Some(owner) = self.cursors.owner(&call.query)
        {
            return owner;
        }
        if self.has(Defect::ObeysParameters)
            && let Some(named) = named_user(core, call)
        {
            return named;
        }
        let identity = self.contract.session.identity.as_ref();
        let profile = identity.is_some_and(|identity| identity.resource == resource);
        if profile && self.has(Defect::ForeignProfile) {
            (user + 1) % core.people.len()
        } else {
            user
        }
    }

    /// The answer. Of a long list only the page is cloned.
    pub(super) fn answer(
        &self,
        holding: &mut ResourceState,
        resource: &Resource,
        user: Option<usize>,
        call: &Call,
    ) -> Result<Reply, &'static str> {
        let (Some(paging), Some(items)) = (&resource.paging, holding.items_mut(resource)) else {
            return Ok(Reply::json(200, holding.answer.clone()));
        };
        let asked = PageRequest {
            user,
            resource,
            query: &call.query,
            now: self.clock.unix(),
            defect: [
                Defect::LostPageItem,
                Defect::RepeatedPageItem,
                Defect::UnknownCursors,
            ]
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
            .and_then(|items| find_mut(items, &mut body));
        if let Some(slot) = slot {
            *slot = Value::Array(page);
        }
        if resource.order.is_some()
            && self.has(Defect::OutOfOrder)
            && let Some(items) = slot_of(resource, &mut body)
        {
            items.reverse();
        }
        let mut reply = Reply::json(200, body);
        if next.is_some() && self.has(Defect::LinksPastPrefix) {
            let link = format!("<{}?page=next>; rel=\"next\"", call.path);
            reply = reply.with("link", link);
        }
        if let NextPage::Cursor { query, from, more } = &paging.next {
            if let Some(more) = more {
                reply.put(more, next.is_some().into());
            }
            if let Some(next) = next {
                reply.put(from, handed_out(from, query, next).into());
            }
        }
        Ok(reply)
    }
}

/// The user whom a parameter of the request names.
fn named_user(core: &Core, call: &Call) -> Option<usize> {
    // A request with a body has its parameters there.
    let body: Option<Value> = serde_json::from_slice(&call.body).ok();
    core.people.iter().position(|person| {
        let User {
            username, subject, ..
        } = &person.user;
        let is_meant = |value: &str| value == username || value == subject;
        match &body {
            Some(body) => any_text(body, &is_meant),
            None => call.query.iter().any(|(_, value)| is_meant(value)),
        }
    })
}

/// Whether a text somewhere in a value is one of these.
fn any_text(value: &Value, is_one: &dyn Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => is_one(text),
        Value::Array(items) => items.iter().any(|item| any_text(item, is_one)),
        Value::Object(fields) => fields.values().any(|field| any_text(field, is_one)),
        _ => false,
    }
}

/// The list that an answer brings.
fn list_in<'a>(resource: &Resource, reply: &'a mut Reply) -> Option<&'a mut Vec<Value>> {
    slot_of(resource, reply.body_mut()?)
}

fn slot_of<'a>(resource: &Resource, body: &'a mut Value) -> Option<&'a mut Vec<Value>> {
    find_mut(resource.items.as_ref()?, body)?.as_array_mut()
}

/// Puts the first item of somebody else's list into an answer that brings a whole list.
fn mix(core: &mut Core, user: usize, resource: &Resource, reply: &mut Reply) {
    let (Some(items), true) = (
        &resource.items,
        resource.personal && resource.paging.is_none(),
    ) else {
        return;
    };
    let other = (user + 1) % core.people.len();
    let first = find(core, Some(other), &resource.name)
        .and_then(|holding| holding.items_mut(resource)?.first().cloned());
    let list = reply.body_mut().and_then(|body| find_mut(items, body));
    if let (Some(first), Some(Value::Array(list))) = (first, list) {
        list.push(first);
    }
}

/// The user's own data of this name, or what is everybody's.
pub(super) fn find<'a>(
    core: &'a mut Core,
    user: Option<usize>,
    name: &str,
) -> Option<&'a mut ResourceState> {
    let Core { people, shared, .. } = core;
    let own = user.and_then(|user| people[user].data.get_mut(name));
    own.or_else(|| shared.get_mut(name))
}

/// A cursor as it stands in its place: a `Link` header holds links (RFC 8288).
fn handed_out(from: &Selector, query: &str, cursor: String) -> String {
    if *from != Selector::Header("link".to_owned()) {
        return cursor;
    }
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair(query, &cursor)
        .finish();
    format!("<?{query}>; rel=\"next\"")
}

/// A strong entity tag.
fn tag(user: Option<usize>, body: &Value) -> String {
    let mut context = Context::new(&SHA256);
    context.update(format!("{user:?}").as_bytes());
    context.update(body.to_string().as_bytes());
    let digest = context.finish();
    let start: [u8; 8] = digest.as_ref()[..8].try_into().unwrap_or_default();
    format!("\"{:016x}\"", u64::from_be_bytes(start))
}

pub(super) fn first_number(value: &mut Value) -> Option<&mut Value> {
    match value {
        Value::Number(_) => Some(value),
        Value::Array(items) => items.iter_mut().find_map(first_number),
        Value::Object(fields) => fields.values_mut().find_map(first_number),
        _ => None,
    }
}
