//! SYNC: data keeps arriving, whole and once, however it comes.

use crate::rules::rule::Registration;

mod acks;
mod fallback;
mod followed;
mod numbers;
mod order;
mod own_walks;
mod paging;
mod payload;
mod polling;
mod punctual;
mod push;
mod reconnect;
mod renumbered;
mod restart;
mod sent_away;
mod snapshot;
mod socket;
mod stream;
mod subscribed;
mod told;
mod twice;
mod unconfirmed;
mod unkept;
mod unknown_session;
mod walks;
mod wasted;

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
    (&[&punctual::PUNCTUAL], |contract| {
        Box::new(punctual::Punctual::new(contract))
    }),
    (&[&followed::FOLLOWED], |contract| {
        Box::new(followed::Followed::new(contract))
    }),
    (&[&push::ARRIVES], |_| Box::new(acks::Acks::default())),
    (&[&push::ARRIVES], |_| Box::new(twice::Twice::default())),
    (&[&order::ORDER], |_| Box::new(order::Order::default())),
    (&[&paging::WALK], |_| Box::new(paging::Paging::default())),
    (&[&paging::WALK], |_| Box::new(walks::Walks::default())),
    (&[&paging::WALK], |_| {
        Box::new(own_walks::OwnWalks::default())
    }),
    (&[&restart::HOLDS], |_| {
        Box::new(renumbered::Renumbered::default())
    }),
    (&[&payload::SCHEMA], |contract| {
        Box::new(payload::Payload::new(contract))
    }),
    (&[&payload::SCHEMA], |_| Box::new(unkept::Unkept::default())),
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
    (&[&wasted::WASTED], |_| {
        Box::new(wasted::PastTheEnd::default())
    }),
    (&[&wasted::WASTED], |_| Box::new(wasted::Whole::default())),
    (&[&wasted::WASTED], |_| Box::new(wasted::Deltas::default())),
];
