//! Plays the steps of one scenario on a stage.

use std::time::Duration;

use tokio::time::Instant;

use super::expect::{Truth, Watch, describe, is_negative};
use super::failure::StepError;
use super::likely_causes::{self, Circumstances};
use super::stage::Stage;
use super::window::Windows;
use crate::device::Device;
use crate::domain::contract::TransportName;
use crate::domain::duration;
use crate::domain::journal::{EntryId, Fact, HarnessFact, StepPhase, UnmetStep};
use crate::domain::scenario::{Action, Expectation, Scenario, Step, StepKind, Timing};
use crate::domain::secret::Secret;
use crate::domain::verdict::Subject;

mod own;

/// How long something that is expected without a time may take to come true.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why the steps do not go on.
enum Stop {
    Unmet(UnmetStep),
    Failed(StepError),
    Interrupted,
}

impl From<StepError> for Stop {
    fn from(error: StepError) -> Self {
        Self::Failed(error)
    }
}

/// Plays the steps, then the never-called proof's marked calls, then `finally` in every case.
/// What came of them stands in the journal.
pub(crate) async fn play(stage: &Stage, scenario: &Scenario) {
    let note = |fact: HarnessFact| stage.environment.recorder.record(Fact::Harness(fact));
    let mut interrupted = false;
    let all = scenario.steps.iter().chain(&scenario.finally);
    let windows = Windows::of(&scenario.devices, all);
    stage
        .environment
        .recorder
        .journal()
        .watch(Box::new(windows.clone()));
    let mut player = Player {
        stage,
        scenario: &scenario.id,
        windows,
        change: EntryId(0),
        wrong_password: false,
    };
    let (steps, finally) = (&scenario.steps[..], &scenario.finally[..]);
    player.windows.change(before_change(steps, finally));
    for (at, step) in steps.iter().enumerate() {
        let next = before_change(&steps[at + 1..], finally);
        let stopped = tokio::select! {
            biased;
            () = stage.interrupt.triggered() => Err(Stop::Interrupted),
            played = player.play(step, next) => played,
        };
        match stopped {
            Ok(()) => continue,
            Err(Stop::Unmet(unmet)) => note(HarnessFact::Unmet(unmet)),
            Err(Stop::Failed(why)) => note(HarnessFact::Failed {
                why: format!("{}: `{}`: {why}", step.place, step.text),
            }),
            Err(Stop::Interrupted) => {
                interrupted = true;
                note(HarnessFact::Interrupted)
            }
        };
        break;
    }
    if !interrupted {
        stage.environment.send_canaries().await;
    }
    for (at, step) in finally.iter().enumerate() {
        let next = before_change(&finally[at + 1..], &[]);
        if let Err(Stop::Failed(why)) = player.play(step, next).await {
            note(HarnessFact::Failed {
                why: format!("{}: `{}` in `finally`: {why}", step.place, step.text),
            });
        }
    }
    stage.environment.put_back().await;
}

/// What is expected before the next change. The steps may end anywhere, so what `finally` begins with is
/// among it.
fn before_change<'s>(steps: &'s [Step], finally: &'s [Step]) -> impl Iterator<Item = &'s Step> {
    let expects = |step: &&Step| matches!(step.kind, StepKind::Expect { .. } | StepKind::Own(_));
    let own = steps.iter().take_while(expects);
    own.chain(finally.iter().take_while(expects))
}

struct Player<'a> {
    stage: &'a Stage,
    scenario: &'a str,
    windows: Windows,
    /// The beginning of the latest step that changed something.
    change: EntryId,
    /// Whether that was a sign-in with a wrong password.
    wrong_password: bool,
}

