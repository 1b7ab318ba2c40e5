//! Whatever is sent, judging it neither panics nor lets a disguise through; the corpus of such requests
//! is held against the judge from outside, in `tests/main/corpus.rs`.

use proptest::prelude::*;

use super::*;
use crate::domain::contract::Body;
use crate::domain::journal::Class;
use crate::domain::selector::Template;

mod routers;

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

#[test]
fn each_method_that_a_call_names_is_the_declared_one() {
    let mut contract = sample::contract();
    let own = &mut contract.resources[0].operation;
    (own.method, own.path) = ("POST".to_owned(), "/rpc".to_owned());
    let list = serde_json::json!({"jsonrpc": "2.0", "method": "list", "id": 1});
    own.body = Body::Json(Template(list));
    let service = own.service.clone();
    let headers = [("content-type".to_owned(), "application/json".to_owned())];
    let judged = |body: &str| {
        let request = RequestView {
            service: &service,
            base_path: "",
            method: "POST",
            target: "/rpc",
            host: "h",
            expected_authority: "h",
            headers: &headers,
            body: Some(body.as_bytes()),
        };
        judge(&contract, &request).judgement
    };
    let class = |body: &str| judged(body).class;
    assert_eq!(
        class(r#"{"jsonrpc":"2.0","method":"list","id":1}"#),
        Class::Allowed
    );
    for body in [
        r#"{"jsonrpc":"2.0","method":"submit","method":"list","id":1}"#,
        r#"{"jsonrpc":"2.0","method":"list","method":"submit","id":1}"#,
        r#"{"jsonrpc":"2.0","method":"list","Method":"submit","id":1}"#,
        r#"[{"jsonrpc":"2.0","method":"submit","id":1}]"#,
        r#"[{"jsonrpc":"2.0","method":"list","id":1},{"jsonrpc":"2.0","method":"submit","id":2}]"#,
    ] {
        assert_eq!(class(body), Class::UndeclaredWrite, "{body}");
    }
    for (body, act) in [
        (r#"{"method":"submit","id":1}"#, "the method `submit`"),
        (r#"{"method":"eyJhbGciOiJFUzI1NiJ9 x","id":1}"#, "this body"),
        (r#"[{"method":"list"}]"#, "a list of several in one body"),
    ] {
        let reason = judged(body).reason;
        assert!(reason.ends_with(act), "{body}: {reason}");
    }
}
