//! How a session begins, is restored, is kept and ends.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::bindings::Bindings;
use crate::domain::journal::{AppFact, DataSource, SessionState};
use crate::domain::secret::Secret;

use super::answer::Reply;
use super::effect::{Effect, StorageContent};
use super::event::StorageRead;
use super::refresh::Refreshing;
use super::requests::Purpose;
use super::stored::Stored;
use super::token::{self, Tokens};
use super::{App, Quirk, SignedIn, notice};

/// What the app knows about sessions.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    pub(super) current: Option<Session>,
    pub(super) refreshing: Refreshing,
    /// A form that was sent off before the app could take it.
    pub(super) form: Option<(String, Secret)>,
    /// Counts access tokens over the life of the process.
    tokens: u64,
    /// Only a quirk keeps it.
    password: Option<Secret>,
}

/// A session that is open.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) username: Arc<str>,
    /// Absent only between a restore and the refresh that follows it.
    pub(super) access: Option<Secret>,
    pub(super) refresh: Option<Secret>,
    /// Which of all access tokens this is.
    pub(super) tokens: u64,
    /// When the access token ends, on the clock that only goes forward.
    pub(super) expires: Option<Duration>,
    pub(super) lifetime: Option<Duration>,
}

impl App {
    /// Takes in what the secure storage held.
    pub(super) fn storage_read(&mut self, read: StorageRead) {
        if self.life.storage_read {
            return;
        }
        if self.quirks.has(Quirk::StuckOnDamage) && read == StorageRead::Corrupt {
            return;
        }
        self.life.storage_read = true;
        let stored = match read {
            StorageRead::Found(_)
                if self.quirks.has(Quirk::ForgetsSession)
                    || self.quirks.has(Quirk::LosesSession) =>
            {
                Err("absent")
            }
            StorageRead::Found(bytes) => Stored::read(&bytes),
            StorageRead::Absent => Err("absent"),
            StorageRead::Corrupt => Err("corrupt"),
            StorageRead::Undecryptable => Err("undecryptable"),
        };
        match stored {
            Ok(stored) => self.restore(stored),
            Err(why) => {
                if why != "absent" {
                    self.out.push(Effect::ClearStorage);
                }
                self.journal(AppFact::Session {
                    state: SessionState::NotFound { why: why.into() },
                });
            }
        }
        self.start_status();
    }

    fn restore(&mut self, stored: Stored) {
        self.status.known = stored.blocked;
        let expires = match (&stored.access, stored.expires) {
            (None, _) => Some(self.now.elapsed),
            (Some(_), None) => None,
            (Some(_), Some(at)) => {
                let left = at.saturating_sub(self.now.unix);
                let left = stored.lifetime.map_or(left, |lifetime| left.min(lifetime));
                Some(self.now.elapsed + left)
            }
        };
        self.session.tokens += 1;
        let username: Arc<str> = stored.username.as_str().into();
        self.session.current = Some(Session {
            username: Arc::clone(&username),
            access: stored.access,
            refresh: stored.refresh,
            tokens: self.session.tokens,
            expires,
            lifetime: stored.lifetime,
        });
        self.view_mut().session = Some(SignedIn { username });
        self.feed.starting = true;
        if self.quirks.has(Quirk::NoFeedAfterRestore) {
            self.give_socket_up();
        }
        self.refresh_first();
        self.journal(AppFact::Session {
            state: SessionState::Restored,
        });
        self.wake_for_refresh();
        if self.quirks.has(Quirk::SignInOnRestore)
            && let Some(password) = stored.password
        {
            self.sign_in(stored.username, password);
        }
    }

    /// The user has filled in the form.
    pub(super) fn sign_in_asked(&mut self, username: String, password: Secret) {
        if self.session.current.is_some() {
            self.unexpected("a sign-in although somebody is signed in");
        } else if self.in_flight(|purpose| matches!(purpose, Purpose::SignIn { .. })) {
            // The button is disabled until the answer is there.
        } else {
            self.session.form = Some((username, password));
        }
    }

    /// Sends the form off once the sign-in screen is there.
    pub(super) fn settle_form(&mut self) {
        if self.is_loading() {
            return;
        }
        let Some((username, password)) = self.session.form.take() else {
            return;
        };
        if self.session.current.is_some() {
            self.unexpected("a sign-in although somebody is signed in");
        } else if self.status.blocked {
            // There is no form behind the maintenance screen.
        } else if !self.life.online {
            self.notice(notice::OFFLINE);
        } else {
            self.clear_notice();
            self.sign_in(username, password);
        }
    }

    pub(super) fn sign_in(&mut self, username: String, password: Secret) {
        let contract = Arc::clone(&self.contract);
        let kept = self
            .quirks
            .has(Quirk::SignInOnRestore)
            .then(|| password.clone())
            .or_else(|| self.kept_to_repeat(&password));
        let bindings = Bindings {
            username: Some(username.clone()),
            password: Some(password),
            ..Bindings::default()
        };
        let purpose = Purpose::SignIn {
            username,
            password: kept,
        };
        let operation = &contract.session.sign_in.operation;
        self.send(operation, &[], &bindings, purpose);
        if self.quirks.has(Quirk::SignsInTwice) {
            self.send(operation, &[], &bindings, Purpose::Stray);
        }
    }

