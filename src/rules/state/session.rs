//! Whose session is open, and by which tokens, as the wire shows it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::domain::contract::{Contract, Role};
use crate::domain::journal::{
    Act, Entry, Request, Sender, SessionState, TokenIssued, TokenKind, is_success,
};
use crate::rules::exchange::{Ended, Opened};
use crate::rules::labels;
use crate::rules::moment::Moment;

/// How long the next renewal may be off after one that failed.
const NEXT_RENEWAL: Duration = Duration::from_secs(120);

/// How many tokens stay known.
const TOKENS: usize = 64;

/// Whose session is open.
#[derive(Default)]
pub(crate) struct Session {
    /// Whether one is open, as far as the wire shows.
    pub(crate) open: bool,
    /// When an answer last opened or renewed it.
    pub(crate) renewed: Option<Moment>,
    /// When the backend last said that a session is over.
    pub(crate) refused: Option<Moment>,
    /// Whether the user asked to sign out, and nobody signed in, renewed the session or started the
    /// app since.
    pub(crate) wants_out: bool,
    /// Whether a sign-out was asked for or tried, however it went, and nobody signed in since.
    leaving: bool,
    /// Whether a token that had just been renewed was refused, so that the session may well be over.
    doubted: bool,
    /// The access token that was refused last, by its label.
    refused_token: Option<String>,
    /// When a renewal of the client's last failed, by whatever, and none has succeeded since.
    renewal_failed: Option<Moment>,
    /// When a sign-in was last granted, and when a sign-out was since.
    signed_in: Option<Moment>,
    signed_out: Option<Moment>,
    tokens: VecDeque<Token>,
}

/// A token that was handed out.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    /// Its label, without quotation marks.
    pub(crate) label: String,
    pub(crate) kind: TokenKind,
    /// The exchange that brought it, and whether that was a refresh.
    pub(crate) exchange: u64,
    pub(crate) by_refresh: bool,
    /// When it was seen on its way to the client.
    pub(crate) issued: Moment,
    pub(crate) claims: Option<Value>,
    /// When it ends, in seconds since 1970.
    pub(crate) ends: Option<u64>,
    /// How long it lives, as far as its claims or the answer beside it say.
    pub(crate) lifetime: Option<Duration>,
    /// What the account that it was handed out to signs in with.
    pub(crate) username: Option<String>,
}

impl Token {
    /// Whether it had ended when it was handed out.
    pub(crate) fn is_over(&self) -> bool {
        self.lifetime == Some(Duration::ZERO)
    }
}

impl Session {
    /// The token of this label, with or without quotation marks.
    pub(crate) fn token(&self, label: &str) -> Option<&Token> {
        let label = labels::bare(label);
        self.tokens.iter().rev().find(|token| token.label == label)
    }

    /// Whether this label stands for a refresh token.
    pub(crate) fn is_refresh(&self, label: &str) -> bool {
        let token = self.token(label);
        token.is_some_and(|token| token.kind == TokenKind::Refresh)
    }

    /// Whether an app ought to go on with it: it is open, nobody set out to end it, and the backend
    /// did not refuse its latest token.
    pub(crate) fn is_wanted(&self) -> bool {
        self.open && !self.leaving && !self.doubted
    }

