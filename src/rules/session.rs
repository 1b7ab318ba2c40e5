//! SESSION: how a session begins, goes on, is carried and ends.

use crate::rules::rule::Registration;

mod clock;
mod ending;
mod forged;
mod genuine;
mod refresh;
mod refusal;
mod repeated;
mod replay;
mod restore;
mod revoked;
mod socket;
mod stored;
mod urls;

pub(super) const RULES: &[Registration] = &[
    (&[&urls::IN_URL], |_| Box::new(urls::Urls)),
    (&[&socket::IN_QUERY, &socket::CURRENT], |_| {
        Box::new(socket::SocketToken::default())
    }),
    (&[&socket::EXPIRED], |_| {
        Box::new(socket::ExpiredFeed::default())
    }),
    (&[&refresh::SINGLE_FLIGHT], |_| {
        Box::new(refresh::SingleFlight::default())
    }),
    (&[&refresh::BOUNDED], |_| {
        Box::new(refresh::Bounded::default())
    }),
    (&[&replay::REPLAY], |_| Box::new(replay::Replay)),
    (&[&forged::FORGED], |_| Box::new(forged::Forged::default())),
    (&[&refusal::ON_401_AND_403], |contract| {
        Box::new(refusal::Refusals::new(contract))
    }),
    (&[&ending::ONLY_REFUSAL_ENDS], |_| {
        Box::new(ending::Ending::default())
    }),
    (&[&clock::CLOCK], |_| Box::new(clock::Clock::default())),
    (
        &[&stored::STORED],
        |_| Box::new(stored::Restored::default()),
    ),
    (&[&ending::NOTHING_AFTER], |_| {
        Box::new(ending::SignedOut::default())
    }),
    (&[&ending::NOTHING_AFTER], |_| Box::new(revoked::Revoked)),
    (&[&restore::RESTORE], |_| {
        Box::new(restore::Restore::default())
    }),
    (&[&genuine::GENUINE], |_| {
        Box::new(genuine::Genuine::default())
    }),
    (&[&repeated::REPEATED], |_| Box::new(repeated::Repeated)),
];
