//! Which suite is played against which target, for every command that needs a backend.

use super::arguments::FilesArguments;
use super::files::{self, Wanted};
use super::names;
use super::problem::Problem;
use super::settings::{Environment, layered};
use crate::mock::Defect;
use crate::run::Target;
use crate::suite::Suite;
use crate::suite::config::{Config, MOCK};

/// Which suite against which target: what every command that needs a backend is told.
pub(super) struct Place<'a> {
    pub(super) files: &'a FilesArguments,
    pub(super) target: Option<String>,
    pub(super) defects: &'a [String],
}

impl Place<'_> {
    /// Reads the suite and finds the target. They must fit each other.
    pub(super) fn find(
        &self,
        config: &Config,
        environment: Environment<'_>,
    ) -> Result<(Suite, Target, Vec<Defect>), Problem> {
        let defects = names::defects(self.defects)?;
        let target = self.target(config, environment)?;
        let deployment = match &target {
            Target::Mock => None,
            Target::Deployment(deployment) => Some(&**deployment),
        };
        if let (Some(deployment), false) = (deployment, defects.is_empty()) {
            return Err(Problem::NotTheMock {
                target: deployment.name.clone(),
            });
        }
        let wanted = Wanted {
            target: deployment,
            defaults: Some(&config.run),
            ..Wanted::flagged(self.files)
        };
        let suite = files::suite(&wanted.choice(environment)?)?;
        if deployment.is_none() && suite.world.is_none() {
            return Err(Problem::NoWorld {
                origin: suite.origin,
            });
        }
        if let Some(deployment) = deployment {
            let fits = config.check_services(&deployment.name, &suite.contract);
            fits.map_err(Problem::Config)?;
        }
        Ok((suite, target, defects))
    }

    fn target(&self, config: &Config, environment: Environment<'_>) -> Result<Target, Problem> {
        let name = layered(
            self.target.clone(),
            config.run.target.clone(),
            environment,
            "REHEARSAL_TARGET",
        )?;
        match name.as_deref() {
            None | Some(MOCK) => Ok(Target::Mock),
            Some(name) => {
                let secret = |name: &str| environment(name)?.into_string().ok();
                let target = config.target(name, &secret).map_err(Problem::Config)?;
                Ok(Target::Deployment(Box::new(target)))
            }
        }
    }
}
