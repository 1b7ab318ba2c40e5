//! Suites that are made from what people have: each passes as it is, and what is missing in it is said.

use std::fs;
use std::path::Path;

use rstest::rstest;

use super::commands::ends;
use super::sources::root;

/// A document of this project's own.
fn document(name: &str) -> String {
    let path = root().join("fixtures/import").join(name);
    path.to_str().unwrap().to_owned()
}

fn read(folder: &Path, file: &str) -> String {
    fs::read_to_string(folder.join(file)).unwrap()
}

#[rstest]
#[case(
    "lending.yaml",
    "5 resources",
    "GET /loans/{id}: which `id` is meant is not said"
)]
#[case(
    "fleet.json",
    "2 services",
    "GET /events: its answer is text/event-stream, not JSON"
)]
#[case(
    "clinic.yaml",
    "3 resources",
    "common.yaml#/Doctor`: anything fits there"
)]
fn what_is_made_of_an_openapi_document_passes_as_it_is(
    #[case] file: &str,
    #[case] has: &str,
    #[case] lacks: &str,
) {
    let folder = tempfile::tempdir().unwrap();
    let (out, _) = ends(folder.path(), &["init", "--openapi", &document(file)], 0);
    assert!(out.contains(has) && out.contains(lacks), "{out}");
    let (out, err) = ends(folder.path(), &["check"], 0);
    assert!(
        out.contains("1 scenario") && !err.contains("warning"),
        "{out}{err}"
    );
    let (out, _) = ends(folder.path(), &["run", "--seed", "3"], 0);
    assert!(out.contains("passed: 1 passed"), "{out}");
}

#[test]
fn what_was_concluded_says_from_what() {
    let folder = tempfile::tempdir().unwrap();
    ends(
        folder.path(),
        &["init", "--openapi", &document("lending.yaml")],
        0,
    );
    let contract = read(folder.path(), "rehearsal/contract.yaml");
    insta::assert_snapshot!(contract);
    let config = read(folder.path(), "rehearsal.toml");
    assert!(
        config.contains("# [targets.developer.services]"),
        "{config}"
    );
    // What was made passes only because it is right: the same with another name for a field is not.
    let world = folder.path().join("rehearsal/world.yaml");
    let text = fs::read_to_string(&world).unwrap();
    fs::write(&world, text.replace("title:", "titel:")).unwrap();
    let (_, err) = ends(folder.path(), &["check"], 2);
    assert!(err.contains("\"title\" is a required property"), "{err}");
}

#[test]
fn documents_that_are_none_are_refused_with_every_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("document");
    for (text, told) in [
        (
            "swagger: '2.0'\n",
            &["document:1:1", "Swagger 2.0", "convert it"][..],
        ),
        (
            "openapi: 4.0.0\npaths: {}\n",
            &["document:1:1", "OpenAPI 4.0.0"],
        ),
        (
            "{\"openapi\": \"3.1.0\",\n \"info\": 3, \"paths\": {}}",
            &["document:2:10", "document:2:22", "2 problems"],
        ),
        (
            "openapi: 3.0.0\npaths: { orders: {}, /x: 3, /y: { get: no } }\n",
            &[
                "`orders` does not begin",
                "document:2:22",
                "document:2:35",
                "3 problems",
            ],
        ),
        (
            "openapi: 3.0.0\npaths: { /x: { post: {} } }\n",
            &["nothing in it that an app could read"],
        ),
        (
            "{\"openapi\": }",
            &["document:1:13", "not readable as JSON"],
        ),
        ("a: [", &["not readable as YAML"]),
        ("\u{0}\u{1}", &["NUL byte"]),
        ("", &["this file is empty"]),
    ] {
        fs::write(&file, text).unwrap();
        let (_, err) = ends(folder.path(), &["init", "--openapi", "document"], 2);
        for part in told {
            assert!(
                err.contains(part),
                "{part} is missing for {text:?} in\n{err}"
            );
        }
        assert!(!folder.path().join("rehearsal").exists());
    }
    let (_, err) = ends(folder.path(), &["init", "--openapi", "gone.yaml"], 2);
    assert!(err.contains("there is no such file"), "{err}");
    let large = fs::File::create(&file).unwrap();
    large.set_len(200 << 20).unwrap();
    let (_, err) = ends(folder.path(), &["init", "--openapi", "document"], 2);
    assert!(err.contains("209715200 bytes, more than"), "{err}");
}
