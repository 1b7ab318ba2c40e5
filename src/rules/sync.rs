//! SYNC: data keeps arriving, whole and once, however it comes.

use super::{Rule, RuleInfo};
use crate::domain::contract::Contract;

mod fallback;
mod order;
mod paging;
mod payload;
mod polling;
mod push;
mod restart;
mod sent_away;
mod snapshot;
mod socket;
mod stream;
mod unknown_session;
mod walks;

pub(super) const RULES: &[&RuleInfo] = &[
    &fallback::KEEPS_ARRIVING,
    &fallback::RETURNS,
    &polling::NEVER_BOTH,
    &polling::ONE_POLLER,
    &snapshot::SNAPSHOT,
    &order::ORDER,
    &socket::ONE_SUBSCRIBE,
    &sent_away::SENT_AWAY,
    &unknown_session::UNKNOWN_SESSION,
    &socket::ONE_SOCKET,
    &push::ARRIVES,
    &paging::WALK,
    &payload::SCHEMA,
    &restart::HOLDS,
];

pub(super) fn rules(contract: &Contract) -> Vec<Box<dyn Rule>> {
    vec![
        Box::new(fallback::Fallback::default()),
        Box::new(fallback::Return::default()),
        Box::new(polling::Polling::new(contract)),
        Box::new(snapshot::Snapshot::default()),
        Box::new(socket::Subscriptions::default()),
        Box::new(socket::OneSocket::default()),
        Box::new(push::Push::new(contract)),
        Box::new(order::Order::new(contract)),
        Box::new(paging::Paging::default()),
        Box::new(walks::Walks::default()),
        Box::new(payload::Payload::new(contract)),
        Box::new(restart::Restart::default()),
        Box::new(sent_away::SentAway::default()),
        Box::new(unknown_session::UnknownSession::default()),
    ]
}
