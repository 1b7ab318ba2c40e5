//! KILL-7: what can be had, and heard, while the kill-switch is on.

use super::not_asked::NotAsked;
use super::{OwnSession, Permission, Prober};
use crate::domain::journal::Question;
use crate::domain::secret::Account;

impl Prober<'_> {
    /// Signs in before the kill-switch is moved, as an account that the app does not use.
    pub(crate) async fn before_maintenance(
        &mut self,
        permission: &Permission,
        in_use: &[String],
    ) -> Option<OwnSession> {
        let signed = match bystander(permission, in_use) {
            Ok(account) => self.sign_in(account).await,
            Err(why) => Err(why),
        };
        signed.map_err(|why| self.skip("KILL-7", &why)).ok()
    }

    /// Asks for the status and for all data, while the kill-switch is on.
    pub(crate) async fn in_maintenance(&mut self, own: &OwnSession) {
        let contract = self.environment.contract.clone();
        let Some(switch) = &contract.kill_switch else {
            return;
        };
        let question = Some(Question::StatusInMaintenance);
        let asked = self
            .perform(question, &switch.operation, &[], own.with())
            .await;
        if let Err(why) = asked {
            self.skip("KILL-7", &why);
            return;
        }
        for resource in self.readable() {
            let question = Some(Question::DataInMaintenance);
            // What is not answered is not data either.
            let _ = self
                .perform(question, &resource.operation, &[], own.with())
                .await;
        }
        // That the feed is not to be asked leaves what was asked.
        let _ = self.ask_feed(Question::DataInMaintenance, own).await;
    }
}

/// An account whose second session does not disturb the app.
pub(super) fn bystander<'a>(
    permission: &'a Permission,
    in_use: &[String],
) -> Result<&'a Account, NotAsked> {
    match permission {
        Permission::Nothing { .. } | Permission::Everything(_) => permission.disposable(),
        Permission::Some { imitated: true, .. } => Err(NotAsked::Imitated),
        Permission::Some { accounts, .. } => permission
            .disposable()
            .ok()
            .into_iter()
            .chain(accounts)
            .find(|account| !in_use.contains(&account.name))
            .ok_or(NotAsked::AllInUse),
    }
}
