//! `GET /world`: what is in the world, and the rows of a resource.

use url::form_urlencoded;

use super::Refusal;
use super::follow::number;

/// How many rows an answer brings at most.
pub(super) const MOST_ROWS: usize = 1000;

/// What of the world is asked for: rows of a resource, or without one what there is.
#[derive(Debug, PartialEq)]
pub(crate) struct Look {
    /// The resource.
    pub(crate) resource: Option<String>,
    /// Whose.
    pub(crate) user: Option<String>,
    /// The first row.
    pub(crate) from: usize,
    /// How many rows.
    pub(crate) limit: usize,
}

impl Look {
    /// # Errors
    /// When the query says something else.
    pub(super) fn read(query: &str) -> Result<Self, Refusal> {
        let mut look = Self {
            resource: None,
            user: None,
            from: 0,
            limit: MOST_ROWS,
        };
        let whole = |name: &str, value: &str, most: u64| {
            number(name, value, most).map(|number| usize::try_from(number).unwrap_or(usize::MAX))
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "resource" => look.resource = Some(value.into_owned()),
                "user" => look.user = Some(value.into_owned()).filter(|user| !user.is_empty()),
                "from" => look.from = whole(&name, &value, u32::MAX.into())?,
                "limit" => look.limit = whole(&name, &value, MOST_ROWS as u64)?.max(1),
                _ => {
                    let why =
                        format!("there is no `{name}` here: `resource`, `user`, `from`, `limit`");
                    return Err(Refusal(400, "bad-query", why));
                }
            }
        }
        Ok(look)
    }
}
