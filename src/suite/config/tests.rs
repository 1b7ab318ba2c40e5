//! What a configuration says, and what it never says.

use super::*;

mod access;

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

/// A call that is made by HTTP.
fn request(call: &Call) -> &Request {
    match &call.by {
        By::Request(request) => request,
        By::Command(_) => panic!("{} is a command", call.shown),
    }
}

fn config(text: &str) -> Result<Config, Problems> {
    Config::from_source(
        &Source::new("rehearsal.toml", text),
        Path::new("/project"),
        &[],
    )
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
    assert_eq!(
        target.secrets["env:OPS_TOKEN"].expose(),
        "value of OPS_TOKEN"
    );
    let LeverMeans::Calls { set, reset, .. } = &target.levers[&Lever::Maintenance] else {
        panic!("maintenance is moved by calls");
    };
    assert_eq!(
        request(&set[0]).url.expose(),
        "https://api.example.test/v2/ops/maintenance"
    );
    assert!(
        request(&set[0])
            .done
            .is_met(204, &[], Some(&serde_json::json!({"on": true})))
    );
    assert!(
        !request(&set[0])
            .done
            .is_met(204, &[], Some(&serde_json::json!({"on": false})))
    );
    assert_eq!(request(&reset[0]).method, "DELETE");
    assert!(
        request(&reset[0]).done.is_met(201, &[], None)
            && !request(&reset[0]).done.is_met(302, &[], None)
    );
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
    let config = Config::find(&below, &[], Reading::Whole).unwrap();
    assert_eq!(config.file.as_ref(), Some(&path));
    let target = config.target("staging", &|_| None).unwrap();
    assert_eq!(target.accounts[0].password.expose(), "p1");
}

#[test]
fn a_line_of_the_secrets_file_that_cannot_be_read_is_named_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(".secrets");
    std::fs::write(&path, "hunter2\n").unwrap();
    let problems = secrets::read(&path, "the secrets file")
        .unwrap_err()
        .to_string();
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

/// What a configuration with these settings says of the target `staging`.
fn set(text: &str, settings: &[&str]) -> Result<Target, String> {
    let settings: Vec<String> = settings.iter().map(|typed| (*typed).to_owned()).collect();
    let source = Source::new("rehearsal.toml", text);
    Config::from_source(&source, Path::new("/project"), &settings)
        .and_then(|config| config.target("staging", &|name| Some(format!("value of {name}"))))
        .map_err(|problems| problems.render(crate::suite::Rendering::Plain))
}

#[test]
fn any_value_can_be_set_on_the_command_line() {
    let target = set(
        GOOD,
        &[
            "targets.staging.services.api=http://127.0.0.1:4010/v3/",
            "targets.staging.probes=true",
            "targets.staging.suite=mine",
            "targets.staging.accounts.tester-b={ username = \"b\", password-env = \"B\" }",
            "targets.staging.levers.maintenance.on.done.status=[201]",
            "targets.staging.levers.maintenance.off=POST api /ops#1",
        ],
    )
    .unwrap();
    assert_eq!(target.services["api"].as_str(), "http://127.0.0.1:4010/v3");
    assert!(target.probes);
    // What is typed is relative to where it is typed, and not to the file.
    assert_eq!(target.suite, Some(PathBuf::from("mine")));
    assert_eq!(target.accounts[1].name, "tester-b");
    let LeverMeans::Calls { set, reset, .. } = &target.levers[&Lever::Maintenance] else {
        panic!("maintenance is moved by calls");
    };
    assert_eq!(
        request(&set[0]).url.expose(),
        "http://127.0.0.1:4010/v3/ops/maintenance"
    );
    assert_eq!(request(&set[0]).done.statuses, [201]);
    assert_eq!(
        request(&reset[0]).url.expose(),
        "http://127.0.0.1:4010/v3/ops#1"
    );
}

