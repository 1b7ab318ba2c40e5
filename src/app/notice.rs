//! Messages to the user, by stable names.

use crate::domain::journal::AppFact;

use super::App;

/// The credentials are wrong.
pub(super) const SIGN_IN_REFUSED: &str = "sign-in-refused";
/// The sign-in did not work for another reason; it can be tried again.
pub const SIGN_IN_FAILED: &str = "sign-in-failed";
/// The session is over without the user's doing.
pub(super) const SESSION_EXPIRED: &str = "session-expired";
/// There is no network.
pub(super) const OFFLINE: &str = "offline";
/// The backend's answer cannot be read; older data stays.
pub(super) const DATA_UNREADABLE: &str = "data-unreadable";
/// The user may not have some data; older data stays.
pub(super) const DATA_REFUSED: &str = "data-refused";

impl App {
    /// Shows a message until another one takes its place or its reason is gone.
    pub(super) fn notice(&mut self, name: &'static str) {
        if self.view.notice != Some(name) {
            self.view_mut().notice = Some(name);
            self.journal(AppFact::Notice { name: name.into() });
        }
    }

    /// Takes the message away.
    pub(super) fn clear_notice(&mut self) {
        if self.view.notice.is_some() {
            self.view_mut().notice = None;
        }
    }

    /// Takes a message away whose reason is gone.
    pub(super) fn clear_notice_of(&mut self, name: &'static str) {
        if self.view.notice == Some(name) {
            self.clear_notice();
        }
    }
}
