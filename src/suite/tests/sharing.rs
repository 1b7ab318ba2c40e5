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
    assert_eq!(post("x=1"), "none", "nothing of either is there");
    let in_url = "grant_type=refresh_token&refresh_token=r";
    assert_eq!(role(&oauth, "POST", "/token", in_url, ""), "refresh");
}

#[test]
fn operations_behind_one_path_are_told_apart_by_what_they_say() {
    let text = "services: { api: {} }\nsession: { sign-in: { request: POST /rpc, json: { jsonrpc: \"2.0\", id: 1, method: enter, params: [\"{username}\", \"{password}\"] } } }\nresources:\n  ships: { request: POST /rpc, json: { jsonrpc: \"2.0\", id: 1, method: ships } }\n  crew: { request: POST /graphql, json: { operationName: Crew, variables: { first: 9 } } }\nscreens: { home: [ships, crew] }\n";
    let contract = read_contract(&Source::new("t.yaml", text.to_owned())).unwrap();
    let post = |path, body| role(&contract, "POST", path, "", body);
    let rpc = |body| post("/rpc", body);
    assert_eq!(rpc(r#"{"jsonrpc":"2.0","id":7,"method":"ships"}"#), "ships");
    assert_eq!(
        rpc(r#"{"jsonrpc":"2.0","id":8,"method":"enter","params":["u","p"]}"#),
        "sign-in"
    );
    assert_eq!(rpc(r#"{"jsonrpc":"2.0","id":9,"method":"sink"}"#), "none");
    assert_eq!(rpc(""), "none");
    let graphql = |body| post("/graphql", body);
    assert_eq!(
        graphql(
            r#"{"operationName":"Crew","variables":{"first":20},"query":"query Crew { crew }"}"#
        ),
        "crew"
    );
    assert_eq!(graphql(r#"{"operationName":"Mutiny"}"#), "none");
}

#[test]
fn a_path_written_out_goes_before_a_template_that_was_declared_earlier() {
    let text = "services: { api: {} }\nsession: { sign-in: { request: POST /in, json: { u: \"{username}\", p: \"{password}\" } } }\nresources:\n  one: { request: \"GET /ships/{access-token}\" }\n  all: { request: GET /ships/all }\nscreens: { home: [one, all] }\n";
    let contract = read_contract(&Source::new("t.yaml", text.to_owned())).unwrap();
    assert_eq!(role(&contract, "GET", "/ships/all", "", ""), "all");
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
