//! What changes no verdict and is told all the same.

use super::{Ruling, journals, plainly};
use std::sync::Arc;

/// The judgement of a journal of which one text is another.
fn judged(journal: &str, text: &str, with: &str) -> Ruling {
    let all = journals("");
    let (_, name, entries) = all.iter().find(|(_, name, _)| name == journal).unwrap();
    let mut changed = false;
    let entries: Vec<_> = entries
        .iter()
        .map(|entry| {
            let line = serde_json::to_string(&**entry).unwrap();
            changed |= line.contains(text);
            Arc::new(serde_json::from_str(&line.replace(text, with)).unwrap())
        })
        .collect();
    assert!(changed, "{name} has no {text}");
    plainly(name, &entries)
}

const SHIPS: &str = r#"{"json":{"value":{"ships":[{"imo":9074729,"name":"Aurora","knots":11.5},{"imo":9176187,"name":"Brise","knots":0}],"at":41},"bytes":119}}"#;

#[test]
fn an_answer_that_cannot_be_read_is_no_finding_and_names_what_is_not_judged_and_why() {
    let unread = r#"{"unread":{"why":"it is packed in the content coding `compress`, which cannot be read here","bytes":119,"sha256":"00"}}"#;
    let ruling = judged("SYNC-13.keeps.jsonl", SHIPS, unread);
    assert_eq!(ruling.findings, []);
    for rule in ["SYNC-13", "DATA-1", "TENANT-1"] {
        let unable = ruling.not_judged.iter().find(|(own, _)| own == rule);
        let (_, why) = unable.unwrap_or_else(|| panic!("{rule} is judged"));
        assert!(why.contains("`compress`"), "{why}");
    }
    let [(about, remark)] = &ruling.remarks[..] else {
        panic!("{:?}", ruling.remarks)
    };
    assert!(
        about == "SYNC-13" && remark.contains("`compress`"),
        "{remark}"
    );
}

#[test]
fn a_session_that_knows_the_gateway_by_other_names_is_one_remark_with_the_flags_to_add() {
    let ruling = judged("SCOPE-3.keeps-2.jsonl", "localhost:8080", "10.0.2.2:8080");
    let named = ruling
        .remarks
        .iter()
        .filter(|(_, text)| text.contains("--name"));
    let [(about, remark)] = &named.collect::<Vec<_>>()[..] else {
        panic!("{:?}", ruling.remarks)
    };
    assert_eq!(about, "SCOPE-3");
    assert!(
        remark.contains("Host") && remark.ends_with("--name 10.0.2.2:8080"),
        "{remark}"
    );
}

#[test]
fn http_2_without_agreement_is_not_judged() {
    let ruling = judged("SCOPE-3.keeps-2.jsonl", "\"tls\"", "\"http2\"");
    assert_eq!(ruling.findings, []);
    assert!(
        ruling
            .not_judged
            .iter()
            .any(|(rule, why)| rule == "SCOPE-3" && why.contains("HTTP/2"))
    );
}

#[test]
fn a_cookie_for_tls_alone_and_an_answer_that_leads_away_are_remarked_on_once() {
    let ruling = judged("SCOPE-3.keeps-2.jsonl", "localhost:8080", "deck.example");
    let told = |word: &str| {
        let named = ruling.remarks.iter();
        named.filter(|(_, text)| text.contains(word)).count()
    };
    assert_eq!(told("__Host-mark"), 1, "{:?}", ruling.remarks);
    assert_eq!(told("leaves the gateway"), 1, "{:?}", ruling.remarks);
    let secure = "__Host-mark=‹cookie-1›; Secure; Path=/";
    let kept = judged(
        "SCOPE-3.keeps-2.jsonl",
        "__Host-mark=‹cookie-1›; Path=/",
        secure,
    );
    let told = kept.remarks.iter();
    assert!(
        told.into_iter()
            .all(|(_, text)| !text.contains("__Host-mark"))
    );
}

#[test]
fn a_feed_that_ends_with_every_token_is_a_remark_where_no_renewal_was_agreed() {
    let all = journals("breaks-renews-6");
    let (_, _, entries) = all.iter().find(|(rule, ..)| rule == "SESSION-20").unwrap();
    let ruling = plainly("SESSION-20.keeps.jsonl", entries);
    let mut remarks = ruling.remarks.iter();
    assert!(
        remarks.any(|(about, text)| about == "SESSION-20" && text.contains("`realtime.renewal`")),
        "{ruling:#?}"
    );
    let told = ruling.findings.iter().any(|own| own.rule == "SESSION-20");
    assert!(!told, "{ruling:#?}");
}

#[test]
fn what_another_client_is_told_without_a_list_is_not_compared_and_that_is_said() {
    let ruling = judged("API-15.breaks-compared.jsonl", r#""rows":"#, r#""later":"#);
    assert_eq!(ruling.findings, []);
    let unable = ruling.not_judged.iter().find(|(own, _)| *own == "API-15");
    let (_, why) = unable.expect("API-15 is judged");
    assert!(why.contains("list of `ships`"), "{why}");
    let mut remarks = ruling.remarks.iter();
    assert!(remarks.any(|(about, _)| about == "API-15"));
}
