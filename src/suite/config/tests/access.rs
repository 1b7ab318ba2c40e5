//! How a target is reached, and levers that commands move.

use super::*;

const REACHED: &str = r#"
[targets.staging]
proxy = "http://{env:PROXY_USER}:{env:PROXY_PASSWORD}@proxy.example.test:3128"
tls = { ca = "ca.pem", client-certificate = "own.pem", client-key = "own.pem" }
headers = { cf-access-client-secret = "{env:EDGE_TOKEN}", x-stage = "nightly" }

[targets.staging.services]
api = "https://api.example.test"

[targets.staging.levers]
maintenance.on = { command = ["switch", "--token", "{env:OPS_TOKEN}", ""], environment = { STAGE = "{env:STAGE:-blue}" }, done = { exit = [0, 3], output = "switched" } }
maintenance.off = { command = ["switch", "off"] }
backend = { stop = { command = ["scale", "deploy/{service}"], repeat-for = "60s" }, start = "POST api /start/{service}", services = ["api"] }
"#;

/// A folder with a certificate and its key, and one with neither.
fn pem_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let pem = include_bytes!("../../../../fixtures/keys/gateway-test-only.pem");
    std::fs::write(folder.path().join("ca.pem"), pem).unwrap();
    std::fs::write(folder.path().join("own.pem"), pem).unwrap();
    std::fs::write(folder.path().join("none.pem"), "nothing of the kind\n").unwrap();
    folder
}

fn reached(text: &str, folder: &Path) -> Result<Target, Problems> {
    let config = Config::from_source(&Source::new("rehearsal.toml", text), folder, &[])?;
    config.target("staging", &|name| Some(format!("value-of-{name}")))
}

#[test]
fn a_target_says_whom_to_trust_what_to_go_through_and_what_to_say_along() {
    let folder = pem_folder();
    let target = reached(REACHED, folder.path()).unwrap();
    let access = &target.access;
    assert!(
        access
            .ca
            .as_ref()
            .unwrap()
            .expose()
            .contains("BEGIN CERTIFICATE")
    );
    assert!(access.identity.is_some());
    let proxy = access.proxy.as_ref().unwrap();
    assert_eq!(proxy.url.as_str(), "http://proxy.example.test:3128/");
    let (name, password) = proxy.credentials.as_ref().unwrap();
    assert_eq!(
        (name.expose(), password.expose()),
        ("value-of-PROXY_USER", "value-of-PROXY_PASSWORD")
    );
    let headers = access.headers.iter();
    let headers: Vec<(&str, &str)> = headers
        .map(|(name, value)| (name.as_str(), value.expose()))
        .collect();
    assert_eq!(
        headers,
        [
            ("cf-access-client-secret", "value-of-EDGE_TOKEN"),
            ("x-stage", "nightly")
        ]
    );
    assert_eq!(access.secrets.len(), 3);
    let shown = format!("{target:?}");
    assert!(!shown.contains("value-of") && !shown.contains("PRIVATE"));
}

#[test]
fn a_command_is_a_list_of_words_that_is_told_as_it_stands_in_the_file() {
    let folder = pem_folder();
    let target = reached(REACHED, folder.path()).unwrap();
    let LeverMeans::Calls { set, reset, .. } = &target.levers[&Lever::Maintenance] else {
        panic!("maintenance is moved by commands");
    };
    assert_eq!(set[0].shown, "switch --token {env:OPS_TOKEN} ");
    let By::Command(command) = &set[0].by else {
        panic!("it is a command");
    };
    assert_eq!(command.folder, folder.path());
    assert!(command.done.is_code(3) && !command.done.is_code(1));
    assert_eq!(Means::of(reset.iter()), Means::Command);
    let backend = &target.levers[&Lever::Backend];
    assert_eq!(Means::of(backend.calls()), Means::Command);
    let LeverMeans::Calls { reach, .. } = backend else {
        panic!("the backend is moved by calls");
    };
    assert_eq!(*reach, Reach::Each(vec!["api".to_owned()]));
}

#[test]
fn files_that_hold_no_certificate_or_key_are_refused_when_a_target_is_used() {
    let folder = pem_folder();
    for (from, to, said) in [
        ("ca.pem", "gone.pem", "there is no such file"),
        ("ca.pem", "none.pem", "holds no certificate"),
        (
            "client-key = \"own.pem\"",
            "client-key = \"none.pem\"",
            "holds no private key",
        ),
    ] {
        let text = REACHED.replacen(from, to, 1);
        let problems = reached(&text, folder.path()).unwrap_err().to_string();
        assert!(problems.contains(said), "{problems}");
        // Whoever only checks the file need not have them.
        assert!(Config::from_source(&Source::new("c.toml", text), folder.path(), &[]).is_ok());
    }
}
