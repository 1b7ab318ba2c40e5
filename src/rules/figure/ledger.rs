//! What was measured so far, and the entries that show it.

use std::collections::BTreeMap;

use crate::domain::figures::{Figure, Figures};
use crate::domain::journal::EntryId;

/// How many entries are kept to show one figure.
const SHOWN: usize = 4;

/// The name under which the entries of all routes together are kept.
pub(super) const ANY: &str = "";

/// What was measured so far, and the entries that show it.
#[derive(Default)]
pub(super) struct Ledger {
    pub(super) figures: Figures,
    shown: BTreeMap<Figure, BTreeMap<String, Vec<EntryId>>>,
}

impl Ledger {
    /// Keeps entries that show a figure of a route, and so that of all routes together: the last few.
    pub(super) fn show(&mut self, figure: Figure, route: &str, entries: &[EntryId]) {
        self.keep(figure, route, entries);
        if route != ANY {
            self.keep(figure, ANY, entries);
        }
    }

    /// Keeps these entries, and no others, to show a figure of a route.
    pub(super) fn replace(&mut self, figure: Figure, route: &str, entries: &[EntryId]) {
        let routes = self.shown.entry(figure).or_default();
        routes.insert(route.to_owned(), entries.to_vec());
    }

    fn keep(&mut self, figure: Figure, route: &str, entries: &[EntryId]) {
        let routes = self.shown.entry(figure).or_default();
        if !routes.contains_key(route) {
            routes.insert(route.to_owned(), Vec::with_capacity(SHOWN));
        }
        let Some(shown) = routes.get_mut(route) else {
            return;
        };
        shown.extend(entries);
        shown.drain(..shown.len().saturating_sub(SHOWN));
    }

    /// The entries that show a figure, in order.
    pub(super) fn shown(&self, figure: Figure, route: &str) -> Vec<EntryId> {
        let routes = self.shown.get(&figure);
        let shown = routes.and_then(|routes| routes.get(route));
        shown.cloned().unwrap_or_default()
    }
}
