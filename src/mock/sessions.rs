//! Who is signed in: token families, rotation, reuse, expiry.
//!
//! Everything that descends from one sign-in is a family. A refresh token that was already used
//! gives a thief away, so its whole family ends (RFC 9700 §4.14.2).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

mod written;

pub(super) use written::Session;

/// How long an ended access token is remembered, to be refused as expired and not as unknown.
const REMEMBERED: Duration = Duration::from_secs(3600);

/// How many families there are before those without tokens are forgotten.
const FORGOTTEN_FROM: usize = 64;

/// All sessions of the mock. Times are since 1970.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    families: BTreeMap<u64, Family>,
    access: BTreeMap<String, Access>,
    refresh: BTreeMap<String, Refresh>,
    next: u64,
}

#[derive(Debug)]
struct Family {
    user: usize,
    revoked: bool,
}

#[derive(Debug)]
struct Access {
    family: u64,
    expires: Duration,
}

#[derive(Debug)]
struct Refresh {
    family: u64,
    expires: Duration,
    /// When it was exchanged.
    used: Option<Duration>,
}

/// Whose token it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Holder {
    /// The user, by position.
    pub user: usize,
    /// The family.
    pub family: u64,
    /// When the token ends.
    pub expires: Duration,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denied {
    /// There was none.
    Missing,
    /// The mock never issued it.
    Unknown,
    /// It ended.
    Expired,
    /// Its session ended.
    Revoked,
    /// It was used before; its family, named here, ends.
    Reused(u64),
}

impl Denied {
    /// The reason in words, for the answer.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Missing => "no token was sent",
            Self::Unknown => "the token is not known",
            Self::Expired => "the token has expired",
            Self::Revoked => "the session has ended",
            Self::Reused(_) => "the token was used before",
        }
    }
}

impl Sessions {
    /// A new family.
    pub(super) fn begin(&mut self, user: usize) -> u64 {
        self.next += 1;
        let family = Family {
            user,
            revoked: false,
        };
        self.families.insert(self.next, family);
        self.next
    }

    /// Adds an access token to a family, and forgets what nobody will ask for any more.
    pub(super) fn add_access(
        &mut self,
        family: u64,
        token: String,
        expires: Duration,
        now: Duration,
    ) {
        self.access
            .retain(|_, access| access.expires + REMEMBERED > now);
        self.refresh
            .retain(|_, refresh| refresh.expires + REMEMBERED > now);
        self.access.insert(token, Access { family, expires });
        self.forget_families();
    }

    /// Forgets families of which no token is remembered, once there may be many: each look costs as much as
    /// there are tokens.
    fn forget_families(&mut self) {
        if self.families.len() <= FORGOTTEN_FROM + 2 * (self.access.len() + self.refresh.len()) {
            return;
        }
        let access = self.access.values().map(|own| own.family);
        let refresh = self.refresh.values().map(|own| own.family);
        let known: BTreeSet<u64> = access.chain(refresh).collect();
        self.families.retain(|id, _| known.contains(id));
    }

    /// Adds a refresh token to a family.
    pub(super) fn add_refresh(&mut self, family: u64, token: String, expires: Duration) {
        let refresh = Refresh {
            family,
            expires,
            used: None,
        };
        self.refresh.insert(token, refresh);
    }

    /// Whose access token this is.
    pub(super) fn check(&self, token: Option<&str>, now: Duration) -> Result<Holder, Denied> {
        let access = self
            .access
            .get(token.ok_or(Denied::Missing)?)
            .ok_or(Denied::Unknown)?;
        let user = self.live(access.family)?;
        if access.expires <= now {
            return Err(Denied::Expired);
        }
        Ok(Holder {
            user,
            family: access.family,
            expires: access.expires,
        })
    }

    /// Whose refresh token this is. A second use revokes the family, unless it comes within the grace.
    pub(super) fn check_refresh(
        &mut self,
        token: Option<&str>,
        now: Duration,
        grace: Duration,
    ) -> Result<Holder, Denied> {
        let refresh = self
            .refresh
            .get(token.ok_or(Denied::Missing)?)
            .ok_or(Denied::Unknown)?;
        let (family, expires, used) = (refresh.family, refresh.expires, refresh.used);
        let user = self.live(family)?;
        if used.is_some_and(|at| at + grace <= now) {
            self.revoke(family);
            return Err(Denied::Reused(family));
        }
        if expires <= now {
            return Err(Denied::Expired);
        }
        Ok(Holder {
            user,
            family,
            expires,
        })
    }

