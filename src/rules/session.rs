//! SESSION: how a session begins, goes on, is carried and ends.

use crate::rules::rule::Registration;

mod bounded;
mod clock;
mod ending;
mod ends_early;
mod expired;
mod forged;
mod genuine;
mod grace;
mod handed_over;
mod kept_identity;
mod lost;
mod next_user;
mod one_act;
mod refusal;
mod repeated;
mod replay;
mod restore;
mod revoked;
mod rotation;
mod signed_out;
mod single_flight;
mod socket;
mod stored;
mod unissued;
mod urls;

pub(super) const RULES: &[Registration] = &[
    (&[&urls::IN_URL], |_| Box::new(urls::Urls::default())),
    (&[&socket::IN_QUERY, &socket::CURRENT], |_| {
        Box::new(socket::SocketToken::default())
    }),
    (&[&expired::EXPIRED], |_| {
        Box::new(expired::ExpiredFeed::default())
    }),
    (&[&single_flight::SINGLE_FLIGHT], |_| {
        Box::new(single_flight::SingleFlight::default())
    }),
    (&[&bounded::BOUNDED], |_| {
        Box::new(bounded::Bounded::default())
    }),
    (&[&replay::REPLAY], |_| Box::new(replay::Replay)),
    (&[&replay::REPLAY], |_| Box::new(grace::Grace::default())),
    (&[&replay::REPLAY], |_| {
        Box::new(rotation::Rotation::default())
    }),
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
    (&[&signed_out::NOTHING_AFTER], |_| {
        Box::new(signed_out::SignedOut::default())
    }),
    (&[&signed_out::NOTHING_AFTER], |_| {
        Box::new(revoked::Revoked)
    }),
    (&[&restore::RESTORE], |_| {
        Box::new(restore::Restore::default())
    }),
    (&[&genuine::GENUINE], |_| {
        Box::new(genuine::Genuine::default())
    }),
    (&[&genuine::GENUINE], |_| {
        Box::new(kept_identity::KeptIdentity::default())
    }),
    (&[&repeated::REPEATED], |_| Box::new(repeated::Repeated)),
    (&[&lost::LOST], |_| Box::new(lost::Lost::default())),
    (&[&next_user::READS_ANEW], |_| {
        Box::new(next_user::NextUser::default())
    }),
    (&[&unissued::UNISSUED], |_| {
        Box::new(unissued::Unissued::default())
    }),
    (&[&one_act::ONE_ACT], |_| {
        Box::new(one_act::OneAct::default())
    }),
    (&[&ends_early::ENDS_EARLY], |_| {
        Box::new(ends_early::EndsEarly::default())
    }),
    (&[&handed_over::HANDED_OVER], |_| {
        Box::new(handed_over::HandedOver::default())
    }),
];
