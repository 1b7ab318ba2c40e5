//! What a contract must agree on before a rule can be judged by it.

use crate::domain::contract::{Contract, SocketClient, TokenChecked, TransportName};
use crate::domain::figures::Figure;

/// Something that a rule needs of a contract. A rule that lacks it is told as not judged, with the
/// reason, and is never asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// A live feed.
    Feed,
    /// A live feed, and polling that takes its place while it is away.
    FeedAndPolling,
    /// A live feed whose changes are numbered.
    NumberedFeed,
    /// A live feed that may come by WebSocket.
    Websocket,
    /// Something that the app subscribes to by the live feed.
    Subscription,
    /// Polling, with or without a feed.
    Polling,
    /// A list that is read page by page.
    Paging,
    /// A schema of a resource or an event.
    Schema,
    /// A kill-switch.
    KillSwitch,
    /// A kill-switch, and how data is refused while it is on.
    DataRefusal,
    /// A request that renews a session.
    Refresh,
    /// A request that ends a session.
    SignOut,
    /// A header that names each request.
    RequestId,
    /// A request that says whether a service is alive.
    Health,
    /// The form of errors.
    ErrorForm,
    /// A live feed whose token is looked at again when it ends.
    TokenChecked,
    /// A value that moves as long as its feed speaks.
    Moves,
    /// An event that is promised to come by itself.
    PunctualEvents,
    /// An event that is promised to follow a change of the backend's own.
    FollowingEvents,
    /// Data that says of which moment it is.
    AsOf,
    /// A limit to one of these figures.
    Limit(&'static [Figure]),
    /// Another client whose data has to be the app's.
    Parity,
}

impl Need {
    /// What it is, in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Feed => "a live feed",
            Self::FeedAndPolling => "a live feed with polling in its place",
            Self::NumberedFeed => "events that are numbered",
            Self::Websocket => "a live feed that may come by WebSocket",
            Self::Subscription => "something that the app subscribes to",
            Self::Polling => "polling",
            Self::Paging => "a list that is read page by page",
            Self::Schema => "a schema",
            Self::KillSwitch => "a kill-switch",
            Self::DataRefusal => "the kill-switch's `data-refusal`",
            Self::Refresh => "a refresh request",
            Self::SignOut => "a sign-out request",
            Self::RequestId => "the name of the request id's header",
            Self::Health => "a health request",
            Self::ErrorForm => "the form of errors",
            Self::Moves => "a value that `moves`",
            Self::PunctualEvents => "an event with `at-least-every`",
            Self::FollowingEvents => "an event with `after`",
            Self::AsOf => "data with `as-of`",
            Self::Parity => "another client to compare with",
            Self::TokenChecked => "a feed that checks its token until the end",
            Self::Limit(_) => "a limit to the figure",
        }
    }

    /// Why a rule that needs this cannot be judged under a contract; nothing if it can.
    pub(super) fn unmet(self, contract: &Contract) -> Option<&'static str> {
        let switch = contract.kill_switch.as_ref();
        let (met, why) = match self {
            Self::Feed
            | Self::FeedAndPolling
            | Self::NumberedFeed
            | Self::Websocket
            | Self::Subscription
            | Self::TokenChecked
            | Self::Moves
            | Self::PunctualEvents
            | Self::FollowingEvents => self.of_feed(contract),
            Self::Polling => (
                contract.polling.is_some(),
                "the contract agrees on no polling",
            ),
            Self::Paging => (
                contract.resources.iter().any(|own| own.paging.is_some()),
                "the contract names no list that is read page by page",
            ),
            Self::Schema => (has_schema(contract), "the contract has no schemas"),
            Self::KillSwitch => (switch.is_some(), "the contract has no kill-switch"),
            Self::DataRefusal => (
                switch.is_some_and(|switch| switch.data_refusal.is_some()),
                "the contract does not say how data is refused while the kill-switch is on",
            ),
            Self::Refresh => (
                contract.session.refresh.is_some(),
                "the contract has no refresh request",
            ),
            Self::SignOut => (
                contract.session.sign_out.is_some(),
                "the contract has no sign-out request",
            ),
            Self::Health => (
                !contract.health.is_empty(),
                "the contract has no health request",
            ),
            Self::ErrorForm => (
                contract.promises.errors.is_some(),
                "the contract does not say what form errors have",
            ),
            Self::AsOf => (
                has_time(contract),
                "the contract names no time that data carries",
            ),
            Self::Limit(figures) => limited(contract, figures),
            Self::Parity => parity(contract),
            Self::RequestId => (
                contract.request_id.is_some(),
                "the contract names no request id",
            ),
        };
        (!met).then_some(why)
    }

    /// Whether a contract has what is needed of its live feed, and why not.
    fn of_feed(self, contract: &Contract) -> (bool, &'static str) {
        let feed = contract.realtime.as_ref();
        let mut events = contract.events();
        match self {
            Self::FeedAndPolling => (
                feed.is_some() && contract.polling.is_some(),
                "the contract has no live feed with polling in its place",
            ),
            Self::NumberedFeed => (
                events.any(|event| event.sequence.is_some()),
                "the contract does not say how changes are numbered",
            ),
            Self::Websocket => (
                feed.is_some_and(|feed| may_use_websocket(&feed.client)),
                "by the contract the app does not use WebSocket",
            ),
            Self::Subscription => (
                feed.is_some_and(|feed| !feed.subscribe.is_empty()),
                "the contract names nothing that the app subscribes to",
            ),
            Self::TokenChecked => (
                feed.is_none_or(|feed| feed.token_checked == TokenChecked::Expiry),
                "by the contract the feed's token is checked at the handshake only",
            ),
            Self::Moves => (
                feed.is_some() && contract.resources.iter().any(|own| own.moves.is_some()),
                "the contract names no value that moves as long as its feed speaks",
            ),
            Self::PunctualEvents => (
                events.any(|event| event.promise.at_least_every.is_some()),
                "the contract does not say how often any event comes at least",
            ),
            Self::FollowingEvents => (
                events.any(|event| !event.promise.after.is_empty()),
                "the contract names no event that follows a change of the backend's own",
            ),
            _ => (feed.is_some(), "the contract has no live feed"),
        }
    }
}

/// Whether a contract names another client to compare with, and that it does not.
fn parity(contract: &Contract) -> (bool, &'static str) {
    (
        contract.parity.is_some(),
        "the contract names no other client to compare with",
    )
}

/// Whether a contract sets a limit to one of these figures, and that it does not.
fn limited(contract: &Contract, figures: &[Figure]) -> (bool, &'static str) {
    let mut limits = contract.limits.iter();
    (
        limits.any(|own| figures.contains(&own.figure)),
        "the contract sets no limit to the figure",
    )
}

/// Whether a client begins with a WebSocket or upgrades to one.
fn may_use_websocket(client: &SocketClient) -> bool {
    let first = client.transports.first() == Some(&TransportName::Websocket);
    client.transports.contains(&TransportName::Websocket) && (client.upgrade || first)
}

/// Whether anything says of which moment it is.
fn has_time(contract: &Contract) -> bool {
    contract.resources.iter().any(|own| own.as_of.is_some())
        || contract.events().any(|own| own.promise.as_of.is_some())
}

fn has_schema(contract: &Contract) -> bool {
    let feed = contract.realtime.as_ref();
    contract.resources.iter().any(|own| own.schema.is_some())
        || feed.is_some_and(|feed| feed.events.iter().any(|own| own.schema.is_some()))
}
