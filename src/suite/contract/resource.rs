//! What the app reads and on which screens it shows it.

use super::context::Context;
use super::freshness;
use super::operation::{self, Use};
use crate::domain::contract::{ItemOrder, NextPage, Paging, Resource, Screen};
use crate::domain::journal::{LOADING, MAINTENANCE, SIGNED_OUT};
use crate::suite::cursor::Cursor;
use crate::suite::node::Content;
use crate::suite::problem::Problem;
use crate::suite::trace::Seen;

/// Words of the scenario language that cannot be names of resources or screens.
const RESERVED: [&str; 13] = [
    "each",
    "home",
    "watched",
    "data",
    "writes",
    "any",
    SIGNED_OUT,
    LOADING,
    MAINTENANCE,
    "realtime",
    "sign-in",
    "refresh",
    "sign-out",
];

/// Names of requests that are no resources.
const ROLES: [&str; 3] = ["status", "health", "keys"];

/// Whether no resource can have this name, because scenarios mean something else by it.
pub(crate) fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name) || ROLES.contains(&name)
}

pub(super) fn read_all(cursor: &Cursor<'_>, context: &Context<'_>) -> Option<Vec<Resource>> {
    let entries = cursor.entries()?;
    if entries.is_empty() {
        return cursor.refuse(
            "a contract needs a resource",
            "write `resources: { orders: GET api /orders }`",
        );
    }
    let resources: Vec<Option<Resource>> = entries
        .iter()
        .map(|(entry, cursor)| {
            if is_reserved(&entry.key) {
                reserved(cursor, &entry.key, &entry.key_span, "resource");
            }
            read(&entry.key, cursor, context)
        })
        .collect();
    resources.into_iter().collect()
}

fn reserved(cursor: &Cursor<'_>, name: &str, span: &crate::suite::node::Span, what: &str) {
    let message = format!("`{name}` means something else in scenarios and cannot name a {what}");
    cursor
        .diagnostics
        .note(span, Problem::new(message).hint("choose another name"));
}

fn read(name: &str, cursor: &Cursor<'_>, context: &Context<'_>) -> Option<Resource> {
    if !matches!(cursor.node.content, Content::Map(_)) {
        return Some(Resource::plain(
            name,
            operation::read(cursor, context, Use::DATA)?,
        ));
    }
    let fields = cursor.fields("a resource")?;
    let operation = operation::from_fields(&fields, context, Use::DATA);
    let items = fields.maybe("items", Cursor::body_selector);
    let key = fields.maybe("key", Cursor::body_selector);
    let sequence = fields.maybe("sequence", Cursor::selector);
    let paging = fields.maybe("paging", paging);
    let order = fields.maybe("order", order);
    let personal = fields.or("personal", false, Cursor::switch);
    let moves = fields.maybe("moves", Cursor::body_selector);
    let conditional = fields.or("conditional", false, Cursor::switch);
    let as_of = fields.maybe("as-of", |cursor| freshness::as_of(cursor, Cursor::selector));
    let schema = fields.maybe("schema", |cursor| cursor.schema(context.depth));
    let (items, key, paging, order) = (items?, key?, paging?, order?);
    if items.is_none() && (key.is_some() || paging.is_some() || order.is_some()) {
        return fields.refuse(
            "`key`, `paging` and `order` are about lists, and this resource has no `items`",
            "add `items: /path/to/list`; the empty pointer `\"\"` says that the whole answer is the list",
        );
    }
    if paging.is_some() && key.is_none() {
        return fields.refuse(
            "a paged list needs a `key`",
            "add `key: /id`: it is how an item that comes twice is recognised",
        );
    }
    Some(Resource {
        name: name.to_owned(),
        operation: operation?,
        items,
        key,
        sequence: sequence?,
        paging,
        order,
        schema: schema?,
        personal: personal?,
        moves: moves?,
        conditional: conditional?,
        as_of: as_of?,
    })
}