    /// A sign-in was answered, or not.
    pub(super) fn sign_in_replied(
        &mut self,
        username: String,
        password: Option<Secret>,
        reply: &Reply,
    ) {
        let contract = Arc::clone(&self.contract);
        let refused = matches!(reply, Reply::Answer(answer)
            if contract.session.refused_by.contains(&answer.status) && !answer.is_page());
        let tokens = match reply {
            Reply::Answer(answer) if answer.is_success() && !answer.is_page() => token::read(
                &contract.session.sign_in.answer,
                answer,
                answer.json().as_ref(),
                self.now.unix,
            ),
            _ => None,
        };
        match tokens {
            Some(tokens) => {
                self.session.password = password;
                self.open(username.as_str().into(), tokens);
            }
            None if refused => {
                self.notice(notice::SIGN_IN_REFUSED);
                self.repeat_refused(username, password);
            }
            None => self.notice(notice::SIGN_IN_FAILED),
        }
    }

    fn open(&mut self, username: Arc<str>, tokens: Tokens) {
        self.clear_notice();
        self.remember_user(&username);
        self.session.current = Some(Session {
            username: Arc::clone(&username),
            access: None,
            refresh: None,
            tokens: 0,
            expires: None,
            lifetime: None,
        });
        self.adopt(tokens);
        self.view_mut().session = Some(SignedIn { username });
        self.feed.starting = true;
        self.life.screen = self.contract.home().into();
        self.journal(AppFact::Session {
            state: SessionState::Opened,
        });
        if self.quirks.has(Quirk::ShowsPreviousUser) {
            for index in 0..self.data.len() {
                self.tell_shown(index, DataSource::Storage);
            }
        }
        self.status_before_data();
        self.wait_for_status();
    }

    /// Puts fresh tokens in the place of the old ones, and keeps them at once: until they are
    /// written, a killed process would lose its session.
    pub(super) fn adopt(&mut self, tokens: Tokens) {
        self.session.tokens += 1;
        let number = self.session.tokens;
        let now = self.now.elapsed;
        let Some(session) = &mut self.session.current else {
            return;
        };
        session.tokens = number;
        let lifetime = if self.quirks.has(Quirk::TrustsDeviceClock) {
            token::left_by_clock(&tokens, self.now.unix)
        } else {
            tokens.lifetime
        };
        session.lifetime = lifetime;
        session.expires = lifetime.map(|lifetime| now + lifetime);
        session.access = Some(tokens.access);
        session.refresh = tokens.refresh.or(session.refresh.take());
        self.store();
        self.session.refreshing.taken();
        self.wake_for_refresh();
    }

    /// Writes the session and the last word of the kill-switch to the secure storage.
    pub(super) fn store(&mut self) {
        if self.quirks.has(Quirk::StoresFirstTokensOnly) && self.session.tokens > 1 {
            return;
        }
        let Some(session) = &self.session.current else {
            return;
        };
        let expires = session
            .expires
            .map(|at| self.now.unix + at.saturating_sub(self.now.elapsed));
        let stored = Stored {
            username: session.username.to_string(),
            access: session.access.clone(),
            refresh: session.refresh.clone(),
            expires,
            lifetime: session.lifetime,
            blocked: self.status.known,
            password: self.session.password.clone(),
        };
        match stored.write() {
            Some(bytes) => self.out.push(Effect::WriteStorage(StorageContent(bytes))),
            None => {
                self.out.push(Effect::ClearStorage);
                self.unexpected("the session does not fit into the secure storage");
            }
        }
    }

    /// Whether the access token can be sent: it is there and not known to be over.
    pub(super) fn is_token_usable(&self) -> bool {
        self.session.current.as_ref().is_some_and(|session| {
            let ignores = self.quirks.has(Quirk::SpentTokenFirst);
            session.access.is_some()
                && (ignores || session.expires.is_none_or(|at| self.now.elapsed < at))
        })
    }

    /// The user signs out: the backend is told once, and nothing waits for its answer.
    pub(super) fn sign_out(&mut self) {
        if self.session.current.is_none() {
            self.session.form = None;
            return;
        }
        let mut bindings = self.bindings();
        if self.quirks.has(Quirk::SignsOutWithAccessToken) {
            bindings.refresh.clone_from(&bindings.access);
        }
        self.end("signed out");
        self.keep_leftover(&bindings);
        self.clear_notice();
        let contract = Arc::clone(&self.contract);
        if let Some(operation) = &contract.session.sign_out
            && self.life.online
        {
            let operation = self.whole_session(operation);
            self.send(&operation, &[], &bindings, Purpose::SignOut);
        }
    }

    /// The session is over: everything of its user goes, at once.
    pub(super) fn end(&mut self, why: &str) {
        if self.session.current.is_none() {
            return;
        }
        self.stop_flow();
        self.leave_behind();
        self.session.current = None;
        self.session.password = None;
        self.session.refreshing = Refreshing::default();
        let late = self.quirks.has(Quirk::AppliesLateAnswers);
        self.cancel_all(|purpose| {
            *purpose != Purpose::SignOut && !(late && matches!(purpose, Purpose::Load(_)))
        });
        self.clear_all_timers();
        self.life.settling = false;
        self.forget_data();
        self.forget_status_request();
        self.view_mut().session = None;
        self.life.screen = self.contract.home().into();
        self.out.push(Effect::ClearStorage);
        self.journal(AppFact::Session {
            state: SessionState::Ended { why: why.into() },
        });
    }
}
