//! API-15: what the app reads, between two readings of another client.

use super::not_asked::NotAsked;
use super::{OwnSession, Prober, With};
use crate::domain::contract::{Counterpart, Parity, Resource};
use crate::domain::journal::{Question, Reading};
use crate::domain::secret::Account;

/// The connection of the other client: a backend may know its clients by that.
const CONNECTION: &str = "another client";

impl Prober<'_> {
    /// Reads as another client, as the app, and as the other client again.
    pub(super) async fn compare(&mut self, account: &Account, own: &OwnSession) {
        let contract = self.environment.contract.clone();
        let asked = match &contract.parity {
            Some(parity) => self.compare_all(parity, account, own).await,
            None => Err(NotAsked::NoPart("`parity`")),
        };
        if let Err(why) = asked {
            self.skip("API-15", &why);
        }
    }

    async fn compare_all(
        &mut self,
        parity: &Parity,
        account: &Account,
        own: &OwnSession,
    ) -> Result<(), NotAsked> {
        let contract = self.environment.contract.clone();
        let sign_in = parity.sign_in.as_ref().unwrap_or(&contract.session.sign_in);
        let other = self.sign_in_by(None, sign_in, account).await?;
        for counterpart in &parity.resources {
            if let Err(why) = self.compare_one(counterpart, own, &other).await {
                self.skip("API-15", &why);
            }
        }
        Ok(())
    }

    async fn compare_one(
        &mut self,
        counterpart: &Counterpart,
        own: &OwnSession,
        other: &OwnSession,
    ) -> Result<(), NotAsked> {
        let contract = self.environment.contract.clone();
        let Some(resource) = contract.resource(&counterpart.of) else {
            return Ok(());
        };
        let elsewhere = &counterpart.resource;
        let readings = [
            (Reading::OtherFirst, elsewhere, other),
            (Reading::App, resource, own),
            (Reading::OtherAgain, elsewhere, other),
        ];
        for (reading, resource, session) in readings {
            self.read_whole(reading, resource, session).await?;
        }
        Ok(())
    }

    /// Reads everything of a resource, page by page where it has pages.
    async fn read_whole(
        &mut self,
        reading: Reading,
        resource: &Resource,
        session: &OwnSession,
    ) -> Result<(), NotAsked> {
        let with = || match reading {
            Reading::App => session.with(),
            Reading::OtherFirst | Reading::OtherAgain => With {
                connection: CONNECTION,
                ..session.with()
            },
        };
        let asking = |page| Question::Compared {
            resource: resource.name.clone(),
            reading,
            page,
        };
        if let Some(paging) = &resource.paging {
            let size = paging.size.as_ref().map(|(_, size)| *size);
            self.one_walk(with, resource, paging, asking, size).await?;
            return Ok(());
        }
        let reply = self
            .perform(Some(asking(1)), &resource.operation, &[], with())
            .await?;
        if reply.succeeded() {
            return Ok(());
        }
        Err(NotAsked::PageRefused {
            page: 1,
            resource: resource.name.clone(),
            status: reply.status,
        })
    }
}
