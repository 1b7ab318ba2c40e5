//! Whether an answer is a list, what tells its items apart, and how its pages are asked for.

use serde_json::{Value, json};

use super::api::{Known, Operation, Parameter, Place, plain, words};
use super::schemas::{Definitions, Field, fields, is_of, items, resolved};

const LISTS: [&str; 9] = [
    "items", "data", "results", "rows", "entries", "records", "list", "content", "value",
];
const KEYS: [&str; 7] = ["id", "uuid", "uid", "guid", "key", "code", "slug"];
/// Last words of names by which an item is known.
const NUMBERS: [&str; 9] = [
    "id", "no", "number", "code", "key", "ref", "uuid", "guid", "nr",
];
const CURSORS: [&str; 12] = [
    "cursor",
    "after",
    "pagetoken",
    "nexttoken",
    "startingafter",
    "continuation",
    "continuationtoken",
    "next",
    "nextcursor",
    "pagecursor",
    "marker",
    "bookmark",
];
const NEXT: [&str; 10] = [
    "nextcursor",
    "nextpagetoken",
    "nexttoken",
    "next",
    "endcursor",
    "cursor",
    "continuationtoken",
    "nextmarker",
    "nextpage",
    "bookmark",
];
const SIZES: [&str; 9] = [
    "limit",
    "perpage",
    "pagesize",
    "size",
    "count",
    "maxresults",
    "top",
    "first",
    "take",
];
const PAGES: [&str; 5] = ["page", "pagenumber", "pageno", "pageindex", "p"];
const TOTALS: [&str; 5] = [
    "total",
    "totalcount",
    "totalitems",
    "totalelements",
    "totalresults",
];
const OFFSETS: [&str; 4] = ["offset", "skip", "start", "startindex"];

/// What is known of a list.
pub(super) struct List {
    pub(super) items: Known<String>,
    pub(super) key: Option<String>,
    pub(super) paging: Option<Known<Value>>,
    /// Why its pages are not asked for although it seems to have some.
    pub(super) unpaged: Option<String>,
}

/// The list that an answer is, or has in it.
pub(super) fn list(operation: &Operation, schema: &Value, all: &Definitions) -> Option<List> {
    let found = fields(schema, all);
    let (pointer, why, own) = place(operation, schema, &found, all)?;
    let own_fields = fields(own, all);
    let key = key(operation, &own_fields);
    let mut unpaged = None;
    let paging = match (&key, paging(operation, &found)) {
        (_, None) => None,
        (Some(_), Some(Ok(paging))) => Some(paging),
        (None, Some(Ok(_))) => {
            unpaged = Some(
                "its items have no key that could be found, so its pages are not asked for"
                    .to_owned(),
            );
            None
        }
        (_, Some(Err(why))) => {
            unpaged = Some(why);
            None
        }
    };
    Some(List {
        items: Known {
            value: pointer,
            why,
        },
        key,
        paging,
        unpaged,
    })
}

