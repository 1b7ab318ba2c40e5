//! `rehearsal check`: everything that is wrong with the files, at once, before anything is played.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::arguments::CheckArguments;
use super::console;
use super::exit::Exit;
use super::files::{self, SuiteRequest};
use super::problem::{Problem, nearest};
use super::{runbook, settings};
use crate::domain::contract::misfits;
use crate::domain::proof::{policy, untested_events};
use crate::domain::runbook::Runbook;
use crate::suite::config::Config;
use crate::suite::{
    Choice, ContractChoice, FLOWS, Problem as SuiteProblem, Problems, SHARED_FILES, Suite,
    has_scenarios,
};

/// What was found, good and bad, in all files together.
#[derive(Default)]
struct Found {
    suites: Problems,
    config: Problems,
    good: Vec<String>,
    runbooks: Vec<Runbook>,
}

/// Reads every file that a run could read.
pub(super) fn check(arguments: &CheckArguments) -> Result<Exit, Problem> {
    let mut found = Found::default();
    let config = match files::config(
        arguments.config.as_deref(),
        &arguments.settings,
        &settings::environment,
    ) {
        Ok(config) => config,
        Err(Problem::Config(problems)) => {
            found.config.extend(problems);
            Config::default()
        }
        Err(other) => return Err(other),
    };
    if let Some(file) = &config.file {
        let targets: Vec<&str> = config.targets().collect();
        let targets = match targets.len() {
            0 => "no target".to_owned(),
            _ => format!("targets: {}", targets.join(", ")),
        };
        found.good.push(format!("{}: {targets}", file.display()));
    }
    let mut read: Vec<Choice> = Vec::new();
    if arguments.paths.is_empty() {
        let request = SuiteRequest {
            contract: arguments.contract.as_deref(),
            defaults: Some(&config.run),
            ..SuiteRequest::default()
        };
        read.push(request.choice(&settings::environment)?);
        found.targets(&config, &mut read)?;
    } else {
        for path in &arguments.paths {
            if path.extension().is_some_and(|kind| kind == "toml") {
                let path = path.display();
                let why = format!("`{path}` is a configuration, and suites are written in YAML");
                let hint = format!("rehearsal check --config {path}");
                found.suites.push(SuiteProblem::new(why).hint(hint));
                continue;
            }
            let mut choice = choice_of(path);
            if let Some(contract) = &arguments.contract {
                choice.contract = ContractChoice::parse(&contract.to_string_lossy());
            }
            read.push(choice);
        }
    }
    for (at, choice) in read.iter().enumerate() {
        if !read[..at].contains(choice) {
            found.suite(choice, &config);
        }
    }
    found.attestations(&config);
    found.tell()
}

/// What a run with this file would read. A contract that has no scenarios beside it is played with
/// the shipped ones.
fn choice_of(path: &Path) -> Choice {
    let folder = suite_of(path);
    if path.file_name().is_some_and(|name| name == "contract.yaml") && !has_scenarios(&folder) {
        return Choice {
            contract: ContractChoice::File(path.to_owned()),
            ..Choice::default()
        };
    }
    Choice {
        scenarios: Some(folder),
        ..Choice::default()
    }
}

/// The folder, when one of the files that belong to a whole folder is named.
fn suite_of(path: &Path) -> PathBuf {
    let mut folders = path.ancestors().skip(1);
    let flows = folders.find(|folder| folder.file_name().is_some_and(|name| name == FLOWS));
    if let Some(suite) = flows.and_then(Path::parent).filter(|_| path.is_file()) {
        return Path::new(".").join(suite);
    }
    match (path.file_name(), path.parent()) {
        (Some(name), Some(folder)) if SHARED_FILES.iter().any(|shared| name == *shared) => {
            if folder.as_os_str().is_empty() {
                PathBuf::from(".")
            } else {
                folder.to_owned()
            }
        }
        _ => path.to_owned(),
    }
}

/// A runbook in a line.
fn told(book: &Runbook) -> String {
    let draft = match book.is_published(&book.version) {
        true => "published",
        false => "a draft",
    };
    let count = crate::report::text::count(book.items.len() as u64, "item");
    let (name, version) = (&book.name, &book.version);
    format!("the runbook “{name}”, version {version} ({draft}), with {count}")
}

