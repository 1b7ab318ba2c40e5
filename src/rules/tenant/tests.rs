//! What two accounts may have in common, and what not.

use serde_json::{Value, json};

use crate::domain::contract::Contract;
use crate::domain::selector::Selector;
use crate::rules::tests::{Play, harbour};

/// The harbour, whose sailors have ships of their own; the log is everybody's.
fn contract() -> Contract {
    let mut contract = harbour();
    for resource in &mut contract.resources {
        resource.personal = resource.name != "log";
        resource.schema = None;
        resource.paging = None;
        if resource.name == "ships" {
            resource.sequence = None;
        }
    }
    let feed = contract.realtime.as_mut().unwrap();
    feed.events[0].items = Some(Selector::parse("/ship").unwrap());
    feed.events[0].schema = None;
    feed.events[0].sequence = None;
    contract
}

fn ada() -> Value {
    json!({"id": 7001, "mail": "ada@port.example", "name": "Ada Lind", "account": {"no": "acct-100417", "tier": "premium"}})
}

fn bo() -> Value {
    json!({"id": 7002, "mail": "bo@port.example", "name": "Bo Ek", "account": {"no": "acct-100593", "tier": "standard"}})
}

/// Both sign in as the harness does, and read their profiles and this, by turns, and one once more.
fn both(theirs: [Value; 2], own: [Value; 2]) -> Play {
    let mut play = Play::of(contract());
    let [first, again] = theirs;
    let [mine, later] = own;
    play.ended()
        .signs_in("probe", "ada", json!(7001))
        .signs_in("probe", "bo", json!(7002))
        .reads("probe", "ada", "sailor", ada())
        .reads("probe", "ada", "ships", first)
        .reads("probe", "bo", "sailor", bo())
        .reads("probe", "bo", "ships", mine)
        .reads("probe", "ada", "sailor", ada())
        .reads("probe", "ada", "ships", again)
        .reads("probe", "bo", "ships", later);
    play
}

fn still(theirs: &Value, own: &Value) -> Vec<String> {
    both([theirs.clone(), theirs.clone()], [own.clone(), own.clone()]).found("TENANT-1")
}

#[track_caller]
fn leaks(found: &[String], what: &str) {
    assert!(matches!(found, [one] if one.contains(what)), "{found:?}");
}

#[test]
fn a_number_by_which_one_account_is_known_in_every_row_of_the_other_is_a_leak() {
    let ships =
        |imo: u64| json!({"ships": [{"imo": imo, "owner": 7001}, {"imo": imo + 1, "owner": 7001}]});
    leaks(
        &still(&ships(1), &ships(11)),
        "/owner of an item, holding 7001",
    );
}

#[test]
fn a_name_and_an_account_of_the_profile_are_leaks_where_the_other_always_had_them() {
    let ships = |imo: u64, name: &str| json!({"ships": [{"imo": imo, "held": name}]});
    for name in ["Ada Lind", "acct-100417"] {
        leaks(&still(&ships(1, name), &ships(11, name)), name);
        let single = json!({"ships": [], "of": name});
        leaks(&still(&single, &single), name);
        assert!(still(&ships(1, name), &ships(11, "Bo Ek")).is_empty());
    }
}

#[test]
fn a_list_that_nobody_calls_personal_may_be_by_one_author_but_not_everybodys_own_items() {
    let log = |entries: &[u64]| {
        let entries = entries.iter().map(|no| json!({"no": no, "by": 7001}));
        json!({"entries": entries.collect::<Vec<_>>()})
    };
    let found = |theirs: &[u64], own: &[u64]| {
        let mut play = both([json!({}), json!({})], [json!({}), json!({})]);
        play.reads("probe", "ada", "log", log(theirs))
            .reads("probe", "bo", "log", log(own));
        play.found("TENANT-1")
    };
    assert_eq!(found(&[1, 2], &[1, 2]), [""; 0]);
    leaks(
        &found(&[1, 2], &[8, 9]),
        "`log` at /by of an item, holding 7001",
    );
}

