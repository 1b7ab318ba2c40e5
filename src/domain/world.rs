//! What the mock backend holds: users, their data, and what it emits by itself.
//!
//! Data is written in the contract's own shapes, so the mock serves any contract whose suite brings
//! a world file.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::formula::Formula;
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
    pub changes: BTreeMap<String, WorldChange>,
    /// What goes on by itself while somebody develops against it. Scenarios say themselves what happens.
    pub live: Live,
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

/// A change of the backend's own.
#[derive(Debug, Clone)]
pub struct WorldChange {
    /// What it does for each user.
    pub what: Alteration,
    /// Events emitted after it.
    pub emits: Vec<String>,
}

/// What a change does.
#[derive(Debug, Clone)]
pub enum Alteration {
    /// A list gains an item.
    Move(ItemMove),
    /// Values take turns.
    Turn(Turn),
}

/// How a list gains an item: an order is filled, a trade is closed or opened.
#[derive(Debug, Clone)]
pub struct ItemMove {
    /// What the new item is made of.
    pub from: Taken,
    /// The resource that gains an item at its front.
    pub to: String,
    /// The new item; `{/pointer}` takes a value from what it is made of.
    pub item: Value,
    /// How many items it has at most: the last ones go.
    pub most: Option<usize>,
}

/// What a new item is made of.
#[derive(Debug, Clone)]
pub enum Taken {
    /// An item that this resource loses.
    Of(String),
    /// One of these, by chance.
    OneOf(Vec<Value>),
}

/// Values of which the next one comes with each change.
#[derive(Debug, Clone)]
pub struct Turn {
    /// The resource.
    pub resource: String,
    /// Where they stand, and what they are in turn: as many everywhere. By the first place it is known whose turn it is.
    pub values: Vec<(Selector, Vec<Value>)>,
}

/// What goes on by itself.
#[derive(Debug, Clone, Default)]
pub struct Live {
    /// Numbers that follow others, in the order in which they are worked out.
    pub follows: Vec<Follow>,
    /// Changes that happen now and then.
    pub changes: Vec<Recurring>,
}

/// A number that follows others.
#[derive(Debug, Clone)]
pub struct Follow {
    /// The resource in which it stands: in each item of a list, else in the object.
    pub resource: String,
    /// Its place there.
    pub number: Selector,
    /// What it follows.
    pub formula: Formula,
    /// Whether it moves by as much as the formula does, instead of being what that comes to.
    pub moves_with: bool,
    /// What words count as.
    pub words: BTreeMap<String, f64>,
    /// How many decimals it has.
    pub decimals: u8,
}

/// A change that happens now and then.
#[derive(Debug, Clone)]
pub struct Recurring {
    /// Its name in the world.
    pub change: String,
    /// How often, on average.
    pub every: Duration,
    /// The list that loses an item keeps as many.
    pub leaves: usize,
    /// The list that gains an item is not made longer than this.
    pub up_to: usize,
}
