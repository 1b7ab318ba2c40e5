//! The page of a run, and what must hold of it.

use std::io::{BufRead, Cursor, Read};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::DeflateDecoder;
use serde_json::{Value, json};

use super::*;
use crate::domain::journal::Fact;
use crate::report::{json, samples};

const DATA: &str = "<script type=\"application/octet-stream\"";

/// A journal in memory.
fn of(scenario: &str, device: Option<&str>, text: &str) -> Journal<'static> {
    let text = text.to_owned();
    Journal {
        scenario: scenario.to_owned(),
        device: device.map(str::to_owned),
        open: Box::new(move || Ok(Box::new(Cursor::new(text)) as Box<dyn BufRead>)),
    }
}

fn page_within(room: Room, report: &[u8], journals: Vec<Journal<'_>>) -> String {
    let mut page = Vec::new();
    write_within(room, &mut page, (report, None), journals).unwrap();
    String::from_utf8(page).unwrap()
}

fn page(journals: Vec<Journal<'_>>) -> String {
    page_within(ROOM, &json::render(&samples::mixed()), journals)
}

/// What the blocks of a page hold, by their attributes.
fn blocks(page: &str) -> Vec<(String, String)> {
    let data = page.split(DATA).skip(1);
    data.map(|block| {
        let (attributes, rest) = block.split_once('>').unwrap();
        let packed = STANDARD.decode(rest.split_once('<').unwrap().0).unwrap();
        let mut text = String::new();
        DeflateDecoder::new(&packed[..])
            .read_to_string(&mut text)
            .unwrap();
        (attributes.trim().to_owned(), text)
    })
    .collect()
}

/// The blocks of one kind.
fn of_kind(page: &str, kind: &str) -> Vec<(String, String)> {
    let mut found = blocks(page);
    found.retain(|(attributes, _)| attributes.contains(&format!("\"{kind}\"")));
    found
}

fn rows(page: &str) -> Value {
    serde_json::from_str(&of_kind(page, "rows")[0].1).unwrap()
}

fn line(id: u64, fact: &Fact) -> String {
    let entry = json!({"id": id, "at_us": id * 1000, "fact": fact});
    format!("{entry}\n")
}

/// The id of a scenario of the sample report, by its verdict.
fn scenario(verdict: &str) -> String {
    let result = samples::mixed();
    let mut played = result.scenarios.iter();
    let found = played.find(|one| one.outcome.verdict.name() == verdict);
    found.unwrap().id.clone()
}

#[test]
fn a_page_holds_the_report_and_every_entry_as_it_was() {
    let text = format!(
        "{}\n{}{}",
        json!({"journal": 2}),
        line(1, &Fact::SocketUpgraded { socket: 7 }),
        line(2, &Fact::SocketUpgraded { socket: 8 }),
    );
    let page = page(vec![of(&scenario("failed"), None, &text)]);
    let report: Value = serde_json::from_str(&of_kind(&page, "report")[0].1).unwrap();
    let rendered: Value = serde_json::from_slice(&json::render(&samples::mixed())).unwrap();
    assert_eq!(report, rendered);
    assert_eq!(of_kind(&page, "header")[0].1, "{\"journal\":2}");
    assert_eq!(
        of_kind(&page, "entries")[0].1,
        text.split_once('\n').unwrap().1
    );
    let rows = rows(&page);
    assert_eq!(rows["id"], json!([1, 2]));
    assert_eq!(rows["at"], json!([1000, 2000]));
    assert_eq!(rows["of"], json!([7, 8]));
    assert_eq!(rows["line"][0], "· socket 7 upgraded to websocket");
    assert_eq!(of_kind(&page, "omitted")[0].1, "{}");
}

#[test]
fn nothing_that_a_journal_or_a_report_says_becomes_markup() {
    let hostile = "</script><script>alert(1)</script><img src=x onerror=alert(1)>";
    let mut result = samples::mixed();
    for scenario in &mut result.scenarios {
        scenario.id.push_str(hostile);
        scenario.name.push_str(hostile);
    }
    let id = result.scenarios[0].id.clone();
    let text = line(
        1,
        &Fact::TlsRefused {
            service: hostile.to_owned(),
            why: hostile.to_owned(),
        },
    );
    let broken = format!("{text}{hostile}\n");
    let page = page_within(
        ROOM,
        &json::render(&result),
        vec![of(&id, Some(hostile), &broken)],
    );
    assert!(
        !page.contains("alert(1)"),
        "what was said stands in the page"
    );
    // Two of data for the report and what is omitted, two for the journal, and the page's own.
    assert_eq!(page.matches("</script").count(), 5);
    assert_eq!(page.matches("<script").count(), 5);
    assert!(rows(&page)["line"][0].as_str().unwrap().contains(hostile));
}

