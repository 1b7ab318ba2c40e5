//! Tokens and passwords: seen, labelled, never written.

use serde_json::json;

use super::*;
use crate::domain::contract::Body;
use crate::domain::journal::{SignatureCheck, TokenKind};

async fn signed_in() -> Room {
    let room = Room::new().await;
    sign_in(&room).await;
    room
}

async fn sign_in(room: &Room) {
    room.gateway.set_keys(json!({"keys": []}));
    let body = json!({"user": "a@example.test", "password": PASSWORD}).to_string();
    let got = room.post("platform", "/auth/login", &body).await.unwrap();
    assert!(got.body.contains(&backend::token(1)));
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_yields_tokens_with_claims_check_and_account() {
    let room = signed_in().await;
    let issued: Vec<_> = room
        .facts()
        .into_iter()
        .filter_map(|fact| match fact {
            Fact::TokenIssued(token) => Some(token),
            _ => None,
        })
        .collect();
    assert_eq!(issued.len(), 2);
    assert_eq!(
        (issued[0].kind, issued[0].label.as_str()),
        (TokenKind::Access, "‹access-1›")
    );
    assert_eq!(issued[0].claims.as_ref().unwrap()["sub"], "u1");
    assert!(matches!(
        issued[0].signature,
        SignatureCheck::Refused { .. }
    ));
    assert_eq!(issued[0].username.as_deref(), Some("a@example.test"));
    assert_eq!(issued[1].label, "‹refresh-1›");
    assert!(matches!(
        issued[1].signature,
        SignatureCheck::NotChecked { .. }
    ));
    let body = room.requests()[0].body.json().cloned().unwrap();
    assert_eq!(body["password"], "‹password tester-a›");
}

#[tokio::test(start_paused = true)]
async fn a_renewal_by_a_cookie_is_the_accounts_who_got_the_refresh_token() {
    let mut contract = sample::contract();
    let refresh = &mut contract.session.refresh.as_mut().unwrap().operation;
    refresh.body = Body::Empty;
    refresh.headers = vec![("cookie".to_owned(), "rt={refresh-token}".to_owned())];
    let net = Net::Memory;
    let room = Room::agreeing(contract, net, "http", Mode::Enforcing, &Listen::default());
    sign_in(&room).await;
    let mut request = room.request("POST", "platform", "/auth/refresh", "");
    let cookies = "theme=dark; rt=refresh-secret-1; sid=1";
    request
        .headers_mut()
        .insert("cookie", cookies.parse().unwrap());
    room.send("platform", request).await.unwrap();
    let issued = room.facts().into_iter().filter_map(|fact| match fact {
        Fact::TokenIssued(token) => Some((token.label, token.username)),
        _ => None,
    });
    let renewed: Vec<_> = issued.skip(2).collect();
    let whose = || Some("a@example.test".to_owned());
    assert_eq!(
        renewed,
        [
            ("‹access-2›".to_owned(), whose()),
            ("‹refresh-2›".to_owned(), whose())
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn no_secret_is_written_wherever_it_is_put() {
    let room = signed_in().await;
    let token = backend::token(1);
    let mut request = room.request(
        "GET",
        "trading",
        &format!("/api/positions?access_token={token}&p=correct%20horse%2F1"),
        "",
    );
    request
        .headers_mut()
        .insert("authorization", format!("Bearer {token}").parse().unwrap());
    request.headers_mut().insert(
        "referer",
        format!("http://x.test/?t={token}").parse().unwrap(),
    );
    room.send("trading", request).await.unwrap();
    room.post(
        "trading",
        &format!("/api/{token}"),
        &format!("text {token} {PASSWORD}"),
    )
    .await
    .unwrap();
    room.get("trading", "/socket.io/?EIO=4&transport=polling")
        .await
        .unwrap();
    let target = "/socket.io/?EIO=4&transport=polling&sid=S1";
    for packet in [
        format!("40/trading,{{\"token\":\"{token}\"}}"),
        format!("42/trading,[\"{token}\",\"\\u0065{}\"]", &token[1..]),
    ] {
        room.post("trading", target, &packet).await.unwrap();
    }
    let written = room.written();
    for secret in [
        token.as_str(),
        "c2lnbmF0dXJl",
        PASSWORD,
        "correct%20horse",
        "refresh-secret-1",
    ] {
        assert!(!written.contains(secret), "{secret}");
    }
    let seen = &room.requests()[1];
    assert!(
        seen.target.contains("access_token=‹access-1›"),
        "{}",
        seen.target
    );
    assert!(
        seen.headers
            .all("authorization")
            .any(|value| value == "Bearer ‹access-1›")
    );
    assert!(written.contains(r#""token":"‹access-1›""#));
}

#[tokio::test(start_paused = true)]
async fn a_credential_that_nobody_handed_out_is_labelled_and_recognised() {
    let room = Room::new().await;
    for _ in 0..2 {
        let mut request = room.request("GET", "trading", "/api/positions", "");
        request
            .headers_mut()
            .insert("authorization", "Bearer stolen-one".parse().unwrap());
        room.send("trading", request).await.unwrap();
    }
    for request in room.requests() {
        let label = "Bearer ‹unknown-credential-1›".to_owned();
        assert!(
            request
                .headers
                .all("authorization")
                .any(|value| value == label)
        );
    }
    assert!(!room.written().contains("stolen-one"));
}