#[test]
fn an_id_of_the_one_is_a_leak_anywhere_in_the_others_answer() {
    let ships = |no: &str, more: Value| json!({"ships": [], "berth": {"no": no, "note": more}});
    let theirs = ships("berth-8841-a", json!("calm"));
    let beside = ships("berth-2210-b", json!("berth-8841-a"));
    leaks(&still(&theirs, &beside), "berth-8841-a");
    let own = ships("berth-2210-b", json!("calm"));
    let once = both(
        [theirs.clone(), theirs.clone()],
        [own.clone(), theirs.clone()],
    );
    assert!(!once.found("TENANT-1").is_empty());
    let figures = |one: &str, other: &str| json!({"ships": [], "cap": one, "used": other});
    let found = still(
        &figures("500000.00", "1.50"),
        &figures("250000.00", "500000.00"),
    );
    assert_eq!(found, [""; 0]);
}

#[test]
fn a_price_that_two_traded_at_is_nobodys_and_a_whole_row_is_its_owners() {
    let log = |imo: u64, price: f64| json!({"ships": [{"imo": imo, "at": price}], "left": 1});
    let theirs = log(1, 65_211.6);
    let found = |own: Value, later: Value| {
        both([theirs.clone(), theirs.clone()], [own, later]).found("TENANT-1")
    };
    assert_eq!(found(log(11, 64_870.2), log(12, 65_211.6)), [""; 0]);
    assert!(!found(log(11, 64_870.2), theirs.clone()).is_empty());
    // As texts they are figures, too.
    let log = |imo: u64, price: &str| json!({"ships": [{"imo": imo, "at": price}], "left": 1});
    let theirs = log(1, "65211.600");
    let play = both(
        [theirs.clone(), theirs.clone()],
        [log(11, "64870.200"), log(12, "65211.600")],
    );
    assert_eq!(play.found("TENANT-1"), [""; 0]);
    // What stands beside the list is the account's.
    let sum = |sum: f64| json!({"ships": [], "worth": sum});
    let play = both(
        [sum(48_213.77), sum(48_213.77)],
        [sum(731.255), sum(48_213.77)],
    );
    assert!(!play.found("TENANT-1").is_empty());
}

#[test]
fn what_two_come_to_hold_is_nobodys_and_its_key_is_its_owners() {
    let holds = |imo: &str, isin: &str| json!({"ships": [{"imo": imo, "of": isin}]});
    let theirs = holds("ship-7731-a", "US0378331005");
    let found = |later: Value| {
        let own = holds("ship-2210-b", "DE0007164600");
        both([theirs.clone(), theirs.clone()], [own, later]).found("TENANT-1")
    };
    assert_eq!(found(holds("ship-2211-b", "US0378331005")), [""; 0]);
    leaks(&found(holds("ship-7731-a", "DE0007164600")), "ship-7731-a");
}

#[test]
fn a_word_that_both_have_is_nobodys_although_the_profiles_differ_by_it() {
    let ships = |imo: u64| json!({"ships": [{"imo": imo, "berth": "premium"}]});
    assert_eq!(still(&ships(1), &ships(11)), [""; 0]);
}

#[test]
fn one_answer_for_two_accounts_is_a_leak_in_spite_of_the_moment_in_it() {
    let ships = |at: u64| json!({"ships": [{"imo": 1, "qty": 10, "memo": "ada's tug"}], "served": {"at": at}});
    let found = both([ships(100), ships(102)], [ships(101), ships(103)]).found("TENANT-1");
    leaks(&found, "the whole answer");
}

#[test]
fn two_accounts_that_have_nothing_or_the_same_defaults_have_nothing_of_each_other() {
    for alike in [
        json!({"ships": []}),
        json!({"ships": [], "alerts": true, "currency": "EUR", "level": 5}),
        json!({"ships": [{"imo": 1, "flag": "PA"}]}),
    ] {
        assert_eq!(still(&alike, &alike), [""; 0], "{alike}");
    }
}

