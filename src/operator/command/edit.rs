//! The data of the world, row by row: what can be asked for, and what was.

use std::fmt;

use serde::Deserialize;
use serde_json::{Value, json};

use super::described::object;
use super::{Command, Nothing, Refusal};

/// What can be done to the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edits {
    /// To add a row.
    Add,
    /// To have another value in the place of a row, or of a whole answer.
    Put,
    /// To take a row out.
    Remove,
    /// To have it as it was before the last of these.
    Undo,
    /// To do again what was undone.
    Redo,
}

/// What was asked for.
#[derive(Debug)]
pub(crate) enum Edit {
    /// To add a row, to put one, or to take one out.
    Change(Edits, Box<Row>),
    /// To have it as it was before the last of these.
    Undo,
    /// To do again what was undone.
    Redo,
}

/// Which row of which resource, and what it is to be.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Row {
    /// The resource.
    pub(crate) resource: String,
    /// Whose; nobody's where it is everybody's.
    pub(crate) user: Option<String>,
    /// What the row's key is.
    pub(crate) row: Option<Value>,
    /// Which row it is, from zero.
    pub(crate) at: Option<usize>,
    /// What it is to be.
    #[serde(deserialize_with = "present")]
    pub(crate) value: Option<Value>,
    /// Whether it may break the contract's schema.
    pub(crate) force: bool,
    /// Whether it is only to be said what of it breaks the schema.
    pub(crate) check: bool,
}

/// A `null` is a value as any other.
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

impl Edits {
    pub(super) const ALL: [Self; 5] = [Self::Add, Self::Put, Self::Remove, Self::Undo, Self::Redo];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Put => "put",
            Self::Remove => "remove",
            Self::Undo => "undo",
            Self::Redo => "redo",
        }
    }

    pub(super) fn example(self) -> &'static str {
        match self {
            Self::Add => r#"{"resource": "<name>", "user": "<name>", "value": "<the row>"}"#,
            Self::Put => {
                r#"{"resource": "<name>", "user": "<name, absent if it is everybody's>", "row": "<its key>", "value": "<the row>", "force": false}"#
            }
            Self::Remove => r#"{"resource": "<name>", "user": "<name>", "row": "<its key>"}"#,
            Self::Undo | Self::Redo => "{}",
        }
    }

    pub(super) fn summary(self) -> &'static str {
        match self {
            Self::Add => {
                "Adds a row to a list of the world, as its first or at a place; what does not keep the contract's schema is refused unless it is forced"
            }
            Self::Put => {
                "Puts a value in the place of a row of the world, or of a whole answer; what does not keep the contract's schema is refused unless it is forced"
            }
            Self::Remove => "Takes a row out of a list of the world",
            Self::Undo => "Undoes the last change of a row",
            Self::Redo => "Does again what was undone",
        }
    }

    pub(super) fn schema(self) -> Value {
        let name = json!({ "type": "string", "minLength": 1 });
        let or_none = json!({ "type": ["string", "null"] });
        let place = json!({ "type": ["integer", "null"], "minimum": 0, "maximum": u32::MAX });
        let switch = json!({ "type": "boolean" });
        let mut properties = json!({
            "resource": name,
            "user": or_none,
            "row": { "description": "What its key is, as the contract names it" },
            "at": place,
            "value": {},
            "force": switch,
            "check": { "type": "boolean", "description": "Whether it is only to be said what does not keep the schema" },
        });
        let mut leave_out = |names: &[&str]| {
            let fields = properties.as_object_mut();
            fields.into_iter().for_each(|fields| {
                fields.retain(|name, _| !names.contains(&name.as_str()));
            });
        };
        match self {
            Self::Add => leave_out(&["row"]),
            Self::Put => {}
            Self::Remove => leave_out(&["value"]),
            Self::Undo | Self::Redo => return object(&[], json!({})),
        }
        match self {
            Self::Remove => object(&["resource"], properties),
            _ => object(&["resource", "value"], properties),
        }
    }

    pub(super) fn read(self, body: &[u8]) -> Result<Edit, Refusal> {
        let own = Command::World(self);
        if matches!(self, Self::Undo | Self::Redo) {
            let Nothing {} = own.parse(body)?;
            return Ok(match self {
                Self::Undo => Edit::Undo,
                _ => Edit::Redo,
            });
        }
        let row: Row = own.parse(body)?;
        let wrong = if row.resource.is_empty() {
            Some("name a `resource`; GET /world lists them")
        } else if self == Self::Add && row.row.is_some() {
            Some("a new row has its key in `value`: leave `row` out")
        } else if self == Self::Remove && row.value.is_some() {
            Some("what is taken out needs no `value`")
        } else if self != Self::Remove && row.value.is_none() {
            Some("say the `value`")
        } else if row.at.is_some_and(|at| u32::try_from(at).is_err()) {
            Some("`at` is too large")
        } else {
            None
        };
        match wrong {
            Some(why) => Err(own.misread(why)),
            None => Ok(Edit::Change(self, Box::new(row))),
        }
    }
}

impl fmt::Display for Edit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, row) = match self {
            Self::Undo => return out.write_str("undo"),
            Self::Redo => return out.write_str("redo"),
            Self::Change(what, row) => (what.name(), row),
        };
        write!(out, "{what} {}", row.resource)?;
        match &row.user {
            Some(user) => write!(out, " of {user}"),
            None => Ok(()),
        }
    }
}
