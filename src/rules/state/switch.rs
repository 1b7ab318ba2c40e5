//! What the client was told about the kill-switch.

use std::sync::Arc;

use crate::domain::contract::{KillSwitch, Role};
use crate::domain::journal::{Act, Answerer, Entry};
use crate::rules::exchange::Ended;
use crate::rules::moment::Moment;

/// What the client was told about the kill-switch, in the process that runs.
#[derive(Default)]
pub(crate) struct Switch {
    /// Since when the last valid answer says *blocked*.
    pub(crate) told: Option<Told>,
    /// The last valid answer that says *not blocked*, and when it was asked for.
    pub(crate) open: Option<(Moment, Moment)>,
    /// When an answer last said *not blocked* after one that said *blocked*.
    pub(crate) reopened: Option<Moment>,
    /// The last valid answer, and the last attempt that brought none.
    pub(crate) answered: Option<Moment>,
    pub(crate) failed: Option<Moment>,
}

/// An answer that says *blocked*.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    pub(crate) moment: Moment,
    /// Whether the backend said so itself, and not the gateway in its place.
    pub(crate) by_backend: bool,
    pub(crate) exchange: u64,
}

impl Switch {
    /// A process that starts or ends knows nothing yet.
    pub(super) fn act(&mut self, act: &Act) {
        if matches!(act, Act::Launch | Act::Kill) {
            self.told = None;
        }
    }

    /// Whether the last attempt brought no valid answer.
    pub(crate) fn is_silent(&self) -> bool {
        let id = |moment: Option<Moment>| moment.map(|moment| moment.id);
        id(self.failed) > id(self.answered)
    }

    /// Takes in how a question ended, if it is one for the kill-switch.
    pub(super) fn ended(&mut self, entry: &Arc<Entry>, ended: &Ended<'_>, switch: &KillSwitch) {
        if ended.request.role != Some(Role::Status) {
            return;
        }
        let moment = Moment::of(entry);
        let asked = Moment {
            id: ended.opened.id(),
            at: ended.opened.at(),
        };
        let said = ended
            .answer
            .and_then(|answer| Some((answer, answer.blocks(switch)?)));
        match said {
            Some((answer, true)) => {
                self.answered = Some(moment);
                self.told.get_or_insert(Told {
                    moment,
                    by_backend: answer.from == Answerer::Backend,
                    exchange: answer.exchange,
                });
            }
            Some((_, false)) => {
                self.answered = Some(moment);
                self.open = Some((asked, moment));
                if self.told.take().is_some() {
                    self.reopened = Some(moment);
                }
            }
            None => match ended.answer {
                Some(answer) if answer.status == 304 => self.answered = Some(moment),
                // More than the journal keeps: what it said is not known.
                Some(answer) if answer.body.is_partial() => {}
                _ => self.failed = Some(moment),
            },
        }
    }
}
