//! `rehearsal doctor`: what works at a target and what is missing.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use super::arguments::DoctorArguments;
use super::exit::Exit;
use super::problem::Problem;
use super::settings::{self, Environment};
use super::target::{SuiteOnTarget, TargetRequest};
use super::{console, files, interrupt, levers, pace};
use crate::run::{
    Course, Examined, Interrupt, Plan, State, Target, Use, examine, left_at, users_of,
};
use crate::suite::config::Config;

/// Examines a target, and says each thing as soon as it is known.
pub(super) fn doctor(arguments: &DoctorArguments) -> Result<Exit, Problem> {
    let environment: Environment<'_> = &settings::environment;
    let config = files::config_of(&arguments.files, environment)?;
    let mut told = Told {
        json: arguments.json,
        all: Vec::new(),
        lost: Ok(()),
    };
    told.examined(arguments, &config, environment)?;
    told.end()
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
