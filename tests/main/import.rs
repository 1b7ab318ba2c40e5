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

/// The archive of an invented app, as a browser saves it.
const ARCHIVE: &str = "garden.har";

#[test]
fn what_is_made_of_an_archive_passes_and_holds_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let (out, _) = ends(folder.path(), &["init", "--har", &document(ARCHIVE)], 0);
    for part in [
        "1 service, 4 resources, 2 events",
        "https://cdn.example (requests: 1)",
        "GET /v1/photos/7.jpg: its answer is image/jpeg, not JSON",
        "emit `typing`: it was emitted later than on connecting",
    ] {
        assert!(out.contains(part), "{part} is missing in\n{out}");
    }
    let contract = read(folder.path(), "rehearsal/contract.yaml");
    let world = read(folder.path(), "rehearsal/world.yaml");
    let scenario = read(folder.path(), "rehearsal/sign-in.yaml");
    for secret in ["eyJ", "8f14e45f", "sk_live", "Fern-and-moss", "ines.moreau"] {
        for text in [&contract, &world, &scenario] {
            assert!(!text.contains(secret), "{secret} stands in\n{text}");
        }
    }
    insta::assert_snapshot!([contract, world, scenario].join("\n"));
    ends(folder.path(), &["check"], 0);
    let (out, _) = ends(folder.path(), &["run", "--seed", "3"], 0);
    assert!(out.contains("passed: 1 passed"), "{out}");
}

#[test]
fn with_a_document_the_shapes_are_its_own_and_the_data_was_seen() {
    let folder = tempfile::tempdir().unwrap();
    let described = "openapi: 3.1.0
info: { title: Garden }
servers: [{ url: https://api.garden.example/v1 }]
paths:
  /auth/login: { post: { requestBody: { content: { application/json: { schema: { type: object, required: [email, password], properties: { email: {}, password: {} } } } } }, responses: { '200': { content: { application/json: { schema: { type: object, properties: { token: {} } } } } } } } }
  /beds: { get: { responses: { '200': { content: { application/json: { schema: { type: object, required: [beds], properties: { beds: { type: array, items: { type: object, required: [id], properties: { id: { pattern: '^bed-', type: string } } } } } } } } } } } }
  /beds/{bed}: { get: { parameters: [{ name: bed, in: path, required: true, schema: { type: string } }], responses: { '200': { content: { application/json: { schema: { type: object, required: [id, moisture], properties: { moisture: { type: string } } } } } } } } }
  /tools: { get: { responses: { '200': { content: { application/json: { schema: { type: array, items: { type: string } } } } } } } }
";
    fs::write(folder.path().join("garden.yaml"), described).unwrap();
    let arguments = [
        "init",
        "--openapi",
        "garden.yaml",
        "--har",
        &document(ARCHIVE),
    ];
    let (out, _) = ends(folder.path(), &arguments, 0);
    // What was seen and the document do not agree, and what it does not know, is told.
    assert!(
        out.contains("GET /beds/{bed}: its example does not fit its schema (/moisture:"),
        "{out}"
    );
    assert!(out.contains("GET /v1/tasks"), "{out}");
    let contract = read(folder.path(), "rehearsal/contract.yaml");
    assert!(
        contract.contains("pattern: \"^bed-\"") && contract.contains("GET api /beds/bed-"),
        "{contract}"
    );
    let world = read(folder.path(), "rehearsal/world.yaml");
    assert!(
        world.contains("bed-4") && world.contains("tools: [text 1]"),
        "{world}"
    );
    let (out, _) = ends(folder.path(), &["run", "--seed", "3"], 0);
    assert!(out.contains("passed: 1 passed"), "{out}");
}

#[test]
fn archives_that_are_none_are_refused_with_every_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("archive");
    for (text, told) in [
        ("{}", &["it has no `log`"][..]),
        ("{\"log\": {}}", &["archive:1:9", "a list of `entries`"]),
        (
            "{\"log\": {\"entries\": []}}",
            &["there is nothing in this archive"],
        ),
        (
            "{\"log\": {\"entries\": [\n{\"request\": {\"method\": \"GET\"}},\n3,\n{\"request\": {\"method\": \"GET\", \"url\": \"/x\"}}]}}",
            &["archive:2:1", "archive:3:1", "archive:4:1", "3 problems"],
        ),
        (
            "{\"log\": {\"entries\": [{\"request\": {\"method\": \"GET\", \"url\": \"https://a.example/\"}}]}}",
            &["nothing in it that an app could read"],
        ),
    ] {
        fs::write(&file, text).unwrap();
        let (_, err) = ends(folder.path(), &["init", "--har", "archive"], 2);
        for part in told {
            assert!(
                err.contains(part),
                "{part} is missing for {text:?} in\n{err}"
            );
        }
    }
}

#[test]
fn a_recording_proves_the_suite_that_is_made_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let (out, _) = ends(
        folder.path(),
        &["record", &document(ARCHIVE), "--out", "suite"],
        0,
    );
    assert!(
        out.contains("replayed against the mock: 9 requests, 2 events"),
        "{out}"
    );
    assert!(out.contains("the same in status and shape"), "{out}");
    assert!(
        out.contains("POST /v1/tasks/2/done: the contract does not declare it"),
        "{out}"
    );
    let contract = read(folder.path(), "suite/rehearsal/contract.yaml");
    assert!(contract.contains("sequence: /revision"), "{contract}");
    let suite = ["run", "--seed", "3", "--suite", "suite/rehearsal"];
    let (out, _) = ends(folder.path(), &suite, 0);
    assert!(out.contains("passed: 1 passed"), "{out}");
}