#[test]
fn the_policy_admits_the_pages_own_script_and_style_and_nothing_else() {
    let page = page(Vec::new());
    let between = |start: &str, end: &str| {
        let rest = page.split_once(start).unwrap().1;
        rest.split_once(end).unwrap().0.to_owned()
    };
    let script = page::hash(&between("<script type=\"module\">", "</script>"));
    let style = page::hash(&between("<style>", "</style>"));
    assert_eq!(
        between("http-equiv=\"Content-Security-Policy\" content=\"", "\""),
        format!(
            "default-src 'none'; script-src '{script}'; style-src '{style}'; base-uri 'none'; \
             form-action 'none'"
        )
    );
    for foreign in [" src=", " href=\"http", "<link", "@import", "url("] {
        let own = page.split(DATA).next().unwrap();
        assert!(
            !own.contains(foreign),
            "the page reaches out by `{foreign}`"
        );
    }
}

#[test]
fn each_part_imports_what_parts_before_it_export() {
    crate::web::tests::fit_together(&page::PARTS);
}

#[test]
fn what_there_is_no_room_for_is_left_out_and_counted() {
    let text: String = (1..=3_000)
        .map(|id| line(id, &Fact::SocketUpgraded { socket: id }))
        .collect();
    let (failed, passed) = (scenario("failed"), scenario("passed"));
    let alone = page_within(ROOM, &json::render(&samples::mixed()), Vec::new());
    let before = alone.split("data-kind=\"omitted\"").next().unwrap().len() as u64;
    let room = Room {
        entries: before + 1,
        rows: before + 60_000,
    };
    let page = page_within(
        room,
        &json::render(&samples::mixed()),
        vec![of(&passed, None, &text), of(&failed, None, &text)],
    );
    let result = samples::mixed();
    let place = |id: &str| {
        result
            .scenarios
            .iter()
            .position(|one| one.id == id)
            .unwrap()
    };
    let first = &of_kind(&page, "entries")[0].0;
    let of_failed = format!("data-of=\"{}\"", place(&failed));
    assert!(
        first.contains(&of_failed),
        "what failed comes first: {first}"
    );
    let omitted: Value = serde_json::from_str(&of_kind(&page, "omitted")[0].1).unwrap();
    let left = |id: &str| &omitted[place(id).to_string()];
    assert_eq!(left(&failed), &json!({"rows": 0, "entries": 3_000 - 1_024}));
    assert_eq!(left(&passed)["entries"], 3_000);
}

#[test]
fn lines_that_cannot_be_read_are_said_to_be_so_and_hide_nothing() {
    let good = line(1, &Fact::SocketUpgraded { socket: 7 });
    let text = format!("{good}no entry\n{{\"id\":3,\"at_us\":90");
    let rows = rows(&page(vec![of(&scenario("failed"), None, &text)]));
    assert_eq!(rows["kind"], json!(["socket-upgraded", "broken", "broken"]));
    assert_eq!(rows["tone"], json!([0, 3, 3]));
    let broken = Journal {
        open: Box::new(|| Err(std::io::Error::other("it is gone"))),
        ..of(&scenario("failed"), None, "")
    };
    let rows = self::rows(&page(vec![broken]));
    assert_eq!(
        rows["line"][0],
        "this line of the journal cannot be read: it is gone"
    );
}

#[test]
fn journals_of_several_devices_are_parts_of_one_scenario() {
    let text = line(1, &Fact::SocketUpgraded { socket: 7 });
    let id = scenario("failed");
    let page = page(vec![
        of(&id, Some("phone"), &text),
        of(&id, Some("tablet"), &text),
        of("a scenario that nobody played", None, &text),
    ]);
    let rows = of_kind(&page, "rows");
    assert_eq!(rows.len(), 2);
    assert!(rows[1].0.contains("data-part=\"1\""), "{}", rows[1].0);
    assert!(
        rows[1].1.contains("\"device\":[\"tablet\"]"),
        "{}",
        rows[1].1
    );
}

#[test]
fn a_page_without_journals_is_a_few_kilobytes() {
    let page = page(Vec::new());
    assert!(page.len() < 180_000, "it has {} bytes", page.len());
}
