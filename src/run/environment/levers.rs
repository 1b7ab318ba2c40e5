//! Changing the world around a client, and telling the journal.

use std::sync::PoisonError;

use super::Environment;
use crate::domain::change::{Change, Fault, RequestMatch};
use crate::domain::journal::{Changed, HarnessFact, LeverHow};
use crate::run::failure::LeverError;

impl Environment {
    /// Changes the world. That the client's network went it is not told here: whoever plays the client
    /// does that.
    pub(in crate::run) async fn set(&self, change: &Change) -> Result<(), LeverError> {
        let mut is_news = true;
        let how = match change {
            Change::Maintenance(_)
            | Change::Backend { .. }
            | Change::Push { .. }
            | Change::Malform { .. }
            | Change::Own(_)
            | Change::ExpireTokens
            | Change::DropSockets => self.backend.set(change, &self.gateway).await?,
            Change::Network(there) => {
                self.gateway.set_network(*there)?;
                LeverHow::Gateway
            }
            Change::Websocket(open) => {
                self.gateway.set_websocket(*open);
                LeverHow::Gateway
            }
            Change::Socket(open) => {
                self.gateway.set_socket(*open);
                LeverHow::Gateway
            }
            Change::ForgetSessions => {
                self.gateway.forget_polled_sessions();
                LeverHow::Gateway
            }
            Change::Fault { on, fault } => {
                self.gateway.set_fault(on.clone(), fault.clone())?;
                is_news = self.switched(on, fault.as_ref());
                LeverHow::Gateway
            }
        };
        if is_news {
            let change = change.clone();
            self.note(HarnessFact::Changed(Changed { change, how }));
        }
        Ok(())
    }

    /// Puts back what has been switched at a deployment and still is. What stays switched is said in the
    /// journal, and the lease keeps it for the next run.
    pub(in crate::run) async fn put_back(&self) {
        for switched in self.backend.switched() {
            let Some(undone) = switched.undone() else {
                continue;
            };
            if let Err(why) = self.set(&undone).await {
                self.note(HarnessFact::Failed {
                    why: format!("{switched} could not be put back: {why}"),
                });
            }
        }
    }

    /// Whether a fault begins, or one ends that was on.
    fn switched(&self, on: &RequestMatch, fault: Option<&Fault>) -> bool {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let before = faults.len();
        faults.retain(|own| own != on);
        let was_on = faults.len() < before;
        if fault.is_some() {
            faults.push(on.clone());
        }
        was_on || fault.is_some()
    }
}
