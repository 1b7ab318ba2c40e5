//! A small fleet against the embedded mock, in virtual time.

use super::*;
use crate::app::Quirk;
use crate::domain::figures::Quantile;
use crate::domain::journal::Class;
use crate::suite::Suite;

const APPS: u64 = 24;

fn plan(storms: &[Storm]) -> FleetPlan {
    FleetPlan {
        plan: Plan::of(Suite::shipped().unwrap(), Target::Mock, 7),
        apps: APPS,
        ramp: Duration::from_secs(6),
        hold: Duration::from_secs(60),
        storms: storms.to_vec(),
        away: Duration::from_secs(90),
        recover: Duration::from_secs(180),
        threads: 4,
        sources: Vec::new(),
        start_at: None,
        barrier: None,
    }
}

fn held(plan: &FleetPlan) -> Fleet {
    hold_fleet(plan, &Interrupt::new(), &mut |_| {}).unwrap()
}

fn stage<'f>(fleet: &'f Fleet, name: &str) -> &'f Stage {
    let mut stages = fleet.stages.iter();
    stages.find(|own| own.name == name).unwrap()
}

#[test]
fn a_fleet_ramps_up_holds_and_comes_back_from_every_storm() {
    let fleet = held(&plan(&Storm::ALL));
    let names: Vec<&str> = fleet.stages.iter().map(|own| own.name.as_str()).collect();
    assert_eq!(names[..3], ["ramp", "hold", "storm 1: sockets"]);
    assert_eq!(names.len(), 1 + 2 * Storm::ALL.len());
    assert_eq!(fleet.unrecovered().count(), 0, "{fleet:?}");
    ramped_up(stage(&fleet, "ramp"));
    let hold = &stage(&fleet, "hold").counts;
    assert_eq!(hold.all_connects(), 0);
    assert!(hold.events > APPS);
    for (number, storm) in Storm::ALL.iter().enumerate() {
        let name = format!("storm {}: {storm}", number + 1);
        came_back(stage(&fleet, &name), *storm);
    }
    // The library's backoff spreads clients that lost their sockets together.
    let cut = &stage(&fleet, "storm 1: sockets").counts;
    assert!(cut.time_to_live.at(Quantile::P50) > Some(Duration::from_millis(400)));
    assert_eq!(fleet.scope.denied, 0, "{:?}", fleet.scope.evidence);
    assert!(fleet.scope.requests > APPS, "{:?}", fleet.scope);
}

fn ramped_up(ramp: &Stage) {
    assert!(ramp.lasted >= Duration::from_secs(6));
    assert_eq!(ramp.counts.time_to_live.count(), APPS);
    assert_eq!(ramp.counts.all_connects(), APPS);
    assert_eq!(ramp.counts.requests["sign-in"].succeeded, APPS);
    assert_eq!(ramp.counts.errors(), 0);
}

fn came_back(own: &Stage, storm: Storm) {
    assert_eq!(own.counts.time_to_live.count(), APPS, "{own:?}");
    assert!(own.counts.all_connects() >= APPS, "{own:?}");
    // They have the sessions that they had.
    assert!(!own.counts.requests.contains_key("sign-in"), "{own:?}");
    assert_eq!(storm.lasts(), own.lasted >= Duration::from_secs(90));
}

#[test]
fn the_same_seed_gives_the_same_fleet() {
    let plan = plan(&[Storm::Network]);
    let (mut one, mut other) = (held(&plan), held(&plan));
    for fleet in [&mut one, &mut other] {
        fleet.memory = Memory::default();
        for stage in &mut fleet.stages {
            stage.processor = Duration::ZERO;
        }
    }
    assert_eq!(one, other);
}

#[test]
fn what_the_scope_denies_is_counted_and_never_sent() {
    let mut plan = plan(&[]);
    plan.plan.quirks = vec![Quirk::CallsForbidden, Quirk::UndeclaredEmit];
    let fleet = held(&plan);
    assert!(
        fleet.scope.forbidden_writes >= 2 * APPS,
        "{:?}",
        fleet.scope
    );
    let evidence = &fleet.scope.evidence;
    assert!(evidence.iter().any(|own| own.class == Class::Forbidden));
    let sent: u64 = fleet
        .stages
        .iter()
        .flat_map(|own| &own.counts.requests)
        .filter(|(role, _)| *role == crate::domain::figures::OTHER)
        .map(|(_, requests)| requests.all())
        .sum();
    assert_eq!(sent, 0);
}

#[test]
fn an_interrupted_fleet_leaves_and_says_what_it_came_to_so_far() {
    let interrupt = Interrupt::new();
    let stop = interrupt.clone();
    let told = &mut |told: Told<'_>| {
        if matches!(told, Told::Begins("hold")) {
            stop.trigger();
        }
    };
    let fleet = hold_fleet(&plan(&[Storm::Maintenance]), &interrupt, told).unwrap();
    assert!(fleet.interrupted);
    assert_eq!(fleet.stages.len(), 2);
    assert_eq!(fleet.stages[0].live, APPS);
}

#[test]
fn on_loopback_many_apps_connect_from_several_addresses() {
    let services = |url: &str| {
        let address = ServiceAddress {
            url: url.parse().unwrap(),
            via: None,
            certificate: None,
        };
        BTreeMap::from([("api".to_owned(), address)])
    };
    let mut plan = FleetPlan {
        apps: 10_000,
        ..plan(&[])
    };
    let here = plan.sources_in_use(&services("http://127.0.0.1:4010"));
    let wanted = if cfg!(target_os = "linux") { 4 } else { 1 };
    assert_eq!(here.len(), wanted);
    let elsewhere = services("https://api.example.test");
    assert_eq!(plan.sources_in_use(&elsewhere), [None]);
    let own: IpAddr = "192.0.2.7".parse().unwrap();
    plan.sources = vec![own];
    assert_eq!(plan.sources_in_use(&elsewhere), [Some(own)]);
}
