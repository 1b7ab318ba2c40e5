//! What a 401 and a 403 to a read cause, and what they must not.

use std::time::Duration;

use super::*;

/// How long a resource that refuses a fresh token causes no further refresh.
const REFUSED_FOR: Duration = Duration::from_secs(60);

/// How often the refresh loop of a quirk goes round.
const QUIRKY_REPLAYS: u32 = 5;

impl App {
    /// A 401: at most one refresh, shared with everybody, and one replay.
    pub(super) fn load_unauthorized(&mut self, mut load: Load, tokens: u64) {
        if !self.can_refresh() {
            self.notice(notice::SESSION_EXPIRED);
            self.end("the backend does not accept its token");
            return;
        }
        let loops = self.quirks.has(Quirk::RefreshLoop) && load.replays < QUIRKY_REPLAYS;
        let now = self.now.elapsed;
        if load.replays > 0 && !loops {
            self.data[load.resource].refused_at = Some(now);
            self.notice(notice::DATA_REFUSED);
            self.give_up(load, false);
            return;
        }
        let has_newer = self
            .session
            .current
            .as_ref()
            .is_some_and(|session| session.tokens > tokens);
        if has_newer {
            load.replays += 1;
            load.attempt = 0;
            self.begin(load);
        } else if self.is_hopeless(load.resource) && !loops {
            self.give_up(load, false);
        } else if self.session.refreshing.is_paused(now) {
            self.give_up(load, true);
        } else {
            let resource = load.resource;
            self.data[resource].progress = Progress::Parked(load);
            self.session.refreshing.wanted = true;
        }
    }

    /// Whether a further refresh would only bring a further refusal.
    fn is_hopeless(&self, resource: usize) -> bool {
        self.data[resource]
            .refused_at
            .is_some_and(|at| self.now.elapsed < at + REFUSED_FOR)
    }

    pub(super) fn load_forbidden(&mut self, load: &Load) {
        self.notice(notice::DATA_REFUSED);
        self.give_up(load.clone(), false);
        if self.quirks.has(Quirk::RefreshOn403) {
            self.session.refreshing.wanted = true;
        }
        if self.quirks.has(Quirk::SignOutOn403) {
            self.sign_out();
        }
    }

    /// A new token is there: what waited for it is replayed once.
    pub(in crate::app) fn release_parked(&mut self) {
        for mut load in self.take_parked() {
            load.replays += 1;
            load.attempt = 0;
            if self.flowing {
                self.begin(load);
            }
        }
    }

    /// There will be no new token for now.
    pub(in crate::app) fn give_up_parked(&mut self) {
        for load in self.take_parked() {
            self.give_up(load, true);
        }
    }

    fn take_parked(&mut self) -> Vec<Load> {
        self.data
            .iter_mut()
            .filter_map(|state| match std::mem::take(&mut state.progress) {
                Progress::Parked(load) => Some(load),
                other => {
                    state.progress = other;
                    None
                }
            })
            .collect()
    }
}
