//! Which suite is played against which target, for every command that needs a backend.

use super::arguments::FilesArguments;
use super::files::{self, SuiteRequest};
use super::names;
use super::problem::Problem;
use super::runbook;
use super::settings::{Environment, layered};
use crate::mock::Defect;
use crate::run::Target;
use crate::suite::Suite;
use crate::suite::config::{Config, MOCK};

/// What the flags of a command say about suite and target.
pub(super) struct TargetRequest<'a> {
    pub(super) files: &'a FilesArguments,
    pub(super) target: Option<&'a str>,
    pub(super) defects: &'a [String],
    /// The version of the runbook that is answered.
    pub(super) runbook: Option<&'a str>,
}

/// A suite, and a target that has the services of its contract.
pub(super) struct SuiteOnTarget {
    pub(super) suite: Suite,
    pub(super) target: Target,
    /// Deliberate misbehaviours of the mock; none where the target is a deployment.
    pub(super) defects: Vec<Defect>,
}

impl TargetRequest<'_> {
    /// Reads the suite and finds the target. They must fit each other.
    pub(super) fn resolve(
        &self,
        config: &Config,
        environment: Environment<'_>,
    ) -> Result<SuiteOnTarget, Problem> {
        let target = self.target(config, environment)?;
        self.at(target, config, environment)
    }

    /// The same for whoever only looks: nobody's secrets are needed.
    pub(super) fn outlined(
        &self,
        config: &Config,
        environment: Environment<'_>,
    ) -> Result<SuiteOnTarget, Problem> {
        let name = self.name(config, environment)?;
        let outline = name.as_deref().and_then(|name| config.outline(name));
        let target = match outline {
            Some(outline) => Target::Deployment(Box::new(outline.clone())),
            None => self.target(config, environment)?,
        };
        self.at(target, config, environment)
    }

    fn at(
        &self,
        target: Target,
        config: &Config,
        environment: Environment<'_>,
    ) -> Result<SuiteOnTarget, Problem> {
        let defects = names::defects(self.defects)?;
        let deployment = match &target {
            Target::Mock => None,
            Target::Deployment(deployment) => Some(&**deployment),
        };
        if let (Some(deployment), false) = (deployment, defects.is_empty()) {
            return Err(Problem::NotTheMock {
                target: deployment.name.clone(),
            });
        }
        let request = SuiteRequest {
            target: deployment,
            defaults: Some(&config.run),
            ..SuiteRequest::by_flags(self.files)
        };
        let mut suite = files::suite(&request.choice(environment)?)?;
        runbook::complete(&mut suite, config, self.runbook)?;
        if deployment.is_none() && suite.world.is_none() {
            return Err(Problem::NoWorld {
                origin: suite.origin,
            });
        }
        if let Some(deployment) = deployment {
            let fits = config.check_services(&deployment.name, &suite.contract);
            fits.map_err(Problem::Config)?;
        }
        Ok(SuiteOnTarget {
            suite,
            target,
            defects,
        })
    }

    fn name(
        &self,
        config: &Config,
        environment: Environment<'_>,
    ) -> Result<Option<String>, Problem> {
        layered(
            self.target.map(str::to_owned),
            config.run.target.clone(),
            environment,
            "REHEARSAL_TARGET",
        )
    }

    fn target(&self, config: &Config, environment: Environment<'_>) -> Result<Target, Problem> {
        match self.name(config, environment)?.as_deref() {
            None | Some(MOCK) => Ok(Target::Mock),
            Some(name) => {
                let secret = |name: &str| environment(name)?.into_string().ok();
                let target = config.target(name, &secret).map_err(Problem::Config)?;
                Ok(Target::Deployment(Box::new(target)))
            }
        }
    }
}
