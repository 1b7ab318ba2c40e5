//! The most of something within a time of a fixed length, wherever it begins.

use std::time::Duration;

/// Into how many slots a window is cut: how exact it is.
const SLOTS: usize = 10;

/// Counts what happens within a window that moves along. It is right to a tenth of the window, and
/// never too much; its memory is the same however much happens.
pub(super) struct Peak {
    slot: Duration,
    counts: [u64; SLOTS],
    /// The number of the newest slot since the journal's zero.
    newest: u64,
    most: u64,
}

impl Peak {
    /// Of a window of this length.
    pub(super) fn within(window: Duration) -> Self {
        Self {
            slot: window / SLOTS as u32,
            counts: [0; SLOTS],
            newest: 0,
            most: 0,
        }
    }

    /// Counts something; the new peak, if it makes one.
    pub(super) fn count(&mut self, at: Duration) -> Option<u64> {
        let slots = SLOTS as u64;
        let number = u64::try_from(at.as_nanos() / self.slot.as_nanos().max(1)).unwrap_or(u64::MAX);
        let passed = number.saturating_sub(self.newest).min(slots);
        for ahead in 1..=passed {
            self.counts[((self.newest + ahead) % slots) as usize] = 0;
        }
        self.newest = self.newest.max(number);
        if passed == slots {
            self.counts = [0; SLOTS];
        }
        self.counts[(self.newest % slots) as usize] += 1;
        let now = self.counts.iter().sum();
        (now > self.most).then(|| {
            self.most = now;
            now
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn most(window: u64, moments: &[u64]) -> u64 {
        let mut peak = Peak::within(Duration::from_millis(window));
        for at in moments {
            peak.count(Duration::from_millis(*at));
        }
        peak.most
    }

    #[test]
    fn the_most_within_a_window_is_counted_wherever_it_begins() {
        assert_eq!(most(1_000, &[0, 100, 200]), 3);
        assert_eq!(most(1_000, &[950, 1_000, 1_050]), 3);
        assert_eq!(most(1_000, &[0, 1_000, 2_000, 86_400_000, 86_400_010]), 2);
        assert_eq!(most(60_000, &[0, 59_999, 60_000, 119_999]), 2);
    }

    #[test]
    fn nothing_is_counted_that_is_a_window_apart() {
        for gap in [1_000, 1_001, 1_099, 5_000] {
            assert_eq!(most(1_000, &[7, 7 + gap, 7 + 2 * gap]), 1, "{gap}");
        }
    }
}
