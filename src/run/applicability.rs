//! What a scenario takes for granted and a contract does not say: then there is nothing to prove.

use crate::domain::contract::{Contract, TransportName};
use crate::domain::journal::FeedState;
use crate::domain::scenario::{Expectation, Scenario, Setting, StepKind};

/// Why a scenario does not apply to an app of this contract.
pub(super) fn lacks(contract: &Contract, scenario: &Scenario) -> Option<String> {
    let steps = scenario.steps.iter().chain(&scenario.finally);
    steps
        .flat_map(|step| match &step.kind {
            StepKind::Do(_) => Vec::new(),
            StepKind::Set(setting) => vec![setting_lacks(contract, setting)],
            StepKind::Expect { all, .. } => all
                .iter()
                .map(|expectation| expectation_lacks(contract, expectation))
                .collect(),
        })
        .flatten()
        .next()
        .map(str::to_owned)
}

fn setting_lacks(contract: &Contract, setting: &Setting) -> Option<&'static str> {
    match setting {
        Setting::Maintenance(_) if contract.kill_switch.is_none() => {
            Some("the contract has no `kill-switch`")
        }
        Setting::Push { .. }
        | Setting::DropSockets
        | Setting::ForgetSessions
        | Setting::Websocket(_)
        | Setting::Socket(_)
            if contract.realtime.is_none() =>
        {
            Some("the contract has no `realtime`")
        }
        _ => None,
    }
}

fn expectation_lacks(contract: &Contract, expectation: &Expectation) -> Option<&'static str> {
    match expectation {
        Expectation::Feed(FeedState::Live | FeedState::Stale)
        | Expectation::Transport(_)
        | Expectation::Event(_)
            if contract.realtime.is_none() =>
        {
            Some("the contract has no `realtime`")
        }
        Expectation::Transport(wanted)
            if contract
                .realtime
                .as_ref()
                .is_some_and(|feed| !feed.client.transports.contains(wanted)) =>
        {
            Some(match wanted {
                TransportName::Websocket => "the contract's client never uses WebSocket",
                TransportName::Polling => "the contract's client never uses long-polling",
            })
        }
        Expectation::Feed(FeedState::Polling) if contract.polling.is_none() => {
            Some("the contract has no `polling`")
        }
        Expectation::Screen(screen)
            if screen == "maintenance" && contract.kill_switch.is_none() =>
        {
            Some("the contract has no `kill-switch`")
        }
        _ => None,
    }
}
