//! Whether the variables by which an app is built name the services of the target under test.
//!
//! It counts as a check of the project's own, of the name `variables`; it costs nothing, so it is made in
//! every run against a target that says where they stand.

use std::collections::BTreeMap;
use std::time::Instant;

use url::Url;

use crate::domain::contract::Contract;
use crate::domain::runbook::{Check, CheckEnd};
use crate::suite::Problems;
use crate::suite::config::{Environment, Target, VARIABLES};

/// Checks them; nothing if the target does not say where they stand, or the contract names none.
pub fn check_variables(
    target: &Target,
    contract: &Contract,
    environment: Environment<'_>,
) -> Option<Check> {
    let began = Instant::now();
    let source = target.app_variables.as_ref()?;
    let services = || {
        let all = contract.services.iter();
        all.filter_map(|service| Some((service.name.as_str(), service.variable.as_deref()?)))
    };
    services().next()?;
    let names: Vec<&str> = services().map(|(_, variable)| variable).collect();
    let (ended, output) = match source.read(&names, environment) {
        Err(problems) => (CheckEnd::NotStarted(told(&problems)), Vec::new()),
        Ok(values) => {
            let wrong = services().filter_map(|(service, variable)| {
                wrong(variable, &values, service, target.services.get(service)?)
            });
            let wrong: Vec<String> = wrong.collect();
            (CheckEnd::Exited(i32::from(!wrong.is_empty())), wrong)
        }
    };
    Some(Check {
        name: VARIABLES.to_owned(),
        command: source.to_string(),
        ended,
        duration: began.elapsed(),
        output,
    })
}

fn told(problems: &Problems) -> String {
    problems.on_one_line()
}

/// What is wrong with a variable. Its value may hold a secret, and only its host is shown.
fn wrong(
    variable: &str,
    values: &BTreeMap<String, String>,
    service: &str,
    wanted: &Url,
) -> Option<String> {
    let value = values.get(variable).map(|value| value.trim());
    let Some(value) = value.filter(|value| !value.is_empty()) else {
        return Some(format!("{variable} is not set"));
    };
    let url = match Url::parse(value) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.host_str().is_some() => url,
        _ => return Some(format!("{variable} is no http or https URL")),
    };
    if url.origin() != wanted.origin() {
        let (is, wanted) = (url.origin(), wanted.origin());
        return Some(format!(
            "{variable} points at {}, and the target's {service} is at {}",
            is.ascii_serialization(),
            wanted.ascii_serialization()
        ));
    }
    let path = |url: &Url| url.path().trim_end_matches('/').to_owned();
    (path(&url) != path(wanted)).then(|| {
        format!(
            "{variable} has another path than the target's {service}: {}",
            wanted.path()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(value: Option<&str>) -> Option<String> {
        let wanted = Url::parse("https://api.staging.example.com/edge/trading").unwrap();
        let values = value.map(|value| ("API".to_owned(), value.to_owned()));
        wrong("API", &values.into_iter().collect(), "trading", &wanted)
    }

    #[test]
    fn a_variable_must_be_there_be_a_url_and_lead_to_the_target() {
        for value in [
            "https://api.staging.example.com/edge/trading",
            " https://api.staging.example.com:443/edge/trading/ ",
        ] {
            assert_eq!(told(Some(value)), None, "{value}");
        }
        for (value, part) in [
            (None, "is not set"),
            (Some(" "), "is not set"),
            (Some("api.staging.example.com"), "no http or https URL"),
            (
                Some("ftp://api.staging.example.com"),
                "no http or https URL",
            ),
            (
                Some("http://api.staging.example.com/edge/trading"),
                "points at http://",
            ),
            (
                Some("https://u:secret@api.example.com/edge/trading"),
                "points at https://api.example.com,",
            ),
            (
                Some("https://api.staging.example.com/trading"),
                "another path",
            ),
        ] {
            let wrong = told(value).unwrap_or_default();
            assert!(wrong.contains(part), "{value:?}: {wrong}");
            assert!(!wrong.contains("secret"), "{wrong}");
        }
    }
}
