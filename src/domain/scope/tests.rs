//! The evasion corpus: every case is data, so that growing it needs no code.

use proptest::prelude::*;
use serde::Deserialize;

use super::*;

mod routers;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    why: String,
    #[serde(default = "trading")]
    service: String,
    #[serde(default)]
    base_path: String,
    method: String,
    target: String,
    #[serde(default = "host")]
    host: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    body: Option<String>,
    class: Class,
    non_canonical: bool,
}

fn trading() -> String {
    "trading".to_owned()
}

fn host() -> String {
    "trading.test".to_owned()
}

fn judge_case(contract: &Contract, case: &Case) -> Judgement {
    let request = RequestView {
        service: &case.service,
        base_path: &case.base_path,
        method: &case.method,
        target: &case.target,
        host: &case.host,
        expected_authority: "trading.test",
        headers: &case.headers,
        body: Some(case.body.as_deref().unwrap_or_default().as_bytes()),
    };
    judge(contract, &request).judgement
}

#[test]
fn every_request_of_the_corpus_is_judged_as_it_says() {
    let contract = sample::contract();
    let cases: Vec<Case> =
        serde_json::from_str(include_str!("../../../fixtures/evasion/requests.json")).unwrap();
    assert!(cases.len() >= 190, "{}", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let judgement = judge_case(&contract, case);
        let found = (judgement.class, judgement.non_canonical.is_some());
        if found != (case.class, case.non_canonical) {
            wrong.push(format!(
                "{} ({} {}): {judgement:?}",
                case.why, case.method, case.target
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FrameCase {
    why: String,
    body: String,
    class: Class,
}

#[test]
fn every_polling_body_of_the_corpus_is_judged_as_it_says() {
    let contract = sample::contract();
    let cases: Vec<FrameCase> =
        serde_json::from_str(include_str!("../../../fixtures/evasion/frames.json")).unwrap();
    assert!(cases.len() >= 45, "{}", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let (class, reason) = packet::judge_payload(&contract, Some(case.body.as_bytes()));
        if class != case.class {
            wrong.push(format!(
                "{} ({:?}): {class:?}, {reason}",
                case.why, case.body
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

proptest! {
    #[test]
    fn no_request_makes_it_panic(
        method in "\\PC{0,8}",
        target in "\\PC{0,40}",
        body in proptest::collection::vec(any::<u8>(), 0..40),
        base in "(/[a-z]{1,4})?",
    ) {
        let contract = sample::contract();
        let headers = [("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
        let request = RequestView {
            service: "trading",
            base_path: &base,
            method: &method,
            target: &target,
            host: "",
            expected_authority: "",
            headers: &headers,
            body: Some(&body),
        };
        let _ = judge(&contract, &request);
    }

    #[test]
    fn a_forbidden_path_stays_forbidden_under_any_mix_of_disguises(
        choices in proptest::collection::vec(0_u8..6, 10),
    ) {
        let mut target = String::from("/api");
        for (letter, choice) in "/trade".chars().zip(&choices) {
            match (letter, choice) {
                ('/', 1) => target.push_str("//"),
                ('/', 2) => target.push_str("/./"),
                ('/', 3) => target.push_str("/x/../"),
                ('/', 4) => target.push_str(";a=b/"),
                ('/', 5) => target.push_str("%2f"),
                (_, 1) => target.push_str(&letter.to_uppercase().to_string()),
                (_, 2) => target.push_str(&format!("%{:02x}", u32::from(letter))),
                (_, 3) => target.push_str(&format!("%25{:02x}", u32::from(letter))),
                _ => target.push(letter),
            }
        }
        let contract = sample::contract();
        let request = RequestView {
            service: "trading",
            base_path: "",
            method: "POST",
            target: &target,
            host: "h",
            expected_authority: "h",
            headers: &[],
            body: Some(b""),
        };
        prop_assert_eq!(judge(&contract, &request).judgement.class, Class::Forbidden);
    }
}
