//! `rehearsal doctor --device`: what stands between a phone and this machine.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use crate::commands::rehearsal;
use crate::local::Mock;
use crate::ports::Reserved;

/// What is found, with an `adb` of this script or none.
fn examined(folder: &Path, adb: Option<&str>, words: &[&str], code: i32) -> Vec<Value> {
    let bin = folder.join("bin");
    fs::create_dir_all(&bin).unwrap();
    let program = bin.join("adb");
    if let Some(script) = adb {
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let words = [&["doctor", "--device", "--json"], words].concat();
    let ended = rehearsal(folder, &words)
        .env("PATH", &bin)
        .output()
        .unwrap();
    let out = String::from_utf8(ended.stdout).unwrap();
    let err = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(code), "{out}{err}");
    serde_json::from_str(&out).unwrap()
}

fn of<'e>(all: &'e [Value], what: &str) -> (&'e str, String) {
    let own = all.iter().find(|own| own["what"] == what);
    let own = own.unwrap_or_else(|| panic!("nothing is said of {what}: {all:?}"));
    let text = |key: &str| own[key].as_str().unwrap_or_default();
    (text("state"), format!("{} {}", text("said"), text("next")))
}

#[test]
fn a_mock_that_is_reached_is_told_with_what_phones_have_against_it_and_what_to_type() {
    let folder = tempfile::tempdir().unwrap();
    let mock = Mock::typed_in(folder.path(), &["--no-console", "--bind", "0.0.0.0"]);
    let url = mock.url("/services/platform");
    let port = url.rsplit(':').next().unwrap();
    let adb = "case \"$*\" in devices) printf 'List of devices attached\\nA1\\tdevice\\nB2\\tunauthorized\\n';; esac";
    let all = examined(folder.path(), Some(adb), &["--url", url], 0);
    let host = url::Url::parse(url).unwrap();
    let name = host.host_str().unwrap();
    assert_eq!(of(&all, &format!("listener {name}")).0, "ok", "{all:?}");
    let (state, said) = of(&all, &format!("canary {name}"));
    assert!(state == "ok" && said.contains("answers"), "{said}");
    assert!(
        of(&all, "cleartext android")
            .1
            .contains("usesCleartextTraffic")
    );
    assert!(
        of(&all, "cleartext ios")
            .1
            .contains("NSAllowsLocalNetworking")
    );
    let (state, said) = of(&all, "adb A1");
    assert_eq!(state, "warning");
    assert!(
        said.contains(&format!("adb -s A1 reverse tcp:{port} tcp:{port}")),
        "{said}"
    );
    assert!(of(&all, "adb B2").1.contains("unauthorized"));
    let reversed = format!(
        "case \"$*\" in devices) printf 'A1\\tdevice\\n';; *) echo 'h tcp:{port} tcp:{port}';; esac"
    );
    let all = examined(folder.path(), Some(&reversed), &["--url", url], 0);
    assert_eq!(of(&all, "adb A1").0, "ok");
}

#[test]
fn over_tls_the_authority_is_what_a_phone_has_to_trust() {
    let folder = tempfile::tempdir().unwrap();
    let mock = Mock::typed_in(folder.path(), &["--bind", "0.0.0.0", "--tls"]);
    let url = mock.url("/services/platform");
    let all = examined(folder.path(), None, &["--url", url], 0);
    assert!(of(&all, "certificate").1.contains("mock-ca.pem"));
    let named = |what: &str| all.iter().any(|own| own["what"] == what);
    assert!(!named("cleartext android"), "{all:?}");
    let clear = url.replace("https:", "http:");
    let all = examined(folder.path(), None, &["--url", &clear], 3);
    let name = url::Url::parse(url).unwrap();
    let canary = format!("canary {}", name.host_str().unwrap());
    assert!(of(&all, &canary).1.contains("https://"));
}

#[test]
fn a_port_for_this_machine_alone_and_one_where_nobody_is_are_failures_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let mock = Mock::typed_in(folder.path(), &[]);
    // Without any network, too: then the address is the failure.
    let all = examined(
        folder.path(),
        None,
        &["--url", mock.url("/services/platform")],
        3,
    );
    assert_eq!(of(&all, "url 127.0.0.1").0, "warning");
    let (state, said) = of(&all, "listener 127.0.0.1");
    if of(&all, "address").0 == "ok" {
        assert!(
            state == "failure" && said.contains("--bind 0.0.0.0"),
            "{said}"
        );
    }
    let (state, said) = of(&all, "adb");
    assert!(
        state == "not-tried" && said.contains("platform tools"),
        "{said}"
    );

    let nobody = Reserved::new();
    let url = format!("http://{}", nobody.address());
    let all = examined(folder.path(), None, &["--url", &url], 3);
    assert!(of(&all, "listener 127.0.0.1").1.contains("nobody listens"));
    // The ports that a mock has unless it is told otherwise come from the contract and the configuration.
    let set = ["--set", "mock.port=1", "--set", "mock.ports.trading=1"];
    let all = examined(folder.path(), None, &set, 3);
    for service in ["platform", "trading"] {
        let said = of(&all, &format!("listener {service}")).1;
        assert!(said.contains("rehearsal mock --bind 0.0.0.0"), "{said}");
    }
    let refused = rehearsal(folder.path(), &["doctor", "--device", "--url", "lan"]).output();
    let said = String::from_utf8(refused.unwrap().stderr).unwrap();
    assert!(said.contains("as the app calls it"), "{said}");
}