#[test]
fn journals_of_runs_are_recordings_too() {
    let folder = tempfile::tempdir().unwrap();
    let played = [
        "run",
        "every-tab",
        "sign-out",
        "--seed",
        "3",
        "--journal",
        "journals",
    ];
    ends(folder.path(), &played, 0);
    for scenario in ["every-tab", "sign-out"] {
        let journal = fs::read_dir(folder.path().join("journals")).unwrap();
        let journal = journal.map(|own| own.unwrap().path());
        let journal = journal
            .into_iter()
            .find(|own| own.to_str().unwrap().contains(scenario))
            .unwrap();
        let journal = journal.to_str().unwrap();
        let (out, _) = ends(folder.path(), &["record", journal, "--out", scenario], 0);
        assert!(out.contains("the same in status and shape"), "{out}");
        // Nothing has changed since, so nothing has drifted.
        let (out, _) = ends(folder.path(), &["drift", journal], 0);
        assert!(out.contains("the same in status and shape"), "{out}");
        assert!(out.contains("positions: p50"), "{out}");
    }
}

#[test]
fn a_whole_run_is_a_recording_of_many_devices_each_with_its_session() {
    let folder = tempfile::tempdir().unwrap();
    let played = ["run", "--seed", "3", "--run-file", "all.run.gz"];
    ends(folder.path(), &played, 0);
    let (out, _) = ends(folder.path(), &["drift", "all.run.gz", "--json"], 0);
    let told: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert!(told["requests"].as_u64().unwrap() > 500, "{out}");
    assert_eq!(told["headers"], serde_json::json!([]), "{out}");
    // What a fault of the harness holds up says nothing about the target.
    let (out, _) = ends(folder.path(), &["report", "all.run.gz", "--har", "-"], 0);
    assert!(out.contains("\"_delayed\":true") && out.contains("\"_malformed\":true"));
    assert!(
        told["timings"]["overview"]["most_ms"].as_f64().unwrap() < 1_000.0,
        "{told}"
    );
}

#[test]
fn headers_that_a_client_goes_by_are_told_where_they_differ() {
    let folder = tempfile::tempdir().unwrap();
    ends(
        folder.path(),
        &["record", &document(ARCHIVE), "--out", "."],
        0,
    );
    let mut archive: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(document(ARCHIVE)).unwrap()).unwrap();
    for entry in archive["log"]["entries"].as_array_mut().unwrap() {
        entry["response"]["headers"] = serde_json::json!([
            {"name": "Content-Type", "value": "application/hal+json; charset=utf-8"},
            {"name": "Expires", "value": "0"}, {"name": "Via", "value": "1.1 edge"},
        ]);
    }
    fs::write(folder.path().join("later.har"), archive.to_string()).unwrap();
    let (out, _) = ends(folder.path(), &["drift", "later.har"], 0);
    for part in [
        "  tasks content-type: recorded application/hal+json, mock application/json",
        "  tasks expires: recorded always there, mock never there",
        "  tasks cache-control: recorded never there, mock always there",
    ] {
        assert!(out.contains(part), "{part} is missing in\n{out}");
    }
    assert!(!out.contains("via"), "{out}");
}

