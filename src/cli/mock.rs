//! `rehearsal mock`: the mock backend as a process of its own.

mod code;
mod data;
mod env_file;
pub(super) mod fault;
mod lines;
mod pace;
mod state;
mod told;
mod trust;
mod whole;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::arguments::MockArguments;
use super::exit::Exit;
use super::files::{self, SuiteRequest};
use super::ports::{self, Port};
use super::problem::Problem;
use super::settings::{self, layered};
use super::tls::{self, Voucher};
use super::{browser, console, interrupt, names, network};
use crate::domain::change::Change;
use crate::domain::contract::{Contract, Service};
use crate::domain::world::World;
use crate::mock::{Defects, Mock, Pages, Secured, Settings};
use crate::net::{Clock, Endpoint, Listener, Net};
use crate::suite::Suite;
use crate::suite::config::{Config, MockDefaults};
use data::Data;
use pace::Pace;
use state::StateFile;
use told::Served;

/// The port of the first service, unless something else is said.
pub(super) const FIRST_PORT: u16 = 4010;

/// The port of the operator's API, unless something else is said.
const OPERATOR_PORT: u16 = 4000;

/// The port of the console, unless something else is said.
const CONSOLE_PORT: u16 = 4001;

/// How often what goes on beside serving is looked after.
const ROUND: Duration = Duration::from_millis(300);

/// In how many rounds the state is written down.
const ROUNDS_A_STATE: u32 = 5;

/// Serves the suite's world until a person has had enough.
pub(super) fn mock(arguments: &MockArguments) -> Result<Exit, Problem> {
    let config = files::config_beside_targets(&arguments.files, &settings::environment)?;
    let request = SuiteRequest {
        defaults: Some(&config.run),
        ..SuiteRequest::by_flags(&arguments.files)
    };
    let mut choice = request.choice(&settings::environment)?;
    let folder = arguments.data.as_ref().or(config.mock.data.as_ref());
    choice.world = folder
        .map(|folder| data::place(folder, &choice))
        .transpose()?;
    let suite = files::suite(&choice)?;
    let Some(world) = &suite.world else {
        return Err(Problem::NoWorld {
            origin: suite.origin.clone(),
        });
    };
    let plan = Plan::of(arguments, &config, &suite.contract)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        // From here on Ctrl-C is heard, so that it cannot hit between ready and listening.
        let stopped = interrupt::Stop::listen()?;
        let (mock, operator, console) = plan.start(&suite.contract, world)?;
        let data = choice.world;
        let data = data.map(|path| Data::new(path, &suite.contract, plan.pace));
        let state = plan.state.as_deref();
        let state = state.map(|path| StateFile::resume(path, &mock));
        let mut rounds = Rounds {
            data,
            state: state.transpose()?,
        };
        if let Some(name) = &arguments.restore {
            mock.go_back(name).map_err(Problem::Restore)?;
        }
        for change in &plan.faults {
            mock.change(change).await.map_err(Problem::Lever)?;
        }
        mock.reach_back(arguments.console.tape_bytes(config.mock.tape));
        let operator = mock.operated_at(operator, arguments.console.users());
        let console = console.map(|listener| mock.watched_at(listener, arguments.console.users()));
        let served = plan.served(&suite, &mock, &operator, console.as_ref());
        plan.write_variables(&served)?;
        served.tell(arguments)?;
        if let Some(console) = served.console.as_deref().filter(|_| arguments.console.open) {
            browser::open(console);
        }
        if !arguments.json && !arguments.quiet {
            lines::follow(&mock)?;
        }
        tokio::select! {
            biased;
            _ = stopped.requested() => {}
            () = rounds.go(&mock) => {}
        }
        if let Some(state) = &mut rounds.state {
            state.save(&mock)?;
        }
        Ok(Exit::Passed)
    })
}

/// What goes on beside serving.
struct Rounds {
    data: Option<Data>,
    state: Option<StateFile>,
}

impl Rounds {
    /// Looks after it for good.
    async fn go(&mut self, mock: &Mock) {
        let mut rounds = tokio::time::interval(ROUND);
        rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        for round in 1.. {
            rounds.tick().await;
            if let Some(data) = &mut self.data {
                data.look(mock);
            }
            if let Some(state) = &mut self.state
                && round % ROUNDS_A_STATE == 0
            {
                state.follow(mock);
            }
        }
    }
}

