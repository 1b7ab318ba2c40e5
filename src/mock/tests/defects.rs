//! Every defect, seen from outside: that a backend really is wrong in the way its name says.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};

use super::contracts::LIFETIME;
use super::data::{trades, walk};
use super::stage::Stage;
use crate::mock::Defect;

#[test]
fn every_defect_has_a_name_of_its_own_by_which_it_is_found() {
    let names: BTreeSet<&str> = Defect::ALL.iter().map(|defect| defect.name()).collect();
    assert_eq!(names.len(), Defect::ALL.len());
    for &defect in Defect::ALL {
        assert_eq!(Defect::named(defect.name()), Some(defect));
        assert!(!defect.what().is_empty());
    }
    assert_eq!(Defect::named("nothing"), None);
}

fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn tokens_are_forged_misaddressed_or_stale() {
    let stage = Stage::desk_with(Defect::ForeignKey);
    let (access, _) = stage.sign_in("ann").await;
    let keys: JwkSet =
        serde_json::from_value(stage.call("GET id /keys", &[], None).await.json()).unwrap();
    let key = DecodingKey::from_jwk(&keys.keys[0]).unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_aud = false;
    validation.validate_exp = false;
    assert!(jsonwebtoken::decode::<Value>(&access, &key, &validation).is_err());
    assert_eq!(stage.get("desk", "/me", &access).await.status, 200);

    let stage = Stage::desk_with(Defect::WrongAudience);
    assert_ne!(claims(&stage.sign_in("ann").await.0)["aud"], "desk");

    let stage = Stage::desk_with(Defect::ExpiredAtIssue);
    let expiry = claims(&stage.sign_in("ann").await.0)["exp"]
        .as_u64()
        .unwrap();
    assert!(expiry + 3600 <= stage.clock.unix().as_secs());
}

#[tokio::test(start_paused = true)]
async fn answers_are_wrong_in_one_place() {
    let stage = Stage::desk_with(Defect::ForeignProfile);
    let (access, _) = stage.sign_in("ann").await;
    assert_eq!(
        stage.get("desk", "/me", &access).await.json()["id"],
        "subject-bob"
    );
    assert_eq!(
        stage.get("desk", "/positions", &access).await.json()["rows"][0]["id"],
        "ann-position-0"
    );

    let stage = Stage::desk_with(Defect::NumberAsText);
    let (access, _) = stage.sign_in("ann").await;
    assert_eq!(stage.get("desk", "/me", &access).await.json()["age"], "41");

    let stage = Stage::desk_with(Defect::NoRequestId);
    assert_eq!(
        stage
            .call("GET desk /health", &[], None)
            .await
            .header("x-request-id"),
        ""
    );

    let stage = Stage::desk_with(Defect::CacheableData);
    let (access, _) = stage.sign_in("ann").await;
    assert!(
        stage
            .get("desk", "/me", &access)
            .await
            .header("cache-control")
            .contains("public")
    );
}

#[tokio::test(start_paused = true)]
async fn pages_lose_or_repeat_an_item() {
    let stage = Stage::desk_with(Defect::LostPageItem);
    let (access, _) = stage.sign_in("ann").await;
    let (ids, _) = walk(&stage, &access).await;
    assert_eq!(
        ids,
        ["ann-trade-0", "ann-trade-1", "ann-trade-3", "ann-trade-4"]
    );

    let stage = Stage::desk_with(Defect::RepeatedPageItem);
    let (access, _) = stage.sign_in("ann").await;
    let (mut ids, _) = walk(&stage, &access).await;
    assert!(ids.len() > 5);
    ids.sort();
    ids.dedup();
    assert_eq!(ids, trades("ann"));
}

#[tokio::test(start_paused = true)]
async fn the_switch_is_ignored_by_the_status_or_by_the_data() {
    let stage = Stage::desk_with(Defect::StatusIgnoresSwitch);
    let (access, _) = stage.sign_in("ann").await;
    stage.mock.set_maintenance(true).unwrap();
    assert_eq!(
        stage.call("GET id /status", &[], None).await.json(),
        json!({"blocked": false})
    );
    assert_eq!(stage.get("desk", "/me", &access).await.status, 503);

    let stage = Stage::desk_with(Defect::DataDuringMaintenance);
    let (access, _) = stage.sign_in("ann").await;
    stage.mock.set_maintenance(true).unwrap();
    assert_eq!(
        stage.call("GET id /status", &[], None).await.json(),
        json!({"blocked": true})
    );
    assert_eq!(stage.get("desk", "/me", &access).await.status, 200);
    assert_eq!(
        stage.listen(&access).await.event().await.unwrap().0,
        "price"
    );
}

#[tokio::test(start_paused = true)]
async fn sockets_are_silent_refused_or_never_end() {
    let stage = Stage::desk_with(Defect::SilentFeed);
    let (access, _) = stage.sign_in("ann").await;
    let said = stage
        .listen(&access)
        .await
        .texts(Duration::from_secs(60))
        .await;
    assert_eq!(said, [""; 0]);

    let stage = Stage::desk_with(Defect::SocketsRefused);
    let answer = stage
        .call("GET desk /live/?EIO=4&transport=polling", &[], None)
        .await;
    assert_eq!(answer.status, 404);

    let stage = Stage::desk_with(Defect::EventsAfterExpiry);
    let (access, _) = stage.sign_in("ann").await;
    let said = stage.listen(&access).await.texts(LIFETIME * 2).await;
    assert!(
        said.len() as u64 >= LIFETIME.as_secs() * 2 - 1,
        "{}",
        said.len()
    );
}

#[tokio::test(start_paused = true)]
async fn sessions_cannot_be_renewed_ended_or_kept() {
    let stage = Stage::desk_with(Defect::RefreshBroken);
    let (_, refresh) = stage.sign_in("ann").await;
    assert_eq!(stage.refresh(&refresh).await.status, 500);

    let stage = Stage::desk_with(Defect::RefreshReuse);
    let (_, refresh) = stage.sign_in("ann").await;
    assert_eq!(stage.refresh(&refresh).await.status, 200);
    assert_eq!(stage.refresh(&refresh).await.status, 200);

    let stage = Stage::desk_with(Defect::SignOutKeepsSession);
    let (access, _) = stage.sign_in("ann").await;
    let bearer = format!("Bearer {access}");
    let answer = stage
        .call("POST id /logout", &[("authorization", &bearer)], None)
        .await;
    assert_eq!(answer.status, 204);
    assert_eq!(stage.get("desk", "/me", &access).await.status, 200);

    let stage = Stage::desk_with(Defect::SessionsLostOnRestart);
    let (access, _) = stage.sign_in("ann").await;
    stage.mock.set_running(Some("desk"), false).await.unwrap();
    stage.mock.set_running(Some("desk"), true).await.unwrap();
    assert_eq!(stage.get("desk", "/me", &access).await.status, 401);
}
