//! Several devices behind one gateway: how they return shows only when many lose their feed together.
//!
//! The other rules take all that they see for one client's, so only what is said of the return counts.

use std::time::Duration;

use crate::app::Quirk;
use crate::device::{self, Device};
use crate::domain::journal::FeedState;
use crate::domain::journal::file::Case;
use crate::domain::scenario::Change;
use crate::domain::verdict::Finding;
use crate::gateway::{Listen, Mode};
use crate::run::environment::{self, Environment};

use super::*;

/// So many that the rule can see them in step.
const DEVICES: u64 = 12;

/// What is found in the return of a fleet whose sockets are all cut at once.
async fn found_in_the_return(quirks: Vec<Quirk>) -> Vec<Finding> {
    let plan = Plan { quirks, ..plan() };
    let environment = Environment::start(environment::Settings {
        plan: &plan,
        policy: &plan.suite.contract,
        case: Case::default(),
        seed: plan.seed,
        file: None,
        mode: Mode::Enforcing,
        listen: Listen::default(),
    })
    .unwrap();
    let users = &plan.suite.world.as_ref().unwrap().users;
    let mut fleet = Vec::new();
    for (seed, user) in (0..DEVICES).zip(users.iter().cycle()) {
        let storage = tempfile::tempdir().unwrap();
        let device = Device::start(device::Settings {
            contract: Arc::clone(&environment.contract),
            recorder: environment.recorder.clone(),
            services: environment.client.gateway.addresses().into(),
            storage: storage.path().to_owned(),
            seed,
            quirks: plan.quirks.iter().copied().collect(),
        })
        .unwrap();
        device.launch().await.unwrap();
        let password = user.password.clone();
        let signed_in = device.sign_in(&user.username, password, &user.name);
        signed_in.await.unwrap();
        let mut view = device.view().await.unwrap();
        view.wait_for(|view| view.feed == FeedState::Live)
            .await
            .unwrap();
        fleet.push((device, storage));
    }
    environment.set(&Change::DropSockets).await.unwrap();
    tokio::time::sleep(Duration::from_secs(20)).await;
    for (device, _) in &fleet {
        let view = device.view().await.unwrap();
        assert_eq!(view.borrow().feed, FeedState::Live);
    }
    drop(fleet);
    environment.end();
    let mut findings = environment.conclude().outcome.findings;
    findings.retain(|finding| finding.rule == "NET-12");
    findings
}

#[tokio::test(start_paused = true)]
async fn a_fleet_with_jitter_comes_back_spread_over_time() {
    assert_eq!(found_in_the_return(Vec::new()).await, []);
}

#[tokio::test(start_paused = true)]
async fn a_fleet_without_jitter_is_found_to_come_back_in_step() {
    let found = found_in_the_return(vec![Quirk::ReconnectWithoutBackoff]).await;
    let [finding] = &found[..] else {
        panic!("{found:?}")
    };
    assert!(
        finding.expected.contains(&format!("half of {DEVICES}")),
        "{finding:?}"
    );
}
