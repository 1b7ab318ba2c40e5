//! API-8: sign-ins that must be refused.

use super::not_asked::NotAsked;
use super::{Permission, Prober, With};
use crate::domain::bindings::Bindings;
use crate::domain::journal::Question;
use crate::domain::secret::Secret;

/// What a name that nobody has begins with.
const NOBODY: &str = "rehearsal-nobody-";

/// A password that nobody has. It is long and mixed, so that no rule on passwords refuses it first.
const WRONG: &str = "Not-The-Password-7!";

impl Prober<'_> {
    /// Signs in with a name that nobody has, and with a wrong password. Wrong passwords may lock an
    /// account, so it is only done to one that may be spoilt, and once.
    pub(super) async fn wrong_credentials(&mut self, permission: &Permission) {
        if let Err(why) = self.sign_in_wrongly(permission).await {
            self.skip("API-8", &why);
        }
    }

    async fn sign_in_wrongly(&mut self, permission: &Permission) -> Result<(), NotAsked> {
        let account = permission.disposable()?;
        // Whoever cannot get in with what is right learns nothing from what is wrong.
        self.sign_in(account).await?;
        let contract = self.environment.contract.clone();
        let operation = &contract.session.sign_in.operation;
        let cases = [
            (
                Question::UnknownUser,
                format!("{NOBODY}{}", account.username),
            ),
            (Question::WrongPassword, account.username.clone()),
        ];
        for (question, username) in cases {
            let bindings = Bindings {
                username: Some(username),
                password: Some(Secret::new(WRONG)),
                ..Bindings::default()
            };
            let with = With {
                connection: "nobody",
                ..With::of(&bindings)
            };
            self.perform(Some(question), operation, &[], with).await?;
        }
        // The account is left as it was found: a sign-in resets what counts wrong ones.
        self.sign_in(account).await?;
        Ok(())
    }
}
