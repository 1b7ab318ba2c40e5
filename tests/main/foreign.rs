//! Backends that have nothing in common with the shipped contract, each put to the suite by its two
//! files alone: `tests/interop/backends/`.
//!
//! They are Node programs with another idea of everything that a contract can say, so what passes
//! here is not passed by an accident of names. Each behaves well unless it is told to misbehave in
//! one way, which must then be found, and be found to be the backend's doing. Time is real, so the
//! scenarios take what they take; nothing here waits for less than an event.

mod backend;
mod staging;

use std::fs;
use std::process::Output;

use rehearsal::internals::suite::Suite;
use serde_json::Value;

use backend::{Backend, Kind};

/// What a run came to.
struct Played {
    code: Option<i32>,
    report: Value,
    told: String,
}

impl Played {
    fn of(backend: &Backend, arguments: &[&str]) -> Self {
        let report = backend.folder().join("report.json");
        let Output {
            status,
            stdout,
            stderr,
        } = backend
            .rehearsal(&[
                "run",
                "--target",
                backend.target(),
                "--report-json",
                "report.json",
            ])
            .args(arguments)
            .output()
            .unwrap();
        let told = [stdout, stderr].map(|told| String::from_utf8(told).unwrap());
        let told = told.join("\n");
        let report = fs::read(report).unwrap_or_else(|_| panic!("no report was written:\n{told}"));
        Self {
            code: status.code(),
            report: serde_json::from_slice(&report).unwrap(),
            told,
        }
    }

    /// The scenarios with this verdict.
    fn with(&self, verdict: &str) -> Vec<&str> {
        let scenarios = self.report["scenarios"].as_array().unwrap();
        let own = scenarios.iter().filter(|own| own["verdict"] == verdict);
        own.map(|own| own["id"].as_str().unwrap()).collect()
    }

    fn findings(&self) -> impl Iterator<Item = &Value> {
        let scenarios = self.report["scenarios"].as_array().unwrap();
        scenarios
            .iter()
            .flat_map(|scenario| scenario["findings"].as_array().unwrap())
    }

    /// Nothing was found, not even in passing.
    fn is_clean(&self) {
        assert_eq!(self.code, Some(0), "{}", self.told);
        let scope = &self.report["scope"];
        assert_eq!(scope["canary_caught"], true, "{}", self.told);
        let grave: Vec<_> = self
            .findings()
            .filter(|finding| finding["severity"] != "information")
            .collect();
        assert!(grave.is_empty(), "{grave:?}");
    }

    /// This rule, or each of these, was broken by the backend, no other one by anybody, and the report
    /// shows where.
    fn blames_the_backend(&self, rule: &str) {
        assert_eq!(self.code, Some(4), "{}", self.told);
        let mut rules = Vec::new();
        for finding in self.findings() {
            if finding["severity"] == "information" {
                continue;
            }
            assert_eq!(finding["subject"], "backend", "{}", self.told);
            let evidence = finding["evidence"].as_array().unwrap();
            let lines = evidence.iter().filter(|entry| entry["line"].is_string());
            assert!(lines.count() > 0, "{}", self.told);
            rules.push(finding["rule"].as_str().unwrap());
        }
        rules.sort_unstable();
        rules.dedup();
        // A step that fails for the reason that the rule names is no second fault.
        let others: Vec<_> = rules.iter().copied().filter(|own| *own != "STEP").collect();
        if rule == "STEP" {
            assert!(others.is_empty() && !rules.is_empty(), "{}", self.told);
        } else {
            let wanted: Vec<_> = rule.split(' ').collect();
            assert_eq!(others, wanted, "{}", self.told);
        }
    }
}

// Each scenario has a backend of its own here, so that all of them can be played at once.
#[rstest::rstest]
fn a_backend_of_other_names_and_shapes_passes_the_shipped_suite(
    #[values(Kind::Portfolio, Kind::Fleet)] kind: Kind,
    #[values(
        "degraded-backend",
        "dropped-sockets",
        "expired-token",
        "forgotten-sockets",
        "kill-switch",
        "maintenance-while-away",
        "polling-fallback",
        "pushed-change",
        "read-only-scope",
        "restart-under-way",
        "session-restore",
        "sign-in"
    )]
    scenario: &str,
) {
    let backend = Backend::start(kind, None);
    let played = Played::of(&backend, &["--scenario", scenario]);
    if let Some(lever) = lacking(kind, scenario) {
        assert_eq!(played.with("skipped"), [scenario], "{}", played.told);
        assert!(played.told.contains(lever), "{}", played.told);
        return;
    }
    played.is_clean();
    assert_eq!(played.with("passed"), [scenario], "{}", played.told);
}

