//! How levers are moved.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use url::Url;

use super::reach::{self, OutOfReach, Reach};
use super::variables::Variables;
use crate::domain::scenario::Lever;
use crate::domain::secret::Secret;
use crate::domain::selector::Template;
use crate::suite::cursor::Cursor;
use crate::suite::trace::Seen;

mod call;
mod command;

pub use call::{By, Call, Done, Request};
pub use command::{Command, Finish};

/// How a lever is moved.
#[derive(Debug, Clone, PartialEq)]
pub enum LeverMeans {
    /// Imitated at the gateway.
    Gateway,
    /// By what an operator does, in this order.
    Calls {
        /// Maintenance on, backend stopped, or the one thing that the lever does.
        set: Vec<Call>,
        /// Maintenance off, backend running.
        reset: Vec<Call>,
        /// What the calls are about, where a lever is about services.
        reach: Reach,
    },
}

impl LeverMeans {
    /// Whether it moves `asked`, or without that every one of `all` services.
    ///
    /// # Errors
    /// What it moves instead.
    pub fn reaches<'s>(
        &self,
        asked: Option<&str>,
        all: impl Iterator<Item = &'s str>,
    ) -> Result<(), OutOfReach> {
        let Self::Calls { reach, .. } = self else {
            return Ok(());
        };
        reach.covers(asked, all)
    }

    /// How long it may take at most to put back what it moves once: no call of it is given up sooner, and
    /// one that is under way comes to its end before.
    #[must_use]
    pub fn patience(&self) -> Duration {
        let Self::Calls { set, reset, .. } = self else {
            return Duration::ZERO;
        };
        let under_way = set.iter().map(|call| call.timeout).max();
        let each = reset
            .iter()
            .map(|call| call.timeout + call.repeat_for.unwrap_or_default());
        each.sum::<Duration>() + under_way.unwrap_or_default()
    }

    /// Every call that it makes.
    pub fn calls(&self) -> impl Iterator<Item = &Call> {
        let (set, reset) = match self {
            Self::Gateway => (&[][..], &[][..]),
            Self::Calls { set, reset, .. } => (&set[..], &reset[..]),
        };
        set.iter().chain(reset)
    }
}

/// By what means an operator moves something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// By HTTP alone.
    Http,
    /// By programs, and perhaps by HTTP as well.
    Command,
}

impl Means {
    /// By what means these calls are made.
    #[must_use]
    pub fn of<'c>(mut calls: impl Iterator<Item = &'c Call>) -> Self {
        match calls.any(|call| matches!(call.by, By::Command(_))) {
            true => Self::Command,
            false => Self::Http,
        }
    }
}

/// Levers that the gateway can imitate.
const IMITATED: [Lever; 3] = [Lever::Maintenance, Lever::Backend, Lever::DropSockets];

/// What a lever's calls are read with.
pub(super) struct Surroundings<'s> {
    /// The target's services, if they could be read.
    pub(super) services: Option<&'s BTreeMap<String, Url>>,
    pub(super) variables: &'s Variables<'s>,
    /// Where programs are started: beside the file.
    pub(super) folder: &'s Path,
    /// What headers and bodies take from the environment is collected here.
    pub(super) secrets: &'s mut BTreeMap<String, Secret>,
}

/// Reads how one lever is moved.
pub(super) fn read(
    lever: &Lever,
    cursor: &Cursor<'_>,
    around: &mut Surroundings<'_>,
) -> Option<LeverMeans> {
    if *lever == Lever::Malform {
        return cursor.refuse(
            "no deployment can be told to answer with bad data",
            "leave `malform` away: only the mock has this lever",
        );
    }
    if let Some(word) = cursor.node.scalar() {
        return by_word(lever, word, cursor);
    }
    let fields = cursor.fields("a lever")?;
    let mut calls = |key: &'static str| {
        let cursor = fields.need(key)?;
        let calls: Vec<Option<Call>> = cursor
            .one_or_more()
            .iter()
            .map(|item| call::call(lever, item, around))
            .collect();
        calls.into_iter().collect::<Option<Vec<Call>>>()
    };
    let (set, reset) = match lever {
        Lever::Maintenance => (calls("on"), calls("off")),
        Lever::Backend => (calls("stop"), calls("start")),
        Lever::Malform => return None,
        Lever::Push | Lever::ExpireTokens | Lever::DropSockets | Lever::Own(_) => {
            (calls("call"), Some(Vec::new()))
        }
    };
    let moved = match lever {
        Lever::Backend => fields.maybe("services", |cursor| reach::named(cursor, around.services)),
        _ => Some(None),
    };
    let (set, reset, moved) = (set?, reset?, moved?);
    let says_which = set.iter().chain(&reset).any(Call::says_which);
    let reach = match (lever, moved) {
        (Lever::Backend, Some(moved)) if says_which => Reach::Each(moved),
        (Lever::Backend, Some(moved)) => Reach::Together(moved),
        _ => Reach::Any,
    };
    Some(LeverMeans::Calls { set, reset, reach })
}

/// A lever without calls of its own is the gateway's to imitate, if it can.
fn by_word(lever: &Lever, word: &str, cursor: &Cursor<'_>) -> Option<LeverMeans> {
    let imitated = IMITATED.contains(lever);
    if word == "gateway" {
        if imitated {
            cursor.takes(|| Seen::Words(vec![word.to_owned()]));
            return Some(LeverMeans::Gateway);
        }
        return cursor.refuse(
            format!("the gateway cannot imitate `{lever}`: only the backend can do that"),
            "write the operator's call, or leave the lever out: scenarios that need it are skipped",
        );
    }
    let form = match lever {
        Lever::Maintenance => "{ on = \"PUT api /on\", off = \"PUT api /off\" }",
        Lever::Backend => "{ stop = \"POST api /stop\", start = \"POST api /start\" }",
        _ => "{ call = \"POST api /ops\" }",
    };
    let or = if imitated { ", or `\"gateway\"`" } else { "" };
    cursor.refuse(
        format!("`{lever}` needs a table that says how it is moved"),
        format!("write `{form}`{or}"),
    )
}

/// The placeholders that mean something to the calls of a lever.
fn live(lever: &Lever) -> &'static [&'static str] {
    match lever {
        Lever::Backend => &["service"],
        Lever::Push => &["event", "payload"],
        _ => &[],
    }
}

/// Whether every placeholder means something to this lever. What the environment says is collected.
fn placeholders(
    lever: &Lever,
    cursor: &Cursor<'_>,
    template: &Template,
    around: &mut Surroundings<'_>,
) -> Option<()> {
    let place = format!("a call of `{lever}`");
    for name in Variables::check(cursor, template, live(lever), &place)? {
        if let Some(value) = around.variables.of_placeholder(cursor, &name) {
            around.secrets.insert(name, value);
        }
    }
    Some(())
}
