//! Secrets are found in every form, and what is none stays readable.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use proptest::prelude::*;
use serde_json::json;

use super::*;

const TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ1MSJ9.c2lnbmF0dXJl";

fn vault() -> Vault {
    let mut vault = Vault::new();
    vault.learn(SecretKind::PasswordOf("tester-a"), "pa/ss wörd+1");
    vault.learn(SecretKind::Access, TOKEN);
    vault.learn(SecretKind::Refresh, &format!("{TOKEN}-2"));
    vault
}

#[test]
fn labels_are_numbered_by_first_sight_and_stay() {
    let mut vault = vault();
    assert_eq!(
        vault.learn(SecretKind::Access, "another-token"),
        "‹access-2›"
    );
    assert_eq!(vault.learn(SecretKind::Unknown, TOKEN), "‹access-1›");
    assert_eq!(vault.label(TOKEN), Some("‹access-1›"));
}

#[test]
fn a_secret_is_found_raw_escaped_and_in_base64_at_any_place() {
    let vault = vault();
    assert_eq!(vault.redact(&format!("a={TOKEN}&b=1")), "a=‹access-1›&b=1");
    assert_eq!(
        vault.redact("p=pa%2Fss%20w%C3%B6rd%2b1"),
        "p=‹password tester-a›"
    );
    assert_eq!(
        vault.redact("p=%70a%252Fss%2520w%25C3%25B6rd%252B1"),
        "p=‹password tester-a›"
    );
    assert_eq!(
        vault.redact(r#"{"p":"\u0070a\/ss wörd+1"}"#),
        "{\"p\":\"‹password tester-a›\"}"
    );
    for before in ["", "u", "us", "user"] {
        for after in ["", "x", "xy"] {
            for engine in [STANDARD, URL_SAFE] {
                let hidden = engine.encode(format!("{before}pa/ss wörd+1{after}"));
                let redacted = vault.redact(&hidden);
                assert!(
                    redacted.contains("‹password tester-a›"),
                    "{before}|{after}: {redacted}"
                );
            }
        }
    }
}

#[test]
fn part_of_a_token_gives_it_away_and_what_only_looks_like_it_does_not() {
    let mut vault = Vault::new();
    vault.learn(SecretKind::Access, "q7Zr20Lw9fKc83VbXt5HmP1dE");
    vault.learn(SecretKind::Refresh, "sailor-0123456789.aB3dE6gH9");
    vault.learn(SecretKind::Access, TOKEN);
    for (text, expected) in [
        ("/x?k=q7Zr20Lw9fKc83Vb&n=1", "/x?k=‹part of access-1›&n=1"),
        ("/x?k=q7Zr20Lw9fKc8", "/x?k=‹part of access-1›"),
        ("/x?k=%717Zr20Lw9fKc83V", "/x?k=‹part of access-1›"),
        ("/x?k=q7Zr20Lw9fKc83VbXt5HmP1dE", "/x?k=‹access-1›"),
        // Less than half of it, another word, and an id that the token is made of.
        ("/x?k=q7Zr20Lw9fKc", "/x?k=q7Zr20Lw9fKc"),
        ("/x?k=q7Zr20Lw9fKc83VbQQ", "/x?k=q7Zr20Lw9fKc83VbQQ"),
        ("/users/sailor-0123456789/x", "/users/sailor-0123456789/x"),
        ("/x?p=eyJzdWIiOiJ1MSJ9", "/x?p=‹part of access-2›"),
        ("/x?p=eyJhbGciOiJFUzI1NiJ9", "/x?p=eyJhbGciOiJFUzI1NiJ9"),
    ] {
        assert_eq!(vault.redact(text), expected, "{text}");
    }
    // Where a credential stands it is one of its own.
    assert_eq!(
        vault.redact_credential("Bearer q7Zr20Lw9fKc83Vb"),
        "Bearer ‹unknown-credential-1›"
    );
    assert_eq!(format!("{vault:?}"), "Vault(4 secrets)");
}

#[test]
fn the_longest_secret_at_a_place_wins() {
    let vault = vault();
    assert_eq!(vault.redact(&format!("{TOKEN}-2")), "‹refresh-1›");
    assert_eq!(vault.redact(&format!("{TOKEN}-3")), "‹access-1›-3");
}

#[test]
fn values_keys_and_nested_text_of_json_are_searched() {
    let vault = vault();
    let mut value = json!({"a": [TOKEN, 1], TOKEN: "x"});
    assert!(vault.redact_value(&mut value));
    assert_eq!(value, json!({"a": ["‹access-1›", 1], "‹access-1›": "x"}));
    assert!(!vault.redact_value(&mut json!({"price": "12345678.90"})));
}

#[test]
fn short_secrets_go_where_the_contract_puts_them_and_stay_elsewhere() {
    let mut vault = Vault::new();
    vault.learn(SecretKind::PasswordOf("tester-a"), "short");
    let template = json!({"user": "{username}", "secret": {"password": "{password}"}});
    let mut body = json!({"user": "short", "secret": {"password": "short"}});
    vault.redact_by_template(&template, &mut body);
    assert_eq!(
        body,
        json!({"user": "short", "secret": {"password": "‹password tester-a›"}})
    );
    let mut wrong = json!({"user": "a", "secret": {"password": "wrong"}});
    vault.redact_by_template(&template, &mut wrong);
    assert_eq!(wrong["secret"]["password"], "‹password-1›");
}

#[test]
fn a_credential_that_was_never_handed_out_gets_a_label_of_its_own() {
    let mut vault = vault();
    assert_eq!(
        vault.redact_credential(&format!("Bearer {TOKEN}")),
        "Bearer ‹access-1›"
    );
    assert_eq!(
        vault.redact_credential("Bearer stranger"),
        "Bearer ‹unknown-credential-1›"
    );
    assert_eq!(
        vault.redact_credential("stranger"),
        "‹unknown-credential-1›"
    );
    assert_eq!(vault.redact("x stranger y"), "x ‹unknown-credential-1› y");
    assert_eq!(
        vault.redact_cookies("a=1; sid=q9", false),
        "a=‹unknown-credential-2›; sid=‹unknown-credential-3›"
    );
    assert_eq!(
        vault.redact_cookies("rt=r1; Path=/; HttpOnly", true),
        "rt=‹unknown-credential-4›; Path=/; HttpOnly"
    );
}

proptest! {
    #[test]
    fn no_learnt_secret_survives(secrets in prop::collection::vec("[ -~é]{8,20}", 1..6), text in "[ -~é%]{0,20}") {
        let mut vault = Vault::new();
        let mut joined = text.clone();
        for secret in &secrets {
            vault.learn(SecretKind::Access, secret);
            joined.push_str(secret);
            joined.push_str(&text);
        }
        let redacted = vault.redact(&joined).into_owned();
        for secret in &secrets {
            prop_assert!(!redacted.contains(secret.as_str()) || "‹access-12345›".contains(secret.as_str()));
        }
    }
}

#[test]
fn a_secret_is_found_in_further_forms() {
    let vault = vault();
    let secret = "pa/ss wörd+1";
    let hex = |upper: bool, between: &str| {
        let bytes = secret.bytes().map(|byte| match upper {
            true => format!("{byte:02X}"),
            false => format!("{byte:02x}"),
        });
        bytes.collect::<Vec<_>>().join(between)
    };
    let escaped: String = secret
        .bytes()
        .map(|byte| format!("\\x{byte:02x}"))
        .collect();
    let escaped = escaped.replace("\\xc3\\xb6", "\\xf6");
    let entities: String = secret
        .chars()
        .map(|one| format!("&#{};", one as u32))
        .collect();
    let entities_in_hex: String =
        (secret.chars().map(|one| format!("&#x{:X};", one as u32))).collect();
    let quoted: String = secret.bytes().map(|byte| format!("={byte:02X}")).collect();
    let twice = STANDARD.encode(STANDARD.encode(format!("{{\"p\":\"{secret}\"}}")));
    let once = STANDARD.encode(format!("{{\"p\":\"{secret}\"}}"));
    let broken = once.as_bytes().chunks(8).map(String::from_utf8_lossy);
    let broken: Vec<_> = broken.collect();
    for form in [
        hex(false, ""),
        hex(true, ""),
        hex(false, ":"),
        hex(true, ":"),
        format!("0x{}", hex(false, "")),
        escaped,
        entities,
        entities_in_hex,
        quoted.clone(),
        format!("{}=\r\n{}", &quoted[..9], &quoted[9..]),
        twice,
        broken.join("\n"),
        broken.join("\\r\\n"),
    ] {
        let redacted = vault.redact(&form).into_owned();
        assert!(
            redacted.contains("‹password tester-a›"),
            "{form}: {redacted}"
        );
    }
    let mut vault = Vault::new();
    vault.learn(
        SecretKind::PasswordOf("tester-b"),
        "correct-horse-battery-7",
    );
    let cut = vault.redact("p=correct-horse-ba&n=1").into_owned();
    assert_eq!(cut, "p=‹part of password tester-b›&n=1");
}

/// What looks like no secret of this run, and is one by its shape.
const STRANGER: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJib2F0In0.aGFyYm91cg";

#[test]
fn what_a_name_calls_a_secret_is_hidden_in_texts_of_every_kind() {
    for (text, hidden) in [
        (
            "/api/x?access_token=Zq81-kelp&n=1",
            "/api/x?access_token=«secret-1»&n=1",
        ),
        (
            "/api/x?api_key=kelp%2F81#top",
            "/api/x?api_key=«secret-1»#top",
        ),
        (
            "user=a&newPassword=kelp81&sid=S1",
            "user=a&newPassword=«secret-1»&sid=S1",
        ),
        ("user[Password]=kelp81", "user[Password]=«secret-1»"),
        (
            "{\"a\":{\"Password\": \"ke\\\"lp81\", \"b\":",
            "{\"a\":{\"Password\": \"«secret-1»\", \"b\":",
        ),
        ("{'apiKey': 'kelp81'", "{'apiKey': '«secret-1»'"),
        (
            "{\\\"id_token\\\":\\\"kelp81\\\",\\\"n\\\":1}",
            "{\\\"id_token\\\":\\\"«secret-1»\\\",\\\"n\\\":1}",
        ),
        (
            "{\"pin\": 48151, \"n\": 1",
            "{\"pin\": «secret-1», \"n\": 1",
        ),
        (
            "<u><Password>kelp81</Password></u>",
            "<u><Password>«secret-1»</Password></u>",
        ),
        (
            "<u token=\"kelp81\" id=\"7\"/>",
            "<u token=\"«secret-1»\" id=\"7\"/>",
        ),
        ("password: kelp81\nname: a", "password: «secret-1»\nname: a"),
        (
            "https://ann:kelp81@b.test/x",
            "https://ann:«secret-1»@b.test/x",
        ),
        (
            "see Bearer kelp-81-kelp-81 there",
            "see Bearer «secret-1» there",
        ),
        (
            "--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nkelp81\r\n--b--",
            "--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n«secret-1»\r\n--b--",
        ),
        (
            "-----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY-----",
            "-----BEGIN EC PRIVATE KEY-----«secret-1»-----END EC PRIVATE KEY-----",
        ),
    ] {
        assert_eq!(Vault::new().conceal(text), hidden, "{text}");
    }
}

#[test]
fn what_is_a_secret_by_its_shape_is_hidden_wherever_it_stands() {
    let nested = Vault::new()
        .conceal("/go?to=%2Fx%3Faccess_token%3Dkelp81")
        .into_owned();
    assert!(!nested.contains("kelp81"), "{nested}");
    for text in [
        format!("/x/{STRANGER}?a=1"),
        format!("{STRANGER}: x"),
        format!("a {STRANGER}"),
    ] {
        let hidden = Vault::new().conceal(&text).into_owned();
        assert_eq!(hidden, text.replace(STRANGER, "«secret-1»"));
    }
}

#[test]
fn what_a_name_calls_a_secret_is_hidden_in_json_and_the_rest_stays() {
    let mut vault = Vault::new();
    vault.agree(&Secrecy {
        names: vec!["harbour-seal".to_owned()],
        literals: ["public-client-1".to_owned()].into(),
    });
    let random = "q7Zr20Lw9fKc83VbXt5HmP1dEq7Zr20Lw9fKc83VbXt5HmP1dE";
    let mut value = json!({
        "newPassword": "kelp81-Boat", "again": "kelp81-Boat", "harbourSeal": "x1",
        "token": {"type": "bearer", "value": "other81-Boat", "expires_at": "2026-11-30T08:00:00Z"},
        "token_type": "bearer", "tokens": 4, "client_secret": "public-client-1", "pin": 4815,
        "list": [STRANGER, {"apiKey": ["kelp81-Boat"]}], "blob": random, "password": null,
        "text": "{\"password\":\"inside81\"}", "kelp81-Boat": 1,
    });
    vault.conceal_value(&mut value);
    assert_eq!(
        value["newPassword"], value["again"],
        "the same value, the same label"
    );
    assert_eq!(value["newPassword"], value["list"][1]["apiKey"][0]);
    let text = value.to_string();
    for secret in ["81-Boat", "x1", "4815", "inside81", STRANGER, random] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    let token = &value["token"];
    assert_eq!(
        (&token["type"], &token["expires_at"]),
        (&json!("bearer"), &json!("2026-11-30T08:00:00Z"))
    );
    assert_eq!(value["tokens"], 4);
    assert_eq!(value["client_secret"], "public-client-1");

    // What rules read stays as it is.
    let random = "Zq9Kd3Mx7Pb1Rt5Wv8Yn2Ls6Hf4Jg0CaZq9Kd3Mx7Pb1Rt5Wv8";
    let plain = json!({
        "id": "8e03978e-40d5-43e8-bc93-6894a57f9324", "sequence": 42, "etag": random, "nextPageToken": random,
        "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "hasPassword": true,
        "message": "Token: expired", "symbol": "EURUSD", "cursor": "eyJhZnRlciI6MTIzfQ==", "error": "invalid_token",
        "link": "https://b.test/api?page=2&limit=50&sort=a", "price": "1.0842", "authority": "harbour",
        "by": "tester-a@example.test", "code": "TOKEN_EXPIRED", "at": "2026-11-30T08:00:00Z",
    });
    let mut same = plain.clone();
    vault.conceal_value(&mut same);
    assert_eq!(same, plain);
}

#[test]
fn headers_names_of_headers_and_methods_are_hidden_by_name_and_shape() {
    let mut vault = Vault::new();
    for (name, value, seen) in [
        ("x-access-token", "kelp81", "«secret-1»"),
        ("x-csrf-token", "kelp81", "«secret-1»"),
        ("api-key", "Bearer kelp82", "Bearer «secret-2»"),
        ("x-session", "kelp83", "«secret-3»"),
        ("x-id-token", "undefined", "undefined"),
        (
            "sec-websocket-protocol",
            "graphql-ws, kelp-4815-1623-42",
            "graphql-ws, «secret-4»",
        ),
        ("x-odd", STRANGER, "«secret-5»"),
        ("x-next", "/a?token=kelp81", "/a?token=«secret-1»"),
        (
            "etag",
            "\"q7Zr20Lw9fKc83VbXt5HmP1dEq7Zr20Lw9fKc83VbXt5HmP1dE\"",
            "\"q7Zr20Lw9fKc83VbXt5HmP1dEq7Zr20Lw9fKc83VbXt5HmP1dE\"",
        ),
        (
            "idempotency-key",
            "8e03978e-40d5-43e8-bc93-6894a57f9324",
            "8e03978e-40d5-43e8-bc93-6894a57f9324",
        ),
        (
            "sec-websocket-key",
            "dGhlIHNhbXBsZSBub25jZQ==",
            "dGhlIHNhbXBsZSBub25jZQ==",
        ),
        (
            "www-authenticate",
            "Bearer realm=\"harbour\", error=\"invalid_token\"",
            "Bearer realm=\"harbour\", error=\"invalid_token\"",
        ),
    ] {
        assert_eq!(vault.conceal_header(name, value), seen, "{name}");
    }
    assert_eq!(
        vault.conceal_name("x-harbour-very-long-name-of-a-header"),
        "x-harbour-very-long-name-of-a-header"
    );
    assert_eq!(vault.conceal_name("kelp4815162342aa"), "«secret-6»");
    for method in ["GET", "PROPFIND", "X-DELETE", "get"] {
        assert_eq!(vault.conceal_method(method), method);
    }
    assert_eq!(vault.conceal_method("kelp4815162342"), "«secret-7»");
}

#[test]
fn what_was_suspected_gets_its_own_label_once_it_is_known() {
    let mut vault = Vault::new();
    assert_eq!(
        vault.conceal_header("x-token", "kelp81-Boat-42"),
        "«secret-1»"
    );
    assert_eq!(
        vault.redact_credential("Bearer kelp81-Boat-42"),
        "Bearer ‹unknown-credential-1›"
    );
    assert_eq!(
        vault.conceal("x kelp81-Boat-42"),
        "x ‹unknown-credential-1›"
    );
    // A common word under such a name is hidden there alone.
    assert_eq!(vault.conceal("?token=positions"), "?token=«secret-2»");
    assert_eq!(vault.conceal("/api/positions"), "/api/positions");
}

#[test]
fn long_hostile_texts_are_searched_in_one_pass() {
    let mut vault = vault();
    for piece in [
        "password=",
        "e.",
        "\"token\":\"",
        "<token>",
        "://a:b@",
        "&#",
        "Bearer ",
        "-----BEGIN ",
        "=\n",
        "%25",
    ] {
        let text = piece.repeat(200_000 / piece.len());
        let _ = vault.conceal(&text);
    }
}

#[test]
fn strangers_take_so_much_room_and_no_more() {
    let mut vault = Vault::new();
    let value = |number: usize| format!("{}{number:08}", "long-and-never-the-same-".repeat(4));
    let many = MOST_STRANGE / EACH;
    for number in 0..many {
        vault.learn(SecretKind::Unknown, &value(number));
    }
    // Whoever came early is known by a number, and whoever came late is hidden all the same.
    assert_eq!(
        vault.learn(SecretKind::Unknown, &value(7)),
        "‹unknown-credential-8›"
    );
    assert_eq!(
        vault.learn(SecretKind::Unknown, &value(many)),
        "‹unknown-credential›"
    );
    assert!(vault.known.len() < many, "{}", vault.known.len());
    // What a backend hands out is told apart however much there was before.
    assert_eq!(vault.learn(SecretKind::Access, &value(many)), "‹access-1›");
    assert_eq!(vault.label(&value(many)), Some("‹access-1›"));
}

#[test]
fn what_is_very_long_is_known_by_its_beginning_and_length() {
    let mut vault = Vault::new();
    let long = "x1".repeat(1 << 20);
    let label = vault.learn(SecretKind::Unknown, &long);
    assert_eq!(vault.learn(SecretKind::Unknown, &long), label);
    assert_ne!(vault.learn(SecretKind::Unknown, &long[1..]), label);
    assert!(vault.known.keys().all(|key| key.len() < 2 * LONGEST));
}
