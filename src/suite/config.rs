//! `rehearsal.toml`: which deployments there are, and how they are reached and moved.
//!
//! Reading the file finds everything that is wrong with it. What it names but does not hold — the
//! environment's values — is asked for only when a target is used, so nobody needs the secrets of
//! a target that they do not run against.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::node::Span;
use super::{ContractChoice, Problem, Problems, Source};
use crate::domain::access::Access;
use crate::domain::contract::Contract;
use crate::domain::scenario::Lever;
use crate::domain::secret::{Account, Secret};
use crate::domain::secrets::{SecretKind, Vault};
pub(super) use overrides::Document;
pub(super) use read::understood;

mod access;
mod checks;
mod history;
mod lever;
mod mask;
mod mock;
mod notify;
mod overrides;
mod reach;
mod read;
mod secrets;
mod variables;

pub(crate) use overrides::shown_setting;

pub use checks::{AppVariables, CheckCommand, VARIABLES};
pub use history::Remembering;
pub use lever::{By, Call, Command, Done, Finish, LeverMeans, Means, Request};
pub use mock::MockDefaults;
pub use notify::{Notify, NotifyForm};
pub use reach::{OutOfReach, Reach};

/// The file's name.
pub const CONFIG_FILE: &str = "rehearsal.toml";

/// The folder beside it for what is kept from one run to the next.
const STATE_FOLDER: &str = ".rehearsal";

/// The name of the target that is part of the program.
pub const MOCK: &str = "mock";

/// What `rehearsal.toml` says.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Where it was found, if it was.
    pub file: Option<PathBuf>,
    /// What a run does unless told otherwise.
    pub run: RunDefaults,
    /// What a run does in its stead under a name.
    profiles: BTreeMap<String, RunDefaults>,
    /// What `rehearsal mock` does unless told otherwise.
    pub mock: MockDefaults,
    /// Commands by which the team checks its own project, in the order of the file.
    pub checks: Vec<CheckCommand>,
    /// Whether runs are remembered, and where.
    pub history: Remembering,
    /// Who is told when something changes.
    pub notify: Vec<Notify>,
    /// Whether something is wrong with its targets, and they were left aside.
    pub lacks_targets: bool,
    secrets_file: Option<PathBuf>,
    state: Option<PathBuf>,
    targets: Vec<Declared>,
    /// What it was read from, and what a target that is used is read from again.
    document: Option<Document>,
    folder: PathBuf,
}

/// What of a configuration must be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// All of it.
    Whole,
    /// All but its targets, for whoever needs none: where something is wrong with them, they are left aside.
    BesideTargets,
}

/// What a run does unless told otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunDefaults {
    /// The target.
    pub target: Option<String>,
    /// A folder of scenarios, or one scenario file.
    pub suite: Option<PathBuf>,
    /// The contract.
    pub contract: Option<ContractChoice>,
    /// What all chance derives from.
    pub seed: Option<u64>,
    /// Whether the mock is played against in real time.
    pub real_time: Option<bool>,
    /// Where the report goes.
    pub report_json: Option<PathBuf>,
    /// How many scenarios are played at once.
    pub jobs: Option<u16>,
    /// How often what fails is played again.
    pub retries: Option<u32>,
    /// Whether what is flaky passes.
    pub flaky_passes: Option<bool>,
    /// Whether nothing is begun any more once something has failed.
    pub fail_fast: Option<bool>,
    /// How long the whole run may take.
    pub timeout: Option<Duration>,
    /// With how many findings nothing is begun any more.
    pub max_findings: Option<usize>,
    /// The file of what is known to fail.
    pub known_failures: Option<PathBuf>,
}

impl RunDefaults {
    /// These, and what they leave open from others.
    fn over(self, other: Self) -> Self {
        Self {
            target: self.target.or(other.target),
            suite: self.suite.clone().or(other.suite),
            // A contract that is named further back than the suite belongs to another one.
            contract: match self.suite {
                Some(_) => self.contract,
                None => self.contract.or(other.contract),
            },
            seed: self.seed.or(other.seed),
            real_time: self.real_time.or(other.real_time),
            report_json: self.report_json.or(other.report_json),
            jobs: self.jobs.or(other.jobs),
            retries: self.retries.or(other.retries),
            flaky_passes: self.flaky_passes.or(other.flaky_passes),
            fail_fast: self.fail_fast.or(other.fail_fast),
            timeout: self.timeout.or(other.timeout),
            max_findings: self.max_findings.or(other.max_findings),
            known_failures: self.known_failures.or(other.known_failures),
        }
    }
}

