//! Sessions as they are written down, so that they outlive the process.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Access, Family, Refresh, Sessions};

/// One session with its tokens. Times are milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::mock) struct Session {
    user: String,
    ended: bool,
    access: BTreeMap<String, u64>,
    refresh: BTreeMap<String, Written>,
}

/// A refresh token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    expires: u64,
    used: Option<u64>,
}

impl Sessions {
    /// All of them, each with the name of its user.
    pub(in crate::mock) fn written(&self, name: impl Fn(usize) -> String) -> Vec<Session> {
        let families = self.families.iter().map(|(id, family)| {
            let session = Session {
                user: name(family.user),
                ended: family.revoked,
                access: BTreeMap::new(),
                refresh: BTreeMap::new(),
            };
            (*id, session)
        });
        let mut sessions: BTreeMap<u64, Session> = families.collect();
        for (token, own) in &self.access {
            if let Some(session) = sessions.get_mut(&own.family) {
                session.access.insert(token.clone(), millis(own.expires));
            }
        }
        for (token, own) in &self.refresh {
            let (expires, used) = (millis(own.expires), own.used.map(millis));
            if let Some(session) = sessions.get_mut(&own.family) {
                let written = Written { expires, used };
                session.refresh.insert(token.clone(), written);
            }
        }
        // One that has ended and of which no token is remembered tells nobody anything.
        let sessions = sessions.into_values();
        sessions
            .filter(|own| !(own.ended && own.access.is_empty() && own.refresh.is_empty()))
            .collect()
    }

    /// The sessions that were written down; those of users who are no more have ended.
    pub(in crate::mock) fn read(
        written: Vec<Session>,
        user: impl Fn(&str) -> Option<usize>,
    ) -> Self {
        let mut sessions = Self::default();
        for session in written {
            let place = user(&session.user);
            let id = sessions.begin(place.unwrap_or(0));
            let ended = session.ended || place.is_none();
            if let Some(family) = sessions.families.get_mut(&id) {
                family.revoked = ended;
            }
            for (token, expires) in session.access {
                let access = Access {
                    family: id,
                    expires: Duration::from_millis(expires),
                };
                sessions.access.insert(token, access);
            }
            for (token, written) in session.refresh {
                let refresh = Refresh {
                    family: id,
                    expires: Duration::from_millis(written.expires),
                    used: written.used.map(Duration::from_millis),
                };
                sessions.refresh.insert(token, refresh);
            }
        }
        sessions
    }

    /// Gives every session the new place of its user; without one it has ended.
    pub(in crate::mock) fn renumber(&mut self, places: &[Option<usize>]) {
        for Family { user, revoked } in self.families.values_mut() {
            match places.get(*user).copied().flatten() {
                Some(place) => *user = place,
                None => *revoked = true,
            }
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
