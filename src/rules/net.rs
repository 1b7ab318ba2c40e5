//! NET: how the client behaves when the network or the backend does not answer.

use crate::rules::rule::Registration;

mod backoff;
mod burst;
mod heartbeat;
mod late;
mod offline;
mod partial;
mod pong;
mod portal;
mod request_id;
mod resume;
mod server_error;
mod storm;
mod timeout;
mod tls;

pub(super) const RULES: &[Registration] = &[
    (&[&backoff::BACKOFF, &backoff::ATTEMPTS], |_| {
        Box::new(backoff::Backoff::default())
    }),
    (
        &[&timeout::FINITE],
        |_| Box::new(timeout::Finite::default()),
    ),
    (&[&offline::OFFLINE], |_| {
        Box::new(offline::Offline::default())
    }),
    (&[&portal::PORTAL], |_| Box::new(portal::Portal::default())),
    (&[&heartbeat::HALF_OPEN], |_| {
        Box::new(heartbeat::HalfOpen::default())
    }),
    (&[&pong::ANSWERED], |_| Box::new(pong::Answered::default())),
    (&[&partial::PARTIAL], |_| {
        Box::new(partial::Partial::default())
    }),
    (&[&tls::TLS], |_| Box::new(tls::Tls::default())),
    (&[&late::LATE], |_| Box::new(late::Late::default())),
    (&[&storm::STORM], |_| Box::new(storm::Storm::default())),
    (&[&resume::THAWED], |_| Box::new(resume::Thawed::default())),
    (&[&resume::SPENT_TOKEN], |_| {
        Box::new(resume::SpentToken::default())
    }),
    (&[&request_id::REQUEST_ID], |_| {
        Box::new(request_id::RequestId::default())
    }),
    (&[&server_error::SERVER_ERROR], |_| {
        Box::new(server_error::ServerError::default())
    }),
];