/// A deployment, ready to be used.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// Its services' URLs, without a trailing slash.
    pub services: BTreeMap<String, Url>,
    /// How they are reached.
    pub access: Access,
    /// How long all but one of a hundred answers take there at most, if that is said.
    pub latency: Option<Duration>,
    /// How many requests a second it is asked at most.
    pub rate: Option<u32>,
    /// How many requests a run asks it at most.
    pub budget: Option<u64>,
    /// How many apps of a fleet may be held against it, if it may be loaded at all.
    pub fleet: Option<u64>,
    /// Its own scenarios, if it has any.
    pub suite: Option<PathBuf>,
    /// Its own contract, if it has one.
    pub contract: Option<ContractChoice>,
    /// Who can sign in.
    pub accounts: Vec<Account>,
    /// How its world is changed. A lever that is not here is missing.
    pub levers: BTreeMap<Lever, LeverMeans>,
    /// Whether the harness may ask it things on its own account.
    pub probes: bool,
    /// The account whose sessions and data the harness may end and write, by its name.
    pub disposable: Option<String>,
    /// Where the variables stand by which its app is built.
    pub app_variables: Option<AppVariables>,
    /// The values of the environment that its levers and its access name, to fill calls with; keys as in
    /// `{env:NAME}`, with `env:`.
    pub secrets: BTreeMap<String, Secret>,
}

impl Target {
    /// A vault that knows the secrets which the target was given.
    pub(crate) fn vault(&self) -> Vault {
        let mut vault = Vault::new();
        for account in &self.accounts {
            let kind = SecretKind::PasswordOf(&account.name);
            vault.learn(kind, account.password.expose());
        }
        for secret in self.secrets.values() {
            vault.learn(SecretKind::Unknown, secret.expose());
        }
        vault
    }
}

/// A target as declared: what it leaves to the environment is not looked up yet.
#[derive(Debug, Clone)]
struct Declared {
    services_at: Span,
    target: Target,
}

/// The values of the environment by variable.
pub type Environment<'e> = &'e dyn Fn(&str) -> Option<String>;

impl Config {
    /// Looks for the file in `start` and in every folder above it, and puts `settings` into it:
    /// `KEY=VALUE` each, as the command line has them.
    ///
    /// # Errors
    /// Everything that is wrong with the first one found, or with the settings.
    pub fn find(start: &Path, settings: &[String], reading: Reading) -> Result<Self, Problems> {
        let found = start
            .ancestors()
            .map(|folder| folder.join(CONFIG_FILE))
            .find(|path| path.exists());
        match found {
            Some(path) => Self::read(&path, settings, reading),
            None if settings.is_empty() => Ok(Self::default()),
            None => Self::from_source(&Source::new(CONFIG_FILE, ""), start, settings),
        }
    }

