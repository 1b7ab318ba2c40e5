//! What a configuration says, and what it never says.

use super::*;

const GOOD: &str = r#"
[run]
target = "staging"
seed = 7

[targets.staging]
contract = "acme.yaml"

[targets.staging.services]
api = "https://api.example.test/v2/"

[targets.staging.accounts.tester-a]
username = "a@example.test"
password-env = "A_PASSWORD"

[targets.staging.levers]
backend = "gateway"

[targets.staging.levers.maintenance]
on = { request = "PUT api /ops/maintenance", headers = { authorization = "Bearer {env:OPS_TOKEN}" }, json = { on = true }, done = { status = [200, 204], at = "/on", is = true } }
off = "DELETE https://ops.example.test/maintenance"
"#;

fn config(text: &str) -> Result<Config, Problems> {
    Config::from_source(&Source::new("rehearsal.toml", text), Path::new("/project"))
}

#[test]
fn a_target_is_read_and_its_variables_are_looked_up() {
    let config = config(GOOD).unwrap();
    assert_eq!(config.run.target.as_deref(), Some("staging"));
    let target = config
        .target("staging", &|name| Some(format!("value of {name}")))
        .unwrap();
    assert_eq!(
        target.services["api"].as_str(),
        "https://api.example.test/v2"
    );
    assert_eq!(
        target.contract,
        Some(ContractChoice::File(PathBuf::from("/project/acme.yaml")))
    );
    assert_eq!(target.accounts[0].password.expose(), "value of A_PASSWORD");
    assert_eq!(target.secrets["OPS_TOKEN"].expose(), "value of OPS_TOKEN");
    let LeverMeans::Http { set, reset } = &target.levers[&Lever::Maintenance] else {
        panic!("maintenance is moved by calls");
    };
    assert_eq!(set[0].url, "https://api.example.test/v2/ops/maintenance");
    assert!(
        set[0]
            .done
            .is_met(204, &[], Some(&serde_json::json!({"on": true})))
    );
    assert!(
        !set[0]
            .done
            .is_met(204, &[], Some(&serde_json::json!({"on": false})))
    );
    assert_eq!(reset[0].method, "DELETE");
    assert!(reset[0].done.is_met(201, &[], None) && !reset[0].done.is_met(302, &[], None));
    assert!(!target.levers.contains_key(&Lever::Push));
}

#[test]
fn unset_variables_are_named_all_at_once_and_no_value_is_shown() {
    let problems = config(GOOD)
        .unwrap()
        .target("staging", &|name| {
            (name == "OTHER").then(|| "hunter2".to_owned())
        })
        .unwrap_err();
    let text = problems.render(super::super::Rendering::Plain);
    assert!(
        text.contains("`A_PASSWORD`") && text.contains("`OPS_TOKEN`"),
        "{text}"
    );
    assert!(!text.contains("hunter2"));
}

#[test]
fn the_secrets_file_stands_in_for_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join(".secrets"),
        "# mine\nexport A_PASSWORD='p1'\nOPS_TOKEN=t1\n",
    )
    .unwrap();
    let path = folder.path().join(CONFIG_FILE);
    std::fs::write(&path, format!("secrets-file = \".secrets\"\n{GOOD}")).unwrap();
    let below = folder.path().join("a/b");
    std::fs::create_dir_all(&below).unwrap();
    let config = Config::find(&below).unwrap();
    assert_eq!(config.file.as_ref(), Some(&path));
    let target = config.target("staging", &|_| None).unwrap();
    assert_eq!(target.accounts[0].password.expose(), "p1");
}

#[test]
fn a_line_of_the_secrets_file_that_cannot_be_read_is_named_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(".secrets");
    std::fs::write(&path, "hunter2\n").unwrap();
    let problems = secrets::read(&path).unwrap_err().to_string();
    assert!(
        problems.contains("line 1") && !problems.contains("hunter2"),
        "{problems}"
    );
}

#[test]
fn secrets_that_stand_in_the_file_are_refused_without_being_shown() {
    for (good, bad) in [
        ("password-env = \"A_PASSWORD\"", "password = \"hunter2\""),
        (
            "password-env = \"A_PASSWORD\"",
            "password-env = \"hunter2!\"",
        ),
        (
            "https://api.example.test/v2/",
            "https://me:hunter2@api.example.test",
        ),
        (
            "Bearer {env:OPS_TOKEN}\" },",
            "Bearer hunter2\" }, jsn = 1,",
        ),
        ("password-env = \"A_PASSWORD\"", "password = \"hunter2"),
        (
            "https://api.example.test/v2/\"",
            "https://me:hunter2@api.example.test",
        ),
    ] {
        let text = GOOD.replace(good, bad);
        assert_ne!(text, GOOD);
        let shown = config(&text)
            .unwrap_err()
            .render(crate::suite::Rendering::Plain);
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("rehearsal.toml:"), "{shown}");
    }
}

#[test]
fn a_target_must_have_the_contracts_services() {
    let contract = crate::suite::Suite::shipped().unwrap().contract;
    let problems = config(GOOD)
        .unwrap()
        .check_services("staging", &contract)
        .unwrap_err()
        .to_string();
    for part in ["`platform`", "`trading`", "no service `api`"] {
        assert!(problems.contains(part), "{problems}");
    }
    let known = config(GOOD)
        .unwrap()
        .target("stagin", &|_| None)
        .unwrap_err();
    assert!(known.to_string().contains("did you mean `staging`?"));
}