#[test]
fn an_item_that_moves_over_to_the_others_list_is_a_leak_however_short_it_is() {
    let ship = json!({"imo": 1, "qty": 10, "memo": "ada's old tug"});
    let own = json!({"imo": 9, "qty": 300, "memo": "bo's new yacht"});
    let theirs = json!({"ships": [ship]});
    let found = both(
        [theirs.clone(), theirs],
        [json!({"ships": [own]}), json!({"ships": [own, ship]})],
    );
    leaks(&found.found("TENANT-1"), "the item 1");
}

#[test]
fn an_item_that_both_lists_held_from_the_first_answer_is_a_leak_but_for_common_keys() {
    let list = |own: u64, key: Value| json!({"ships": [{"imo": own, "n": own, "memo": "own"}, {"imo": key, "qty": 10, "memo": "a memo of ada's"}]});
    leaks(
        &still(&list(1, json!("DE001")), &list(9, json!("DE001"))),
        "DE001",
    );
    // Positions are known by what is traded, which everybody may.
    assert_eq!(
        still(&list(1, json!("BTC-PERP")), &list(9, json!("BTC-PERP"))),
        [""; 0]
    );
    let isin = || list(1, json!("US0378331005"));
    let mut play = both(
        [isin(), isin()],
        [
            list(9, json!("US0378331005")),
            list(9, json!("US0378331005")),
        ],
    );
    let log = json!({"entries": [{"no": "US0378331005"}]});
    play.reads("probe", "ada", "log", log);
    assert_eq!(play.found("TENANT-1"), [""; 0]);
}

#[test]
fn an_item_in_another_page_is_a_leak_although_no_two_accounts_have_the_same_cursors() {
    let list =
        |key: &str| json!({"ships": [{"imo": key, "qty": 10, "memo": "a tug of the north"}]});
    let mut play = both(
        [list("n-4979"), list("n-4979")],
        [list("s-2031"), list("s-2031")],
    );
    play.pages("bo", "ships", list("n-4980"));
    assert_eq!(play.found("TENANT-1"), [""; 0]);
    play.pages("bo", "ships", list("n-4979"));
    leaks(&play.found("TENANT-1"), "the item n-4979");
    // Once is enough for one list.
    play.pages("bo", "ships", list("n-4979"));
    assert_eq!(play.found("TENANT-1").len(), 1);
}

#[test]
fn what_is_listed_for_everybody_gives_nobody_away() {
    let log = json!({"entries": [{"no": "US0378331005"}, {"no": "US5949181045"}]});
    let mut play = Play::of(contract());
    play.ended()
        .signs_in("probe", "ada", json!(7001))
        .signs_in("probe", "bo", json!(7002))
        .reads(
            "probe",
            "ada",
            "ships",
            json!({"ships": [{"imo": "US0378331005"}]}),
        )
        .reads("probe", "ada", "log", log.clone())
        .reads(
            "probe",
            "bo",
            "ships",
            json!({"ships": [{"imo": "US5949181045"}]}),
        )
        .reads("probe", "bo", "log", log);
    assert_eq!(play.found("TENANT-1"), [""; 0]);
}

/// The app of one account hears these events before the harness has signed in as the other.
fn early(events: &[Value]) -> Vec<String> {
    let ada_has = json!({"ships": [{"imo": 1, "qty": 10, "memo": "ada's old tug"}]});
    let bo_has =
        json!({"ships": [{"imo": 9, "qty": 300, "memo": "bo's new yacht", "reg": "reg-558812"}]});
    let mut play = Play::of(contract());
    play.signs_in("client", "ada", json!(7001))
        .reads("client", "ada", "ships", ada_has.clone())
        .joins(1, "ada");
    for event in events {
        play.event(1, "ship_moved", event.clone());
    }
    play.ended()
        .signs_in("probe", "ada", json!(7001))
        .signs_in("probe", "bo", json!(7002))
        .reads("probe", "ada", "ships", ada_has.clone())
        .reads("probe", "bo", "ships", bo_has)
        .reads("probe", "ada", "ships", ada_has);
    play.found("TENANT-1")
}

