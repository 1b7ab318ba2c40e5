//! Operations that share method and path are told apart.

use super::super::*;

fn contract(sign_in: &str, refresh: &str) -> Contract {
    let text = format!(
        "services: {{ api: {{}} }}\nsession:\n  sign-in: {{ request: POST /token, {sign_in} }}\n  refresh: {{ request: POST /token, {refresh} }}\nresources:\n  a: {{ request: GET /list, query: {{ kind: a }} }}\n  b: {{ request: GET /list, query: {{ kind: b }} }}\nscreens: {{ home: [a, b] }}\n"
    );
    read_contract(&Source::new("t.yaml", text)).unwrap()
}

fn role(contract: &Contract, method: &str, path: &str, query: &str, body: &str) -> String {
    let role = contract.role_of_call(method, "api", path, query, Some(body.as_bytes()));
    role.map_or_else(|| "none".to_owned(), |role| role.to_string())
}

#[test]
fn sign_in_and_refresh_at_one_endpoint_are_told_apart_by_a_fixed_field() {
    let oauth = contract(
        "form: { grant_type: password, username: \"{username}\", password: \"{password}\" }",
        "form: { grant_type: refresh_token, refresh_token: \"{refresh-token}\" }",
    );
    let post = |body| role(&oauth, "POST", "/token", "", body);
    assert_eq!(post("grant_type=password&username=a&password=b"), "sign-in");
    assert_eq!(post("grant_type=refresh_token&refresh_token=r"), "refresh");
    assert_eq!(post("username=a"), "sign-in", "nothing tells them apart");
    assert_eq!(post("grant_type=client_credentials"), "none");
}

#[test]
fn sign_in_and_refresh_at_one_endpoint_are_told_apart_by_the_fields_they_have() {
    let plain = contract(
        "json: { user: \"{username}\", pass: \"{password}\" }",
        "json: { renew: { with: \"{refresh-token}\" } }",
    );
    let post = |body| role(&plain, "POST", "/token", "", body);
    assert_eq!(post(r#"{"user": "a", "pass": "b"}"#), "sign-in");
    assert_eq!(post(r#"{"renew": {"with": "r"}}"#), "refresh");
    assert_eq!(role(&plain, "GET", "/list", "kind=b&x=1", ""), "b");
    assert_eq!(role(&plain, "GET", "/list", "kind=a", ""), "a");
    assert_eq!(role(&plain, "GET", "/elsewhere", "", ""), "none");
}
