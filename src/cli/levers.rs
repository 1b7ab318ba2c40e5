//! Levers of deployments: taken for a run, listed, and put back after one that was killed.

use std::io::Write;

use anstyle::Style;

use super::arguments::{LeversAction, LeversArguments};
use super::console;
use super::exit::Exit;
use super::files;
use super::problem::Problem;
use super::settings;
use crate::domain::change::Lever;
use crate::run::{Lease, LeaseError, Leftover, Target, Use, left_at, settle, users_of};
use crate::suite::config::{self, Config, LeverMeans, Means};

const STRONG: Style = Style::new().bold();

/// Takes a target for this process, and puts back first what others have left there.
pub(super) fn lease(
    target: &Target,
    config: &Config,
    r#use: Use,
) -> Result<Option<Lease>, Problem> {
    let Target::Deployment(deployment) = target else {
        return Ok(None);
    };
    let (lease, left) = match take(deployment, config, r#use) {
        // Where nothing is switched for longer than the run, there is nothing to keep.
        Err(Problem::Levers(errors)) if !switches(deployment) && errors.iter().all(is_unkept) => {
            for error in errors {
                console::tell(&format!(
                    "{error}\nnobody else is kept from the target meanwhile\n"
                ));
            }
            return Ok(None);
        }
        taken => taken?,
    };
    for leftover in left {
        console::tell(&format!("{}\n", was_put_back(&deployment.name, &leftover)));
    }
    Ok(Some(lease))
}

/// Whether operators' calls switch something that lasts.
fn switches(deployment: &config::Target) -> bool {
    let mut levers = deployment.levers.iter();
    levers.any(|(lever, means)| {
        let lasts = matches!(lever, Lever::Maintenance | Lever::Backend);
        lasts && matches!(means, LeverMeans::Calls { .. })
    })
}

fn is_unkept(error: &LeaseError) -> bool {
    matches!(error, LeaseError::Unkept { .. })
}

/// Takes a target and puts back what others have left there.
fn take(
    deployment: &config::Target,
    config: &Config,
    r#use: Use,
) -> Result<(Lease, Vec<Leftover>), Problem> {
    let taken = Lease::take(&config.state(), &deployment.name, r#use);
    let lease = taken.map_err(|error| Problem::Levers(vec![error]))?;
    let left = settle(&lease, deployment).map_err(Problem::Levers)?;
    Ok((lease, left))
}

fn was_put_back(target: &str, leftover: &Leftover) -> String {
    format!(
        "put back at {target}: {}, which {} had left so",
        listed(leftover),
        who(leftover)
    )
}

fn who(leftover: &Leftover) -> String {
    let by = leftover.by.as_ref();
    by.map_or_else(|| "an earlier run".to_owned(), ToString::to_string)
}

pub(super) fn listed(leftover: &Leftover) -> String {
    let each: Vec<String> = leftover.switched.iter().map(ToString::to_string).collect();
    each.join(", ")
}

/// Says as the last thing what a process leaves switched.
pub(super) fn last_words(lease: Option<&Lease>) {
    let Some(lease) = lease else { return };
    let still: Vec<String> = lease.leave().iter().map(ToString::to_string).collect();
    if !still.is_empty() {
        let target = lease.target();
        console::tell(&format!(
            "still switched at {target}: {}\n`rehearsal levers restore --target {target}` puts it back, and so does the next run\n",
            still.join(", ")
        ));
    }
}

/// `rehearsal levers`.
pub(super) fn levers(arguments: &LeversArguments) -> Result<Exit, Problem> {
    let config = files::config(
        arguments.config.as_deref(),
        &arguments.settings,
        &settings::environment,
    )?;
    let names: Vec<&str> = match &arguments.target {
        Some(name) => vec![name],
        None => config.targets().collect(),
    };
    match arguments.action {
        Some(LeversAction::Restore) => restore(&config, &names),
        None => list(&config, &names),
    }
}

/// Puts back what is left at every one of the targets, however many cannot be.
fn restore(config: &Config, names: &[&str]) -> Result<Exit, Problem> {
    let mut errors: Vec<LeaseError> = Vec::new();
    for name in names {
        // Nobody's secrets are needed where nothing is left.
        let nothing = config.outline(name).is_some()
            && left(config, name)?.is_empty()
            && users(config, name)?.is_empty();
        if nothing {
            writeln!(console::out(), "{name}: nothing is left switched")?;
            continue;
        }
        let secret = |name: &str| settings::environment(name)?.into_string().ok();
        let deployment = config.target(name, &secret).map_err(Problem::Config)?;
        match take(&deployment, config, Use::Alone) {
            Ok((_lease, left)) => {
                for leftover in left {
                    writeln!(console::out(), "{}", was_put_back(name, &leftover))?;
                }
            }
            Err(Problem::Levers(more)) => errors.extend(more),
            Err(problem) => return Err(problem),
        }
    }
    if errors.is_empty() {
        Ok(Exit::Passed)
    } else {
        Err(Problem::Levers(errors))
    }
}

fn left(config: &Config, name: &str) -> Result<Vec<Leftover>, Problem> {
    left_at(&config.state(), name).map_err(|error| Problem::Levers(vec![error]))
}

fn users(config: &Config, name: &str) -> Result<Vec<crate::run::Holder>, Problem> {
    users_of(&config.state(), name).map_err(|error| Problem::Levers(vec![error]))
}

/// Says of each target which levers it has, who uses it and what is left switched.
fn list(config: &Config, names: &[&str]) -> Result<Exit, Problem> {
    let mut out = console::out();
    if names.is_empty() {
        writeln!(
            out,
            "the configuration has no targets, and the mock's levers need none"
        )?;
    }
    for name in names {
        let Some(outline) = config.outline(name) else {
            let secret = |_: &str| None;
            // Says which targets there are.
            config.target(name, &secret).map_err(Problem::Config)?;
            continue;
        };
        writeln!(out, "{STRONG}{name}{STRONG:#}")?;
        for (lever, means) in &outline.levers {
            let how = match means {
                LeverMeans::Gateway => "imitated at the gateway",
                LeverMeans::Calls { .. } => match Means::of(means.calls()) {
                    Means::Http => "by the operator's calls",
                    Means::Command => "by commands of the operator",
                },
            };
            writeln!(out, "  {lever}: {how}")?;
        }
        if outline.levers.is_empty() {
            writeln!(out, "  no levers: scenarios that need one are skipped")?;
        }
        for holder in users(config, name)? {
            writeln!(out, "  in use by {holder}")?;
        }
        for leftover in left(config, name)? {
            let (what, who) = (listed(&leftover), who(&leftover));
            writeln!(out, "  left switched by {who}: {what}")?;
        }
    }
    Ok(Exit::Passed)
}
