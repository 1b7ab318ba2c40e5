//! What names the backend's origin on its way to the app.

use serde_json::{Value, json};

use super::*;

#[tokio::test(start_paused = true)]
async fn links_to_the_next_page_lead_back_wherever_the_contract_or_the_field_puts_them() {
    let room = Room::new().await;
    let got = room.get("trading", "/api/history").await.unwrap();
    let own = "http://gateway-trading/api/history?cursor=c2";
    assert_eq!(got.headers["link"], format!("<{own}>; rel=\"next\""));
    let body: Value = serde_json::from_str(&got.body).unwrap();
    assert_eq!(body["next"], own);
    // What the contract does not name stays as the backend says it.
    assert_eq!(body["self"], "http://backend.test/me");
    let length = got.headers["content-length"].to_str().unwrap();
    assert_eq!(length, got.body.len().to_string());
}

#[tokio::test(start_paused = true)]
async fn what_still_leads_past_the_gateway_stands_in_the_journal_with_what_was_changed() {
    let room = Room::new().await;
    let got = room.get("trading", "/api/history").await.unwrap();
    assert_eq!(got.headers["set-cookie"], "sid=abcdef; Path=/");
    let answer = room.answers().remove(0);
    assert_eq!(answer.leads_past, ["header x-next", "body /self"]);
    let sent: Vec<&str> = answer.sent.iter().map(|(name, _)| name).collect();
    assert!(
        sent.contains(&"link") && sent.contains(&"set-cookie"),
        "{sent:?}"
    );
    let cookie = answer.sent.get("set-cookie").unwrap();
    assert!(cookie.ends_with("; Path=/; Secure"), "{cookie}");
    assert!(!room.written().contains("abcdef"), "{}", room.written());
    assert_eq!(answer.body.json().unwrap()["items"], json!([]));
}
