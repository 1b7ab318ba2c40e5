//! The files that a command works with: the configuration and the suite.

use std::path::{Path, PathBuf};

use super::arguments::FilesArguments;
use super::console;
use super::problem::Problem;
use super::settings::{Environment, layered};
use crate::suite::config::{Config, Reading, RunDefaults, Target};
use crate::suite::{Choice, ContractChoice, Suite};

/// Where a suite can be named: one layer of flags, target, configuration or environment.
#[derive(Debug, Clone, Default)]
struct Layer {
    suite: Option<PathBuf>,
    contract: Option<ContractChoice>,
}

/// Which suite is meant: everything that was said about it.
#[derive(Debug, Default)]
pub(super) struct SuiteRequest<'a> {
    /// The folder or file that `--suite` names.
    pub(super) suite: Option<&'a Path>,
    /// The file that `--contract` names.
    pub(super) contract: Option<&'a Path>,
    /// A deployment, which may bring a suite and a contract of its own.
    pub(super) target: Option<&'a Target>,
    /// What the configuration says for every run.
    pub(super) defaults: Option<&'a RunDefaults>,
}

impl<'a> SuiteRequest<'a> {
    /// What the flags of a command say.
    pub(super) fn by_flags(files: &'a FilesArguments) -> Self {
        Self {
            suite: files.suite.as_deref(),
            contract: files.contract.as_deref(),
            ..Self::default()
        }
    }

    /// What is read. The first layer that names a suite decides, and a contract that is named
    /// further back than the suite belongs to another one. Only a target's contract always counts:
    /// it is what that deployment keeps, whichever scenarios are played.
    pub(super) fn choice(&self, environment: Environment<'_>) -> Result<Choice, Problem> {
        let parse = |path: &Path| ContractChoice::parse(&path.to_string_lossy());
        let variable = |name| layered::<PathBuf>(None, None, environment, name);
        let layers = [
            Layer {
                suite: self.suite.map(Path::to_owned),
                contract: self.contract.map(parse),
            },
            Layer {
                suite: self.target.and_then(|target| target.suite.clone()),
                contract: self.target.and_then(|target| target.contract.clone()),
            },
            Layer {
                suite: self.defaults.and_then(|run| run.suite.clone()),
                contract: self.defaults.and_then(|run| run.contract.clone()),
            },
            Layer {
                suite: variable("REHEARSAL_SUITE")?,
                contract: variable("REHEARSAL_CONTRACT")?.map(|path| parse(&path)),
            },
        ];
        let decisive = layers.iter().position(|layer| layer.suite.is_some());
        let reach = decisive.map_or(layers.len(), |at| at.max(1) + 1);
        let contract = layers[..reach]
            .iter()
            .find_map(|layer| layer.contract.clone());
        Ok(Choice {
            scenarios: decisive.and_then(|at| layers[at].suite.clone()),
            contract: contract.unwrap_or_default(),
            world: None,
        })
    }
}

/// Reads the configuration: the named one, or the first that stands here or above.
/// `settings` are values of it that the command line gives.
pub(super) fn config(
    flag: Option<&Path>,
    settings: &[String],
    environment: Environment<'_>,
) -> Result<Config, Problem> {
    read(flag, settings, environment, Reading::Whole)
}

fn read(
    flag: Option<&Path>,
    settings: &[String],
    environment: Environment<'_>,
    reading: Reading,
) -> Result<Config, Problem> {
    let named = layered(
        flag.map(Path::to_owned),
        None,
        environment,
        "REHEARSAL_CONFIG",
    )?;
    let read = match named {
        Some(path) => Config::read(&path, settings, reading),
        None => match std::env::current_dir() {
            Ok(folder) => Config::find(&folder, settings, reading),
            // A folder that was removed under our feet holds no configuration.
            Err(_) => Ok(Config::default()),
        },
    };
    read.map_err(Problem::Config)
}

/// Reads the configuration that a command's files name.
pub(super) fn config_of(
    files: &FilesArguments,
    environment: Environment<'_>,
) -> Result<Config, Problem> {
    config(files.config.as_deref(), &files.settings, environment)
}

/// Reads the configuration for a command that needs no target: where something is wrong with those alone, a line
/// says that they are left aside.
pub(super) fn config_beside_targets(
    files: &FilesArguments,
    environment: Environment<'_>,
) -> Result<Config, Problem> {
    let flag = files.config.as_deref();
    let config = read(flag, &files.settings, environment, Reading::BesideTargets)?;
    if config.lacks_targets {
        let named = config.file.as_deref().map(Path::display);
        let named = named.map_or("the configuration".to_owned(), |path| path.to_string());
        console::tell(&format!(
            "{named}: something is wrong with its targets, which are not needed here; `rehearsal check` says what\n"
        ));
    }
    Ok(config)
}

/// A file that cannot be read or understood.
pub(super) fn one(problem: crate::suite::Problem) -> Problem {
    Problem::Suite(problem.into())
}

/// Reads a suite; everything that is wrong with it is told at once.
pub(super) fn suite(choice: &Choice) -> Result<Suite, Problem> {
    Suite::load(choice).map_err(Problem::Suite)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;

    fn defaults() -> RunDefaults {
        RunDefaults {
            suite: Some("configured".into()),
            contract: Some(ContractChoice::File("configured.yaml".into())),
            ..RunDefaults::default()
        }
    }

    fn environment(name: &str) -> Option<OsString> {
        (name == "REHEARSAL_SUITE").then(|| "from-environment".into())
    }

    #[test]
    fn the_configuration_beats_the_environment_and_a_flag_beats_both() {
        let defaults = defaults();
        let mut request = SuiteRequest {
            defaults: Some(&defaults),
            ..SuiteRequest::default()
        };
        let choice = request.choice(&environment).unwrap();
        assert_eq!(choice.scenarios, Some("configured".into()));
        request.suite = Some(Path::new("flagged"));
        let choice = request.choice(&environment).unwrap();
        assert_eq!(choice.scenarios, Some("flagged".into()));
        request = SuiteRequest::default();
        let choice = request.choice(&environment).unwrap();
        assert_eq!(choice.scenarios, Some("from-environment".into()));
    }

    #[test]
    fn a_suite_by_flag_brings_its_own_contract() {
        let defaults = defaults();
        let request = SuiteRequest {
            suite: Some(Path::new("flagged")),
            defaults: Some(&defaults),
            ..SuiteRequest::default()
        };
        let choice = request.choice(&environment).unwrap();
        assert_eq!(choice.contract, ContractChoice::OfSuite);
    }
}