/// The lever without which a backend is not put to a scenario.
fn lacking(kind: Kind, scenario: &str) -> Option<&'static str> {
    match (kind, scenario) {
        (Kind::Portfolio, "dropped-sockets") => Some("drop-sockets"),
        (Kind::Portfolio, "expired-token") => Some("expire-tokens"),
        (Kind::Fleet, "pushed-change") => Some("push"),
        _ => None,
    }
}

#[test]
fn a_backend_without_feed_and_switch_is_put_to_its_own_scenarios() {
    let backend = Backend::start(Kind::Notes, None);
    let played = Played::of(&backend, &[]);
    played.is_clean();
    assert_eq!(played.with("passed"), ["reading"], "{}", played.told);
}

#[test]
fn what_needs_a_feed_of_the_shipped_scenarios_does_not_apply_without_one() {
    let backend = Backend::start(Kind::Notes, None);
    let contract = "scenarios/contract.yaml";
    backend.configure(|config| {
        config.replace(
            "suite = \"scenarios\"",
            &format!("contract = \"{contract}\""),
        )
    });
    let played = Played::of(&backend, &[]);
    assert_eq!(played.code, Some(0), "{}", played.told);
    let all = Suite::shipped().unwrap().usual().len();
    assert_eq!(played.with("passed"), ["wrong-password"], "{}", played.told);
    assert_eq!(played.with("skipped").len(), all - 1, "{}", played.told);
    for scenario in played.report["scenarios"].as_array().unwrap() {
        let Some(reason) = scenario["reason"].as_str() else {
            continue;
        };
        assert!(
            reason.starts_with("the contract has no `") || reason.contains("lever"),
            "{reason}"
        );
    }
}

#[test]
fn every_file_of_a_foreign_backend_is_valid() {
    for kind in [Kind::Portfolio, Kind::Fleet, Kind::Notes] {
        let backend = Backend::start(kind, None);
        let checked = backend.rehearsal(&["check"]).output().unwrap();
        let told = String::from_utf8_lossy(&checked.stderr);
        assert!(checked.status.success(), "{kind:?}\n{told}");
    }
}

#[test]
fn a_password_that_was_never_right_is_a_problem_of_the_set_up_and_of_nobody_else() {
    let backend = Backend::start(Kind::Portfolio, None);
    let arguments = ["run", "--target", backend.target()];
    let played = backend
        .rehearsal(&arguments)
        .args(["--scenario", "sign-in", "--scenario", "kill-switch"])
        .env("FOLIO_WANDA", "not-hers")
        .output()
        .unwrap();
    let told = [played.stdout, played.stderr].map(|told| String::from_utf8(told).unwrap());
    let told = told.join("\n");
    assert_eq!(played.status.code(), Some(1), "{told}");
    for word in ["tester-a", "password-env", "refused"] {
        assert!(told.contains(word), "{told}");
    }
    assert!(
        !told.contains("STEP") && !told.contains("not-hers"),
        "{told}"
    );
}

#[rstest::rstest]
#[case(Kind::Portfolio, "slow")]
#[case(Kind::Fleet, "slow")]
fn a_backend_that_takes_its_time_is_no_bad_one(#[case] kind: Kind, #[case] habit: &str) {
    let backend = Backend::start(kind, Some(habit));
    let played = Played::of(&backend, &["--scenario", "sign-in"]);
    played.is_clean();
    assert_eq!(played.with("passed"), ["sign-in"], "{}", played.told);
}

