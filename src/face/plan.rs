//! What is played, against what, and how.

use std::path::PathBuf;

use tokio::sync::oneshot;

use super::{Error, Report, Suite, Target};
use crate::app::Quirk;
use crate::mock::Defect;
use crate::report::terminal::{Again, Opening};
use crate::run::{self, HandedIn, Interrupt, Selection};

/// What is played, against what, and how. Unless told otherwise: every scenario that does not live
/// through days, against the mock, in virtual time, with the seed 1, so that a test does the same
/// whenever it is run.
///
/// ```
/// # let suite = rehearsal::Suite::shipped()?;
/// let report = rehearsal::Plan::of(&suite).seed(7).scenario("sign-*").perform()?;
/// assert_eq!(report.verdict_on("sign-out"), Some("passed"), "{report}");
/// # Ok::<(), rehearsal::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Plan {
    suite: Suite,
    target: Target,
    seed: u64,
    real_time: bool,
    patterns: Vec<String>,
    tags: Vec<String>,
    quirks: Vec<String>,
    defects: Vec<String>,
    jobs: usize,
    journals: Option<PathBuf>,
}

impl Plan {
    /// To play a suite.
    #[must_use]
    pub fn of(suite: &Suite) -> Self {
        Self {
            suite: suite.clone(),
            target: Target::mock(),
            seed: 1,
            real_time: false,
            patterns: Vec::new(),
            tags: Vec::new(),
            quirks: Vec::new(),
            defects: Vec::new(),
            jobs: std::thread::available_parallelism().map_or(1, usize::from),
            journals: None,
        }
    }

    /// What every choice derives from.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Where the backend is.
    #[must_use]
    pub fn target(mut self, target: Target) -> Self {
        self.target = target;
        self
    }

    /// Plays the scenario of this id, or those that fit a pattern in which `*` stands for any characters
    /// and `?` for one. Asked several times, it adds to what is played.
    #[must_use]
    pub fn scenario(mut self, pattern: impl Into<String>) -> Self {
        self.patterns.push(pattern.into());
        self
    }

    /// Plays only what has this tag. Asked several times, one of them is enough.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Lets the simulated app misbehave: `rehearsal quirks` lists how.
    #[must_use]
    pub fn quirk(mut self, name: impl Into<String>) -> Self {
        self.quirks.push(name.into());
        self
    }

    /// Lets the mock misbehave: `rehearsal defects` lists how.
    #[must_use]
    pub fn defect(mut self, name: impl Into<String>) -> Self {
        self.defects.push(name.into());
        self
    }

    /// Plays the mock in real time, over TCP.
    #[must_use]
    pub fn real_time(mut self) -> Self {
        self.real_time = true;
        self
    }

    /// How many scenarios may be played at once: else as many as there are processors. Where they share
    /// one backend it is always one.
    #[must_use]
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs;
        self
    }

    /// Writes the journal of each scenario into this folder, as `ID.jsonl`.
    #[must_use]
    pub fn journals(mut self, folder: impl Into<PathBuf>) -> Self {
        self.journals = Some(folder.into());
        self
    }

    /// Plays it and waits for the end. It brings runtimes of its own, so a plain `#[test]` can call it,
    /// and so can a thread of another runtime that has nothing else to do.
    ///
    /// # Errors
    /// When nothing could be played: a name that is not there, a target that cannot be reached.
    pub fn perform(&self) -> Result<Report, Error> {
        self.perform_unless(&Interrupt::new())
    }

    /// Plays it while others go on: the play has threads of its own, and whatever runtime this is awaited
    /// on stays free. Who drops the future ends the play in order, as Ctrl-C does.
    ///
    /// # Errors
    /// As [`Plan::perform`].
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # let suite = rehearsal::Suite::shipped()?;
    /// let report = rehearsal::Plan::of(&suite).scenario("sign-in").performed().await?;
    /// report.assert_conforms();
    /// # Ok::<(), rehearsal::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn performed(&self) -> Result<Report, Error> {
        let interrupt = Interrupt::new();
        let _ends = EndsWhenDropped(interrupt.clone());
        let plan = self.clone();
        let (tell, told) = oneshot::channel();
        let thread = std::thread::Builder::new().name("rehearsal".to_owned());
        let begun = thread.spawn(move || {
            // Whoever has dropped the future does not want to know.
            let _ = tell.send(plan.perform_unless(&interrupt));
        });
        begun.map_err(|why| Error::new(format!("no thread could be started: {why}")))?;
        told.await
            .unwrap_or_else(|_| Err(Error::new("rehearsal itself panicked; please report it")))
    }

    fn perform_unless(&self, interrupt: &Interrupt) -> Result<Report, Error> {
        let plan = self.resolved()?;
        let result = run::perform(&plan, interrupt, &mut |_| {})?;
        let quirks = plan.quirks.iter().map(|own| own.name());
        let defects = plan.defects.iter().map(|own| own.name());
        let opening = Opening {
            target: plan.target.name().to_owned(),
            seed: plan.seed,
            virtual_time: plan.virtual_time(),
            scenarios: plan.scenarios.iter().map(|own| own.id.clone()).collect(),
            deviations: quirks.chain(defects).map(str::to_owned).collect(),
        };
        let again = if self.suite.stands_in_files && !self.target.is_shared() {
            Again::Play(self.suite.words.clone())
        } else {
            Again::Test
        };
        Ok(Report::of(result, &opening, again, &[]))
    }

    /// What is played, with every name looked up.
    fn resolved(&self) -> Result<run::Plan, Error> {
        let suite = &self.suite.inner;
        let selection = Selection {
            patterns: &self.patterns,
            tags: &self.tags,
            skipped: &[],
        };
        let known = suite.contract.services.iter();
        let known: Vec<&str> = known.map(|own| own.name.as_str()).collect();
        let services = self.target.services(&known)?;
        let target = self.target.played(&services);
        let beside_the_mock = matches!(target, run::Target::Mock);
        Ok(run::Plan {
            scenarios: selection.of(&suite.scenarios)?,
            real_time: self.real_time,
            quirks: named("quirk", &self.quirks, Quirk::ALL, |own| own.name())?,
            defects: named("defect", &self.defects, Defect::ALL, |own| own.name())?,
            jobs: if self.target.is_shared() {
                1
            } else {
                self.jobs
            },
            journal_dir: self.journals.clone(),
            handed_in: HandedIn {
                services: if beside_the_mock {
                    services
                } else {
                    Default::default()
                },
                code: self.suite.code.clone(),
            },
            ..run::Plan::of(suite.clone(), target, self.seed)
        })
    }
}

/// Ends a play whose future nobody waits for any more.
struct EndsWhenDropped(Interrupt);

impl Drop for EndsWhenDropped {
    fn drop(&mut self) {
        self.0.trigger();
    }
}

/// The misbehaviours of these names.
fn named<T: Copy>(
    kind: &str,
    names: &[String],
    all: &[T],
    name_of: fn(T) -> &'static str,
) -> Result<Vec<T>, Error> {
    let found = names.iter().map(|name| {
        let mut known = all.iter().copied();
        let found = known.find(|one| name_of(*one) == name);
        found.ok_or_else(|| {
            Error::new(format!(
                "there is no {kind} `{name}`: `rehearsal {kind}s` lists them"
            ))
        })
    });
    found.collect()
}
