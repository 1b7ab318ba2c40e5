//! Steps that a caller of the library wrote in Rust.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

use super::{Player, Stop};
use crate::domain::journal::UnmetStep;
use crate::domain::scenario::Step;
use crate::run::failure::StepError;
use crate::run::moment::Moment;

impl Player<'_> {
    /// Lets the code at this place among the scenario's look at what there is. Like an expectation, it
    /// comes true or not: what panics in it has not.
    pub(super) async fn ask(&self, step: &Step, at: usize) -> Result<(), Stop> {
        let Some(own) = self.stage.own.get(at) else {
            return Ok(());
        };
        let actor = self.stage.actor(step.on);
        let view = actor.device.view().await.map_err(StepError::Device)?;
        let moment = Moment {
            view,
            recorder: self.stage.environment.recorder.clone(),
            device: actor.name.clone(),
            change: self.change,
        };
        let looked = AssertUnwindSafe(async { own(moment).await });
        looked.catch_unwind().await.map_err(|why| {
            Stop::Unmet(UnmetStep {
                subject: self.suspect(false),
                message: format!("step at {} did not come true: {}", step.place, step.text),
                expected: step.text.clone(),
                observed: words_of(&*why),
                evidence: vec![self.change],
                request_ids: Vec::new(),
                overdue: false,
            })
        })
    }
}

/// What a panic says.
fn words_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("the code of this step panicked").to_owned()
}