/// What is served where.
struct Plan {
    bind: IpAddr,
    ports: BTreeMap<String, Port>,
    operator: Port,
    console: Option<Port>,
    secured: Option<Secured>,
    voucher: Option<Voucher>,
    env_file: Option<PathBuf>,
    state: Option<PathBuf>,
    pace: Pace,
    defects: Defects,
    faults: Vec<Change>,
    /// What the world takes for the time.
    clock: Clock,
    seed: u64,
}

/// All that is listened on.
struct Doors {
    services: BTreeMap<String, Listener>,
    operator: Listener,
    console: Option<Listener>,
}

impl Plan {
    /// What the command line says, and what the configuration says beside it.
    fn of(
        arguments: &MockArguments,
        config: &Config,
        contract: &Contract,
    ) -> Result<Self, Problem> {
        let MockDefaults {
            bind,
            port,
            ports,
            operator_port,
            console,
            console_port,
            env_file,
            state,
            ..
        } = &config.mock;
        let first = port.unwrap_or(FIRST_PORT);
        let ports = ports::of_services(&arguments.ports, ports, first, contract)?;
        // Whoever wants any free ports for the services has no use for a fixed one of the operator.
        let any = ports.values().all(|port| port.number == 0);
        let kept = operator_port.unwrap_or(if any { 0 } else { OPERATOR_PORT });
        let usual = console_port.unwrap_or(if any { 0 } else { CONSOLE_PORT });
        let own = |asked: Option<u16>, usual| Port {
            number: asked.unwrap_or(usual),
            or_next: asked.is_none(),
        };
        let env_file = arguments.env_file.clone().or(env_file.clone());
        let state = arguments.state.clone().or(state.clone());
        if arguments.restore.is_some() && state.is_none() {
            return Err(Problem::NothingToRestoreFrom);
        }
        if env_file.is_some() && variables(contract).next().is_none() {
            return Err(Problem::NoVariables {
                contract: contract.name.clone(),
            });
        }
        let seed = layered(
            arguments.seed,
            config.run.seed,
            &settings::environment,
            "REHEARSAL_SEED",
        )?;
        let bind = arguments.bind.or(*bind);
        let bind = bind.unwrap_or(Ipv4Addr::LOCALHOST.into());
        let (secured, voucher) = secured(arguments, config, bind)?;
        Ok(Self {
            bind,
            ports,
            operator: own(arguments.operator_port, kept),
            secured,
            voucher,
            console: (arguments.console.is_wanted(*console))
                .then(|| own(arguments.console.console_port, usual)),
            env_file,
            state,
            pace: Pace::of(arguments),
            faults: faults(&arguments.faults, contract)?,
            clock: clock(arguments, config)?,
            defects: names::defects(&arguments.defects)?.into_iter().collect(),
            seed: seed.unwrap_or_else(settings::chance),
        })
    }

    /// Listens everywhere, and serves the services. The listeners of the operator and of the console are still to be
    /// served. Must be called on a runtime.
    fn start(
        &self,
        contract: &Arc<Contract>,
        world: &World,
    ) -> Result<(Mock, Listener, Option<Listener>), Problem> {
        let Doors {
            services,
            operator,
            console,
        } = self.open()?;
        let mock = Mock::start(Settings {
            contract: Arc::clone(contract),
            world: Arc::new(self.pace.set(world.clone(), contract)),
            clock: self.clock,
            net: Net::Real,
            listeners: services,
            pages: Pages::OfThisNetwork,
            secured: self.secured.clone(),
            faults: Some(fault::read),
            seed: self.seed,
            defects: self.defects.clone(),
            live: true,
        })?;
        Ok((mock, operator, console))
    }

    /// Listens everywhere, and says where that is another port than the usual one. Must be called on a
    /// runtime.
    fn open(&self) -> Result<Doors, Problem> {
        let all = self
            .ports
            .values()
            .chain([&self.operator])
            .chain(&self.console);
        let spared: Vec<u16> = all.map(|port| port.number).collect();
        let listen = |name: &str, address, port: Port| {
            let listener = ports::listen(name, address, port, &spared)?;
            if let Endpoint::Tcp(found) = listener.endpoint()
                && port.number != 0
                && found.port() != port.number
            {
                let (wanted, found) = (port.number, found.port());
                console::tell(&format!(
                    "port {wanted} is taken: {name} is on {found} instead\n"
                ));
            }
            Ok::<_, Problem>(listener)
        };
        let mut services = BTreeMap::new();
        for (name, port) in &self.ports {
            services.insert(name.clone(), listen(name, self.bind, *port)?);
        }
        // Levers move the world for everybody: they are for programs of this machine alone.
        let here = Ipv4Addr::LOCALHOST.into();
        let operator = listen("operator", here, self.operator)?;
        let console = self.console.map(|port| listen("console", here, port));
        Ok(Doors {
            services,
            operator,
            console: console.transpose()?,
        })
    }