    /// Whether a sign-out was asked for or tried, and nobody signed in since.
    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving
    }

    /// Whether the access token in use was refused.
    pub(super) fn is_token_refused(&self, by_feed: Option<&str>) -> bool {
        let refused = [self.refused_token.as_deref(), by_feed];
        let current = self.current().map(|own| own.label.as_str());
        current.is_some() && refused.contains(&current)
    }

    /// Whether a renewal failed so lately that the next may still be to come.
    pub(super) fn is_renewal_failing(&self, now: Duration) -> bool {
        let failed = self.renewal_failed;
        failed.is_some_and(|failed| now <= failed.at + NEXT_RENEWAL)
    }

    /// Whether a token is known that this exchange brought.
    pub(crate) fn was_issued_by(&self, exchange: u64) -> bool {
        self.tokens.iter().any(|token| token.exchange == exchange)
    }

    /// Whether a refresh token is known that this exchange brought.
    pub(crate) fn brought_refresh(&self, exchange: u64) -> bool {
        let mut tokens = self
            .tokens
            .iter()
            .filter(|token| token.exchange == exchange);
        tokens.any(|token| token.kind == TokenKind::Refresh)
    }

    /// The access token handed out last.
    pub(crate) fn current(&self) -> Option<&Token> {
        self.tokens
            .iter()
            .rev()
            .find(|token| token.kind == TokenKind::Access)
    }

    /// Takes in a token that was handed out; where it names no account, it is the current one's.
    pub(super) fn issued(&mut self, entry: &Arc<Entry>, token: &TokenIssued, by_refresh: bool) {
        let ends = token
            .claims
            .as_ref()
            .and_then(|claims| claims.get("exp"))
            .and_then(Value::as_u64)
            .or(token.ends);
        let username = token
            .username
            .clone()
            .or_else(|| self.current()?.username.clone());
        if self.tokens.len() == TOKENS {
            self.tokens.pop_front();
        }
        self.tokens.push_back(Token {
            label: labels::bare(&token.label).to_owned(),
            kind: token.kind,
            exchange: token.exchange,
            by_refresh,
            issued: Moment::of(entry),
            claims: token.claims.clone(),
            ends,
            lifetime: ends.map(|ends| Duration::from_secs(ends.saturating_sub(token.seen_at))),
            username,
        });
    }

    /// Takes in a request, and what it sent under the header that authorizes.
    pub(super) fn requested(&mut self, request: &Request, credential: Option<&str>) {
        self.leaving |= request.role == Some(Role::SignOut);
        // A session that was opened before the journal began shows itself by its credential.
        if credential.is_some()
            && request.role.as_ref().is_some_and(Role::is_data)
            && self.refused.is_none()
        {
            self.open = true;
        }
    }

    /// Takes in how a request was answered.
    pub(super) fn ended(&mut self, entry: &Entry, ended: &Ended<'_>, contract: &Contract) {
        let renews = ended.request.role == Some(Role::Refresh);
        if renews && ended.request.sender == Sender::Client && !ended.succeeded() {
            self.renewal_failed = Some(Moment::of(entry));
        }
        let (Some(status), Sender::Client) = (ended.status(), ended.request.sender) else {
            return;
        };
        let asked = ended.opened.id();
        let is_older = |moment: Option<Moment>| moment.is_some_and(|own| asked < own.id);
        match ended.request.role {
            Some(Role::SignIn) if is_success(status) => {
                self.signed_in = Some(Moment::of(entry));
                self.signed_out = None;
                self.leaving = false;
                self.opens(entry);
            }
            // A refresh that a sign-out overtook opens nothing.
            Some(Role::Refresh) if is_success(status) && !is_older(self.signed_out) => {
                self.opens(entry);
            }
            Some(Role::Refresh) if contract.session.ended_by.contains(&status) => {
                self.open = false;
                self.refused = Some(Moment::of(entry));
            }
            // One that a sign-in overtook ends what was before it.
            Some(Role::SignOut)
                if is_success(status)
                    && !is_older(self.signed_in)
                    && !self.is_of_another(ended.opened) =>
            {
                self.open = false;
                self.refused = Some(Moment::of(entry));
                self.signed_out = Some(Moment::of(entry));
            }
            Some(Role::Resource(_)) => self.answered(status, ended, contract),
            _ => {}
        }
    }

    /// Whether a request carries the credential of another account than the one that is signed in: the
    /// end of that session is not the end of this.
    pub(crate) fn is_of_another(&self, opened: &Opened) -> bool {
        let current = self.current().and_then(|own| own.username.as_deref());
        let carried = opened.account.as_deref();
        carried
            .zip(current)
            .is_some_and(|(one, other)| one != other)
    }

    fn opens(&mut self, entry: &Entry) {
        self.open = true;
        self.renewed = Some(Moment::of(entry));
        self.refused = None;
        self.wants_out = false;
        self.doubted = false;
        self.renewal_failed = None;
    }

    /// A token that nothing can renew, or that a refresh has just brought, and that is refused
    /// leaves an app with nothing but a sign-in.
    fn answered(&mut self, status: u16, ended: &Ended<'_>, contract: &Contract) {
        let Some(current) = self.current() else {
            return;
        };
        if ended.opened.credential.as_deref() != Some(current.label.as_str()) {
            return;
        }
        if status == 401 {
            let refused = Some(current.label.clone());
            self.doubted |= current.by_refresh || contract.session.refresh.is_none();
            self.refused_token = refused;
        } else if is_success(status) {
            self.doubted = false;
        }
    }

    /// Takes in what the app says of its session itself.
    pub(super) fn said(&mut self, state: &SessionState) {
        match state {
            SessionState::Ended { .. } | SessionState::NotFound { .. } => self.open = false,
            SessionState::Opened | SessionState::Restored | SessionState::Refreshed => {
                self.open = true;
                self.refused = None;
            }
        }
    }

    /// Takes in what the user does.
    pub(super) fn act(&mut self, act: &Act) {
        match act {
            Act::SignOut => {
                self.wants_out = true;
                self.leaving = true;
            }
            Act::SignIn { .. } | Act::Launch => {
                self.wants_out = false;
                self.leaving = false;
            }
            _ => {}
        }
    }
}