#[test]
fn what_has_drifted_is_told_with_what_to_change() {
    let folder = tempfile::tempdir().unwrap();
    ends(
        folder.path(),
        &["record", &document(ARCHIVE), "--out", "."],
        0,
    );
    let changed = fs::read_to_string(document(ARCHIVE)).unwrap();
    // The target answers with another type, without a field, with a new one and by another status, and its event has changed.
    let changed = changed
        .replace(
            "\\\"total\\\": 5",
            "\\\"total\\\": \\\"5\\\", \\\"more\\\": true",
        )
        .replace("\\\"done\\\": ", "\\\"isDone\\\": ")
        .replace("\"status\": 401", "\"status\": 422")
        .replace("frost.warning", "hail.warning");
    fs::write(folder.path().join("later.har"), changed).unwrap();
    let (out, _) = ends(folder.path(), &["drift", "later.har"], 4);
    for part in [
        "  tasks /total\n    recorded  text\n    mock      number",
        "  tasks /more\n    recorded  always there\n    mock      not there",
        "  tasks /tasks/*/isDone\n    recorded  always there",
        "  tasks /tasks/*/done\n    recorded  never there",
        "\"done\" is a required property",
        "  sign-in\n    recorded  status 422\n    mock      status 401",
        "session.refused-by",
        "  event hail.warning\n    recorded  came 1 times\n    mock      the contract does not name it",
    ] {
        assert!(out.contains(part), "{part} is missing in\n{out}");
    }
    let (out, _) = ends(folder.path(), &["drift", "later.har", "--json"], 4);
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(document["requests"], 9);
    let about = |own: &serde_json::Value| own["about"] == "tasks" && own["at"] == "/total";
    assert!(
        document["differences"]
            .as_array()
            .unwrap()
            .iter()
            .any(about),
        "{out}"
    );
    assert!(
        document["timings"]["beds"]["p95_ms"].as_f64().unwrap() > 0.0,
        "{out}"
    );
}

#[test]
fn what_drift_proposes_is_proven_and_leaves_the_suite_alone() {
    let folder = tempfile::tempdir().unwrap();
    ends(
        folder.path(),
        &["record", &document(ARCHIVE), "--out", "."],
        0,
    );
    let before = read(folder.path(), "rehearsal/contract.yaml");
    let changed = fs::read_to_string(document(ARCHIVE)).unwrap();
    let changed = changed
        .replace("\\\"total\\\": 5", "\\\"total\\\": 5, \\\"more\\\": true")
        .replace("\\\"done\\\": ", "\\\"isDone\\\": ")
        .replace("\"status\": 401", "\"status\": 422");
    fs::write(folder.path().join("later.har"), changed).unwrap();
    let (out, _) = ends(folder.path(), &["drift", "later.har", "--update"], 0);
    for part in [
        "contract: the schema of `tasks`",
        "world: the data of `tasks`",
        "contract: `session.refused-by`",
        "the same in status and shape",
    ] {
        assert!(out.contains(part), "{part} is missing in\n{out}");
    }
    assert_eq!(read(folder.path(), "rehearsal/contract.yaml"), before);
    // Taken over, the proposal is a suite that passes.
    for file in ["contract.yaml", "world.yaml"] {
        let own = folder.path().join("rehearsal").join(file);
        fs::rename(own.with_extension("yaml.proposed"), own).unwrap();
    }
    ends(folder.path(), &["check"], 0);
    let (out, _) = ends(folder.path(), &["drift", "later.har"], 0);
    assert!(out.contains("the same in status and shape"), "{out}");
    let (out, _) = ends(folder.path(), &["run", "--seed", "3"], 0);
    assert!(out.contains("passed: 1 passed"), "{out}");
}
