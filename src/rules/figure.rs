//! FIGURE: what the journal amounts to in numbers, and the limits that the contract sets to them.
//!
//! Figures are measured under every contract; a rule of this family is judged where there is a limit
//! for it. What the harness provoked is no figure of anybody's.

use super::info::RuleInfo;

mod ages;
mod documented;
mod feed;
mod judged;
mod ledger;
mod meter;
mod peak;
mod spans;
mod traffic;

pub(super) use documented::ALL as RULES;
pub(super) use meter::Meter;

use crate::domain::figures::Figure;

/// The rule that is about a figure.
fn rule_of(figure: Figure) -> &'static RuleInfo {
    match figure {
        Figure::SignInFailures | Figure::SignInRefusals => &documented::SIGN_INS,
        Figure::RefreshFailures => &documented::REFRESHES,
        Figure::Errors401 | Figure::Errors403 => &documented::REFUSALS,
        Figure::Errors5xx => &documented::ERRORS,
        Figure::Latency => &documented::LATENCY,
        Figure::RequestsPerMinute => &documented::REQUESTS,
        Figure::SocketConnectsPerSecond => &documented::CONNECTS,
        Figure::TimePolling | Figure::TimeStale => &documented::DEGRADED,
        Figure::Freshness => &documented::FRESHNESS,
        Figure::TimeToFallback => &documented::FALLBACK,
        Figure::TimeToReturn => &documented::COMEBACK,
        Figure::KillLatency => &documented::KILL,
    }
}
