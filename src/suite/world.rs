//! `world.yaml` into a [`World`]: what the mock backend holds.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::Problem;
use super::cursor::Cursor;
use super::values::Depth;
use crate::domain::contract::{Contract, Resource};
use crate::domain::duration::show;
use crate::domain::secret::Secret;
use crate::domain::selector::Selector;
use crate::domain::world::{Feed, Live, User, World};

mod changes;
mod live;

/// What a world is read against.
struct Context<'a> {
    contract: &'a Contract,
    resources: Vec<&'a str>,
    events: Vec<&'a str>,
    depth: Depth,
}

/// Reads a world for a contract. Whatever is wrong is noted in the cursor's diagnostics.
pub(crate) fn read(root: &Cursor<'_>, contract: &Contract, depth: Depth) -> Option<World> {
    let fields = root.fields("a world")?;
    let context = Context {
        contract,
        resources: contract
            .resources
            .iter()
            .map(|resource| resource.name.as_str())
            .collect(),
        events: contract
            .realtime
            .iter()
            .flat_map(|realtime| &realtime.events)
            .map(|event| event.name.as_str())
            .collect(),
        depth,
    };
    let shared = fields.or("shared", BTreeMap::new(), |cursor| data(cursor, &context));
    let users = fields
        .need("users")
        .and_then(|cursor| users(&cursor, &context, shared.as_ref()));
    let feeds = fields.or("feeds", Vec::new(), |cursor| {
        let feeds: Vec<Option<Feed>> = cursor
            .list()?
            .iter()
            .map(|item| feed(item, &context))
            .collect();
        feeds.into_iter().collect()
    });
    let changes = fields.or("changes", BTreeMap::new(), |place| {
        changes::read(place, &context)
    });
    let live = fields.or("live", Live::default(), |place| {
        let beside = live::Beside {
            shared: shared.as_ref(),
            users: users.as_deref(),
            changes: changes.as_ref(),
        };
        live::read(place, &context, &beside)
    });
    let access = fields.or(
        "access-token-lifetime",
        Duration::from_secs(15 * 60),
        Cursor::positive_duration,
    );
    let refresh = fields.or(
        "refresh-token-lifetime",
        Duration::from_secs(30 * 86_400),
        Cursor::positive_duration,
    );
    Some(World {
        users: users?,
        shared: shared?,
        feeds: feeds?,
        changes: changes?,
        live: live?,
        access_token_lifetime: access?,
        refresh_token_lifetime: refresh?,
    })
}

/// Answers by resource.
fn data(cursor: &Cursor<'_>, context: &Context<'_>) -> Option<BTreeMap<String, Value>> {
    let mut data = BTreeMap::new();
    for (entry, answer) in cursor.entries()? {
        let Some(resource) = context.contract.resource(&entry.key) else {
            let hint = super::suggest::suggest(&entry.key, context.resources.iter().copied());
            let message = format!("there is no resource `{}`", entry.key);
            cursor
                .diagnostics
                .note(&entry.key_span, Problem::new(message).hint(hint));
            continue;
        };
        // What cannot be kept as it is written is told, and still no reason to call it missing.
        let value = answer.json().unwrap_or_else(|| answer.node.to_json());
        check(&answer, &value, resource, context);
        data.insert(entry.key.clone(), value);
    }
    Some(data)
}

/// Whether an answer is what the contract says about its resource.
fn check(cursor: &Cursor<'_>, value: &Value, resource: &Resource, context: &Context<'_>) {
    if context.depth == Depth::Trusting {
        return;
    }
    if let Some(items) = &resource.items
        && !items.in_body(value).is_some_and(Value::is_array)
    {
        cursor.refuse::<()>(
            format!(
                "this answer has no list at `{items}`, where `{}` has its items",
                resource.name
            ),
            "write the answer as the backend gives it, with all items in its list",
        );
    }
    let validator = resource
        .schema
        .as_ref()
        .and_then(|schema| jsonschema::validator_for(schema).ok());
    for error in validator
        .iter()
        .flat_map(|validator| validator.iter_errors(value))
        .take(5)
    {
        let at = error.instance_path().to_string();
        let node = cursor.node.at(&at);
        let spot = if at.is_empty() {
            "the answer"
        } else {
            at.as_str()
        };
        let message = format!(
            "{spot} is not as the schema of `{}` wants it: {error}",
            resource.name
        );
        cursor.diagnostics.note(
            &node.unwrap_or(cursor.node).span,
            Problem::new(message).hint("change the data or the contract"),
        );
    }
}

fn users(
    cursor: &Cursor<'_>,
    context: &Context<'_>,
    shared: Option<&BTreeMap<String, Value>>,
) -> Option<Vec<User>> {
    let entries = cursor.entries()?;
    if entries.is_empty() {
        return cursor.refuse(
            "a world needs somebody who can sign in",
            "write at least one user",
        );
    }
    let mut usernames: Vec<String> = Vec::new();
    let users: Vec<Option<User>> = entries
        .iter()
        .map(|(entry, cursor)| {
            let fields = cursor.fields("a user")?;
            let username = fields.need("username").and_then(|cursor| {
                let name = cursor.name_text()?;
                if usernames.contains(&name) {
                    return cursor.refuse(
                        format!("somebody else signs in as `{name}`"),
                        "every user needs a username of their own",
                    );
                }
                usernames.push(name.clone());
                Some(name)
            });
            let password = fields
                .need("password")
                .and_then(|cursor| cursor.name_text().map(Secret::new));
            let subject = fields.or("subject", entry.key.clone(), Cursor::name_text);
            let claims = fields.or("claims", json!({}), |cursor| {
                cursor.entries().and_then(|_| cursor.json())
            });
            let admin = fields.or("admin", false, Cursor::switch);
            let data = fields.or("data", BTreeMap::new(), |cursor| data(cursor, context));
            let data = data?;
            // What could not be read cannot be called missing.
            let missing: Vec<String> = context
                .resources
                .iter()
                .filter(|name| !data.contains_key(**name))
                .filter(|name| shared.is_some_and(|shared| !shared.contains_key(**name)))
                .map(|name| format!("`{name}`"))
                .collect();
            if !missing.is_empty() {
                fields.refuse::<()>(
                    format!("`{}` has no data for {}", entry.key, missing.join(", ")),
                    "add it under `data`, or under `shared` when it is the same for everybody",
                );
            }
            Some(User {
                name: entry.key.clone(),
                username: username?,
                password: password?,
                subject: subject?,
                claims: claims?,
                admin: admin?,
                data,
            })
        })
        .collect();
    users.into_iter().collect()
}

fn feed(cursor: &Cursor<'_>, context: &Context<'_>) -> Option<Feed> {
    let fields = cursor.fields("a feed")?;
    let event = fields
        .need("event")
        .and_then(|cursor| cursor.known_name("event", &context.events));
    let every = fields.need("every").and_then(|cursor| {
        let every = cursor.positive_duration()?;
        let rule = event
            .as_deref()
            .and_then(|name| context.contract.event(name));
        match rule.and_then(|rule| rule.promise.at_least_every) {
            Some(promised) if promised < every => cursor.refuse(
                "this is more seldom than the contract promises",
                format!("the event's `at-least-every` is {}", show(promised)),
            ),
            _ => Some(every),
        }
    });
    let drift = fields.or("drift", Vec::new(), |cursor| {
        cursor
            .one_or_more()
            .iter()
            .map(|item| item.pointer().map(Selector::Pointer))
            .collect()
    });
    Some(Feed {
        event: event?,
        every: every?,
        drift: drift?,
    })
}
