//! What the user of an app did, as whoever drives it says.

use serde::Deserialize;

use crate::domain::contract::Contract;
use crate::domain::journal::{Act, Report, StorageAccident};

/// Every act with a body that marks it.
pub(super) const ACTS: [(&str, &str); 12] = [
    ("launch", r#"{"act": "launch"}"#),
    ("sign-in", r#"{"act": "sign-in", "account": "<its name>"}"#),
    ("sign-out", r#"{"act": "sign-out"}"#),
    ("kill", r#"{"act": "kill"}"#),
    ("background", r#"{"act": "background"}"#),
    ("foreground", r#"{"act": "foreground"}"#),
    ("refresh", r#"{"act": "refresh"}"#),
    ("open", r#"{"act": "open", "screen": "<its name>"}"#),
    (
        "load-more",
        r#"{"act": "load-more", "resource": "<its name>"}"#,
    ),
    (
        "storage",
        r#"{"act": "storage", "accident": "<lost, corrupt, undecryptable or oversized>"}"#,
    ),
    ("offline", r#"{"act": "offline"}"#),
    ("online", r#"{"act": "online"}"#),
];

/// Why a mark cannot be set.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadMark {
    /// Nobody does such a thing.
    #[error("there is no act `{act}`; there are {}", acts())]
    NoAct {
        /// As it was sent.
        act: String,
    },
    /// The act is not done to anything of that kind.
    #[error("`{act}` takes no `{key}`")]
    Takes {
        /// The act.
        act: String,
        /// What was sent along.
        key: &'static str,
    },
    /// Nothing says to what the act is done.
    #[error("`{act}` needs `{key}`")]
    Needs {
        /// The act.
        act: String,
        /// What was not sent along.
        key: &'static str,
    },
    /// The act is done to something that nobody has named.
    #[error("the {of} has no {kind} `{name}`; it has {}", known.join(", "))]
    Unknown {
        /// What has names of that kind: the contract, or the target.
        of: &'static str,
        /// What it should have been.
        kind: &'static str,
        /// As it was sent.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
}

fn acts() -> String {
    let acts: Vec<&str> = ACTS.iter().map(|(act, _)| *act).collect();
    acts.join(", ")
}

/// A mark as it is sent.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mark {
    act: String,
    #[serde(default)]
    account: Option<String>,
    #[serde(default)]
    screen: Option<String>,
    #[serde(default)]
    resource: Option<String>,
    #[serde(default)]
    accident: Option<String>,
}

/// What can happen to an app's storage, by the words for it.
const ACCIDENTS: [(&str, StorageAccident); 4] = [
    ("lost", StorageAccident::Lost),
    ("corrupt", StorageAccident::Corrupt),
    ("undecryptable", StorageAccident::Undecryptable),
    ("oversized", StorageAccident::Oversized),
];

/// What an app shows, as it is sent: a report with names that the contract and the target have. Users
/// are named as in a mark.
pub(super) fn report(
    asked: serde_json::Value,
    contract: &Contract,
    accounts: &[(&str, &str)],
) -> Result<Report, String> {
    let report: Report = serde_json::from_value(asked).map_err(|error| error.to_string())?;
    let read = match report {
        Report::User(name) => signs_in(name, accounts).map(Report::User),
        Report::Screen(name) => {
            let own = ["signed-out", "loading", "maintenance"].into_iter();
            let screens = contract.screens.iter().map(|screen| screen.name.as_str());
            listed(name.to_string(), "contract", "screen", own.chain(screens))
                .map(|_| Report::Screen(name))
        }
        Report::Feed(_) | Report::Restored(_) => Ok(report),
    };
    read.map_err(|why| why.to_string())
}

impl Mark {
    /// The act that this marks, with names that the contract has. `accounts` are those of the
    /// target, each with what it signs in with: either may be sent. A target without any lets anybody
    /// sign in.
    pub(super) fn read(
        self,
        contract: &Contract,
        accounts: &[(&str, &str)],
    ) -> Result<Act, BadMark> {
        let wanted = match self.act.as_str() {
            "sign-in" => Some("account"),
            "open" => Some("screen"),
            "load-more" => Some("resource"),
            "storage" => Some("accident"),
            _ => None,
        };
        let word = self.act.clone();
        if let Some(key) = self.strange(wanted) {
            return Err(BadMark::Takes { act: word, key });
        }
        let need = |value: Option<String>, key: &'static str| {
            value
                .filter(|text| !text.trim().is_empty())
                .ok_or_else(|| BadMark::Needs {
                    act: word.clone(),
                    key,
                })
        };
        Ok(match self.act.as_str() {
            "launch" => Act::Launch,
            "sign-in" => Act::SignIn {
                account: signs_in(need(self.account, "account")?, accounts)?,
            },
            "sign-out" => Act::SignOut,
            "kill" => Act::Kill,
            "background" => Act::Background,
            "foreground" => Act::Foreground,
            "refresh" => Act::Refresh,
            "open" => Act::Open {
                screen: listed(
                    need(self.screen, "screen")?,
                    "contract",
                    "screen",
                    contract.screens.iter().map(|screen| screen.name.as_str()),
                )?,
            },
            "load-more" => Act::LoadMore {
                resource: listed(
                    need(self.resource, "resource")?,
                    "contract",
                    "resource",
                    contract.resources.iter().map(|own| own.name.as_str()),
                )?,
            },
            "storage" => {
                let words = ACCIDENTS.iter().map(|(word, _)| *word);
                let word = listed(need(self.accident, "accident")?, "list", "accident", words)?;
                let known = ACCIDENTS.iter().find(|(own, _)| *own == word);
                Act::Storage {
                    accident: known.map_or(StorageAccident::Lost, |(_, accident)| *accident),
                }
            }
            "offline" => Act::Offline,
            "online" => Act::Online,
            _ => return Err(BadMark::NoAct { act: word }),
        })
    }
}

impl Mark {
    /// What was sent along beside what is wanted.
    fn strange(&self, wanted: Option<&str>) -> Option<&'static str> {
        let given = [
            ("account", &self.account),
            ("screen", &self.screen),
            ("resource", &self.resource),
            ("accident", &self.accident),
        ];
        let mut strange = given
            .into_iter()
            .filter(|(key, value)| value.is_some() && wanted != Some(*key));
        strange.next().map(|(key, _)| key)
    }
}

/// The account that is meant, by its name.
fn signs_in(sent: String, accounts: &[(&str, &str)]) -> Result<String, BadMark> {
    let names = accounts.iter().map(|(name, _)| *name);
    match accounts.iter().find(|(_, username)| *username == sent) {
        _ if accounts.is_empty() || names.clone().any(|name| name == sent) => Ok(sent),
        Some((name, _)) => Ok((*name).to_owned()),
        None => listed(sent, "target", "account", names),
    }
}

fn listed<'a>(
    name: String,
    of: &'static str,
    kind: &'static str,
    all: impl Iterator<Item = &'a str> + Clone,
) -> Result<String, BadMark> {
    if all.clone().any(|own| own == name) {
        return Ok(name);
    }
    let known = all.map(str::to_owned).collect();
    Err(BadMark::Unknown {
        of,
        kind,
        name,
        known,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::contract::harbour::harbour;

    fn read(body: Value) -> Result<Act, String> {
        let mark: Mark = serde_json::from_value(body).map_err(|error| error.to_string())?;
        mark.read(&harbour(), &[("ada", "ada@x.test"), ("bo", "bo@x.test")])
            .map_err(|why| why.to_string())
    }

    #[test]
    fn every_act_that_is_listed_can_be_marked() {
        let contract = harbour();
        for (act, body) in ACTS {
            let name = match act {
                "open" => contract.screens[0].name.as_str(),
                "load-more" => contract.resources[0].name.as_str(),
                "storage" => "lost",
                _ => "ada",
            };
            let body = body
                .replace("<its name>", name)
                .replace("<lost, corrupt, undecryptable or oversized>", name);
            assert!(read(serde_json::from_str(&body).unwrap()).is_ok(), "{body}");
        }
    }

    #[test]
    fn who_signs_in_may_be_said_by_what_they_sign_in_with() {
        let act = read(json!({"act": "sign-in", "account": "bo@x.test"})).unwrap();
        let account = "bo".to_owned();
        assert_eq!(act, Act::SignIn { account });
    }

    #[test]
    fn anybody_signs_in_where_the_target_names_nobody() {
        let mark: Mark =
            serde_json::from_value(json!({"act": "sign-in", "account": "cleo"})).unwrap();
        assert!(mark.read(&harbour(), &[]).is_ok());
    }

    #[test]
    fn what_an_app_shows_is_told_by_names_that_are_known() {
        let read = |body: Value| report(body, &harbour(), &[("ada", "ada@port.example")]);
        assert_eq!(read(json!({"restored": true})), Ok(Report::Restored(true)));
        assert!(read(json!({"screen": "loading"})).is_ok());
        assert!(read(json!({"screen": "bridge"})).is_ok());
        assert!(read(json!({"user": "ada"})).is_ok());
        assert!(read(json!({"feed": "live"})).is_ok());
        for (body, why) in [
            (
                json!({"screen": "nowhere"}),
                "has no screen `nowhere`; it has",
            ),
            (json!({"user": "eve"}), "has no account `eve`; it has ada"),
            (json!({"feed": "quick"}), "unknown variant"),
            (json!({}), "expected"),
            (json!({"mood": "good"}), "unknown variant"),
        ] {
            let error = read(body).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn what_cannot_be_marked_is_answered_with_what_can() {
        for (body, why) in [
            (
                json!({"act": "lunch"}),
                "there is no act `lunch`; there are launch,",
            ),
            (json!({"act": "sign-in"}), "`sign-in` needs `account`"),
            (json!({"act": "sign-in", "account": " "}), "needs `account`"),
            (
                json!({"act": "kill", "account": "ada"}),
                "`kill` takes no `account`",
            ),
            (
                json!({"act": "open", "screen": "nowhere"}),
                "has no screen `nowhere`; it has",
            ),
            (
                json!({"act": "sign-in", "account": "adda"}),
                "the target has no account `adda`; it has ada, bo",
            ),
            (json!({"act": "kill", "hard": true}), "unknown field `hard`"),
            (json!({}), "missing field `act`"),
        ] {
            let error = read(body).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
