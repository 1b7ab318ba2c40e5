//! The process, the device around it, and the user: start, network, background, screens.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::journal::{AppFact, FeedState, LinkState};

use super::effect::Effect;
use super::event::UserAct;
use super::feed::Wanted;
use super::load::Cause;
use super::timers::Timer;
use super::view::{LOADING, MAINTENANCE, SIGNED_OUT};
use super::{App, Quirk, notice};

/// The longest pause between the return of the network and the first request: apps that lost it
/// together must not come back together.
const SETTLING: Duration = Duration::from_millis(1_000);

/// Where the process stands.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) storage_read: bool,
    pub(super) online: bool,
    pub(super) visible: bool,
    /// The network has just come back.
    pub(super) settling: bool,
    /// The screen that is open, or will be once there is a session.
    pub(super) screen: Arc<str>,
    /// Whether the open screen is to be read again.
    pub(super) reload: bool,
}

impl Life {
    /// The process before it knows anything.
    pub(super) fn new(home: &str) -> Self {
        Self {
            storage_read: false,
            online: true,
            visible: true,
            settling: false,
            screen: home.into(),
            reload: false,
        }
    }
}

impl App {
    pub(super) fn started(&mut self, online: bool) {
        self.life.online = online;
        if !online {
            self.notice(notice::OFFLINE);
        }
        self.out.push(Effect::ReadStorage);
    }

    pub(super) fn connectivity(&mut self, online: bool) {
        if self.life.online == online {
            return;
        }
        self.life.online = online;
        if online {
            self.clear_notice_of(notice::OFFLINE);
            self.life.settling = true;
            let wait = SETTLING.mul_f64(self.rng.f64());
            self.set_timer(Timer::Resume, wait);
        } else {
            self.life.settling = false;
            self.clear_timer(Timer::Resume);
            self.notice(notice::OFFLINE);
            self.mark_all_stale();
            if self.quirks.has(Quirk::AttemptsWhileOffline) {
                self.life.reload = true;
            }
            if !self.status.settled {
                self.start_status();
            }
        }
    }

    /// The network has been back for a moment.
    pub(super) fn resume_timer(&mut self) {
        self.life.settling = false;
        self.session.refreshing.again();
        self.refresh_first();
        self.status_before_data();
        if !self.timers.runs(Timer::Status) {
            self.wait_for_status();
        }
    }

    pub(super) fn user(&mut self, act: UserAct) {
        match act {
            UserAct::SignIn { username, password } => self.sign_in_asked(username, password),
            UserAct::SignOut => self.sign_out(),
            UserAct::Refresh => self.pulled(),
            UserAct::Open(screen) => self.opened(&screen),
            UserAct::LoadAll(resource) => self.load_all(&resource),
            UserAct::Background => {
                self.life.visible = false;
                self.note_leaving();
                self.wait_for_status();
            }
            UserAct::Foreground if !self.life.visible => {
                self.life.visible = true;
                self.count_missed();
                self.session.refreshing.again();
                self.refresh_first();
                self.age_timer();
                if self.session.current.is_some() || self.status.blocked {
                    self.status_before_data();
                }
                self.wait_for_status();
            }
            UserAct::Foreground => {}
        }
    }

    /// Pulled to refresh: first the kill-switch, then what the screen shows.
    fn pulled(&mut self) {
        if !self.life.online {
            self.notice(notice::OFFLINE);
            return;
        }
        if self.session.current.is_none() && !self.status.blocked {
            return;
        }
        self.session.refreshing.again();
        if self.contract.kill_switch.is_some() && self.pause_left("status").is_zero() {
            self.status.then_reload = true;
            self.ask_status();
        } else {
            self.life.reload = true;
        }
    }

    fn opened(&mut self, screen: &str) {
        if self.contract.screen(screen).is_none() {
            self.unexpected("a screen that the contract does not have");
            return;
        }
        if self.session.current.is_none() {
            return;
        }
        self.life.screen = screen.into();
        self.load_screen(Cause::Open, Wanted::Uncovered);
    }

