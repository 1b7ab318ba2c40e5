//! What a caller's own code sees of a scenario between two steps.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::app::View;
use crate::domain::journal::{Entry, EntryId};
use crate::net::Recorder;

/// One device of a scenario, at the step that looks at it.
#[derive(Clone)]
pub struct Moment {
    pub(super) view: watch::Receiver<View>,
    pub(super) recorder: Recorder,
    /// The device's name, where there are several.
    pub(super) device: Option<String>,
    /// The beginning of the latest step that changed something.
    pub(super) change: EntryId,
}

impl Moment {
    /// What the user sees.
    #[must_use]
    pub fn view(&self) -> View {
        self.view.borrow().clone()
    }

    /// What the journal holds of this device since the last step that acted or changed the world.
    #[must_use]
    pub fn entries(&self) -> Vec<Arc<Entry>> {
        let journal = self.recorder.journal();
        let since = journal.after(self.change);
        let own = since.filter(|entry| entry.concerns(self.device.as_deref()));
        own.cloned().collect()
    }

    /// Waits until something holds, and says whether it came to that in time.
    pub async fn until(&self, within: Duration, holds: impl Fn(&Self) -> bool) -> bool {
        let end = Instant::now() + within;
        let mut view = self.view.clone();
        loop {
            let grown = self.recorder.grown();
            tokio::pin!(grown);
            view.mark_unchanged();
            if holds(self) {
                return true;
            }
            tokio::select! {
                biased;
                () = &mut grown => {}
                Ok(()) = view.changed() => {}
                () = tokio::time::sleep_until(end) => return holds(self),
            }
        }
    }
}
