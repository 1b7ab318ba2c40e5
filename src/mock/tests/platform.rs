//! Sessions and tokens: sign-in, refresh, sign-out, and what a token opens.

use std::time::Duration;

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};

use super::contracts::LIFETIME;
use super::stage::{Stage, tokens};

#[tokio::test(start_paused = true)]
async fn a_sign_in_brings_a_token_that_the_key_set_verifies() {
    let stage = Stage::desk();
    let (access, refresh) = stage.sign_in("ann").await;
    let keys: JwkSet =
        serde_json::from_value(stage.call("GET id /keys", &[], None).await.json()).unwrap();
    let kid = jsonwebtoken::decode_header(&access).unwrap().kid.unwrap();
    let key = DecodingKey::from_jwk(keys.find(&kid).unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&["desk"]);
    validation.set_issuer(&["https://id.example"]);
    validation.validate_exp = false;
    let claims = jsonwebtoken::decode::<Value>(&access, &key, &validation)
        .unwrap()
        .claims;
    let now = stage.clock.unix().as_secs();
    assert_eq!(claims["sub"], "subject-ann");
    assert_eq!(claims["role"], "tester");
    assert_eq!(claims["product"], "desk");
    assert_eq!(claims["exp"], now + LIFETIME.as_secs());
    assert_eq!(claims["nbf"], now);
    assert!(refresh.len() >= 32);
}

#[tokio::test(start_paused = true)]
async fn wrong_credentials_are_refused_as_the_contract_says() {
    let stage = Stage::desk();
    let body = json!({"email": "ann@example.org", "password": "bob-secret"});
    let answer = stage.call("POST id /login", &[], Some(body)).await;
    assert_eq!(
        (answer.status, answer.json()["error"].clone()),
        (422, json!("invalid-credentials"))
    );
    let answer = stage
        .call("POST id /login", &[], Some(json!({"email": 1})))
        .await;
    assert_eq!(answer.status, 422);
    let answer = stage
        .send("POST id /login", &[], Some("not json"))
        .await
        .unwrap();
    assert_eq!(answer.status, 400);
}

#[tokio::test(start_paused = true)]
async fn data_needs_a_token_that_is_known_and_alive() {
    let stage = Stage::desk();
    let (access, _) = stage.sign_in("ann").await;
    let answer = stage.call("GET desk /me", &[], None).await;
    assert_eq!(
        (answer.status, answer.header("www-authenticate")),
        (401, "Bearer")
    );
    let answer = stage.get("desk", "/me", "made-up").await;
    assert_eq!(answer.status, 401);
    assert!(answer.header("www-authenticate").contains("invalid_token"));
    let answer = stage.get("desk", "/me", &access).await;
    assert_eq!(
        (answer.status, answer.json()["id"].clone()),
        (200, json!("subject-ann"))
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    tokio::time::sleep(LIFETIME).await;
    assert_eq!(stage.get("desk", "/me", &access).await.status, 401);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_rotates_and_a_reused_token_ends_the_family() {
    let stage = Stage::desk();
    let (first, old) = stage.sign_in("ann").await;
    let answer = stage.refresh(&old).await;
    assert_eq!(answer.status, 200);
    let (second, new) = tokens(&answer);
    assert_ne!((&first, &old), (&second, &new));
    assert_eq!(stage.get("desk", "/me", &second).await.status, 200);
    let answer = stage.refresh(&old).await;
    assert_eq!(
        (answer.status, answer.json()["error"].clone()),
        (400, json!("invalid_grant"))
    );
    assert_eq!(stage.refresh(&new).await.status, 400);
    assert_eq!(stage.get("desk", "/me", &second).await.status, 401);
}

#[tokio::test(start_paused = true)]
async fn a_sign_out_ends_the_session_and_its_sockets() {
    let stage = Stage::desk();
    let (access, refresh) = stage.sign_in("ann").await;
    let (other, _) = stage.sign_in("ann").await;
    let mut socket = stage.listen(&access).await;
    let mut kept = stage.listen(&other).await;
    let bearer = format!("Bearer {access}");
    let answer = stage
        .call("POST id /logout", &[("authorization", &bearer)], None)
        .await;
    assert_eq!(answer.status, 204);
    assert_eq!(stage.refresh(&refresh).await.status, 400);
    assert_eq!(socket.text().await.as_deref(), Some("41/desk,"));
    assert_eq!(socket.text().await, None);
    assert_eq!(kept.event().await.unwrap().0, "price");
    let answer = stage.call("POST id /logout", &[], None).await;
    assert_eq!(answer.status, 401);
}

#[tokio::test(start_paused = true)]
async fn every_answer_has_a_request_id_of_its_own_and_the_same_seed_gives_the_same() {
    async fn ids() -> Vec<String> {
        let stage = Stage::desk();
        let mut ids = Vec::new();
        for request in [
            "GET desk /health",
            "GET id /nowhere",
            "GET desk /live/?EIO=4&transport=polling",
        ] {
            let answer = stage.call(request, &[], None).await;
            ids.push(answer.header("x-request-id").to_owned());
        }
        ids.push(stage.sign_in("ann").await.0);
        ids
    }
    let first = ids().await;
    let mut unique = first.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), 4);
    assert!(first.iter().all(|id| !id.is_empty()));
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(first, ids().await);
}

#[tokio::test(start_paused = true)]
async fn forbidden_endpoints_answer_in_every_disguise_and_count() {
    let stage = Stage::desk();
    for request in [
        "POST desk /trade",
        "POST desk //positions/..;/%74rade/",
        "POST desk /TRADE",
        "GET desk /trade?_method=POST",
    ] {
        let answer = stage.call(request, &[], Some(json!({}))).await;
        assert_eq!(
            (answer.status, answer.json()["status"].clone()),
            (401, json!(null)),
            "{request}"
        );
    }
    assert_eq!(stage.mock.forbidden_calls(), 4);
    let (access, _) = stage.sign_in("ann").await;
    assert_eq!(stage.get("desk", "/internal/a", &access).await.status, 403);
    let (root, _) = stage.sign_in("root").await;
    assert_eq!(stage.get("desk", "/internal/a", &root).await.status, 200);
    assert_eq!(stage.mock.forbidden_calls(), 6);
    assert_eq!(stage.get("desk", "/nowhere", &access).await.status, 404);
    assert_eq!(stage.mock.forbidden_calls(), 6);
}