    /// Loads what the open screen shows.
    pub(super) fn load_screen(&mut self, cause: Cause, wanted: Wanted) {
        let contract = Arc::clone(&self.contract);
        let screen = Arc::clone(&self.life.screen);
        let Some(screen) = contract.screen(&screen) else {
            return;
        };
        let covered = if self.feed.live {
            self.covered()
        } else {
            Vec::new()
        };
        for name in &screen.resources {
            let Some(index) = self.resource_named(name) else {
                continue;
            };
            let is_good = self
                .view
                .shown
                .get(name.as_str())
                .is_some_and(|shown| shown.stale_since.is_none());
            let is_wanted = match wanted {
                Wanted::All => true,
                Wanted::Uncovered => !is_good || !covered.contains(&index),
                Wanted::Stale => !is_good,
            };
            if is_wanted {
                self.want(index, cause);
            }
        }
    }

    /// Whether anything but data may be asked for.
    pub(super) fn may_reach(&self) -> bool {
        self.life.online && !self.life.settling && self.life.visible
    }

    /// Whether data may flow: requests, polling and the socket.
    fn may_flow(&self) -> bool {
        let reach =
            self.may_reach() || (self.life.visible && self.quirks.has(Quirk::AttemptsWhileOffline));
        let open = !self.status.blocked || self.quirks.has(Quirk::DataWhileBlocked);
        reach
            && open
            && self.life.storage_read
            && self.status.settled
            && !self.status.data_waits
            && self.is_token_usable()
            && !self.session.refreshing.first
    }

    pub(super) fn is_loading(&self) -> bool {
        !self.life.storage_read || !self.status.settled
    }

    /// Brings everything in line with where the app stands after an event: what may flow begins,
    /// what may not ends, and the view says so.
    pub(super) fn settle(&mut self) {
        if self.life.storage_read {
            self.settle_form();
            self.settle_status();
            self.settle_refresh();
        }
        let may_flow = self.may_flow();
        if may_flow && !self.flowing {
            self.flowing = true;
            self.life.reload = false;
            self.misbehave();
            self.catch_up();
            self.load_screen(Cause::Open, Wanted::All);
            self.load_owed();
            if self.quirks.has(Quirk::PollsBesideSocket) {
                self.fallback_timer();
            }
            self.await_fallback();
        } else if !may_flow {
            self.stop_flow();
        }
        if std::mem::take(&mut self.life.reload) {
            self.load_screen(Cause::User, Wanted::All);
        }
        self.settle_socket();
        self.ask_for_data_without_session();
        self.settle_view();
    }

    /// Ends everything that brings data, at once.
    pub(super) fn stop_flow(&mut self) {
        if !self.flowing {
            return;
        }
        self.flowing = false;
        self.stop_loads();
        self.close_socket();
        self.stop_polling();
        self.feed.reset();
    }

    fn settle_view(&mut self) {
        let screen = if self.is_loading() || self.has_gone_blank() {
            LOADING
        } else if self.status.blocked {
            MAINTENANCE
        } else if self.session.current.is_none() || self.quirks.has(Quirk::NeverLands) {
            SIGNED_OUT
        } else {
            &*Arc::clone(&self.life.screen)
        };
        let link = if self.life.online {
            LinkState::Online
        } else {
            LinkState::Offline
        };
        if link != self.view.link {
            self.view_mut().link = link;
            self.journal(AppFact::Link { link });
        }
        if *self.view.screen != *screen || !self.screen_told {
            self.screen_told = true;
            self.view_mut().screen = screen.into();
            self.journal(AppFact::Screen {
                screen: screen.into(),
            });
        }
        let feed = self.feed_state();
        if feed != self.view.feed {
            self.view_mut().feed = feed;
            self.journal(AppFact::Feed { feed });
        }
    }

    fn is_anything_stale(&self) -> bool {
        self.view
            .shown
            .values()
            .any(|shown| shown.stale_since.is_some())
    }

    fn feed_state(&self) -> FeedState {
        let is_expected =
            self.session.current.is_some() && !self.status.blocked && !self.is_loading();
        if !is_expected {
            FeedState::Off
        } else if self.feed.is_shown_live() {
            FeedState::Live
        } else if self.poller.works {
            FeedState::Polling
        } else if self.feed.starting && self.life.online && !self.is_anything_stale() {
            FeedState::Off
        } else {
            FeedState::Stale
        }
    }
}