#[rstest::rstest]
#[case(
    Kind::Portfolio,
    "somebody-elses-account",
    "every-tab",
    "SESSION-15 TENANT-1"
)]
#[case(Kind::Portfolio, "expires-at-once", "sign-in", "SESSION-15")]
#[case(Kind::Portfolio, "no-trace-on-orders", "sign-in", "NET-13")]
#[case(Kind::Portfolio, "quantity-as-text", "sign-in", "SYNC-13")]
#[case(Kind::Portfolio, "cached-for-all", "sign-in", "TENANT-4")]
#[case(Kind::Portfolio, "page-repeats-an-order", "read-only-scope", "SYNC-12")]
#[case(Kind::Portfolio, "pages-never-end", "read-only-scope", "SYNC-12")]
#[case(Kind::Portfolio, "redirects-orders", "every-tab", "STEP")]
#[case(Kind::Portfolio, "html-for-performance", "every-tab", "STEP")]
#[case(Kind::Portfolio, "socket-refuses", "sign-in", "STEP")]
#[case(Kind::Portfolio, "no-pings", "read-only-scope", "STEP")]
#[case(Kind::Portfolio, "never-closes", "kill-switch", "STEP")]
#[case(
    Kind::Portfolio,
    "sessions-lost-on-restart",
    "degraded-backend",
    "SYNC-14"
)]
#[case(Kind::Portfolio, "renewal-used-twice", "sign-in", "SESSION-6")]
#[case(Kind::Portfolio, "renewal-family-lives", "sign-in", "SESSION-6")]
#[case(Kind::Portfolio, "revokes-nothing", "sign-in", "SESSION-11")]
#[case(Kind::Portfolio, "transfers-for-all", "sign-in", "SCOPE-5")]
#[case(Kind::Portfolio, "data-during-closure", "kill-switch", "KILL-7")]
#[case(Kind::Portfolio, "page-loses-an-order", "sign-in", "SYNC-12")]
#[case(Kind::Portfolio, "investor-kept-for-all", "sign-in", "TENANT-1")]
#[case(Kind::Portfolio, "any-bearer", "sign-in", "SESSION-10")]
#[case(Kind::Portfolio, "live-for-anybody", "sign-in", "SESSION-10")]
#[case(Kind::Portfolio, "closed-as-401", "kill-switch", "KILL-7")]
#[case(Kind::Portfolio, "socket-during-closure", "kill-switch", "KILL-7")]
#[case(Kind::Fleet, "socket-while-closed", "kill-switch", "KILL-7")]
#[case(Kind::Fleet, "socket-for-anybody", "sign-in", "SESSION-10")]
#[case(Kind::Fleet, "data-as-text", "sign-in", "SYNC-13")]
#[case(Kind::Fleet, "one-correlation", "sign-in", "NET-13")]
#[case(Kind::Fleet, "unsigned-tokens", "sign-in", "SESSION-10")]
#[case(Kind::Fleet, "signature-unchecked", "sign-in", "SESSION-10")]
#[case(Kind::Fleet, "shift-renewed-twice", "sign-in", "SESSION-6")]
#[case(Kind::Fleet, "dispatch-for-all", "sign-in", "SCOPE-5")]
#[case(Kind::Fleet, "data-while-closed", "kill-switch", "KILL-7")]
#[case(Kind::Fleet, "page-loses-a-stop", "sign-in", "SYNC-12")]
#[case(Kind::Fleet, "driver-of-the-connection", "sign-in", "TENANT-3")]
#[case(Kind::Fleet, "any-entity-tag", "sign-in", "API-13 TENANT-5")]
#[case(Kind::Fleet, "wrong-audience", "sign-in", "SESSION-15")]
#[case(Kind::Fleet, "foreign-key", "sign-in", "SESSION-15")]
#[case(Kind::Fleet, "expired-at-issue", "sign-in", "SESSION-15")]
#[case(Kind::Fleet, "subject-of-another", "every-tab", "SESSION-15")]
#[case(Kind::Fleet, "event-weight-as-text", "read-only-scope", "SYNC-13")]
fn a_backend_that_misbehaves_is_found_out_and_blamed(
    #[case] kind: Kind,
    #[case] misbehaviour: &str,
    #[case] scenario: &str,
    #[case] rule: &str,
) {
    let backend = Backend::start(kind, Some(misbehaviour));
    let played = Played::of(&backend, &["--scenario", scenario]);
    played.blames_the_backend(rule);
}
