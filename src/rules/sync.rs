//! SYNC: data keeps arriving, whole and once, however it comes.

use crate::rules::rule::Registration;

mod fallback;
mod numbers;
mod order;
mod paging;
mod payload;
mod polling;
mod push;
mod reconnect;
mod restart;
mod sent_away;
mod snapshot;
mod socket;
mod stream;
mod unknown_session;
mod walks;

pub(super) const RULES: &[Registration] = &[
    (&[&fallback::KEEPS_ARRIVING], |_| {
        Box::new(fallback::Fallback::default())
    }),
    (&[&fallback::RETURNS], |_| {
        Box::new(fallback::Return::default())
    }),
    (
        &[&polling::NEVER_BOTH, &polling::ONE_POLLER, &push::ARRIVES],
        |contract| Box::new(polling::Polling::new(contract)),
    ),
    (&[&snapshot::SNAPSHOT], |_| {
        Box::new(snapshot::Snapshot::default())
    }),
    (&[&socket::ONE_SUBSCRIBE], |_| {
        Box::new(socket::Subscriptions::default())
    }),
    (&[&socket::ONE_SOCKET], |_| {
        Box::new(socket::OneSocket::default())
    }),
    (&[&push::ARRIVES], |contract| {
        Box::new(push::Push::new(contract))
    }),
    (&[&order::ORDER], |_| Box::new(order::Order::default())),
    (&[&paging::WALK], |_| Box::new(paging::Paging::default())),
    (&[&paging::WALK], |_| Box::new(walks::Walks::default())),
    (&[&payload::SCHEMA], |contract| {
        Box::new(payload::Payload::new(contract))
    }),
    (
        &[&restart::HOLDS],
        |_| Box::new(restart::Restart::default()),
    ),
    (&[&reconnect::TRIES_AGAIN], |_| {
        Box::new(reconnect::Reconnect::default())
    }),
    (&[&sent_away::SENT_AWAY], |_| {
        Box::new(sent_away::SentAway::default())
    }),
    (&[&unknown_session::UNKNOWN_SESSION], |_| {
        Box::new(unknown_session::UnknownSession::default())
    }),
];
