//! What the parts of a contract need to know of its other parts.

use std::collections::BTreeMap;

use crate::suite::cursor::{Cursor, Fields};
use crate::suite::node::Content;
use crate::suite::placeholders::{Constant, Placeholders};
use crate::suite::trace::Seen;
use crate::suite::values::Depth;

/// What the parts of a contract need to know of its other parts.
pub(super) struct Context<'a> {
    pub(super) services: Vec<&'a str>,
    pub(super) resources: Vec<&'a str>,
    pub(super) constants: BTreeMap<String, Constant>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) depth: Depth,
}

impl<'a> Context<'a> {
    /// Reads the names of services and resources and what templates are filled with, before the rest
    /// of the contract is read.
    pub(super) fn read(fields: &Fields<'a>, depth: Depth) -> Self {
        let mut context = Context {
            services: names(fields, "services"),
            resources: names(fields, "resources"),
            constants: BTreeMap::new(),
            headers: Vec::new(),
            depth,
        };
        context.constants = fields
            .or("constants", BTreeMap::new(), constants)
            .unwrap_or_default();
        context.headers = fields
            .or("headers", Vec::new(), |cursor| {
                context.placeholders(&[]).pairs(cursor)
            })
            .unwrap_or_default();
        context
    }

    /// The constants, and `live` placeholders that are filled at run time.
    pub(super) fn placeholders<'p>(&'p self, live: &'p [&'p str]) -> Placeholders<'p> {
        Placeholders {
            live,
            constants: &self.constants,
        }
    }
}

/// The keys of the map at `key`, before it is read.
fn names<'a>(fields: &Fields<'a>, key: &'static str) -> Vec<&'a str> {
    match fields.get(key).map(|cursor| &cursor.node.content) {
        Some(Content::Map(entries)) => entries.iter().map(|entry| entry.key.as_str()).collect(),
        _ => Vec::new(),
    }
}

fn constants(cursor: &Cursor<'_>) -> Option<BTreeMap<String, Constant>> {
    let mut constants = BTreeMap::new();
    for (entry, value) in cursor.entries()? {
        value.takes(|| Seen::Written);
        match Constant::of(value.node) {
            Some(constant) => {
                constants.insert(entry.key.clone(), constant);
            }
            None => {
                value.wrong::<()>("a text, a number or a boolean", "constants are scalars");
            }
        }
    }
    Some(constants)
}
