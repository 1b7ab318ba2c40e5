//! Scalars without quotes: text where text is wanted, and never another number than is written.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::*;
use crate::domain::contract::{Asked, Body, KillSwitch};

/// A contract with these lines before and these keys in its kill-switch.
fn contract(constants: &str, sign_in: &str, switch: &str) -> Contract {
    let text = format!(
        r#"
constants: {{ {constants} }}
services: {{ api: {{}} }}
session:
  sign-in: {{ request: POST api /in, form: {{ u: "{{username}}", p: "{{password}}" }}, {sign_in} }}
kill-switch: {{ request: GET api /flags, {switch} }}
resources: {{ one: GET api /one }}
screens: {{ first: one }}
"#
    );
    read_contract(&Source::new("contract.yaml", text.as_str())).unwrap_or_else(|problems| {
        panic!("{}", problems.render(Rendering::Plain));
    })
}

#[test]
fn a_constant_without_quotes_goes_out_as_it_is_written() {
    for written in [
        "1.10",
        "0123",
        "5319E7",
        "12345678901234567890123",
        "1e3",
        "+5",
        "0x1f",
        "~",
        "null",
        "True",
        "on",
        "2026-01-02",
    ] {
        let headers = "headers: { x-version: \"{version}\", x-more: \"v{version}\" }, query: { v: \"{version}\" }";
        let read = contract(
            &format!("version: {written}"),
            headers,
            "blocked: { status: 503 }",
        );
        let operation = &read.session.sign_in.operation;
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(operation.query, [pair("v", written)]);
        assert_eq!(
            operation.headers,
            [
                pair("x-version", written),
                pair("x-more", &format!("v{written}"))
            ]
        );
    }
}

#[test]
fn what_stands_without_quotes_where_text_is_wanted_is_text() {
    let read = contract(
        "",
        "headers: { x-build: 0123, x-commit: 5319E7 }",
        "blocked: { status: 503 }",
    );
    let values: Vec<&str> = read
        .session
        .sign_in
        .operation
        .headers
        .iter()
        .map(|(_, value)| value.as_str())
        .collect();
    assert_eq!(values, ["0123", "5319E7"]);
    assert!(matches!(
        &read.session.sign_in.operation.body,
        Body::Form(_)
    ));
    assert_eq!(read.request_timeout, Duration::from_secs(10));
}

/// What an answer with this header and this body says.
fn says(switch: &KillSwitch, header: Option<&str>, body: &Value) -> Option<bool> {
    let headers = header.map(|value| ("x-state", value));
    let answer = Asked {
        status: 200,
        is_page: false,
        body: Some(body),
    };
    switch.says(answer, |at| at.in_answer(headers, Some(body)))
}

#[test]
fn a_switch_in_a_header_is_compared_as_text() {
    let read = |is: &str| {
        contract(
            "",
            "authorized: off",
            &format!("blocked: {{ at: header:x-state, {is} }}"),
        )
        .kill_switch
        .unwrap()
    };
    assert_eq!(
        says(&read("is: true"), Some("true"), &json!({})),
        Some(true)
    );
    assert_eq!(
        says(&read("is: 0123"), Some("0123"), &json!({})),
        Some(true)
    );
    assert_eq!(says(&read("is: 1"), Some("0"), &json!({})), Some(false));
    assert_eq!(says(&read("is: 1"), None, &json!({})), None);
    assert_eq!(
        says(&read("is: 1, absent: off"), None, &json!({})),
        Some(false)
    );
}

#[test]
fn a_switch_that_is_off_by_its_absence_has_answers_that_say_so() {
    for (blocked, on) in [
        (
            "{ at: /maintenance, is: true, absent: off }",
            json!({"maintenance": true}),
        ),
        (
            "{ at: /state, is: [closed, readonly], absent: off }",
            json!({"state": "closed"}),
        ),
        ("{ at: /open, is-not: true, absent: on }", json!({})),
    ] {
        let switch = contract("", "authorized: off", &format!("blocked: {blocked}"))
            .kill_switch
            .unwrap();
        assert_eq!(switch.answer_on, on, "{blocked}");
        assert_eq!(
            says(&switch, None, &switch.answer_on),
            Some(true),
            "{blocked}"
        );
        assert_eq!(
            says(&switch, None, &switch.answer_off),
            Some(false),
            "{blocked}"
        );
    }
    let until = "blocked: { at: /until, is-not: null, absent: off }, answers: { off: {}, on: { until: soon } }";
    let switch = contract("", "authorized: off", until).kill_switch.unwrap();
    assert_eq!(says(&switch, None, &json!({"until": null})), Some(false));
    assert_eq!(
        says(&switch, None, &json!({"until": "tomorrow"})),
        Some(true)
    );
}
