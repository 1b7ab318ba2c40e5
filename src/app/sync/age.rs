//! The age of what is shown: nothing old passes for current.

use std::time::Duration;

use super::*;

impl App {
    /// Says of a resource that it is old, if anything of it is shown.
    pub(in crate::app) fn mark_stale(&mut self, index: usize) {
        let now = self.now.elapsed;
        let name = &self.contract.resources[index].name;
        if self.quirks.has(Quirk::HidesAge) {
            return;
        }
        if let Some(shown) = self.view.shown.get_mut(name.as_str())
            && shown.stale_since.is_none()
        {
            shown.stale_since = Some(now);
            let fact = AppFact::Stale {
                resource: name.clone(),
                since_us: u64::try_from(now.as_micros()).unwrap_or(u64::MAX),
            };
            self.view.revision += 1;
            self.journal(fact);
        }
    }

    /// Says so of everything.
    pub(in crate::app) fn mark_all_stale(&mut self) {
        for index in 0..self.data.len() {
            self.mark_stale(index);
        }
    }

    /// Marks what has grown old without anybody keeping it up to date.
    pub(in crate::app) fn age_timer(&mut self) {
        let limit = self.contract.stale_after;
        let covered = if self.feed.live {
            self.covered()
        } else {
            Vec::new()
        };
        let mut next: Option<Duration> = None;
        for index in 0..self.data.len() {
            let name = self.contract.resources[index].name.as_str();
            let Some(shown) = self.view.shown.get(name) else {
                continue;
            };
            if shown.stale_since.is_some() {
                continue;
            }
            let left = (shown.as_of + limit).saturating_sub(self.now.elapsed);
            let is_current = covered.contains(&index) && !self.data[index].stream.waits;
            if left.is_zero() && !is_current {
                self.mark_stale(index);
            } else {
                let left = if left.is_zero() { limit } else { left };
                next = Some(next.map_or(left, |own| own.min(left)));
            }
        }
        if let Some(after) = next {
            self.set_timer(Timer::Age, after.max(Duration::from_secs(1)));
        }
    }
}
