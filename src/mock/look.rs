//! What is in the world, for an operator: whose resources there are, and their rows.

use serde_json::{Value, json};

use super::backend::{Backend, Core};
use super::resource_state::ResourceState;
use crate::domain::contract::Resource;
use crate::operator::{Look, Refusal};

/// Whose a resource is that somebody names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// The account of this place.
    Account(usize),
    /// Everybody's.
    Everybody,
}

impl Backend {
    /// What is asked for, with labels in the place of secrets.
    pub(super) fn look(&self, look: &Look) -> Result<Value, Refusal> {
        let core = self.core();
        let Some(name) = &look.resource else {
            return Ok(self.overview(&core));
        };
        let (resource, owner) = self.owner(&core, name, look.user.as_deref())?;
        let state = core.held(owner, name).ok_or_else(Refusal::not_found)?;
        let shown = |value: &Value| self.shown.concealed(value);
        let Some(rows) = rows(resource, state) else {
            return Ok(
                json!({ "resource": name, "user": look.user, "value": shown(&state.answer) }),
            );
        };
        let some = rows.iter().skip(look.from).take(look.limit);
        Ok(json!({
            "resource": name,
            "user": look.user,
            "total": rows.len(),
            "from": look.from,
            "rows": some.map(shown).collect::<Vec<_>>(),
        }))
    }

    fn overview(&self, core: &Core) -> Value {
        let resources = self.contract.resources.iter().map(|resource| {
            let name = &resource.name;
            let own = core.people.iter();
            let own = own.filter(|person| person.data.contains_key(name));
            let key = resource.key.as_ref().map(ToString::to_string);
            json!({
                "name": name,
                "users": own.map(|person| &person.user.name).collect::<Vec<_>>(),
                "everybody": core.shared.contains_key(name),
                "list": resource.items.is_some(),
                "items": resource.items.as_ref().map(ToString::to_string),
                "key": key,
                "schema": resource.schema,
            })
        });
        let users = core.people.iter().map(|person| &person.user.name);
        json!({
            "users": users.collect::<Vec<_>>(),
            "resources": resources.collect::<Vec<_>>(),
            "edits": core.edits.shown(),
        })
    }

    /// The resource of this name, and whose it is that is meant.
    pub(super) fn owner(
        &self,
        core: &Core,
        name: &str,
        user: Option<&str>,
    ) -> Result<(&Resource, Owner), Refusal> {
        let unknown = |why: String| Refusal(404, "unknown", why);
        let resource = self.contract.resource(name).ok_or_else(|| {
            let all = self.contract.resources.iter().map(|own| own.name.as_str());
            let all: Vec<&str> = all.collect();
            let all = all.join(", ");
            unknown(format!(
                "the contract has no resource `{name}`; there are {all}"
            ))
        })?;
        let is_shared = core.shared.contains_key(name);
        let Some(user) = user else {
            let mut users = core.people.iter();
            return match (is_shared, users.find(|own| own.data.contains_key(name))) {
                (true, _) => Ok((resource, Owner::Everybody)),
                (false, Some(own)) => Err(Refusal(
                    400,
                    "whose",
                    format!(
                        "`{name}` belongs to accounts: say whose with `user`, like `{}`",
                        own.user.name
                    ),
                )),
                (false, None) => Err(unknown(format!("the world has no data of `{name}`"))),
            };
        };
        let mut people = core.people.iter();
        match people.position(|own| own.user.name == user) {
            Some(at) if core.people[at].data.contains_key(name) => {
                Ok((resource, Owner::Account(at)))
            }
            Some(_) if is_shared => Err(Refusal(
                400,
                "whose",
                format!("`{name}` is everybody's: leave `user` out"),
            )),
            Some(_) => Err(unknown(format!("the world has no `{name}` of `{user}`"))),
            None => {
                let all = core.people.iter().map(|own| own.user.name.as_str());
                let all = all.collect::<Vec<_>>().join(", ");
                Err(unknown(format!(
                    "the world has no user `{user}`; there are {all}"
                )))
            }
        }
    }
}

impl Core {
    /// What an owner has of this name.
    pub(super) fn held(&self, owner: Owner, name: &str) -> Option<&ResourceState> {
        match owner {
            Owner::Account(at) => self.people.get(at)?.data.get(name),
            Owner::Everybody => self.shared.get(name),
        }
    }

    /// The same, for changing it.
    pub(super) fn held_mut(&mut self, owner: Owner, name: &str) -> Option<&mut ResourceState> {
        match owner {
            Owner::Account(at) => self.people.get_mut(at)?.data.get_mut(name),
            Owner::Everybody => self.shared.get_mut(name),
        }
    }
}

/// The rows of a list; nothing for what is none.
pub(super) fn rows<'a>(resource: &Resource, state: &'a ResourceState) -> Option<&'a Vec<Value>> {
    let items = resource.items.as_ref()?;
    items.in_body(&state.answer)?.as_array()
}