impl Player<'_> {
    /// Plays a step; `next` is what is expected after it, should it be a change.
    async fn play<'s>(
        &mut self,
        step: &'s Step,
        next: impl Iterator<Item = &'s Step>,
    ) -> Result<(), Stop> {
        let waits = matches!(step.kind, StepKind::Expect { .. });
        let board = &self.stage.board;
        board.at(self.scenario, &step.text, &step.place, waits);
        let began = self.note(step, StepPhase::Began);
        let played = match &step.kind {
            StepKind::Do(action) => {
                self.change = began;
                self.wrong_password = matches!(
                    action,
                    Action::SignIn {
                        wrong_password: true,
                        ..
                    }
                );
                self.windows.change(next);
                self.act(action, &self.stage.actor(step.on).device).await
            }
            StepKind::Set(setting) => {
                self.change = began;
                self.windows.change(next);
                Ok(self.stage.set(setting, step.on).await?)
            }
            StepKind::Own(at) => self.ask(step, *at).await,
            StepKind::Expect { all, timing, .. } => {
                self.windows.begin(step);
                self.expect(step, all, *timing).await
            }
        };
        self.note(
            step,
            match &played {
                Ok(()) => StepPhase::Done,
                Err(Stop::Unmet(_)) => StepPhase::Unmet,
                Err(Stop::Failed(_) | Stop::Interrupted) => StepPhase::Failed,
            },
        );
        // What the app sent while the world was being changed, it may have sent before it could know.
        if matches!(step.kind, StepKind::Set(_)) {
            self.windows.in_force();
        }
        played
    }

    fn note(&self, step: &Step, phase: StepPhase) -> EntryId {
        let fact = HarnessFact::Step {
            step: step.number,
            text: step.text.clone(),
            phase,
        };
        self.stage
            .environment
            .recorder
            .record(Fact::Harness(fact))
            .id
    }

    async fn act(&self, action: &Action, device: &Device) -> Result<(), Stop> {
        let done = match action {
            Action::Launch => device.launch().await,
            Action::Kill => device.kill().await,
            Action::SignIn {
                account,
                wrong_password,
            } => {
                let known = self.stage.environment.account(account);
                let account = known.ok_or_else(|| StepError::NoAccount(account.clone()))?;
                let password = if *wrong_password {
                    Secret::new("rehearsal: not the password")
                } else {
                    account.password.clone()
                };
                device
                    .sign_in(&account.username, password, &account.name)
                    .await
            }
            Action::SignOut => device.sign_out().await,
            Action::Refresh => device.refresh().await,
            Action::Open(screen) => device.open(screen).await,
            Action::Background => device.background().await,
            Action::Foreground => device.foreground().await,
            Action::LoadAll(resource) => device.load_more(resource).await,
            Action::Wait(time) => {
                tokio::time::sleep(*time).await;
                Ok(())
            }
            Action::Storage(accident) => device.accident(*accident).await,
            Action::Clock(offset) => device.set_clock(*offset).await,
        };
        Ok(done.map_err(StepError::Device)?)
    }

    async fn expect(&self, step: &Step, all: &[Expectation], timing: Timing) -> Result<(), Stop> {
        let began = Instant::now();
        let patience = match timing {
            Timing::Within(time) => time + self.stage.slack,
            Timing::For(time) => time,
            Timing::Now if all.iter().all(is_negative) => Duration::ZERO,
            Timing::Now => PATIENCE + self.stage.slack,
        };
        let actor = self.stage.actor(step.on);
        let view = actor.device.view().await;
        let mut view = view.map_err(StepError::Device)?;
        loop {
            let grown = self.stage.environment.recorder.grown();
            tokio::pin!(grown);
            let over = began.elapsed() >= patience;
            let decided = self.windows.look(step.number, |watches| {
                let wrong = wrong(watches, &view.borrow_and_update(), actor.transport());
                is_decided(timing, watches, &wrong, over).then(|| (watches.to_vec(), wrong))
            });
            if let Some((watches, wrong)) = decided {
                if wrong.is_empty() {
                    return Ok(());
                }
                let after = began.elapsed();
                let finding = self.finding(step, timing, &watches, wrong, after);
                return Err(Stop::Unmet(finding));
            }
            tokio::select! {
                biased;
                () = &mut grown => {}
                changed = view.changed() => {
                    if changed.is_err() {
                        return Err(StepError::DeviceGone.into());
                    }
                }
                () = tokio::time::sleep_until(began + patience) => {}
            }
        }
    }

    /// One finding for a step, whatever of it is missing: it mostly has one reason.
    fn finding(
        &self,
        step: &Step,
        timing: Timing,
        watches: &[Watch],
        wrong: Vec<(usize, Truth)>,
        after: Duration,
    ) -> UnmetStep {
        let when = match timing {
            Timing::Within(time) => format!(" within {}", duration::show(time)),
            Timing::For(time) => format!(" for {}", duration::show(time)),
            Timing::Now => String::new(),
        };
        let device = self.stage.actor(step.on).name.as_deref();
        let causes = {
            let journal = self.stage.environment.recorder.journal();
            let since = journal.after(self.change);
            let since: Vec<_> = since.filter(|entry| entry.concerns(device)).collect();
            likely_causes::among(since.iter().map(|entry| entry.as_ref()))
        };
        let cause = self.cause(watches, device);
        let overdue = wrong
            .iter()
            .all(|(_, truth)| matches!(truth, Truth::NotYet(_)));
        let (mut expected, mut observed, mut seen) = (Vec::new(), Vec::new(), Vec::new());
        for (index, truth) in wrong {
            expected.push(describe(watches[index].expectation()));
            seen.extend(watches[index].evidence());
            if let Truth::NotYet(what) | Truth::Broken(what) = truth {
                observed.push(what);
            }
        }
        let mut evidence = vec![self.change];
        evidence.extend(causes.entries.into_iter().chain(seen));
        UnmetStep {
            subject: self.suspect(cause.is_some()),
            message: format!("step at {} did not come true: {}", step.place, step.text),
            expected: format!("{}{when}", expected.join(", ")),
            observed: format!(
                "{}, {} after the step began{}",
                observed.join(", "),
                duration::show(after),
                cause.map_or(String::new(), |cause| format!("; most likely {cause}"))
            ),
            evidence,
            request_ids: causes.request_ids,
            overdue,
        }
    }

    /// The likeliest cause that the journal has, in a sentence.
    fn cause(&self, watches: &[Watch], device: Option<&str>) -> Option<String> {
        let environment = &self.stage.environment;
        let by_feed = |watch: &Watch| {
            matches!(
                watch.expectation(),
                Expectation::Updates(_) | Expectation::Event(_) | Expectation::Feed(_)
            )
        };
        let circumstances = Circumstances {
            contract: &environment.contract,
            wrong_password: self.wrong_password,
            awaits_feed: watches.iter().any(by_feed),
            now: environment.recorder.clock().elapsed(),
        };
        let journal = environment.recorder.journal();
        let all = journal.after(EntryId(0));
        let all: Vec<_> = all.filter(|entry| entry.concerns(device)).collect();
        let entries = all.iter().map(|entry| entry.as_ref());
        likely_causes::likeliest(entries, self.change.0, &circumstances).map(|cause| cause.words)
    }

    /// The simulated app is the reference: unless it was told to misbehave, what does not come true
    /// is the backend's doing, if the journal says how. Else the expectation may have come too early.
    fn suspect(&self, is_explained: bool) -> Subject {
        if self.stage.app_misbehaves {
            Subject::App
        } else if is_explained {
            Subject::Backend
        } else {
            Subject::Unclear
        }
    }
}

/// What is not true now; `transport` is that of the device's newest living socket.
fn wrong(
    watches: &[Watch],
    view: &crate::app::View,
    transport: Option<TransportName>,
) -> Vec<(usize, Truth)> {
    let truths = watches.iter().map(|watch| watch.truth(view, transport));
    let wrong = truths.enumerate();
    wrong.filter(|(_, truth)| *truth != Truth::Holds).collect()
}

/// Whether no more waiting can change what is wrong by now.
fn is_decided(timing: Timing, watches: &[Watch], wrong: &[(usize, Truth)], over: bool) -> bool {
    let broken = |truth: &Truth| matches!(truth, Truth::Broken(_));
    over || match timing {
        Timing::For(_) => wrong
            .iter()
            .any(|(index, truth)| !watches[*index].is_cumulative() || broken(truth)),
        Timing::Within(_) | Timing::Now => {
            wrong.is_empty() || wrong.iter().any(|(_, truth)| broken(truth))
        }
    }
}
