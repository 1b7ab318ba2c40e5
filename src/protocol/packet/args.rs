//! The arguments of an event or acknowledgement: JSON values and the binary attachments they point at.

use bytes::Bytes;
use serde_json::{Value, json};

/// Arguments as they are on the wire: where binary data belongs, a value holds the placeholder
/// `{"_placeholder":true,"num":N}` and `attachments[N]` holds the bytes. [`Args::binary`] follows a placeholder.
///
/// Keeping the two apart spares a third kind of value and lets a journal or a JSON Pointer read `values` as they are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Args {
    /// One value per argument.
    pub values: Vec<Value>,
    /// What the placeholders stand for.
    pub attachments: Vec<Bytes>,
}

impl Args {
    /// No arguments at all.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds a JSON argument.
    #[must_use]
    pub fn and(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Adds a binary argument.
    #[must_use]
    pub fn and_binary(mut self, bytes: impl Into<Bytes>) -> Self {
        let placeholder = self.attach(bytes);
        self.values.push(placeholder);
        self
    }

    /// Stores bytes and returns the placeholder for them, to be put somewhere inside a value.
    #[must_use = "the placeholder has to be put into a value"]
    pub fn attach(&mut self, bytes: impl Into<Bytes>) -> Value {
        self.attachments.push(bytes.into());
        json!({ "_placeholder": true, "num": self.attachments.len() - 1 })
    }

    /// The bytes a value stands for, if it is a placeholder of these arguments.
    #[must_use]
    pub fn binary(&self, value: &Value) -> Option<&Bytes> {
        self.attachments.get(placeholder(value)??)
    }

    /// Whether every placeholder points at an attachment that is there.
    pub(crate) fn is_complete(&self) -> bool {
        self.values
            .iter()
            .all(|value| points_inside(value, self.attachments.len()))
    }
}

impl From<Vec<Value>> for Args {
    fn from(values: Vec<Value>) -> Self {
        Self {
            values,
            attachments: Vec::new(),
        }
    }
}

/// `None`: no placeholder. `Some(None)`: a placeholder whose number cannot be an index.
fn placeholder(value: &Value) -> Option<Option<usize>> {
    let object = value.as_object()?;
    if object.get("_placeholder") != Some(&Value::Bool(true)) {
        return None;
    }
    let index = object.get("num").and_then(Value::as_u64);
    Some(index.and_then(|index| usize::try_from(index).ok()))
}

/// The parser's own recursion limit bounds the depth of `value`, so this cannot exhaust the stack.
fn points_inside(value: &Value, attachments: usize) -> bool {
    if let Some(index) = placeholder(value) {
        return index.is_some_and(|index| index < attachments);
    }
    match value {
        Value::Array(items) => items.iter().all(|item| points_inside(item, attachments)),
        Value::Object(fields) => fields
            .values()
            .all(|field| points_inside(field, attachments)),
        _ => true,
    }
}
