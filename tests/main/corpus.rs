//! The evasion corpus: every case is data, so that growing it needs no code.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rehearsal::internals::domain::contract::Contract;
use rehearsal::internals::domain::journal::{Class, Judgement};
use rehearsal::internals::domain::scope::{RequestView, judge};
use rehearsal::internals::suite::{Source, read_contract};
use serde::Deserialize;
use serde::de::DeserializeOwned;

const AUTHORITY: &str = "trading.test";

pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/evasion")
        .join(name)
}

pub(crate) fn contract() -> Arc<Contract> {
    let Ok(source) = Source::read(&fixture("contract.yaml"), "contract") else {
        panic!("the corpus' contract cannot be read");
    };
    let Ok(contract) = read_contract(&source) else {
        panic!("the corpus' contract is not valid");
    };
    Arc::new(contract)
}

/// One request of the corpus.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) why: String,
    #[serde(default = "trading")]
    pub(crate) service: String,
    #[serde(default)]
    pub(crate) base_path: String,
    pub(crate) method: String,
    pub(crate) target: String,
    #[serde(default = "host")]
    pub(crate) host: String,
    #[serde(default)]
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<String>,
    pub(crate) class: Class,
    pub(crate) non_canonical: bool,
}

pub(crate) fn trading() -> String {
    "trading".to_owned()
}

pub(crate) fn host() -> String {
    AUTHORITY.to_owned()
}

impl Case {
    pub(crate) fn judge(&self, contract: &Contract) -> Judgement {
        let request = RequestView {
            service: &self.service,
            base_path: &self.base_path,
            method: &self.method,
            target: &self.target,
            host: &self.host,
            expected_authority: AUTHORITY,
            headers: &self.headers,
            body: Some(self.body.as_deref().unwrap_or_default().as_bytes()),
        };
        judge(contract, &request).judgement
    }
}

/// One body of long-polling of the corpus.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FrameCase {
    pub(crate) why: String,
    pub(crate) body: String,
    pub(crate) class: Class,
}

impl FrameCase {
    pub(crate) fn judge(&self, contract: &Contract) -> Judgement {
        let request = Case {
            why: self.why.clone(),
            service: trading(),
            base_path: String::new(),
            method: "POST".to_owned(),
            target: "/socket.io/?EIO=4&transport=polling&sid=S".to_owned(),
            host: host(),
            headers: Vec::new(),
            body: Some(self.body.clone()),
            class: self.class,
            non_canonical: false,
        };
        request.judge(contract)
    }
}

fn read<T: DeserializeOwned>(name: &str) -> Vec<T> {
    let text = std::fs::read_to_string(fixture(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

pub(crate) fn requests() -> Vec<Case> {
    read("requests.json")
}

pub(crate) fn frames() -> Vec<FrameCase> {
    read("frames.json")
}

#[test]
fn every_request_of_the_corpus_is_judged_as_it_says() {
    let contract = contract();
    let cases = requests();
    assert!(cases.len() >= 190, "{}", cases.len());
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let judgement = case.judge(&contract);
            let found = (judgement.class, judgement.non_canonical.is_some());
            (found != (case.class, case.non_canonical)).then(|| {
                format!(
                    "{} {}: {judgement:?}: {}",
                    case.method, case.target, case.why
                )
            })
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_polling_body_of_the_corpus_is_judged_as_it_says() {
    let contract = contract();
    let cases = frames();
    assert!(cases.len() >= 45, "{}", cases.len());
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let judgement = case.judge(&contract);
            let told = || format!("{} ({:?}): {judgement:?}", case.why, case.body);
            (judgement.class != case.class).then(told)
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