    /// Marks a refresh token as used.
    pub(super) fn spend(&mut self, token: &str, now: Duration) {
        if let Some(refresh) = self.refresh.get_mut(token) {
            refresh.used.get_or_insert(now);
        }
    }

    /// Ends a family: none of its tokens is good any more.
    pub(super) fn revoke(&mut self, family: u64) {
        if let Some(family) = self.families.get_mut(&family) {
            family.revoked = true;
        }
    }

    /// Lets a family go on that was ended. Only a defect does.
    pub(super) fn restore(&mut self, family: u64) {
        if let Some(family) = self.families.get_mut(&family) {
            family.revoked = false;
        }
    }

    /// Whose refresh token this is, whatever it is sent for.
    pub(super) fn refresh_holder(&self, token: &str) -> Option<Holder> {
        let refresh = self.refresh.get(token)?;
        Some(Holder {
            user: self.live(refresh.family).ok()?,
            family: refresh.family,
            expires: refresh.expires,
        })
    }

    /// Ends every access token issued so far, but no session.
    pub(super) fn expire_access(&mut self, now: Duration) {
        for access in self.access.values_mut() {
            access.expires = access.expires.min(now);
        }
    }

    /// How many sessions have not ended.
    pub(super) fn live_count(&self) -> usize {
        self.families
            .values()
            .filter(|family| !family.revoked)
            .count()
    }

    /// Whose sessions have not ended, by position, each as often as they have one.
    pub(super) fn live_users(&self) -> impl Iterator<Item = usize> {
        let live = self.families.values().filter(|family| !family.revoked);
        live.map(|family| family.user)
    }

    fn live(&self, family: u64) -> Result<usize, Denied> {
        match self.families.get(&family) {
            Some(family) if !family.revoked => Ok(family.user),
            _ => Err(Denied::Revoked),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1000);
    const LATER: Duration = Duration::from_secs(2000);

    #[test]
    fn a_second_use_of_a_refresh_token_ends_the_whole_family() {
        let mut sessions = Sessions::default();
        let family = sessions.begin(0);
        sessions.add_refresh(family, "r1".into(), LATER);
        sessions.add_access(family, "a1".into(), LATER, NOW);
        assert!(
            sessions
                .check_refresh(Some("r1"), NOW, Duration::ZERO)
                .is_ok()
        );
        sessions.spend("r1", NOW);
        assert_eq!(
            sessions.check_refresh(Some("r1"), NOW, Duration::ZERO),
            Err(Denied::Reused(family))
        );
        assert_eq!(sessions.check(Some("a1"), NOW), Err(Denied::Revoked));
    }

    #[test]
    fn sessions_of_which_no_token_is_remembered_are_forgotten() {
        let mut sessions = Sessions::default();
        for at in 0..10_000 {
            let now = NOW + Duration::from_secs(60 * at);
            let family = sessions.begin(0);
            sessions.add_access(family, format!("a{at}"), now + Duration::from_secs(60), now);
        }
        // An hour and a minute of them are remembered.
        assert!(sessions.access.len() <= 61, "{}", sessions.access.len());
        let most = FORGOTTEN_FROM + 2 * sessions.access.len() + 1;
        assert!(
            sessions.families.len() <= most,
            "{}",
            sessions.families.len()
        );
        let last = sessions.check(Some("a9999"), NOW + Duration::from_secs(60 * 9999));
        assert!(last.is_ok());
    }

    #[test]
    fn an_access_token_ends_at_its_expiry_or_at_once_when_all_are_expired() {
        let mut sessions = Sessions::default();
        let family = sessions.begin(0);
        sessions.add_access(family, "a1".into(), LATER, NOW);
        assert!(sessions.check(Some("a1"), NOW).is_ok());
        assert_eq!(sessions.check(Some("a1"), LATER), Err(Denied::Expired));
        sessions.expire_access(NOW);
        assert_eq!(sessions.check(Some("a1"), NOW), Err(Denied::Expired));
        assert_eq!(sessions.check(None, NOW), Err(Denied::Missing));
        assert_eq!(sessions.check(Some("x"), NOW), Err(Denied::Unknown));
    }
}
