//! `rehearsal mock`: the mock backend as a process of its own.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};

use anstyle::Style;
use serde::Serialize;

use super::arguments::MockArguments;
use super::exit::Exit;
use super::files::{self, SuiteRequest};
use super::ports;
use super::problem::Problem;
use super::settings::{self, layered};
use super::{console, interrupt, names};
use crate::domain::world::World;
use crate::mock::{Mock, Settings};
use crate::net::{Clock, Endpoint, Net};
use crate::suite::Suite;

const STRONG: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();

/// Serves the suite's world until a person has had enough.
pub(super) fn mock(arguments: &MockArguments) -> Result<Exit, Problem> {
    let defects = names::defects(&arguments.defects)?;
    let config = files::config_of(&arguments.files, &settings::environment)?;
    let request = SuiteRequest {
        defaults: Some(&config.run),
        ..SuiteRequest::by_flags(&arguments.files)
    };
    let suite = files::suite(&request.choice(&settings::environment)?)?;
    let Some(world) = suite.world.as_deref() else {
        return Err(Problem::NoWorld {
            origin: suite.origin.clone(),
        });
    };
    let ports = ports::addresses(
        &arguments.ports,
        Ipv4Addr::LOCALHOST.into(),
        &suite.contract,
    )?;
    let seed = layered(
        arguments.seed,
        config.run.seed,
        &settings::environment,
        "REHEARSAL_SEED",
    )?;
    let settings = Settings {
        contract: suite.contract.clone(),
        world: world.clone(),
        clock: Clock::real_time(),
        net: Net::Real,
        ports: Some(ports),
        seed: seed.unwrap_or_else(settings::chance),
        defects: defects.into_iter().collect(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        // From here on Ctrl-C is heard, so that it cannot hit between ready and listening.
        let stopped = interrupt::Stop::listen()?;
        let mock = Mock::start(settings)?;
        let operator = mock.serve_operator(&here(arguments.operator_port.unwrap_or(0)))?;
        let served = Served {
            services: (suite.contract.services.iter())
                .filter_map(|service| Some((service.name.as_str(), mock.url(&service.name)?)))
                .collect(),
            operator: format!("http://{}", operator.authority()),
        };
        if arguments.json {
            let mut out = console::out();
            serde_json::to_writer(&mut out, &served).map_err(io::Error::from)?;
            writeln!(out)?;
            out.flush()?;
        } else {
            tell(&served, &suite, world)?;
        }
        stopped.requested().await;
        Ok(Exit::Passed)
    })
}

/// What a program needs to know.
#[derive(Serialize)]
struct Served<'a> {
    services: BTreeMap<&'a str, String>,
    operator: String,
}

fn here(port: u16) -> Endpoint {
    Endpoint::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}

fn tell(served: &Served<'_>, suite: &Suite, world: &World) -> io::Result<()> {
    let mut out = console::out();
    let longest = served
        .services
        .keys()
        .map(|name| name.len())
        .chain(["operator".len()])
        .max();
    let column = longest.unwrap_or(0);
    writeln!(
        out,
        "{STRONG}mock backend of {}{STRONG:#}\n",
        suite.contract.name
    )?;
    for service in &suite.contract.services {
        let url = served
            .services
            .get(service.name.as_str())
            .map_or("", String::as_str);
        let variable = service.variable.as_deref().unwrap_or("");
        let name = &service.name;
        writeln!(
            out,
            "  {STRONG}{name:<column$}{STRONG:#}  {url}  {FAINT}{variable}{FAINT:#}"
        )?;
    }
    writeln!(
        out,
        "  {STRONG}{:<column$}{STRONG:#}  {}",
        "operator", served.operator
    )?;
    writeln!(out, "\naccounts, with passwords that open nothing else:")?;
    for user in &world.users {
        writeln!(
            out,
            "  {}  {}  {}",
            user.name,
            user.username,
            user.password.expose()
        )?;
    }
    writeln!(out, "\nlevers: curl {}", served.operator)?;
    writeln!(out, "ready; Ctrl-C stops it")?;
    out.flush()
}
