//! `rehearsal fleet` as a user has it, small and in virtual time.

use std::fs;

use serde_json::Value;

use crate::commands::ends;

const SMALL: [&str; 9] = [
    "fleet", "--apps", "12", "--ramp", "2s", "--hold", "5s", "--seed", "3",
];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    SMALL.iter().copied().chain(more.iter().copied()).collect()
}

#[test]
fn a_fleet_says_how_it_came_back_and_reports_add_up() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (told, _) = ends(at, &with(&["--report-json", "one.json"]), 0);
    assert!(told.contains("storm 1: sockets"), "{told}");
    ends(at, &with(&["--report-json", "two.json"]), 0);
    let merge = ["fleet", "merge", "one.json", "two.json", "--report-json"];
    let (told, _) = ends(at, &[&merge[..], &["all.json"]].concat(), 0);
    assert!(told.contains("24 apps"), "{told}");
    let read = |name: &str| -> Value {
        let text = fs::read_to_string(at.join(name)).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    let (one, all) = (read("one.json"), read("all.json"));
    assert_eq!(all["apps"], 24);
    let storm = |report: &Value| report["stages"][2]["comes-to"].clone();
    // Both had one seed: all is twice as much, and takes as long.
    assert_eq!(storm(&all)["connects"], 24);
    assert_eq!(
        storm(&all)["time-to-live-ms"],
        storm(&one)["time-to-live-ms"]
    );
    let peak = |report: &Value| storm(report)["peak-connects-per-second"].as_u64();
    assert_eq!(peak(&all), peak(&one).map(|peak| peak * 2));
    fs::write(at.join("other.json"), "{}").unwrap();
    let (_, said) = ends(at, &["fleet", "merge", "one.json", "other.json"], 1);
    assert!(said.contains("other.json"), "{said}");
    for (place, why) in [
        ("/dev/zero", "regular file"),
        (".", "folder"),
        ("none.json", "none.json"),
    ] {
        let (_, said) = ends(at, &["fleet", "merge", "one.json", place], 2);
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn a_forbidden_call_of_a_fleet_ends_it_with_its_own_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let quirk = ["--storm", "none", "--quirk", "calls-forbidden"];
    let (told, _) = ends(folder.path(), &with(&quirk), 5);
    assert!(told.contains("must never be called"), "{told}");
}

#[test]
fn no_target_is_loaded_that_nobody_has_released() {
    let folder = tempfile::tempdir().unwrap();
    let target = |fleet: &str| {
        let text = format!(
            "[targets.staging]\n{fleet}\n[targets.staging.services]\n\
             platform = \"https://platform.example.test\"\ntrading = \"https://trading.example.test\"\n"
        );
        fs::write(folder.path().join("rehearsal.toml"), text).unwrap();
        let (_, said) = ends(folder.path(), &with(&["--target", "staging"]), 1);
        said
    };
    assert!(target("").contains("fleet = 12"));
    let said = target("fleet = 10");
    assert!(
        said.contains("10 apps in all") && said.contains("12 were asked for"),
        "{said}"
    );
    assert!(target("fleet = 12").contains("accounts"));
    assert!(target("fleet = 12\nproxy = \"http://127.0.0.1:1\"").contains("`proxy`"));
}
