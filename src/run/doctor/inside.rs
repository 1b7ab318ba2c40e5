//! What only somebody finds who signs in: through a gateway, as a run does.

use std::time::Duration;

use super::{Examined, Show, State, levers, within};
use crate::domain::journal::file::Case;
use crate::gateway::{Listen, Mode};
use crate::net::Net;
use crate::run::environment::{Environment, Settings};
use crate::run::interrupt::Interrupt;
use crate::run::plan::Plan;
use crate::run::probe::{OwnSession, Prober};
use crate::suite::config::Target;

/// How long one account may take to sign in, and one socket to be joined.
const PATIENCE: Duration = Duration::from_secs(20);

/// Examines ports, accounts, sockets and levers, until somebody breaks off; what was moved is put back.
pub(super) async fn examine(
    plan: &Plan,
    target: &Target,
    interrupt: &Interrupt,
    show: &mut Show<'_>,
) {
    show(ports(plan));
    let settings = Settings {
        plan,
        policy: &plan.suite.contract,
        case: Case {
            id: "doctor".to_owned(),
            name: "What works at a target".to_owned(),
            ..Case::default()
        },
        seed: plan.seed,
        file: None,
        mode: Mode::Enforcing,
        listen: Listen::default(),
    };
    let environment = match Environment::start(settings) {
        Ok(environment) => environment,
        Err(why) => return show(Examined::failure("gateway", why.to_string())),
    };
    let examined = async {
        match within(PATIENCE, environment.check_itself(false)).await {
            Ok(Ok(())) => show(Examined::ok(
                "gateway",
                "what it asks for the harness is answered",
            )),
            Ok(Err(why)) => show(Examined::failure("gateway", why.to_string())),
            Err(why) => show(Examined::failure("gateway", why)),
        }
        let session = accounts(&environment, target, show).await;
        sockets(&environment, session.as_ref(), show).await;
        levers::examine(&environment, plan, target, show).await;
    };
    tokio::select! {
        biased;
        () = interrupt.triggered() => {}
        () = examined => {}
    }
    environment.put_back().await;
}

/// Whether there is a port for each service.
fn ports(plan: &Plan) -> Examined {
    let services = plan.suite.contract.services.iter();
    let bound: Result<Vec<_>, _> = services
        .map(|service| Net::Real.bind(&service.name))
        .collect();
    match bound {
        Ok(all) => Examined::ok("ports", format!("{} are free on loopback", all.len())),
        Err(error) => Examined::failure("ports", error.to_string())
            .next("something keeps this machine from listening on 127.0.0.1"),
    }
}

/// Whether each account gets in, and a session of the first that does.
async fn accounts(
    environment: &Environment,
    target: &Target,
    show: &mut Show<'_>,
) -> Option<OwnSession> {
    let mut first = None;
    if target.accounts.is_empty() {
        let said = "the target has no account, so no scenario can sign in";
        show(Examined::new("sign-in", State::Warning, said).next("write one under `accounts`"));
    }
    for account in &target.accounts {
        let what = format!("sign-in {}", account.name);
        let mut prober = Prober::new(environment);
        let next = "check its name and the variable of its password; it is not tried again, which may lock it";
        match within(PATIENCE, prober.sign_in(account)).await {
            Ok(Ok(session)) => {
                show(Examined::ok(what, "it gets in"));
                first = first.or(Some(session));
            }
            Ok(Err(why)) => show(Examined::failure(what, why.to_string()).next(next)),
            Err(why) => show(Examined::failure(what, why)),
        }
    }
    first
}

/// Whether the feed is reached by both transports.
async fn sockets(environment: &Environment, own: Option<&OwnSession>, show: &mut Show<'_>) {
    if environment.contract.realtime.is_none() {
        return;
    }
    let polled = Prober::new(environment);
    let next = "see that whatever stands before the service passes this path on";
    match within(PATIENCE, polled.polls(own)).await {
        Ok(Ok(())) => show(Examined::ok("socket polling", "a session is opened")),
        Ok(Err(why)) => show(Examined::failure("socket polling", why).next(next)),
        Err(why) => show(Examined::failure("socket polling", why).next(next)),
    }
    let Some(own) = own else {
        let said = "nobody could sign in";
        return show(Examined::new("socket websocket", State::NotTried, said));
    };
    let next = "see that whatever stands before the service lets connections be upgraded";
    let mut prober = Prober::new(environment);
    match within(PATIENCE, prober.joins(own)).await {
        Ok(Ok(())) => show(Examined::ok("socket websocket", "the feed is joined")),
        Ok(Err(why)) => show(Examined::failure("socket websocket", why).next(next)),
        Err(why) => show(Examined::failure("socket websocket", why).next(next)),
    }
}