fn place<'a>(
    operation: &Operation,
    schema: &'a Value,
    found: &[Field<'a>],
    all: &'a Definitions,
) -> Option<(String, String, &'a Value)> {
    let root = resolved(schema, all);
    if is_of(root, "array") {
        let own = items(root, all)?;
        return is_object(own, all)
            .then(|| (String::new(), "the whole answer is a list".to_owned(), own));
    }
    let lists: Vec<(&Field<'_>, &Value)> = found
        .iter()
        .filter(|field| is_of(field.schema, "array") && field.pointer.matches('/').count() <= 2)
        .filter_map(|field| Some((field, items(field.schema, all)?)))
        .filter(|(_, own)| is_object(own, all))
        .collect();
    let last = operation.path_words().pop().unwrap_or_default();
    let named = |(field, _): &&(&Field<'_>, &Value)| {
        let name = plain(&field.name);
        name == last || LISTS.contains(&name.as_str())
    };
    let one = match &lists[..] {
        [only] if only.0.pointer.matches('/').count() == 1 => {
            // A single list in an object of many fields may be a part of it.
            let beside = found
                .iter()
                .filter(|own| own.pointer.matches('/').count() == 1);
            (named(&only) || beside.count() <= 4).then_some(only)
        }
        many => many.iter().find(named),
    };
    let (field, own) = one?;
    let why = format!("`{}` is the list in its answer", field.name);
    Some((field.pointer.clone(), why, own))
}

fn is_object(schema: &Value, all: &Definitions) -> bool {
    !fields(schema, all).is_empty() || is_of(resolved(schema, all), "object")
}

/// What tells items apart.
fn key(operation: &Operation, own: &[Field<'_>]) -> Option<String> {
    let own: Vec<&Field<'_>> = own
        .iter()
        .filter(|field| field.pointer.matches('/').count() == 1)
        .filter(|field| !is_of(field.schema, "object") && !is_of(field.schema, "array"))
        .collect();
    let last = operation.path_words().pop().unwrap_or_default();
    let one = last.trim_end_matches('s');
    let of = |always: bool| {
        KEYS.iter().find_map(|name| {
            own.iter()
                .find(|field| plain(&field.name) == *name && field.required == always)
        })
    };
    // What is always there comes first; inside alternatives nothing is said to be.
    let usual = of(true).or_else(|| of(false));
    // `bookingNo` of `/bookings`, or the only field that is called like one.
    let numbers = || {
        own.iter().filter(|field| {
            let words = words(&field.name);
            words.len() > 1
                && words
                    .last()
                    .is_some_and(|own| NUMBERS.contains(&own.as_str()))
        })
    };
    let by_name = || numbers().find(|field| words(&field.name)[0] == one);
    let only = || {
        let mut always = numbers().filter(|field| field.required);
        let first = always.next()?;
        always.next().is_none().then_some(first)
    };
    let found = usual.or_else(by_name).or_else(only);
    found.map(|field| field.pointer.clone())
}

/// How pages are asked for: nothing, if there is no parameter for it.
fn paging(operation: &Operation, found: &[Field<'_>]) -> Option<Result<Known<Value>, String>> {
    let query: Vec<&Parameter> = operation
        .parameters
        .iter()
        .filter(|own| own.place == Place::Query)
        .collect();
    let named = |names: &[&str]| {
        names
            .iter()
            .find_map(|name| query.iter().find(|own| plain(&own.name) == *name))
    };
    let mut paging = serde_json::Map::new();
    if let Some(size) = named(&SIZES) {
        let known = size
            .sample
            .as_ref()
            .and_then(Value::as_u64)
            .filter(|own| *own > 0);
        if let Some(value) = known {
            paging.insert(
                "size".to_owned(),
                json!({"query": size.name, "value": value}),
            );
        }
    }
    let way = match (named(&PAGES), named(&OFFSETS), named(&CURSORS)) {
        (Some(page), _, _) => Ok(by_page(page)),
        (None, Some(offset), _) => Ok(Way {
            key: "offset",
            value: json!({"query": offset.name}),
            why: format!("it takes `{}`", offset.name),
        }),
        (None, None, Some(cursor)) => by_cursor(cursor, found),
        (None, None, None) => return None,
    };
    let way = match way {
        Ok(way) => way,
        Err(why) => return Some(Err(why)),
    };
    paging.insert(way.key.to_owned(), way.value);
    let total = found.iter().find(|field| {
        TOTALS.contains(&plain(&field.name).as_str()) && is_of(field.schema, "integer")
    });
    if let Some(total) = total {
        paging.insert("total".to_owned(), json!(total.pointer));
    }
    Some(Ok(Known {
        value: Value::Object(paging),
        why: way.why,
    }))
}

/// One way to the next page.
struct Way {
    key: &'static str,
    value: Value,
    why: String,
}

fn by_page(page: &Parameter) -> Way {
    let first = page.sample.as_ref().and_then(Value::as_u64);
    let least = page.schema.get("minimum").and_then(Value::as_u64);
    let first = least.or(first).filter(|own| *own <= 1).unwrap_or(1);
    Way {
        key: "page",
        value: json!({"query": page.name, "first": first}),
        why: format!("it takes `{}`", page.name),
    }
}

fn by_cursor(cursor: &Parameter, found: &[Field<'_>]) -> Result<Way, String> {
    let is_value =
        |field: &&Field<'_>| !is_of(field.schema, "object") && !is_of(field.schema, "array");
    let next = NEXT.iter().find_map(|name| {
        let mut values = found.iter().filter(is_value);
        values.find(|field| plain(&field.name) == *name)
    });
    let Some(next) = next else {
        return Err(format!(
            "it takes `{}`, but where its answer has the next one is not said",
            cursor.name
        ));
    };
    Ok(Way {
        key: "cursor",
        value: json!({"query": cursor.name, "from": next.pointer}),
        why: format!(
            "it takes `{}` and answers with `{}`",
            cursor.name, next.name
        ),
    })
}

/// The data of a list as a whole: where the next cursor stands, there is none. A schema that was only concluded
/// lets that be.
pub(super) fn end(value: &mut Value, paging: &Value, schema: Option<&mut Value>, concluded: bool) {
    let from = paging
        .get("cursor")
        .and_then(|own| own.get("from"))
        .and_then(Value::as_str);
    let Some(pointer) = from.filter(|own| own.starts_with('/')) else {
        return;
    };
    let (before, last) = pointer.rsplit_once('/').unwrap_or(("", pointer));
    let name = last.replace("~1", "/").replace("~0", "~");
    let mut schema = schema;
    if concluded && let Some(whole) = schema.as_deref_mut() {
        loosen(whole, before, &name);
    }
    let fits = |value: &Value| {
        schema
            .as_deref()
            .is_none_or(|own| jsonschema::is_valid(own, value))
    };
    let mut none = value.clone();
    if let Some(own) = none.pointer_mut(pointer) {
        *own = Value::Null;
    }
    if fits(&none) {
        *value = none;
        return;
    }
    if let Some(fields) = none.pointer_mut(before).and_then(Value::as_object_mut) {
        fields.remove(&name);
    }
    if fits(&none) {
        *value = none;
    }
}

/// Lets a field be null, or not be there.
fn loosen(schema: &mut Value, before: &str, name: &str) {
    let mut here = schema;
    for segment in before.split('/').skip(1) {
        let segment = segment.replace("~1", "/").replace("~0", "~");
        let Some(next) = here
            .get_mut("properties")
            .and_then(|own| own.get_mut(&segment))
        else {
            return;
        };
        here = next;
    }
    if let Some(own) = here.get_mut("required").and_then(Value::as_array_mut) {
        own.retain(|own| own != name);
    }
    if let Some(own) = here.get_mut("properties").and_then(|own| own.get_mut(name))
        && let Some(kind) = own.get("type").filter(|own| own.is_string()).cloned()
    {
        own["type"] = json!([kind, "null"]);
    }
}
