//! NET: how the client behaves when the network or the backend does not answer.

use super::{Rule, RuleInfo};
use crate::domain::contract::Contract;

mod backoff;
mod heartbeat;
mod late;
mod offline;
mod partial;
mod portal;
mod request_id;
mod resume;
mod server_error;
mod storm;
mod timeout;
mod tls;

pub(super) const RULES: &[&RuleInfo] = &[
    &backoff::BACKOFF,
    &backoff::ATTEMPTS,
    &timeout::FINITE,
    &heartbeat::HALF_OPEN,
    &resume::THAWED,
    &portal::PORTAL,
    &partial::PARTIAL,
    &tls::TLS,
    &resume::SPENT_TOKEN,
    &late::LATE,
    &storm::STORM,
    &offline::OFFLINE,
    &request_id::REQUEST_ID,
    &server_error::SERVER_ERROR,
];

pub(super) fn rules(_contract: &Contract) -> Vec<Box<dyn Rule>> {
    vec![
        Box::new(backoff::Backoff::default()),
        Box::new(timeout::Finite::default()),
        Box::new(offline::Offline::default()),
        Box::new(portal::Portal::default()),
        Box::new(heartbeat::HalfOpen::default()),
        Box::new(partial::Partial::default()),
        Box::new(tls::Tls::default()),
        Box::new(late::Late::default()),
        Box::new(storm::Storm::default()),
        Box::new(resume::Thawed::default()),
        Box::new(resume::SpentToken::default()),
        Box::new(request_id::RequestId::default()),
        Box::new(server_error::ServerError::default()),
    ]
}