#[test]
fn an_event_of_another_is_found_although_the_other_was_not_known_yet() {
    let own = json!({"ship": {"imo": 1, "qty": 11, "memo": "ada's old tug"}});
    assert_eq!(early(std::slice::from_ref(&own)), [""; 0]);
    // Another ship may come to be in the same register.
    let alike = json!({"ship": {"imo": 5, "reg": "reg-558812"}});
    assert_eq!(early(&[own.clone(), alike]), [""; 0]);
    let by_item =
        json!({"ship": {"imo": 9, "qty": 300, "memo": "bo's new yacht", "reg": "reg-558812"}});
    leaks(&early(&[own.clone(), by_item]), "ship_moved");
    let by_name = json!({"ship": {"imo": 3, "of": "bo@port.example"}});
    leaks(&early(&[own, by_name]), "bo@port.example");
}

#[test]
fn one_entity_tag_for_two_accounts_is_a_match_only_where_both_got_the_same() {
    let asked = |theirs: Value, own: Value, status: u16| {
        let mut play = Play::of(contract());
        let tagged = |body: &Value| json!({"status": 200, "headers": [["etag", "\"1\""], ["x-trace", "t"]], "body": {"json": {"value": body, "bytes": 9}}});
        let own_question = json!({"harness": {"probe": {"question": "own"}}});
        play.ended()
            .signs_in("probe", "ada", json!(7001))
            .signs_in("probe", "bo", json!(7002))
            .fact(own_question.clone())
            .asks("probe", "ada", "ships", tagged(&theirs))
            .fact(own_question)
            .asks("probe", "bo", "ships", tagged(&own))
            .fact(json!({"harness": {"probe": {"question": {"tag-of-another": {"owner": "ada@port.example"}}}}}))
            .asks("probe", "bo", "ships", json!({"status": status}));
        play.found("TENANT-5").len()
    };
    let ships = |imo: u64| json!({"ships": [{"imo": imo}], "at": imo});
    let nothing = |at: u64| json!({"ships": [], "at": at});
    assert_eq!(asked(ships(1), ships(9), 304), 1);
    assert_eq!(asked(ships(1), ships(9), 200), 0);
    assert_eq!(asked(nothing(1), nothing(2), 304), 0);
}

#[test]
fn a_key_that_is_made_of_the_owners_id_is_a_leak_whatever_its_item_holds() {
    let ships = |keys: &[&str]| {
        let ships = keys.iter().enumerate();
        let ships = ships.map(|(at, key)| json!({"imo": key, "knots": at}));
        json!({"ships": ships.collect::<Vec<_>>()})
    };
    let own = ["s-7002-1", "s-7002-2"];
    let theirs = ships(&["s-7001-1", "s-7001-2"]);
    leaks(
        &still(&theirs, &ships(&[own[0], own[1], "s-7001-9"])),
        "s-7001-9",
    );
    let found = both(
        [theirs.clone(), theirs.clone()],
        [ships(&own), ships(&[own[0], own[1], "s-7001-9"])],
    );
    leaks(&found.found("TENANT-1"), "s-7001-9");
    assert_eq!(still(&theirs, &ships(&own)), [""; 0]);
    // Codes of what both may hold come from nobody's id.
    let codes = |keys: &[&str]| ships(keys);
    let found = still(
        &codes(&["fut-2026-a", "fut-2026-b"]),
        &codes(&["fut-2027-a", "fut-2027-b", "fut-2026-c"]),
    );
    assert_eq!(found, [""; 0]);
}
