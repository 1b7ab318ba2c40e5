//! What the mock backend holds: users, their data, and what it emits by itself.
//!
//! Data is written in the contract's own shapes, so the mock serves any contract whose suite brings
//! a world file.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::secret::Secret;
use super::selector::Selector;

/// The mock's content.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// Who can sign in.
    pub users: Vec<User>,
    /// Answers of resources that are the same for everybody, by resource.
    pub shared: BTreeMap<String, Value>,
    /// What the backend emits by itself.
    pub feeds: Vec<Feed>,
    /// Changes that the backend makes when it is told to, by name.
    pub changes: BTreeMap<String, ItemMove>,
    /// How long an access token lives.
    pub access_token_lifetime: Duration,
    /// How long a refresh token lives.
    pub refresh_token_lifetime: Duration,
}

/// Somebody who can sign in.
#[derive(Debug, Clone)]
pub struct User {
    /// The account's name in scenarios.
    pub name: String,
    /// What they sign in with.
    pub username: String,
    /// The password: of the mock only.
    pub password: Secret,
    /// The token's subject.
    pub subject: String,
    /// Further claims of the token.
    pub claims: Value,
    /// Whether they may join what is forbidden to testers.
    pub admin: bool,
    /// Whole answers by resource, without paging: a paged list stands here in full.
    pub data: BTreeMap<String, Value>,
}

/// What the backend emits by itself.
#[derive(Debug, Clone)]
pub struct Feed {
    /// The event's name.
    pub event: String,
    /// The interval.
    pub every: Duration,
    /// Numbers that drift a little with every event: pointers into one item, or into the object.
    pub drift: Vec<Selector>,
}

/// How an item of one list becomes an item of another: an order is filled, a trade is closed.
#[derive(Debug, Clone)]
pub struct ItemMove {
    /// The resource that loses its first item.
    pub from: String,
    /// The resource that gains an item at its front.
    pub to: String,
    /// The new item; `{/pointer}` takes a value from the lost one.
    pub item: Value,
    /// Events emitted after it.
    pub emits: Vec<String>,
}