    /// Reads a file, and puts `settings` into it.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(path: &Path, settings: &[String], reading: Reading) -> Result<Self, Problems> {
        let source = Source::read(path, "the configuration")?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let document = Document::read(&source, settings)?;
        let beside = document.without_targets();
        let read = read::config(document, folder);
        let config = read.or_else(|problems| match reading {
            Reading::Whole => Err(problems),
            Reading::BesideTargets => match read::config(beside, folder) {
                Ok(config) => Ok(Self {
                    lacks_targets: true,
                    ..config
                }),
                Err(_) => Err(problems),
            },
        })?;
        Ok(Self {
            file: Some(path.to_owned()),
            ..config
        })
    }

    /// Reads a text whose relative paths start in `folder`, and puts `settings` into it.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn from_source(
        source: &Arc<Source>,
        folder: &Path,
        settings: &[String],
    ) -> Result<Self, Problems> {
        read::config(Document::read(source, settings)?, folder)
    }

    /// The configuration in which a profile says what a run does, and `run` only what that leaves open.
    ///
    /// # Errors
    /// That there is no such profile.
    pub fn under(mut self, profile: &str) -> Result<Self, Problems> {
        let Some(own) = self.profiles.get(profile).cloned() else {
            let known = self.profiles.keys().map(String::as_str);
            let hint = match self.profiles.is_empty() {
                true => format!("write a table `[profiles.{profile}]` with the keys of `[run]`"),
                false => super::suggest::suggest(profile, known),
            };
            let message = format!("there is no profile `{profile}`");
            return Err(Problem::new(message).hint(hint).into());
        };
        self.run = own.over(self.run);
        Ok(self)
    }

    /// The folder of what is kept from one run to the next.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        let beside = || self.folder.join(STATE_FOLDER);
        self.state.clone().unwrap_or_else(beside)
    }

    /// The names of the declared targets, in the order of the file; `mock` is not among them.
    pub fn targets(&self) -> impl Iterator<Item = &str> {
        self.targets
            .iter()
            .map(|declared| declared.target.name.as_str())
    }

    /// A declared target with stand-ins for whatever it leaves to the environment: what can be said
    /// of it without anybody's secrets.
    #[must_use]
    pub fn outline(&self, name: &str) -> Option<&Target> {
        Some(&self.declared(name)?.target)
    }

    fn declared(&self, name: &str) -> Option<&Declared> {
        self.targets
            .iter()
            .find(|declared| declared.target.name == name)
    }

    /// A declared target with everything looked up that it names.
    ///
    /// # Errors
    /// That there is no such target, or every variable that is not set, by name and never by value.
    pub fn target(&self, name: &str, environment: Environment<'_>) -> Result<Target, Problems> {
        let (Some(_), Some(document)) = (self.declared(name), &self.document) else {
            let known: Vec<&str> = self.targets().chain([MOCK]).collect();
            let hint = match known.as_slice() {
                [_] => format!(
                    "declare it under `[targets.{name}]` in a `{CONFIG_FILE}`; `{MOCK}` needs nothing"
                ),
                _ => super::suggest::suggest(name, known.iter().copied()),
            };
            let file = self.file.as_ref().map_or_else(
                || format!("no `{CONFIG_FILE}` was found"),
                |file| format!("`{}` declares none of that name", file.display()),
            );
            let message = format!("there is no target `{name}`: {file}");
            return Err(Problem::new(message).hint(hint).into());
        };
        let from_file = match &self.secrets_file {
            Some(path) => secrets::read(path, "the secrets file")?,
            None => BTreeMap::new(),
        };
        read::look_up(document, &self.folder, name, &|variable| {
            environment(variable)
                .filter(|value| !value.is_empty())
                .map(Secret::new)
                .or_else(|| from_file.get(variable).cloned())
        })
    }

    /// What a variable holds that the environment or the secrets file sets.
    ///
    /// # Errors
    /// When the secrets file cannot be read.
    pub fn secret(
        &self,
        variable: &str,
        environment: Environment<'_>,
    ) -> Result<Option<Secret>, Problems> {
        let own = environment(variable).filter(|value| !value.is_empty());
        match (own, &self.secrets_file) {
            (Some(value), _) => Ok(Some(Secret::new(value))),
            (None, Some(path)) => Ok(secrets::read(path, "the secrets file")?.remove(variable)),
            (None, None) => Ok(None),
        }
    }

    /// Whether the target's services are the contract's.
    ///
    /// # Errors
    /// Every service of the contract that has no URL, and every URL that belongs to no service.
    pub fn check_services(&self, name: &str, contract: &Contract) -> Result<(), Problems> {
        let mut problems = Problems::default();
        let document = self.document.as_ref();
        if let Some((declared, document)) = self.declared(name).zip(document) {
            let mut complain = |message: String, hint: String| {
                let problem = Problem::new(message).hint(hint);
                problems.push(problem.at(&document.shown, declared.services_at.clone()));
            };
            for service in &contract.services {
                if !declared.target.services.contains_key(&service.name) {
                    complain(
                        format!(
                            "the target `{name}` has no URL for the service `{}`",
                            service.name
                        ),
                        format!(
                            "add `{} = \"https://...\"`: the contract has this service",
                            service.name
                        ),
                    );
                }
            }
            for service in declared.target.services.keys() {
                if contract.service(service).is_none() {
                    let known = contract
                        .services
                        .iter()
                        .map(|service| service.name.as_str());
                    complain(
                        format!("the contract has no service `{service}`"),
                        super::suggest::suggest(service, known),
                    );
                }
            }
            problems = document.placed(problems);
        }
        problems.or(Some(()))
    }
}

#[cfg(test)]
mod tests;
