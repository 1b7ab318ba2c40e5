//! `--fault WHICH=WHAT`: a fault in the words of a scenario, short enough to be typed.

use serde_json::{Value, json};

use crate::domain::change::Change;
use crate::domain::contract::Contract;
use crate::suite;

/// How a fault is typed.
const FORM: &str = "write which requests and what happens to them, like `data=delay:2s`, `any=respond:503`, \
                    `sign-in=reset`, `any=refuse`, `realtime=black-hole`, `any=portal` or `any=untrusted`";

/// What the network of a hotel answers in the place of everybody.
const PORTAL: &str = "<html>Welcome aboard</html>";

/// Reads one that was typed, as far as that can be done without a contract.
pub(in crate::cli) fn typed(text: &str) -> Result<Value, String> {
    let (on, what) = text.rsplit_once('=').ok_or(FORM)?;
    let (name, value) = match what.split_once(':') {
        Some((name, value)) => (name, Some(value)),
        None => (what, None),
    };
    let form = || FORM.to_owned();
    let fault = match (name, value) {
        ("delay", Some(delay)) => json!(delay),
        ("respond", Some(status)) => {
            json!({ "status": status.parse::<u16>().map_err(|_| form())? })
        }
        ("portal", None) => {
            let headers = json!({ "content-type": "text/html" });
            json!({ "status": 200, "headers": headers, "body": PORTAL })
        }
        ("refuse" | "reset" | "black-hole" | "untrusted", None) => json!(true),
        _ => return Err(form()),
    };
    let name = if name == "portal" { "respond" } else { name };
    Ok(json!({ "on": on, (name): fault }))
}

/// Reads a change in the words of a scenario.
pub(super) fn read(asked: &Value, contract: &Contract) -> Result<Change, String> {
    suite::read_setting(asked, contract).map_err(|problems| problems.on_one_line())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::{Choice, Suite};

    #[test]
    fn what_is_typed_is_read_as_a_scenario_would_have_it() {
        let suite = Suite::load(&Choice::default()).unwrap();
        for (text, shown) in [
            ("data=delay:2s", "fault delay 2s on data"),
            ("any=respond:503", "fault respond 503 on any"),
            ("any=portal", "fault respond 200 on any"),
            (
                "GET trading /api/**=reset",
                "fault reset on GET trading /api/**",
            ),
            ("realtime=black-hole", "fault black-hole on realtime"),
            ("any=untrusted", "fault untrusted on any"),
        ] {
            let asked = json!({ "fault": typed(text).unwrap() });
            let change = read(&asked, &suite.contract).unwrap();
            assert_eq!(change.to_string(), shown, "{text}");
        }
        for wrong in [
            "",
            "data",
            "data=",
            "data=delay",
            "data=respond:many",
            "data=refuse:2",
        ] {
            assert!(typed(wrong).is_err(), "{wrong}");
        }
        let asked = json!({ "fault": typed("nothing-of-the-kind=reset").unwrap() });
        assert!(read(&asked, &suite.contract).is_err());
    }
}
