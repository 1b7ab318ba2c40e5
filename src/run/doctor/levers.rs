//! Which levers a target has, and whether they move both ways.

use std::time::Duration;

use tokio::time::Instant;

use super::{Examined, Show, State};
use crate::domain::change::{Change, Lever};
use crate::domain::duration;
use crate::run::deployment::{Clients, Unlike, World, inquiry};
use crate::run::environment::Environment;
use crate::run::plan::Plan;
use crate::suite::config::{LeverMeans, Target};

/// How long what a lever does may take to show, unless the contract says.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long to wait before it is looked at again.
const PAUSE: Duration = Duration::from_millis(250);

/// Examines every lever that the target declares.
pub(super) async fn examine(
    environment: &Environment,
    plan: &Plan,
    target: &Target,
    show: &mut Show<'_>,
) {
    if target.levers.is_empty() {
        let said = "the target has none: scenarios that need one are skipped";
        show(Examined::new("levers", State::Warning, said));
    }
    for (lever, means) in &target.levers {
        let what = format!("lever {lever}");
        if *means == LeverMeans::Gateway {
            show(Examined::ok(what, "imitated at the gateway"));
        } else if plan.lease.is_none() {
            let said = "declared, not tried: `--levers` moves it on and off";
            show(Examined::new(what, State::NotTried, said));
        } else {
            let changes = changes(environment, target, lever, means);
            if changes.is_empty() {
                let said = "declared, not tried: what it does cannot be put back";
                show(Examined::new(what.as_str(), State::NotTried, said));
            }
            for (of, change) in changes {
                let what = match of {
                    Some(service) => format!("{what} {service}"),
                    None => what.clone(),
                };
                show(both_ways(environment, target, what, &change).await);
            }
        }
    }
}

/// What shows that a lever moves: a change that can be put back, and the service that it is about.
fn changes(
    environment: &Environment,
    target: &Target,
    lever: &Lever,
    means: &LeverMeans,
) -> Vec<(Option<String>, Change)> {
    let services = || {
        environment
            .contract
            .services
            .iter()
            .map(|own| own.name.clone())
    };
    let stopped = |service| Change::Backend {
        service,
        running: false,
    };
    match lever {
        Lever::Maintenance => vec![(None, Change::Maintenance(true))],
        Lever::Backend => {
            let names: Vec<String> = services().collect();
            let all = || names.iter().map(String::as_str);
            let each: Vec<(Option<String>, Change)> = names
                .iter()
                .filter(|name| target.services.contains_key(*name))
                .filter(|name| means.reaches(Some(name), all()).is_ok())
                .map(|name| (Some(name.clone()), stopped(Some(name.clone()))))
                .collect();
            match each.is_empty() {
                true => vec![(None, stopped(None))],
                false => each,
            }
        }
        _ => Vec::new(),
    }
}

/// Moves a lever, sees what it does, and moves it back.
async fn both_ways(
    environment: &Environment,
    target: &Target,
    what: String,
    change: &Change,
) -> Examined {
    let Some(undone) = change.undone() else {
        return Examined::new(what, State::NotTried, "it cannot be put back");
    };
    let began = Instant::now();
    if let Err(why) = environment.set(change).await {
        let next = "see that what the configuration names does it, and may";
        return Examined::failure(what, why.to_string()).next(next);
    }
    let on = shows(environment, target, change, true).await;
    let there = began.elapsed();
    let began = Instant::now();
    if let Err(why) = environment.set(&undone).await {
        let next = "put it back by hand, or with `rehearsal levers restore`";
        return Examined::failure(what, format!("it is still switched: {why}")).next(next);
    }
    let off = shows(environment, target, change, false).await;
    let shown = |time: Duration| duration::show(Duration::from_millis(time.as_millis() as u64));
    match (on, off) {
        (true, true) => {
            let (there, back) = (shown(there), shown(began.elapsed()));
            Examined::ok(what, format!("it moves: {there} there, {back} back"))
        }
        (false, _) => {
            Examined::failure(what, "its calls are done, and nothing shows that it moved")
                .next("see that they move the deployment that `services` names")
        }
        (true, false) => Examined::failure(what, "its calls are done, and it does not come back")
            .next("see that the calls that put it back wait until it is: `repeat-for`"),
    }
}

/// Whether the services show sooner or later that something is switched, or is not any more.
async fn shows(environment: &Environment, target: &Target, change: &Change, on: bool) -> bool {
    let clients = Clients::of(target);
    let began = Instant::now();
    loop {
        if is_on(environment, target, &clients, change).await == on {
            return true;
        }
        if began.elapsed() > PATIENCE {
            return false;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn is_on(
    environment: &Environment,
    target: &Target,
    clients: &Clients<'_>,
    change: &Change,
) -> bool {
    for service in &environment.contract.services {
        let Some(asked) = inquiry(
            target,
            &environment.contract,
            &service.name,
            World::AsItShouldBe,
        ) else {
            continue;
        };
        let concerns = match change {
            Change::Backend {
                service: Some(one), ..
            } => service.name == *one,
            _ => true,
        };
        let answer = asked.ask(clients).await;
        let on = match (change, answer) {
            (Change::Maintenance(_), Err(Unlike::InMaintenance)) => true,
            (Change::Maintenance(_), _) => false,
            (_, Ok(answered)) => answered.status >= 500,
            (_, Err(_)) => true,
        };
        if concerns && on {
            return true;
        }
    }
    false
}