pub(super) fn paging(cursor: &Cursor<'_>) -> Option<Paging> {
    const FORM: &str = "write `cursor: { query: cursor, from: /next }`, `page: { query: page }` or `offset: { query: offset }`";
    cursor.takes(|| Seen::Shared("paging"));
    let fields = cursor.fields("`paging`")?;
    let size = fields.maybe("size", |cursor| {
        let fields = cursor.fields("a page's size")?;
        let query = fields.need("query").and_then(|cursor| cursor.name_text());
        let value = fields.need("value").and_then(|cursor| cursor.whole(1));
        Some((query?, value?))
    });
    let mut refused_by = Vec::new();
    let cursor = fields.maybe("cursor", |cursor| {
        let fields = cursor.fields("`cursor`")?;
        let query = fields.need("query").and_then(|cursor| cursor.name_text());
        let from = fields.need("from").and_then(|cursor| cursor.selector());
        let more = fields.maybe("more", Cursor::selector);
        refused_by = fields.or("refused-by", Vec::new(), Cursor::statuses)?;
        Some(NextPage::Cursor {
            query: query?,
            from: from?,
            more: more?,
        })
    });
    let total = fields.maybe("total", Cursor::body_selector);
    let page = fields.maybe("page", |cursor| {
        let fields = cursor.fields("`page`")?;
        let query = fields.need("query").and_then(|cursor| cursor.name_text());
        let first = fields.or("first", 1, |cursor| cursor.whole(0));
        Some(NextPage::Page {
            query: query?,
            first: first?,
        })
    });
    let offset = fields.maybe("offset", |cursor| {
        let fields = cursor.fields("`offset`")?;
        let query = fields.need("query").and_then(|cursor| cursor.name_text());
        Some(NextPage::Offset { query: query? })
    });
    let (size, mut ways) = (size?, [cursor?, page?, offset?].into_iter().flatten());
    match (ways.next(), ways.next()) {
        (Some(next), None) => Some(Paging {
            size,
            next,
            total: total?,
            refused_by,
        }),
        _ => fields.refuse("`paging` finds the next page in one way", FORM),
    }
}

/// Reads the order of a list: `{ by: /closedAt, descending: on }`.
fn order(cursor: &Cursor<'_>) -> Option<ItemOrder> {
    let fields = cursor.fields("`order`")?;
    let by = fields.need("by").and_then(|cursor| cursor.body_selector());
    let descending = fields.or("descending", false, Cursor::switch);
    Some(ItemOrder {
        by: by?,
        descending: descending?,
    })
}

/// A resource's name that exists.
pub(super) fn name(cursor: &Cursor<'_>, context: &Context<'_>) -> Option<String> {
    cursor.known_name("resource", &context.resources)
}

/// Names of resources that exist.
pub(super) fn names(cursor: &Cursor<'_>, context: &Context<'_>) -> Option<Vec<String>> {
    let names: Vec<Option<String>> = cursor
        .one_or_more()
        .iter()
        .map(|item| name(item, context))
        .collect();
    names.into_iter().collect()
}

pub(super) fn read_screens(cursor: &Cursor<'_>, context: &Context<'_>) -> Option<Vec<Screen>> {
    let entries = cursor.entries()?;
    if entries.is_empty() {
        return cursor.refuse(
            "a contract needs a screen",
            "write `screens: { overview: [orders] }`; the first one is where a session lands",
        );
    }
    let screens: Vec<Option<Screen>> = entries
        .iter()
        .map(|(entry, cursor)| {
            // A tab may well be called `home`; whichever is first is meant by that word.
            if RESERVED.contains(&entry.key.as_str()) && entry.key != "home" {
                reserved(cursor, &entry.key, &entry.key_span, "screen");
            }
            let resources = names(cursor, context)?;
            if resources.is_empty() {
                return cursor.refuse(
                    format!("the screen `{}` shows nothing", entry.key),
                    "write the resources that it shows, like `[orders, profile]`",
                );
            }
            Some(Screen {
                name: entry.key.clone(),
                resources,
            })
        })
        .collect();
    screens.into_iter().collect()
}
