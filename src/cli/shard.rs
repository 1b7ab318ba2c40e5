//! Which part of a run is played here, and how it is dealt out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::arguments::{Asked, ShardArguments};
use super::console;
use super::problem::Problem;
use super::run_file;
use super::settings::{Environment, layered};
use crate::domain::scenario::Scenario;
use crate::domain::shard::Shard;
use crate::domain::verdict::Verdict;
use crate::run::{Part, Plan};
use crate::suite::Suite;

/// Something that starts a process many times and tells each which one it is.
struct Engine {
    name: &'static str,
    /// The variable that says which one.
    index: &'static str,
    /// From which number it counts.
    first: First,
    /// The variable that says how far it counts on each time, if it may be more than one.
    step: Option<&'static str>,
    /// The variable that says how many there are.
    count: &'static str,
    /// Who sets that variable.
    counted: &'static str,
}

enum First {
    Is(u32),
    /// It stands in a variable.
    In(&'static str),
}

const ENGINES: [Engine; 3] = [
    Engine {
        name: "Kubernetes (an Indexed Job)",
        index: "JOB_COMPLETION_INDEX",
        first: First::Is(0),
        step: None,
        count: "JOB_COMPLETIONS",
        counted: "Kubernetes does not say how many there are: set it to the job's `completions`, or write `auto/N`",
    },
    Engine {
        name: "GitLab (`parallel`)",
        index: "CI_NODE_INDEX",
        first: First::Is(1),
        step: None,
        count: "CI_NODE_TOTAL",
        counted: "GitLab sets it in jobs with `parallel`",
    },
    Engine {
        name: "Slurm (an array)",
        index: "SLURM_ARRAY_TASK_ID",
        first: First::In("SLURM_ARRAY_TASK_MIN"),
        step: Some("SLURM_ARRAY_TASK_STEP"),
        count: "SLURM_ARRAY_TASK_COUNT",
        counted: "Slurm sets it in arrays",
    },
];

/// The part of these scenarios that is played here, where only a part is, and which it is.
pub(super) fn dealt(
    arguments: &ShardArguments,
    scenarios: Vec<Arc<Scenario>>,
    environment: Environment<'_>,
) -> Result<(Vec<Arc<Scenario>>, Option<Part>), Problem> {
    let asked = layered(arguments.shard, None, environment, "REHEARSAL_SHARD")?;
    let Some(asked) = asked else {
        return match &arguments.durations {
            None => Ok((scenarios, None)),
            Some(run) => Err(Problem::Value {
                place: "--durations".to_owned(),
                value: run.display().to_string(),
                why: "durations say how shards are dealt out, and none is asked for: add `--shard K/N`".to_owned(),
            }),
        };
    };
    let shard = match asked {
        Asked::One(shard) => shard,
        Asked::Auto { of } => by_itself(of, environment).map_err(|why| Problem::Value {
            place: "--shard".to_owned(),
            value: of.map_or_else(|| "auto".to_owned(), |of| format!("auto/{of}")),
            why,
        })?,
    };
    let durations = durations(arguments)?;
    let ids: Vec<&str> = scenarios.iter().map(|own| own.id.as_str()).collect();
    let share = shard.share(&ids, |id| durations.get(id).copied());
    let is_own: Vec<bool> = ids.iter().map(|id| share.contains(id)).collect();
    let mut part = Part {
        shard,
        elsewhere: Default::default(),
    };
    let mut own = Vec::new();
    for (scenario, is_own) in scenarios.into_iter().zip(is_own) {
        match is_own {
            true => own.push(scenario),
            false => drop(part.elsewhere.insert(scenario.id.clone())),
        }
    }
    Ok((own, Some(part)))
}

/// The seed of shards that nobody gave one: all have the same, for parts of one run must not differ in it.
pub(super) fn seed(suite: &Suite) -> u64 {
    let hash = suite.hashes.scenarios.get(..8);
    hash.and_then(|hash| u64::from_str_radix(hash, 16).ok())
        .unwrap_or_default()
}

/// Says which part is played here.
pub(super) fn tell(plan: &Plan, quiet: bool) {
    let (Some(part), false) = (&plan.course.part, quiet) else {
        return;
    };
    let own = plan.scenarios.len();
    let (shard, all) = (part.shard, own + part.elsewhere.len());
    console::tell(&match own {
        0 => format!("shard {shard}: nothing of {all} scenarios falls to it, so it passes empty\n"),
        own => format!("shard {shard}: {own} of {all} scenarios\n"),
    });
}

/// How long each scenario took that was played in a run.
fn durations(arguments: &ShardArguments) -> Result<BTreeMap<String, Duration>, Problem> {
    let Some(path) = &arguments.durations else {
        return Ok(BTreeMap::new());
    };
    let run = run_file::open(path)?;
    let played = run
        .scenarios
        .into_iter()
        .filter(|own| !matches!(own.outcome.verdict, Verdict::Skipped(_)));
    Ok(played.map(|own| (own.id, own.duration_wall)).collect())
}

/// The shard that an engine says.
fn by_itself(of: Option<u32>, environment: Environment<'_>) -> Result<Shard, String> {
    let is_set = |name: &str| environment(name).is_some_and(|value| !value.is_empty());
    let mut found = ENGINES.iter().filter(|engine| is_set(engine.index));
    let Some(engine) = found.next() else {
        let known = ENGINES.map(|engine| format!("{} by {}", engine.name, engine.index));
        return Err(format!(
            "no engine says which shard this is: {}. Name it: `--shard 1/3`",
            known.join(", ")
        ));
    };
    if let Some(other) = found.next() {
        return Err(format!(
            "both {} and {} say which shard this is. Name it: `--shard 1/3`",
            engine.index, other.index
        ));
    }
    engine.shard(of, environment)
}

impl Engine {
    fn shard(&self, of: Option<u32>, environment: Environment<'_>) -> Result<Shard, String> {
        let whole = |name: &str| {
            let value = environment(name).unwrap_or_default();
            let value = value.to_string_lossy();
            match value.as_ref() {
                "" => Err(format!("{name} is not set")),
                value => value
                    .parse::<u32>()
                    .map_err(|_| format!("{name} is `{value}`, which is no whole number")),
            }
        };
        let index = whole(self.index)?;
        let first = match self.first {
            First::Is(first) => first,
            First::In(name) => whole(name)?,
        };
        // Older engines do not say it, and then it is one.
        let step = match self.step {
            Some(name) if environment(name).is_some() => whole(name)?.max(1),
            _ => 1,
        };
        let of = match of {
            Some(of) => of,
            None => whole(self.count).map_err(|why| format!("{why}, and {}", self.counted))?,
        };
        let place = index.checked_sub(first).filter(|own| own % step == 0);
        let number = place.and_then(|own| (own / step).checked_add(1));
        let shard = number.map(|number| Shard::new(number, of));
        match shard {
            Some(Ok(shard)) => Ok(shard),
            _ => Err(format!(
                "{} is {index}, and {of} shards are counted from {first} on{}",
                self.index,
                match step {
                    1 => String::new(),
                    step => format!(" by {step}"),
                }
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn shard(of: Option<u32>, set: &[(&str, &str)]) -> Result<String, String> {
        let environment = |name: &str| {
            let found = set.iter().find(|(own, _)| *own == name);
            found.map(|(_, value)| OsString::from(value))
        };
        by_itself(of, &environment).map(|shard| shard.to_string())
    }

    #[test]
    fn every_engine_says_which_shard_it_is_in_its_own_way() {
        let slurm = |id, min, step, count| {
            let named = [
                ("SLURM_ARRAY_TASK_ID", id),
                ("SLURM_ARRAY_TASK_MIN", min),
                ("SLURM_ARRAY_TASK_STEP", step),
                ("SLURM_ARRAY_TASK_COUNT", count),
            ];
            shard(None, &named).unwrap()
        };
        assert_eq!(slurm("0", "0", "1", "3"), "1/3");
        assert_eq!(slurm("12", "10", "1", "3"), "3/3");
        assert_eq!(slurm("6", "2", "2", "4"), "3/4");
        let gitlab = [("CI_NODE_INDEX", "1"), ("CI_NODE_TOTAL", "4")];
        assert_eq!(shard(None, &gitlab).unwrap(), "1/4");
        let kubernetes = [("JOB_COMPLETION_INDEX", "0"), ("JOB_COMPLETIONS", "2")];
        assert_eq!(shard(None, &kubernetes).unwrap(), "1/2");
        assert_eq!(shard(Some(5), &kubernetes[..1]).unwrap(), "1/5");
    }

    #[test]
    fn what_an_engine_leaves_open_or_says_badly_is_told_with_the_variable() {
        for (set, told) in [
            (&[][..], "no engine says which shard this is"),
            (
                &[("CI_NODE_INDEX", ""), ("CI_NODE_TOTAL", "1")],
                "no engine",
            ),
            (
                &[("JOB_COMPLETION_INDEX", "0")],
                "JOB_COMPLETIONS is not set, and Kubernetes does not say how many there are",
            ),
            (
                &[("JOB_COMPLETION_INDEX", "3"), ("JOB_COMPLETIONS", "3")],
                "JOB_COMPLETION_INDEX is 3, and 3 shards are counted from 0 on",
            ),
            (
                &[("CI_NODE_INDEX", "0"), ("CI_NODE_TOTAL", "3")],
                "CI_NODE_INDEX is 0, and 3 shards are counted from 1 on",
            ),
            (
                &[("CI_NODE_INDEX", "two"), ("CI_NODE_TOTAL", "3")],
                "CI_NODE_INDEX is `two`, which is no whole number",
            ),
            (
                &[("CI_NODE_INDEX", "1"), ("JOB_COMPLETION_INDEX", "0")],
                "both JOB_COMPLETION_INDEX and CI_NODE_INDEX say which shard",
            ),
            (
                // An array with gaps: --array=1,3,7.
                &[
                    ("SLURM_ARRAY_TASK_ID", "7"),
                    ("SLURM_ARRAY_TASK_MIN", "1"),
                    ("SLURM_ARRAY_TASK_COUNT", "3"),
                ],
                "SLURM_ARRAY_TASK_ID is 7, and 3 shards are counted from 1 on",
            ),
        ] {
            let refused = shard(None, set).unwrap_err();
            assert!(refused.contains(told), "{refused}");
        }
    }

    #[test]
    fn what_is_asked_for_is_read_in_three_ways() {
        assert_eq!("auto".parse(), Ok(Asked::Auto { of: None }));
        assert_eq!("auto/3".parse(), Ok(Asked::Auto { of: Some(3) }));
        assert_eq!("2/3".parse(), Ok(Asked::One(Shard::new(2, 3).unwrap())));
        for bad in ["automatic", "auto/", "auto/x", "", "3"] {
            bad.parse::<Asked>().unwrap_err();
        }
    }
}
