//! API-1: whether each service says that it is alive.

use super::{Prober, With, kept_as};
use crate::domain::bindings::Bindings;

impl Prober<'_> {
    /// Asks every health request of the contract, as anybody may. What is not answered stands in the
    /// journal, too.
    pub(crate) async fn health(&mut self) {
        let contract = self.environment.contract.clone();
        let nobody = Bindings::default();
        for operation in contract.health.iter().filter(|own| !own.is_write()) {
            // On a connection of its own, as a monitor asks: one that was kept since the last time may have
            // been closed meanwhile.
            self.connections.remove(&kept_as("", &operation.service));
            let _ = self.perform(None, operation, &[], With::of(&nobody)).await;
        }
    }
}