/// Who signs in although neither the world nor any target has such an account.
fn strangers(suite: &Suite, config: &Config) -> Problems {
    let users = suite.world.iter().flat_map(|world| &world.users);
    let targets = config.targets().filter_map(|name| config.outline(name));
    let accounts = targets.flat_map(|target| &target.accounts);
    let known: BTreeSet<&str> = users
        .map(|user| user.name.as_str())
        .chain(accounts.map(|account| account.name.as_str()))
        .collect();
    let mut problems = Problems::default();
    if known.is_empty() {
        return problems;
    }
    for scenario in &suite.scenarios {
        for account in scenario.accounts() {
            if !known.contains(account) {
                let hint = match nearest(account, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "the world's users and the targets' accounts have names".to_owned(),
                };
                let file = &scenario.file;
                let message = format!("{file}: `{account}` signs in, and nobody is called that");
                problems.push(SuiteProblem::new(message).hint(hint));
            }
        }
    }
    problems
}

impl Found {
    fn suite(&mut self, choice: &Choice, config: &Config) {
        match Suite::load(choice) {
            Ok(suite) => {
                // Who plays in the shipped scenarios is up to those who play them.
                if choice.scenarios.is_some() {
                    self.suites.extend(strangers(&suite, config));
                }
                let world = match suite.world {
                    Some(_) => "with a world",
                    None => "without a world",
                };
                let count = suite.scenarios.len() as u64;
                let count = crate::report::text::count(count, "scenario");
                let (origin, name) = (&suite.origin, &suite.contract.name);
                let line = format!("{origin}: {count} for the contract of {name}, {world}");
                self.good.push(line);
                self.good
                    .push(format!("{origin}: {}", told(&suite.runbook)));
                self.runbooks.push(suite.runbook);
                for entry in policy::untested(&suite.contract) {
                    self.good.push(format!(
                        "{origin}: the forbid entry `{entry}` is untested, because another one forbids its call too"
                    ));
                }
                for misfit in misfits(&suite.contract) {
                    self.good.push(format!("{origin}: warning: {misfit}"));
                }
                for event in untested_events(&suite.contract, &suite.scenarios) {
                    self.good.push(format!("{origin}: warning: {event}"));
                }
            }
            Err(problems) => self.suites.extend(problems),
        }
    }

    /// Whether every target fits its contract. Nobody needs a target's secrets to check a file, so
    /// every variable counts as set.
    fn targets(&mut self, config: &Config, read: &mut Vec<Choice>) -> Result<(), Problem> {
        for name in config.targets() {
            let request = SuiteRequest {
                target: config.outline(name),
                defaults: Some(&config.run),
                ..SuiteRequest::default()
            };
            let choice = request.choice(&settings::environment)?;
            if let Ok(suite) = Suite::load(&choice)
                && let Err(problems) = config.check_services(name, &suite.contract)
            {
                self.config.extend(problems);
            }
            read.push(choice);
        }
        Ok(())
    }

    /// Whether what people vouch for is there to be vouched for, and still counts.
    fn attestations(&mut self, config: &Config) {
        let runbooks: Vec<&Runbook> = self.runbooks.iter().collect();
        match runbook::attestations(config, &runbooks, true) {
            Ok(all) if all.is_empty() => {}
            Ok(all) => {
                let file = runbook::file(config);
                let count = crate::report::text::count(all.len() as u64, "attestation");
                self.good.push(format!("{}: {count}", file.display()));
            }
            Err(problems) => self.config.extend(problems),
        }
    }

    fn tell(self) -> Result<Exit, Problem> {
        let exit = match (self.suites.is_empty(), self.config.is_empty()) {
            (true, true) => Exit::Passed,
            (true, false) => Exit::Usage,
            (false, _) => Exit::InvalidSuite,
        };
        if exit == Exit::Passed {
            let mut out = console::out();
            for line in &self.good {
                writeln!(out, "ok  {line}")?;
            }
            return Ok(exit);
        }
        let mut all = self.config;
        all.extend(self.suites);
        console::tell(&all.render(console::rendering()));
        Ok(exit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contract_alone_is_checked_with_the_shipped_scenarios() {
        let folder = tempfile::tempdir().unwrap();
        let contract = folder.path().join("contract.yaml");
        std::fs::write(&contract, "name: x\n").unwrap();
        assert_eq!(choice_of(&contract).scenarios, None);
        assert_eq!(
            choice_of(&contract).contract,
            ContractChoice::File(contract.clone())
        );
        std::fs::write(folder.path().join("one.yaml"), "name: x\n").unwrap();
        assert_eq!(
            choice_of(&contract).scenarios.as_deref(),
            Some(folder.path())
        );
    }

    #[test]
    fn a_contract_is_checked_with_the_suite_that_it_belongs_to() {
        assert_eq!(suite_of(Path::new("mine/contract.yaml")), Path::new("mine"));
        assert_eq!(suite_of(Path::new("world.yaml")), Path::new("."));
        assert_eq!(
            suite_of(Path::new("mine/sign-in.yaml")),
            Path::new("mine/sign-in.yaml")
        );
    }
}
