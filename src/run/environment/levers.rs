//! Changing the world around a client, and telling the journal.

use super::{Client, Environment};
use crate::domain::change::Change;
use crate::domain::journal::{Changed, Fact, HarnessFact, LeverHow};
use crate::run::failure::LeverError;

impl Environment {
    /// Changes the world. That the client's network went it is not told here: whoever plays the client
    /// does that.
    pub(in crate::run) async fn set(&self, change: &Change) -> Result<(), LeverError> {
        self.set_for(&self.client, change).await
    }

    /// Changes the world of one device: what happens at its gateway is its own, and whatever moves the
    /// backend concerns all.
    pub(in crate::run) async fn set_for(
        &self,
        client: &Client,
        change: &Change,
    ) -> Result<(), LeverError> {
        let mut is_news = true;
        let mut of = &client.recorder;
        let how = match change {
            Change::Maintenance(_)
            | Change::Backend { .. }
            | Change::Push { .. }
            | Change::Malform { .. }
            | Change::Own(_)
            | Change::ExpireTokens
            | Change::DropSockets => {
                of = &self.recorder;
                let gateways = self.clients().map(|own| &own.gateway);
                self.backend.set(change, gateways).await?
            }
            Change::Network(there) => {
                client.gateway.set_network(*there)?;
                LeverHow::Gateway
            }
            Change::Websocket(open) => {
                client.gateway.set_websocket(*open);
                LeverHow::Gateway
            }
            Change::Socket(open) => {
                client.gateway.set_socket(*open);
                LeverHow::Gateway
            }
            Change::ForgetSessions => {
                client.gateway.forget_polled_sessions();
                LeverHow::Gateway
            }
            Change::Fault { on, fault } => {
                client.gateway.set_fault(on.clone(), fault.clone())?;
                is_news = client.switched(on, fault.as_ref());
                LeverHow::Gateway
            }
        };
        if is_news {
            let change = change.clone();
            of.record(Fact::Harness(HarnessFact::Changed(Changed { change, how })));
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
}