#[test]
fn a_target_can_stand_on_the_command_line_alone() {
    let target = set("", &["targets.staging.services.api=http://127.0.0.1:1"]).unwrap();
    assert_eq!(target.services["api"].as_str(), "http://127.0.0.1:1/");
}

#[test]
fn a_setting_that_cannot_be_is_pointed_at_with_what_is_known() {
    for (typed, parts) in [
        (
            "targets.stagin.services.api=http://x",
            &["no target `stagin`", "did you mean `staging`?"][..],
        ),
        (
            "targets.staging.servces.api=http://x",
            &["no key `servces`", "did you mean `services`?"],
        ),
        (
            "targets.staging.services.api=127.0.0.1:80",
            &["not a URL", "http"],
        ),
        (
            "targets.staging.services.api.x=1",
            &["`targets.staging.services.api` is a text"],
        ),
        (
            "targets.staging.levers.maintenance.on.done.status.7=1",
            &["has no item `7`"],
        ),
        ("targets.staging.services.api", &["needs a key and a value"]),
        ("targets..x=1", &["not a key"]),
    ] {
        let told = set(GOOD, &[typed]).unwrap_err();
        assert!(told.contains("--set:1:"), "{told}");
        for part in parts {
            assert!(told.contains(part), "{part}: {told}");
        }
    }
    let told = set(
        GOOD,
        &["targets.staging.accounts.tester-a.password=hunter2"],
    )
    .unwrap_err();
    assert!(
        !told.contains("hunter2") && told.contains("does not stand"),
        "{told}"
    );
    let shown = shown_setting("targets.staging.levers.push.call.headers.x-key=hunter2");
    assert!(
        !shown.contains("hunter2") && shown.contains("x-key="),
        "{shown}"
    );
    assert_eq!(shown_setting("run.seed=7"), "run.seed=7");
}

/// The configuration with another URL and another way to move the backend.
fn with(api: &str, backend: &str) -> String {
    let text = GOOD.replace("https://api.example.test/v2/", api);
    text.replace("backend = \"gateway\"", backend)
}

#[test]
fn urls_and_whole_lines_may_stand_in_the_environment() {
    let text = with(
        "http://{env:HOST:-127.0.0.1}:{env:PORT}/x",
        "backend = { stop = \"{env:STOP}\", start = \"PUT {env:OPS:-https://ops.test}/{service}\" }",
    );
    let read = |host: Option<&str>| {
        let host = host.map(str::to_owned);
        let source = Source::new("rehearsal.toml", text.as_str());
        let config = Config::from_source(&source, Path::new(""), &[]).unwrap();
        assert!(config.outline("staging").is_some());
        config.target("staging", &|name| match name {
            "HOST" => host.clone(),
            "PORT" => Some("4010".to_owned()),
            "STOP" => Some("post api /stop/{braces}?key=hunter2".to_owned()),
            "A_PASSWORD" | "OPS_TOKEN" => Some("x".to_owned()),
            _ => None,
        })
    };
    let target = read(None).unwrap();
    assert_eq!(target.services["api"].as_str(), "http://127.0.0.1:4010/x");
    let LeverMeans::Calls { set, reset, reach } = &target.levers[&Lever::Backend] else {
        panic!("the backend is moved by calls");
    };
    assert_eq!(request(&set[0]).method, "POST");
    // What the environment says holds no placeholders of ours.
    assert_eq!(
        request(&set[0]).url.expose(),
        "http://127.0.0.1:4010/x/stop/{{braces}}?key=hunter2"
    );
    assert_eq!(set[0].shown, "{env:STOP}");
    assert_eq!(
        request(&reset[0]).url.expose(),
        "https://ops.test/{service}"
    );
    assert_eq!(*reach, Reach::Any);
    assert!(!format!("{target:?}").contains("hunter2"));
    let elsewhere = read(Some("example.test")).unwrap();
    assert_eq!(elsewhere.services["api"].host_str(), Some("example.test"));
    let told = read(Some("no host ")).unwrap_err().to_string();
    assert!(told.contains("`api` is not a URL"), "{told}");
}

