//! `rehearsal doctor`: what works at a target and what is missing.

mod adb;
mod device;
mod firewall;

use std::io::Write;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use url::Url;

use self::device::Place;
use super::arguments::DoctorArguments;
use super::exit::Exit;
use super::files::SuiteRequest;
use super::mock::FIRST_PORT;
use super::problem::Problem;
use super::settings::{self, Environment};
use super::target::{SuiteOnTarget, TargetRequest};
use super::{console, files, interrupt, levers, pace, ports};
use crate::net::AUTHORITY_FILE;
use crate::run::{
    Course, Examined, Interrupt, Plan, State, Target, Use, examine, left_at, users_of,
};
use crate::suite::config::Config;

/// Examines a target, and says each thing as soon as it is known.
pub(super) fn doctor(arguments: &DoctorArguments) -> Result<Exit, Problem> {
    let environment: Environment<'_> = &settings::environment;
    if arguments.device {
        return for_device(arguments, environment);
    }
    let config = files::config_of(&arguments.files, environment)?;
    let mut told = Told {
        json: arguments.json,
        all: Vec::new(),
        lost: Ok(()),
    };
    told.examined(arguments, &config, environment)?;
    told.end()
}

/// Examines what stands between a phone and this machine.
fn for_device(arguments: &DoctorArguments, environment: Environment<'_>) -> Result<Exit, Problem> {
    let config = files::config_beside_targets(&arguments.files, environment)?;
    let places = if arguments.urls.is_empty() {
        usual(arguments, &config, environment)?
    } else {
        arguments.urls.iter().map(named).collect()
    };
    let mut told = Told {
        json: arguments.json,
        all: Vec::new(),
        lost: Ok(()),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let authority = config.state().join(AUTHORITY_FILE);
    let mut say = |examined| told.say(examined);
    runtime.block_on(device::examine(&places, &authority, &mut say));
    told.end()
}

/// Where the services of a mock are, unless something else was said.
fn usual(
    arguments: &DoctorArguments,
    config: &Config,
    environment: Environment<'_>,
) -> Result<Vec<Place>, Problem> {
    let request = SuiteRequest {
        defaults: Some(&config.run),
        ..SuiteRequest::by_flags(&arguments.files)
    };
    let contract = files::suite(&request.choice(environment)?)?.contract;
    let first = config.mock.port.unwrap_or(FIRST_PORT);
    let ports = ports::of_services(&[], &config.mock.ports, first, &contract)?;
    let places = ports.into_iter().map(|(name, port)| {
        let mut health = contract.health.iter();
        let health = health.find(|own| own.service == name && own.method == "GET");
        let base = contract.service(&name).map(|service| &service.base_path);
        let base = base.cloned().unwrap_or_default();
        Place {
            path: health.map_or("/".to_owned(), |own| format!("{base}{}", own.path)),
            name,
            port: port.number,
            url: None,
        }
    });
    Ok(places.collect())
}

/// What an app was given.
fn named(url: &Url) -> Place {
    Place {
        name: url.host_str().unwrap_or_default().to_owned(),
        port: url.port_or_known_default().unwrap_or(80),
        path: url.path().to_owned(),
        url: Some(url.clone()),
    }
}

/// What was said so far.
struct Told {
    json: bool,
    all: Vec<Examined>,
    /// Whether anybody still listens.
    lost: std::io::Result<()>,
}

impl Told {
    fn examined(
        &mut self,
        arguments: &DoctorArguments,
        config: &Config,
        environment: Environment<'_>,
    ) -> Result<(), Problem> {
        let request = TargetRequest {
            files: &arguments.files,
            target: arguments.target.as_deref(),
            defects: &[],
            runbook: None,
        };
        let resolved = match request.resolve(config, environment) {
            // A target that lacks something is what this is for.
            Err(Problem::Config(problems)) if arguments.is_known(config) => {
                let next = "set what is missing, in the environment or in the `secrets-file`";
                for problem in problems.all() {
                    self.say(Examined::failure("configuration", problem.to_string()).next(next));
                }
                return Ok(());
            }
            resolved => resolved?,
        };
        let SuiteOnTarget { suite, target, .. } = resolved;
        if let Target::Deployment(deployment) = &target {
            self.say(Examined::ok(
                "configuration",
                "it fits the contract, and every variable is set",
            ));
            self.lease(config, &deployment.name);
        }
        let lease = match arguments.levers {
            true => self.taken(levers::lease(&target, config, Use::Alone))?,
            false => None,
        };
        let course = Course {
            pace: pace::without_end(&target),
            ..Course::default()
        };
        let plan = Plan {
            lease,
            course,
            ..Plan::of(suite, target, settings::chance())
        };
        let interrupt = Interrupt::new();
        let (handle, held) = (interrupt.clone(), plan.lease.clone());
        interrupt::forward(
            move || handle.trigger(),
            move || levers::last_words(held.as_ref()),
        )?;
        let examined = examine(&plan, &interrupt, &mut |examined| self.say(examined));
        if let Err(why) = examined {
            self.say(Examined::failure("runtime", why.to_string()));
        }
        levers::last_words(plan.lease.as_ref());
        Ok(())
    }

    /// Says who uses the target, and what is left switched there.
    fn lease(&mut self, config: &Config, name: &str) {
        let state = config.state();
        let (users, left) = (users_of(&state, name), left_at(&state, name));
        let (users, left) = match (users, left) {
            (Ok(users), Ok(left)) => (users, left),
            (Err(why), _) | (_, Err(why)) => {
                return self.say(Examined::failure("lease", why.to_string()));
            }
        };
        for holder in &users {
            let said = format!("in use by {holder}");
            let next = "a run waits for nobody: end that process, or wait for its end";
            self.say(Examined::new("lease", State::Warning, said).next(next));
        }
        for leftover in &left {
            let said = format!("left switched: {}", levers::listed(leftover));
            let next = "`rehearsal levers restore` puts it back, and so does the next run";
            self.say(Examined::new("lease", State::Warning, said).next(next));
        }
        if users.is_empty() && left.is_empty() {
            self.say(Examined::ok(
                "lease",
                "nobody uses it, and nothing is left switched",
            ));
        }
    }

    /// The lease, unless the target is in use or cannot be put back.
    fn taken<T>(&mut self, taken: Result<Option<T>, Problem>) -> Result<Option<T>, Problem> {
        match taken {
            Err(Problem::Levers(errors)) => {
                for error in errors {
                    self.say(Examined::failure("lease", error.to_string()));
                }
                Ok(None)
            }
            taken => taken,
        }
    }

    fn say(&mut self, examined: Examined) {
        if !self.json && self.lost.is_ok() {
            self.lost = line(&examined);
        }
        self.all.push(examined);
    }

    fn end(self) -> Result<Exit, Problem> {
        self.lost?;
        if self.json {
            let things = self.all.iter().map(Document::of).collect::<Vec<_>>();
            let text = serde_json::to_string_pretty(&things).map_err(std::io::Error::from)?;
            writeln!(console::out(), "{text}")?;
        }
        let sick = self.all.iter().any(|own| own.state == State::Failure);
        Ok(if sick { Exit::Broken } else { Exit::Passed })
    }
}

fn line(examined: &Examined) -> std::io::Result<()> {
    let colour = |colour: AnsiColor| colour.on_default().bold();
    let style: Style = match examined.state {
        State::Ok => colour(AnsiColor::Green),
        State::Warning => colour(AnsiColor::Yellow),
        State::Failure => colour(AnsiColor::Red),
        State::NotTried => Style::new().dimmed(),
    };
    let mut out = console::out();
    let (state, what) = (examined.state.name(), &examined.what);
    writeln!(out, "{style}{state:<9}{style:#} {what}: {}", examined.said)?;
    if let Some(next) = &examined.next {
        writeln!(out, "          {next}")?;
    }
    Ok(())
}

/// One thing that was examined, for programs.
#[derive(Serialize)]
struct Document<'e> {
    what: &'e str,
    state: &'static str,
    said: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<&'e str>,
}

impl<'e> Document<'e> {
    fn of(examined: &'e Examined) -> Self {
        Self {
            what: &examined.what,
            state: examined.state.name(),
            said: &examined.said,
            next: examined.next.as_deref(),
        }
    }
}
