//! What the user of an app did, as whoever drives it says.

use serde::Deserialize;

use crate::domain::contract::Contract;
use crate::domain::journal::Act;

/// Every act with a body that marks it.
pub(super) const ACTS: [(&str, &str); 11] = [
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
    ("offline", r#"{"act": "offline"}"#),
    ("online", r#"{"act": "online"}"#),
];

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
}

impl Mark {
    /// What was done.
    pub(super) fn read(self, contract: &Contract) -> Result<Act, String> {
        let given = [
            ("account", &self.account),
            ("screen", &self.screen),
            ("resource", &self.resource),
        ];
        let wanted = match self.act.as_str() {
            "sign-in" => Some("account"),
            "open" => Some("screen"),
            "load-more" => Some("resource"),
            _ => None,
        };
        let word = self.act.clone();
        let strange = given
            .iter()
            .find(|(key, value)| value.is_some() && wanted != Some(key));
        if let Some((key, _)) = strange {
            return Err(format!("`{word}` takes no `{key}`"));
        }
        let need = |value: Option<String>, key: &str| {
            value
                .filter(|text| !text.trim().is_empty())
                .ok_or_else(|| format!("`{word}` needs `{key}`"))
        };
        Ok(match self.act.as_str() {
            "launch" => Act::Launch,
            "sign-in" => Act::SignIn {
                account: need(self.account, "account")?,
            },
            "sign-out" => Act::SignOut,
            "kill" => Act::Kill,
            "background" => Act::Background,
            "foreground" => Act::Foreground,
            "refresh" => Act::Refresh,
            "open" => Act::Open {
                screen: known(
                    need(self.screen, "screen")?,
                    "screen",
                    contract.screens.iter().map(|screen| screen.name.as_str()),
                )?,
            },
            "load-more" => Act::LoadMore {
                resource: known(
                    need(self.resource, "resource")?,
                    "resource",
                    contract.resources.iter().map(|own| own.name.as_str()),
                )?,
            },
            "offline" => Act::Offline,
            "online" => Act::Online,
            other => {
                let all: Vec<&str> = ACTS.iter().map(|(act, _)| *act).collect();
                return Err(format!(
                    "there is no act `{other}`; there are {}",
                    all.join(", ")
                ));
            }
        })
    }
}

fn known<'a>(
    name: String,
    kind: &str,
    all: impl Iterator<Item = &'a str> + Clone,
) -> Result<String, String> {
    if all.clone().any(|own| own == name) {
        return Ok(name);
    }
    let all: Vec<&str> = all.collect();
    Err(format!(
        "the contract has no {kind} `{name}`; it has {}",
        all.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::contract::harbour::harbour;

    fn read(body: Value) -> Result<Act, String> {
        let mark: Mark = serde_json::from_value(body).map_err(|error| error.to_string())?;
        mark.read(&harbour())
    }

    #[test]
    fn every_act_that_is_listed_can_be_marked() {
        let contract = harbour();
        for (act, body) in ACTS {
            let name = match act {
                "open" => contract.screens[0].name.as_str(),
                "load-more" => contract.resources[0].name.as_str(),
                _ => "ada",
            };
            let body = body.replace("<its name>", name);
            assert!(read(serde_json::from_str(&body).unwrap()).is_ok(), "{body}");
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
            (json!({"act": "kill", "hard": true}), "unknown field `hard`"),
            (json!({}), "missing field `act`"),
        ] {
            let error = read(body).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