#[test]
fn a_variable_that_is_missed_is_told_once_and_nothing_that_follows_from_it() {
    let text = with(
        "http://{env:HOST}/x",
        "backend = { stop = \"PUT {env:OPS}/off\", start = \"PUT {env:OPS}/on\" }",
    );
    let problems = config(&text).unwrap().target("staging", &|name| {
        (!["HOST", "OPS"].contains(&name)).then(|| "x".to_owned())
    });
    let problems = problems.unwrap_err();
    assert_eq!(problems.all().len(), 2, "{problems}");
}

#[test]
fn accounts_that_cannot_be_read_are_told_and_not_missed_elsewhere() {
    let text = format!(
        "{GOOD}\n[targets.late]\ndisposable = \"eve\"\nservices = {{ api = \"http://127.0.0.1:1\" }}\naccounts.eve = {{ username = \"e\", password = \"p\" }}\n"
    );
    let problems = config(&text).unwrap_err();
    assert_eq!(problems.all().len(), 1, "{problems}");
}

#[test]
fn a_line_that_is_no_call_says_why() {
    for (line, part) in [
        ("POST", "after the method comes a service"),
        ("POST /stop", "between method and path stands a service"),
        ("POST ops.test/stop", "after the method comes a URL"),
        ("POST api stop", "begins with `/`"),
        ("POST api /stop now", "more words"),
        ("POST https://ops.test/{svc}", "no placeholder `{svc}`"),
        ("POST {ops}/stop", "no placeholder `{ops}`"),
        ("POST {env:1}/stop", "no placeholder `{env:1}`"),
        (
            r#"POST https://ops.test/stop {\"on\": true}"#,
            "a body is said apart",
        ),
    ] {
        let backend = format!("backend = {{ stop = \"{line}\", start = \"PUT api /on\" }}");
        let told = set(&with("http://127.0.0.1:1", &backend), &[]).unwrap_err();
        assert!(told.contains(part), "{part}: {told}");
    }
    let backend = "backend = { stop = \"{env:OPS} api\", start = \"PUT api /on\" }";
    let told = set(&with("http://127.0.0.1:1", backend), &[]).unwrap_err();
    assert!(
        told.contains("once its variables are filled in") && !told.contains("value of"),
        "{told}"
    );
}

#[test]
fn a_lever_says_which_services_it_stops() {
    let services = "http://127.0.0.1:1\"\nlive = \"http://127.0.0.1:2";
    let reach = |keys: &str| {
        let backend = format!("backend = {{ stop = {keys}, start = \"PUT api /on\" }}");
        let target = set(&with(services, &backend), &[]).unwrap();
        let means = target.levers[&Lever::Backend].clone();
        move |asked: Option<&str>| {
            let all = ["api", "live"].into_iter();
            means.reaches(asked, all).map_err(|why| why.to_string())
        }
    };
    let unsaid = reach("\"PUT api /off\"");
    assert_eq!((unsaid(None), unsaid(Some("live"))), (Ok(()), Ok(())));
    let whole = reach("\"PUT api /off\", services = [\"api\", \"live\"]");
    assert_eq!(whole(None), Ok(()));
    assert!(
        whole(Some("live"))
            .unwrap_err()
            .contains("cannot move `live` alone")
    );
    let by_name = reach("\"PUT api /off/{service}\"");
    assert_eq!((by_name(None), by_name(Some("live"))), (Ok(()), Ok(())));
    let one = reach("\"PUT api /off\", services = \"live\"");
    assert_eq!(one(Some("live")), Ok(()));
    assert!(
        one(Some("api"))
            .unwrap_err()
            .contains("it moves `live`, and not `api`")
    );
    assert!(one(None).unwrap_err().contains("not all services"));
    let told = set(
        &with(
            services,
            "backend = { stop = \"PUT api /off\", start = \"PUT api /on\", services = [\"liv\"] }",
        ),
        &[],
    );
    assert!(told.unwrap_err().contains("did you mean `live`?"));
}
