//! KILL-7 and API-13: what can be had, and heard, while the kill-switch is on.

use super::conditional::Validator;
use super::feed::Held;
use super::not_asked::NotAsked;
use super::{OwnSession, Permission, Prober};
use crate::domain::journal::Question;
use crate::domain::secret::Account;

/// What the harness had before the kill-switch was moved.
pub(crate) struct Bystander {
    /// Its session.
    own: OwnSession,
    /// What the kill-switch was given with.
    validator: Option<Validator>,
    /// A socket in the live feed.
    socket: Option<Held>,
}

impl Prober<'_> {
    /// Signs in before the kill-switch is moved, as an account that the app does not use.
    pub(crate) async fn before_maintenance(
        &mut self,
        permission: &Permission,
        in_use: &[String],
    ) -> Option<Bystander> {
        let signed = match bystander(permission, in_use) {
            Ok(account) => self.sign_in(account).await,
            Err(why) => Err(why),
        };
        let own = signed.map_err(|why| self.skip("KILL-7", &why)).ok()?;
        let contract = self.environment.contract.clone();
        let validator = match &contract.kill_switch {
            Some(switch) => self.given(&switch.operation, &own).await,
            None => None,
        };
        let socket = self.hold_feed(&own).await;
        Some(Bystander {
            socket: socket.map_err(|why| self.skip("KILL-7", &why)).ok(),
            validator: validator.map(|(validator, _)| validator),
            own,
        })
    }

    /// Asks for the status and for all data, while the kill-switch is on. Answers what the kill-switch
    /// is given with meanwhile.
    pub(crate) async fn in_maintenance(&mut self, bystander: Bystander) -> Option<Validator> {
        let contract = self.environment.contract.clone();
        let switch = contract.kill_switch.as_ref()?;
        let own = &bystander.own;
        let question = Some(Question::StatusInMaintenance);
        let asked = self
            .perform(question, &switch.operation, &[], own.with())
            .await;
        let status = match asked {
            Ok(status) => status,
            Err(why) => {
                self.skip("KILL-7", &why);
                return None;
            }
        };
        if let Some(before) = &bystander.validator {
            self.is_unchanged(&switch.operation, before, own).await;
        }
        for resource in self.readable() {
            let question = Some(Question::DataInMaintenance);
            // What is not answered is not data either.
            let _ = self
                .perform(question, &resource.operation, &[], own.with())
                .await;
        }
        if let Some(socket) = &bystander.socket {
            self.still_hears(socket).await;
        }
        // Where the feed is not to be asked, what was asked before stands.
        if let Err(why) = self.ask_feed(Question::DataInMaintenance, own).await {
            self.skip("KILL-7", &why);
        }
        Validator::of(&status)
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
