//! `live`: what goes on by itself while somebody develops against the world.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Context;
use crate::domain::formula::{self, Formula, Given};
use crate::domain::selector::Selector;
use crate::domain::world::{Alteration, Follow, Live, Recurring, User, WorldChange};
use crate::suite::cursor::{Cursor, Fields};

/// How many decimals a number has that follows others, unless something else is said.
const DECIMALS: u8 = 2;

/// What else the world has, as far as it could be read.
pub(super) struct Beside<'a> {
    pub(super) shared: Option<&'a BTreeMap<String, Value>>,
    pub(super) users: Option<&'a [User]>,
    pub(super) changes: Option<&'a BTreeMap<String, WorldChange>>,
}

/// `{ follows: […], changes: […] }`
pub(super) fn read(place: &Cursor<'_>, context: &Context<'_>, beside: &Beside<'_>) -> Option<Live> {
    let fields = place.fields("`live`")?;
    let follows = fields.or("follows", Vec::new(), |cursor| {
        let read = |item: &Cursor<'_>| follow(item, context, beside);
        let read: Vec<Option<Follow>> = cursor.list()?.iter().map(read).collect();
        read.into_iter().collect()
    });
    let changes = fields.or("changes", Vec::new(), |cursor| {
        let read = |item: &Cursor<'_>| recurring(item, beside.changes);
        let read: Vec<Option<Recurring>> = cursor.list()?.iter().map(read).collect();
        read.into_iter().collect()
    });
    Some(Live {
        follows: follows?,
        changes: changes?,
    })
}

/// `{ in: positions, number: /profit, is: "({/price} - {/paid}) * {/size}" }`
fn follow(place: &Cursor<'_>, context: &Context<'_>, beside: &Beside<'_>) -> Option<Follow> {
    let fields = place.fields("a number that follows others")?;
    let resource = fields
        .need("in")
        .and_then(|cursor| cursor.known_name("resource", &context.resources));
    let number = fields.need("number").and_then(|cursor| cursor.pointer());
    let is_shared = |name: &str| {
        beside
            .shared
            .is_some_and(|shared| shared.contains_key(name))
    };
    let of_all = resource.as_deref().is_some_and(is_shared);
    let (is, moves_with) = (fields.get("is"), fields.get("moves-with"));
    let formula = match (&is, &moves_with) {
        (Some(cursor), None) | (None, Some(cursor)) => {
            worked_out(cursor, context, &|name| of_all && !is_shared(name))
        }
        _ => fields.refuse(
            "a number is what something comes to, or moves with it",
            "write either `is` or `moves-with`",
        ),
    };
    let of_items = resource
        .as_deref()
        .and_then(|name| context.contract.resource(name));
    if let Some(cursor) = &moves_with
        && of_items.is_some_and(|resource| resource.items.is_some())
    {
        return cursor.refuse(
            "a number in the items of a list cannot move with something",
            "write what it is, with `is`",
        );
    }
    let words = fields.or("words", BTreeMap::new(), |cursor| {
        let read = |(entry, cursor): &(&crate::suite::node::Entry, Cursor<'_>)| {
            Some((entry.key.clone(), cursor.number_between(-1e12, 1e12)?))
        };
        let read: Vec<Option<(String, f64)>> = cursor.entries()?.iter().map(read).collect();
        read.into_iter().collect()
    });
    let decimals = fields.or("decimals", DECIMALS, |cursor| match cursor.whole(0)? {
        decimals if decimals <= 9 => u8::try_from(decimals).ok(),
        _ => cursor.refuse("a number has at most 9 decimals here", "write fewer"),
    });
    let follow = Follow {
        resource: resource?,
        number: Selector::Pointer(number?),
        formula: formula?,
        moves_with: moves_with.is_some(),
        words: words?,
        decimals: decimals?,
    };
    check(&follow, &fields, context, beside);
    Some(follow)
}

