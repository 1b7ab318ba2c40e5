//! What the app reads.

use serde_json::Value;

use super::{AsOf, ItemOrder, Operation, Paging};
use crate::domain::selector::Selector;

/// Something that the app reads.
#[derive(Debug, Clone)]
pub struct Resource {
    /// The name that scenarios and screens use.
    pub name: String,
    /// The request that reads it.
    pub operation: Operation,
    /// The list inside the answer; absent for a single object.
    pub items: Option<Selector>,
    /// The identity of one item, a pointer into it.
    pub key: Option<Selector>,
    /// The position of this snapshot in the stream of changes.
    pub sequence: Option<Selector>,
    /// How older pages are asked for.
    pub paging: Option<Paging>,
    /// The order in which its items come, if one is promised.
    pub order: Option<ItemOrder>,
    /// JSON Schema of the answer.
    pub schema: Option<Value>,
    /// Whether no two accounts ever get the same answer.
    pub personal: bool,
    /// In an item, or in the object: a value that moves as long as its feed speaks.
    pub moves: Option<Selector>,
    /// Whether it is asked for under the condition that it changed since it was last read.
    pub conditional: bool,
    /// Of which moment its answer is, where it says so.
    pub as_of: Option<AsOf>,
}

impl Resource {
    /// Something of which nothing is said but how it is read.
    #[must_use]
    pub fn plain(name: impl Into<String>, operation: Operation) -> Self {
        Self {
            name: name.into(),
            operation,
            items: None,
            key: None,
            sequence: None,
            paging: None,
            order: None,
            schema: None,
            personal: false,
            moves: None,
            conditional: false,
            as_of: None,
        }
    }
}
