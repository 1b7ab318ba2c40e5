//! The gateway alone, in front of a target, for an app that others wrote.
//!
//! Nobody plays a scenario here. What the user of the app does is marked through the control API by
//! whoever drives it, and so are levers and faults moved; without marks the rules judge what the wire
//! alone can show, and say what they cannot. It ends when somebody asks, with the verdict of a run.

mod control;
mod following;
mod marks;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::deployment::World;
use super::environment::{self, Environment};
use super::failure::SetUpError;
use super::interrupt::Interrupt;
use super::plan::Plan;
use super::play::UNDER_WAY;
use super::runbook::Book;
use super::summary::sum;
use super::target::{self, Unplayable};
use crate::domain::journal::file::Case;
use crate::domain::result::RunResult;
use crate::gateway::{Listen, Mode};
use crate::net::{Endpoint, Listener, Users};
use crate::operator::{Door, Tape};
use control::{Control, Outcome};
pub use following::finding_in_brief;

/// How long answers that are already decided may take to be read.
const GOODBYE: Duration = Duration::from_secs(1);

/// How the gateway is put before a target.
#[derive(Debug, Clone)]
pub struct ProxyPlan {
    /// The suite, the target and the seed; its scenarios are not played.
    pub plan: Plan,
    /// Where the journal is written to.
    pub journal: Option<PathBuf>,
    /// Whether forbidden calls are kept from the target.
    pub mode: Mode,
    /// Where clients find it.
    pub listen: Listen,
    /// Where the control API listens.
    pub control: SocketAddr,
    /// Where the console listens, if there is to be one.
    pub console: Option<SocketAddr>,
    /// How many bytes of what happened are kept on disk, beside what memory holds.
    pub tape: u64,
    /// Whose programs may use control API and console.
    pub users: Users,
}

/// Where everything is, once it is there.
#[derive(Debug, Clone)]
pub struct Ready {
    /// The URL of each service, as the app should know it.
    pub services: BTreeMap<String, String>,
    /// The URL of the control API.
    pub control: String,
    /// The URL of the console, if there is one.
    pub console: Option<String>,
}

/// Why nothing can be put before a target.
#[derive(Debug, thiserror::Error)]
pub enum NotServed {
    /// The target is not there.
    #[error(transparent)]
    Unplayable(#[from] Unplayable),
    /// The control API or the console cannot listen.
    #[error("the {what} cannot listen on {address}: {error}")]
    Control {
        /// Which of the two.
        what: &'static str,
        /// The address that it was given.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// There is nothing to put the app before.
    #[error(transparent)]
    SetUp(#[from] SetUpError),
    /// Whoever started it cannot be told where it is.
    #[error("nobody can be told where it listens: {0}")]
    Untold(io::Error),
}

/// Serves until `interrupt` is triggered or the control API is asked to end, and says what it all
/// came to.
///
/// # Errors
/// When the target cannot be reached, or an address cannot be listened on.
pub fn serve(
    proxy: &ProxyPlan,
    interrupt: &Interrupt,
    ready: &mut dyn FnMut(&Ready) -> io::Result<()>,
) -> Result<RunResult, NotServed> {
    let began = Instant::now();
    target::reach(&proxy.plan, World::Any, interrupt)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(SetUpError::Runtime)?;
    let result = runtime.block_on(perform(proxy, interrupt, ready))?;
    Ok(RunResult {
        duration_wall: began.elapsed(),
        ..result
    })
}

async fn perform(
    proxy: &ProxyPlan,
    interrupt: &Interrupt,
    ready: &mut dyn FnMut(&Ready) -> io::Result<()>,
) -> Result<RunResult, NotServed> {
    let plan = &proxy.plan;
    let listener = listen("control API", proxy.control)?;
    let console = proxy.console.map(|address| listen("console", address));
    let console = console.transpose()?;
    let environment = Environment::start(environment::Settings {
        plan,
        policy: &plan.suite.contract,
        case: case(proxy),
        seed: plan.seed,
        file: proxy.journal.clone(),
        mode: proxy.mode,
        listen: proxy.listen.clone(),
    })?;
    environment.check_itself(false).await?;
    let environment = Arc::new(environment);
    let (asks, mut asked) = mpsc::unbounded_channel();
    let url = |listener: &Listener| format!("http://{}", listener.endpoint().authority());
    let told = Ready {
        services: urls(&environment),
        control: url(&listener),
        console: console.as_ref().map(url),
    };
    let console = console.map(|listener| (Door::Console, listener));
    let doors = [(Door::Api, listener)].into_iter().chain(console);
    let doors = doors.map(|(door, listener)| (door, proxy.users, listener));
    let tape = Tape::reaching_back(proxy.tape);
    let control = Control::serve(doors, tape, Arc::clone(&environment), told.clone(), asks);
    ready(&told).map_err(NotServed::Untold)?;

    let mut waiting: Vec<oneshot::Sender<Outcome>> = Vec::new();
    tokio::select! {
        biased;
        () = interrupt.triggered() => {}
        ask = asked.recv() => waiting.extend(ask),
    }
    environment.send_canaries().await;
    environment.put_back().await;
    tokio::time::sleep(UNDER_WAY).await;
    environment.end();
    let mut scenario = environment.conclude();
    scenario.duration_wall = scenario.outcome.duration;
    while let Ok(ask) = asked.try_recv() {
        waiting.push(ask);
    }
    control.concluded(&Outcome::of(&scenario));
    for ask in waiting {
        // Whoever asked may have gone meanwhile.
        let _ = ask.send(Outcome::of(&scenario));
    }
    // An answer that somebody waits for is let be read.
    let _ = tokio::time::timeout(GOODBYE, control.answered()).await;
    let defects = plan.defects.iter().map(|defect| defect.name().to_owned());
    Ok(RunResult {
        seed: plan.seed,
        target: plan.target.name().to_owned(),
        defects: defects.collect(),
        ..sum(vec![scenario], &Book::of(&plan.suite).basis())
    })
}

fn listen(what: &'static str, address: SocketAddr) -> Result<Listener, NotServed> {
    let listener = Listener::bind(&Endpoint::Tcp(address));
    listener.map_err(|error| NotServed::Control {
        what,
        address,
        error,
    })
}

fn urls(environment: &Environment) -> BTreeMap<String, String> {
    environment
        .client
        .gateway
        .addresses()
        .into_iter()
        .map(|(service, address)| {
            let url = address.url.as_str().trim_end_matches('/').to_owned();
            (service, url)
        })
        .collect()
}

fn case(proxy: &ProxyPlan) -> Case {
    let file = proxy.journal.as_ref();
    Case {
        id: "proxy".to_owned(),
        name: "An app behind the proxy".to_owned(),
        file: file.map_or_else(String::new, |path| path.display().to_string()),
        ..Case::default()
    }
}