    fn served<'a>(
        &self,
        suite: &'a Suite,
        mock: &Mock,
        operator: &Endpoint,
        console: Option<&Endpoint>,
    ) -> Served<'a> {
        let (host, others) = hosts(self.bind);
        let scheme = mock.scheme();
        let url = |service: &'a Service| {
            let Endpoint::Tcp(address) = mock.endpoint(&service.name)? else {
                return None;
            };
            let (host, port) = (network::host(host), address.port());
            Some((
                service,
                format!("{scheme}://{host}:{port}{}", service.base_path),
            ))
        };
        Served {
            contract: &suite.contract,
            services: suite.contract.services.iter().filter_map(url).collect(),
            operator: format!("http://{}", operator.authority()),
            console: console.map(|at| format!("http://{}", at.authority())),
            is_open: !self.bind.is_loopback(),
            others,
            voucher: self.voucher.clone(),
            users: suite.world.as_deref().map_or(&[], |world| &world.users),
            env_file: self.env_file.clone(),
            seed: self.seed,
        }
    }

    fn write_variables(&self, served: &Served<'_>) -> Result<(), Problem> {
        let Some(path) = &self.env_file else {
            return Ok(());
        };
        let variables: Vec<(&str, &str)> = served.variables().collect();
        let written = env_file::write(path, &variables);
        written.map(drop).map_err(|error| Problem::File {
            verb: "write the app's variables into",
            path: path.clone(),
            error,
        })
    }
}

/// The address that the URLs name where this is listened on, and by which others the services are reached as well.
fn hosts(bind: IpAddr) -> (IpAddr, Vec<IpAddr>) {
    if !bind.is_unspecified() {
        return (bind, Vec::new());
    }
    let own = network::addresses().into_iter().map(|own| own.ip);
    let mut all: Vec<IpAddr> = own.filter(|ip| ip.is_ipv4() || bind.is_ipv6()).collect();
    all.push(match bind {
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    });
    (all.remove(0), all)
}

/// How the services are served over TLS, if they are, and who vouches for it.
fn secured(
    arguments: &MockArguments,
    config: &Config,
    bind: IpAddr,
) -> Result<(Option<Secured>, Option<Voucher>), Problem> {
    if let Some(tls) = tls::of_files(&arguments.certificate)? {
        let authority = None;
        return Ok((Some(Secured { tls, authority }), None));
    }
    if !arguments.tls && !config.mock.tls {
        return Ok((None, None));
    }
    let (first, others) = hosts(bind);
    let addresses: Vec<IpAddr> = others.into_iter().chain([first]).collect();
    let (secured, voucher) = tls::made(&config.state(), &addresses)?;
    Ok((Some(secured), Some(voucher)))
}

/// What the world takes for the time from now on.
fn clock(arguments: &MockArguments, config: &Config) -> Result<Clock, Problem> {
    let now = Clock::real_time();
    let Some(beginning) = arguments.clock.or(config.mock.clock) else {
        return Ok(now);
    };
    match beginning.from(now.epoch()) {
        Some(at) => Ok(Clock::beginning(at)),
        None => Err(Problem::Value {
            place: "the mock's `clock`".to_owned(),
            value: beginning.to_string(),
            why: "a world begins after 1970 and before the year 9000".to_owned(),
        }),
    }
}

/// The faults that are there from the beginning.
fn faults(asked: &[Value], contract: &Contract) -> Result<Vec<Change>, Problem> {
    let read = asked.iter().map(|asked| {
        let change = fault::read(&json!({ "fault": asked }), contract);
        change.map_err(|why| Problem::Value {
            place: "--fault".to_owned(),
            value: asked["on"].as_str().unwrap_or_default().to_owned(),
            why,
        })
    });
    read.collect()
}

/// The variables that a contract names, with their services.
fn variables(contract: &Contract) -> impl Iterator<Item = &str> {
    let services = contract.services.iter();
    services.filter_map(|service| service.variable.as_deref())
}

/// Flushes what is told, so that whoever waits for it need not.
fn flushed(told: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = console::out();
    told(&mut out)?;
    out.flush()
}
