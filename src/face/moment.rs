//! What code between two steps sees.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use crate::run;

/// A device in the middle of a scenario: what its app shows, and what crossed the wire. A
/// [`Scenario`](crate::Scenario)'s checks are given one.
#[derive(Clone)]
pub struct Moment(run::Moment);

impl Moment {
    pub(super) fn new(inner: run::Moment) -> Self {
        Self(inner)
    }

    /// The screen that the app shows: one of the contract's, `signed-out`, `loading` or `maintenance`.
    #[must_use]
    pub fn screen(&self) -> String {
        self.0.view().screen.to_string()
    }

    /// How data arrives: `live`, `polling`, `stale` or `off`.
    #[must_use]
    pub fn feed(&self) -> String {
        let feed = serde_json::to_value(self.0.view().feed).unwrap_or_default();
        feed.as_str().unwrap_or_default().to_owned()
    }

    /// Whether somebody is signed in.
    #[must_use]
    pub fn is_signed_in(&self) -> bool {
        self.0.view().session.is_some()
    }

    /// The message that the app shows, by its name, such as `session-expired`.
    #[must_use]
    pub fn notice(&self) -> Option<&'static str> {
        self.0.view().notice
    }

    /// The data that the app shows of a resource: its answer, with everything merged into it that events
    /// and further pages brought.
    #[must_use]
    pub fn shown(&self, resource: &str) -> Option<Value> {
        let view = self.0.view();
        let shown = view.shown.get(resource)?;
        Some((*shown.value).clone())
    }

    /// What the journal holds of this device since the last step that acted or changed the world, entry by
    /// entry: `docs/JOURNAL.md` describes them. Of what repeats itself only the latest is kept.
    #[must_use]
    pub fn journal(&self) -> Vec<Value> {
        let entries = self.0.entries();
        let entries = entries.iter();
        entries
            .filter_map(|entry| serde_json::to_value(&**entry).ok())
            .collect()
    }

    /// Waits until something holds, for so long at the most, and says whether it does. Against the mock
    /// this costs virtual time only.
    pub async fn until(&self, within: Duration, holds: impl Fn(&Self) -> bool) -> bool {
        let own = |inner: &run::Moment| holds(&Self(inner.clone()));
        self.0.until(within, own).await
    }
}

impl fmt::Debug for Moment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let view = self.0.view();
        out.debug_struct("Moment")
            .field("screen", &view.screen)
            .field("feed", &view.feed)
            .finish_non_exhaustive()
    }
}
