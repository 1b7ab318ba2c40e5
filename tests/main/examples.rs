//! The suites in `examples/`: each plays clean by the shipped mock, and fails when somebody misbehaves.

use super::commands::ends;
use super::sources::root;

/// A suite, who misbehaves in it and how, and the rule that notices.
const MISBEHAVIOURS: [(&str, &str, &str, &str); 8] = [
    ("cookie", "--quirk", "shows-previous-user", "TENANT-6"),
    ("cookie", "--quirk", "polls-too-fast", "SYNC-4"),
    ("cookie", "--defect", "sign-out-keeps-session", "SESSION-11"),
    ("graphql", "--quirk", "undeclared-write", "SCOPE-2"),
    ("graphql", "--defect", "refresh-reuse", "SESSION-6"),
    ("oauth", "--quirk", "parallel-refreshes", "SESSION-4"),
    ("oauth", "--defect", "repeated-page-item", "SYNC-12"),
    ("oauth", "--defect", "refresh-reuse", "SESSION-6"),
];

#[test]
fn the_suites_for_other_backends_pass_when_nobody_misbehaves() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["cookie", "graphql", "oauth"] {
        let suite = root().join("examples").join(name);
        let suite = suite.to_str().unwrap();
        ends(folder.path(), &["check", suite], 0);
        let play = ["run", "--suite", suite, "--seed", "1", "--quiet"];
        let (out, _) = ends(folder.path(), &play, 0);
        assert!(
            out.starts_with("passed: ") && !out.contains("skipped"),
            "{out}"
        );
    }
}

#[test]
fn what_misbehaves_in_a_suite_for_another_backend_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    for (name, who, how, rule) in MISBEHAVIOURS {
        let suite = root().join("examples").join(name);
        let suite = suite.to_str().unwrap();
        let play = ["run", "--suite", suite, "--seed", "1", who, how];
        let (out, _) = ends(folder.path(), &play, 4);
        assert!(out.contains(&format!("  {rule}  ")), "{how}: {out}");
    }
}
