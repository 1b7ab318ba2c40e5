//! The oracle: what every user really has, and what the backend hands out of it.
//!
//! The state of the positions is a function of their number in the sequence, so whatever is shown
//! can be compared with what was true at that number, whenever that was.

use super::*;

/// Two people who share the device.
pub(super) const USERS: [&str; 2] = ["anna", "boris"];

/// Items of the list that changes are about.
const ITEMS: i64 = 3;

/// Whose session something belongs to. Each sign-in begins another session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) user: usize,
    pub(super) sign_in: u64,
}

impl Owner {
    pub(super) fn name(self) -> &'static str {
        USERS[self.user]
    }

    /// Whose token stands in a text.
    pub(super) fn of_token(text: &str) -> Option<Self> {
        let token = text.split(['"', ' ']).find(|word| word.contains("~"))?;
        let mut parts = token.split('~');
        let name = parts.next()?;
        let user = USERS.iter().position(|own| *own == name)?;
        let sign_in = parts.next()?.parse().ok()?;
        Some(Self { user, sign_in })
    }
}

/// What a user has at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Holdings {
    /// The number of the last change.
    pub(super) positions: i64,
    pub(super) account: i64,
    /// How many trades there are; the newest one has this number.
    pub(super) trades: i64,
}

/// What an item of the positions says after a change.
fn item(sequence: i64, id: i64) -> i64 {
    (sequence - (sequence - id).rem_euclid(ITEMS)).max(0)
}

/// The change with a number, as the backend sends it.
pub(super) fn change(user: usize, sequence: i64) -> Value {
    let id = sequence % ITEMS;
    json!({"seq": sequence, "changed": [{"id": id, "n": sequence, "owner": USERS[user]}]})
}

/// Whether these are a user's positions as they were at a number.
pub(super) fn is_positions(value: &Value, user: usize, sequence: i64) -> bool {
    value["items"].as_array().is_some_and(|items| {
        items.len() == ITEMS as usize
            && (0..ITEMS).zip(items).all(|(id, own)| {
                own["id"] == id && own["n"] == item(sequence, id) && own["owner"] == USERS[user]
            })
    })
}

/// The backend.
#[derive(Debug, Clone)]
pub(super) struct Truth {
    pub(super) holdings: [Holdings; 2],
    pub(super) maintenance: bool,
    sign_ins: u64,
    tokens: u64,
    /// The one refresh token of the newest session that is still good.
    good: String,
}

impl Truth {
    pub(super) fn new() -> Self {
        Self {
            holdings: [10, 30].map(|positions| Holdings {
                positions,
                account: 1,
                trades: 5,
            }),
            maintenance: false,
            sign_ins: 0,
            tokens: 0,
            good: String::new(),
        }
    }

    fn tokens(&mut self, owner: Owner) -> Value {
        self.tokens += 1;
        let token = |kind| {
            let (name, session) = (owner.name(), owner.sign_in);
            format!("{name}~{session}~{}~{kind}", self.tokens)
        };
        let (access, refresh) = (token("access"), token("refresh"));
        self.good.clone_from(&refresh);
        json!({"access": access, "refresh": refresh, "expires_in": 600})
    }

    /// What an obedient backend answers, and whose session that opens.
    pub(super) fn usual(&mut self, flight: &Flight, read: With) -> (u16, Value, Option<Owner>) {
        let body = flight.request.body.as_deref().unwrap_or_default();
        let body = std::str::from_utf8(body).unwrap();
        match &flight.role {
            Role::SignIn => {
                let user = usize::from(body.contains(USERS[1]));
                self.sign_ins += 1;
                let owner = Owner {
                    user,
                    sign_in: self.sign_ins,
                };
                (200, self.tokens(owner), Some(owner))
            }
            Role::Refresh => match flight.owner {
                // A token is good once.
                Some(owner) if body.contains(&self.good) => (200, self.tokens(owner), None),
                _ => (401, json!({}), None),
            },
            Role::Status => (200, json!({"maintenance": self.maintenance}), None),
            Role::Resource(name) => match flight.owner {
                Some(owner) => (200, self.data(flight, name, owner, read), None),
                None => (401, json!({}), None),
            },
            _ => (200, json!({}), None),
        }
    }

    fn data(&self, flight: &Flight, name: &str, owner: Owner, read: With) -> Value {
        let Holdings {
            positions,
            account,
            trades,
        } = match read {
            With::AsWhenAsked => flight.asked,
            _ => self.holdings[owner.user],
        };
        match name {
            "positions" => {
                let items: Vec<Value> = (0..ITEMS)
                    .map(|id| json!({"id": id, "n": item(positions, id), "owner": owner.name()}))
                    .collect();
                json!({"seq": positions, "items": items})
            }
            "account" => json!({"n": account, "owner": owner.name()}),
            _ => {
                let target = &flight.request.target;
                let after = target.split("after=").nth(1);
                let newest = after.map_or(trades, |after| after.parse::<i64>().unwrap() - 1);
                let ids: Vec<i64> = (1..=newest).rev().take(2).collect();
                let next = ids.last().filter(|id| **id > 1);
                let items: Vec<Value> = ids
                    .iter()
                    .map(|id| json!({"id": id, "owner": owner.name()}))
                    .collect();
                json!({"items": items, "next": next})
            }
        }
    }
}