/// Whether there is such a number in the data, and what it follows.
fn check(follow: &Follow, fields: &Fields<'_>, context: &Context<'_>, beside: &Beside<'_>) {
    let users = beside.users.into_iter().flatten();
    for user in users {
        let answer = |name: &str| {
            let shared = beside.shared.and_then(|shared| shared.get(name));
            user.data.get(name).or(shared)
        };
        let list = |name: &str| -> Option<&[Value]> {
            let items = context.contract.resource(name)?.items.as_ref()?;
            Some(items.in_body(answer(name)?)?.as_array()?)
        };
        let Some(whole) = answer(&follow.resource) else {
            continue;
        };
        for at in list(&follow.resource).unwrap_or(std::slice::from_ref(whole)) {
            let (words, number) = (&follow.words, follow.number.in_body(at));
            let given = Given {
                at,
                words,
                list: &list,
            };
            let lacks = if number.and_then(|own| formula::number(own, words)).is_none() {
                format!("there is no number at `{}`", follow.number)
            } else if follow.formula.value(&given).is_none() {
                "what this follows comes to no number".to_owned()
            } else {
                continue;
            };
            let (name, user) = (&follow.resource, &user.name);
            fields.refuse::<()>(
                format!("{lacks} in `{name}` of `{user}`"),
                "name places of numbers; what is a word there can count as one, by `words`",
            );
            return;
        }
    }
}

fn worked_out(
    cursor: &Cursor<'_>,
    context: &Context<'_>,
    is_of_one: &dyn Fn(&str) -> bool,
) -> Option<Formula> {
    let formula = match Formula::parse(&cursor.text()?) {
        Ok(formula) => formula,
        Err(why) => {
            let hint =
                "write it like `({/price} - {/paid}) * {/size}` or `sum(positions, {/profit})`";
            return cursor.refuse(format!("this cannot be worked out: {why}"), hint);
        }
    };
    for name in formula.lists() {
        let resource = context.contract.resource(name);
        if resource.is_none_or(|resource| resource.items.is_none()) {
            let hint = crate::suite::suggest::suggest(name, context.resources.iter().copied());
            return cursor.refuse(format!("there is no list `{name}`"), hint);
        }
        if is_of_one(name) {
            return cursor.refuse(
                format!(
                    "`{name}` is another one for each user, and this number is the same for all"
                ),
                "have it follow what is `shared`, or give each user a resource of their own",
            );
        }
    }
    Some(formula)
}

/// `{ change: close-trade, every: 90s, leaves: 2 }`
fn recurring(
    place: &Cursor<'_>,
    changes: Option<&BTreeMap<String, WorldChange>>,
) -> Option<Recurring> {
    let fields = place.fields("a change that happens by itself")?;
    let change = fields.need("change").and_then(|cursor| match changes {
        Some(changes) => {
            let names: Vec<&str> = changes.keys().map(String::as_str).collect();
            cursor.known_name("change", &names)
        }
        // They could not be read, which is told already.
        None => cursor.name_text(),
    });
    let every = fields
        .need("every")
        .and_then(|cursor| cursor.positive_duration());
    let count = |cursor: &Cursor<'_>| usize::try_from(cursor.whole(0)?).ok();
    let bounds = (fields.get("leaves"), fields.get("up-to"));
    let known = change.as_deref().zip(changes);
    let known = known.and_then(|(name, changes)| changes.get(name));
    if let Some(Alteration::Turn(_)) = known.map(|change| &change.what)
        && let Some(cursor) = bounds.0.as_ref().or(bounds.1.as_ref())
    {
        return cursor.refuse(
            "values that take turns make no list shorter or longer",
            "leave it out",
        );
    }
    let leaves = bounds.0.as_ref().map_or(Some(0), count);
    let up_to = bounds.1.as_ref().map_or(Some(usize::MAX), count);
    Some(Recurring {
        change: change?,
        every: every?,
        leaves: leaves?,
        up_to: up_to?,
    })
}
