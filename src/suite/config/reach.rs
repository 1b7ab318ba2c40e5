//! Which services a lever moves, and what else it must not be asked for.

use std::collections::BTreeMap;

use url::Url;

use crate::suite::cursor::Cursor;

/// Which services the calls of a lever move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Any, one by one or all: the calls say which by `{service}`, or the configuration does not say.
    Any,
    /// These, all at once: the calls do not say which.
    Together(Vec<String>),
    /// These, one by one.
    Each(Vec<String>),
}

/// Why a lever does not move what it is asked to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutOfReach {
    /// It is about other services.
    #[error("it moves {moved}, and not {asked}: `services` in its configuration says so")]
    Others {
        /// What it moves.
        moved: String,
        /// What it was asked to move.
        asked: String,
    },
    /// It cannot move one service alone.
    #[error(
        "it moves {moved} at once, and cannot move `{asked}` alone: write `{{service}}` in its calls, or correct its `services`"
    )]
    NotAlone {
        /// What it moves.
        moved: String,
        /// What it was asked to move.
        asked: String,
    },
}

impl Reach {
    /// Whether this covers `asked`, or without that every one of `all` services.
    pub(super) fn covers<'s>(
        &self,
        asked: Option<&str>,
        mut all: impl Iterator<Item = &'s str>,
    ) -> Result<(), OutOfReach> {
        let (moved, alone) = match self {
            Self::Any => return Ok(()),
            Self::Together(moved) => (moved, moved.len() == 1),
            Self::Each(moved) => (moved, true),
        };
        let shown = || {
            let quoted: Vec<String> = moved.iter().map(|name| format!("`{name}`")).collect();
            quoted.join(" and ")
        };
        let covers = |name: &str| moved.iter().any(|own| own == name);
        match asked {
            Some(one) if covers(one) && alone => Ok(()),
            Some(one) if covers(one) => Err(OutOfReach::NotAlone {
                moved: shown(),
                asked: one.to_owned(),
            }),
            Some(one) => Err(OutOfReach::Others {
                moved: shown(),
                asked: format!("`{one}`"),
            }),
            None if all.all(covers) => Ok(()),
            None => Err(OutOfReach::Others {
                moved: shown(),
                asked: "all services".to_owned(),
            }),
        }
    }
}

/// The services that a lever moves.
pub(super) fn named(
    cursor: &Cursor<'_>,
    services: Option<&BTreeMap<String, Url>>,
) -> Option<Vec<String>> {
    let items = cursor.one_or_more();
    if items.is_empty() {
        return cursor.refuse(
            "this lever moves no service",
            "name at least one, or leave `services` away: then it is asked for any",
        );
    }
    items
        .iter()
        .map(|item| match services {
            None => item.name_text(),
            Some(services) => {
                let known: Vec<&str> = services.keys().map(String::as_str).collect();
                item.known_name("service", &known)
            }
        })
        .collect()
}
