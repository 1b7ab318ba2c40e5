//! SESSION: how a session begins, goes on, is carried and ends.

use super::{Rule, RuleInfo};
use crate::domain::contract::Contract;

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

pub(super) const RULES: &[&RuleInfo] = &[
    &urls::IN_URL,
    &socket::IN_QUERY,
    &socket::CURRENT,
    &refresh::SINGLE_FLIGHT,
    &refresh::BOUNDED,
    &replay::REPLAY,
    &ending::ONLY_REFUSAL_ENDS,
    &refusal::ON_401_AND_403,
    &clock::CLOCK,
    &forged::FORGED,
    &ending::NOTHING_AFTER,
    &socket::EXPIRED,
    &stored::STORED,
    &restore::RESTORE,
    &genuine::GENUINE,
    &repeated::REPEATED,
];

pub(super) fn rules(contract: &Contract) -> Vec<Box<dyn Rule>> {
    vec![
        Box::new(urls::Urls),
        Box::new(socket::SocketToken::default()),
        Box::new(socket::ExpiredFeed::default()),
        Box::new(refresh::SingleFlight::default()),
        Box::new(refresh::Bounded::default()),
        Box::new(replay::Replay),
        Box::new(forged::Forged::default()),
        Box::new(refusal::Refusals::new(contract)),
        Box::new(ending::Ending::default()),
        Box::new(clock::Clock::default()),
        Box::new(stored::Restored::default()),
        Box::new(ending::SignedOut::default()),
        Box::new(revoked::Revoked),
        Box::new(restore::Restore::default()),
        Box::new(genuine::Genuine::default()),
        Box::new(repeated::Repeated),
    ]
}
