//! The file's keys.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use super::access;
use super::checks;
use super::history;
use super::lever::{self, Surroundings};
use super::mock;
use super::notify;
use super::overrides::Document;
use super::secrets::is_name;
use super::variables::{Filled, Variables};
use super::{
    AppVariables, Config, Declared, LeverMeans, MOCK, MockDefaults, Remembering, RunDefaults,
    Target,
};
use crate::domain::scenario::Lever;
use crate::domain::secret::{Account, Secret};
use crate::suite::cursor::{Cursor, Fields};
use crate::suite::diagnostics::Diagnostics;
use crate::suite::node::{Content, Span};
use crate::suite::suggest::suggest;
use crate::suite::trace::Seen;
use crate::suite::{ContractChoice, Problem, Problems};

/// A target whose answers take longer is out of order.
const MOST_LATENCY: Duration = Duration::from_secs(60);

/// Among levers: the changes that a suite's world names.
const CHANGES: &str = "changes";

/// Where a part of the configuration is read from.
#[derive(Clone, Copy)]
struct Place<'d> {
    document: &'d Document,
    /// Where relative paths of the file start; those of the command line start where it was typed.
    folder: &'d Path,
}

pub(super) fn config(document: Document, folder: &Path) -> Result<Config, Problems> {
    let diagnostics = Diagnostics::new(&document.shown);
    let config = understood(&document, folder, &diagnostics);
    let read = diagnostics.into_problems().or(config);
    let config = read.map_err(|problems| document.placed(problems))?;
    Ok(Config {
        document: Some(document),
        folder: folder.to_owned(),
        ..config
    })
}

/// Reads all that a document says.
pub(in crate::suite) fn understood(
    document: &Document,
    folder: &Path,
    diagnostics: &Diagnostics,
) -> Option<Config> {
    let place = Place { document, folder };
    root(&Cursor::root(diagnostics, &document.node), place)
}

/// Reads one target again, now with the values of the environment.
pub(super) fn look_up(
    document: &Document,
    folder: &Path,
    name: &str,
    lookup: &dyn Fn(&str) -> Option<Secret>,
) -> Result<Target, Problems> {
    let diagnostics = Diagnostics::new(&document.shown);
    let place = Place { document, folder };
    let variables = Variables::new(name, Some(lookup));
    let read = Cursor::root(&diagnostics, &document.node)
        .fields("the configuration")
        .and_then(|fields| {
            fields.ignore_rest();
            let targets = fields.get("targets")?.entries()?;
            let (entry, cursor) = targets.iter().find(|(entry, _)| entry.key == name)?;
            target(&entry.key, cursor, place, &variables)
        });
    let read = diagnostics
        .into_problems()
        .or(read.map(|declared| declared.target));
    read.map_err(|problems| document.placed(problems))
}

fn root(cursor: &Cursor<'_>, place: Place<'_>) -> Option<Config> {
    let fields = cursor.fields("the configuration")?;
    let secrets_file = fields.maybe("secrets-file", |cursor| path(cursor, place));
    let state = fields.maybe("state", |cursor| path(cursor, place));
    let run_cursor = fields.get("run");
    let run = match &run_cursor {
        Some(cursor) => self::run(cursor, place, "`run`"),
        None => Some(RunDefaults::default()),
    };
    let profiles = fields.or("profiles", Vec::new(), |cursor| {
        let entries = cursor.entries()?.into_iter();
        let profiles: Vec<_> = entries
            .map(|(entry, cursor)| {
                let read = self::run(&cursor, place, "a profile")?;
                Some((entry.key.clone(), read, cursor))
            })
            .collect();
        profiles.into_iter().collect::<Option<Vec<_>>>()
    });
    let mock = fields.or("mock", MockDefaults::default(), |cursor| {
        mock::read(cursor, |cursor| path(cursor, place))
    });
    let checks = fields.or("checks", Vec::new(), |cursor| {
        checks::read(cursor, |cursor| path(cursor, place), place.folder)
    });
    let history = fields.or("history", Remembering::default(), |cursor| {
        history::read(cursor, |cursor| path(cursor, place))
    });
    let notify = fields.or("notify", Vec::new(), |cursor| {
        notify::read(cursor, |cursor| Some(variable(cursor)?.0))
    });
    let targets = fields.or("targets", Vec::new(), |cursor| targets(cursor, place));
    let (run, profiles, targets) = (run?, profiles?, targets?);
    if let Some(cursor) = &run_cursor {
        known_target(run.target.as_ref(), cursor, &targets);
    }
    for (_, own, cursor) in &profiles {
        known_target(own.target.as_ref(), cursor, &targets);
    }
    let profiles = profiles.into_iter();
    Some(Config {
        run,
        profiles: profiles.map(|(name, own, _)| (name, own)).collect(),
        secrets_file: secrets_file?,
        state: state?,
        mock: mock?,
        checks: checks?,
        history: history?,
        notify: notify?,
        targets,
        ..Config::default()
    })
}

fn targets(cursor: &Cursor<'_>, place: Place<'_>) -> Option<Vec<Declared>> {
    let targets: Vec<Option<Declared>> = cursor
        .entries()?
        .iter()
        .map(|(entry, cursor)| {
            if entry.key == MOCK {
                let message = format!("`{MOCK}` is the target that is part of the program");
                cursor.diagnostics.note(
                    &entry.key_span,
                    Problem::new(message).hint("choose another name"),
                );
            }
            target(&entry.key, cursor, place, &Variables::new(&entry.key, None))
        })
        .collect();
    targets.into_iter().collect()
}

fn path(cursor: &Cursor<'_>, place: Place<'_>) -> Option<PathBuf> {
    let path = PathBuf::from(cursor.name_text()?);
    Some(match place.document.is_typed(&cursor.node.span) {
        true => path,
        false => place.folder.join(path),
    })
}

fn contract(cursor: &Cursor<'_>, place: Place<'_>) -> Option<ContractChoice> {
    Some(match ContractChoice::parse(&cursor.name_text()?) {
        ContractChoice::File(_) => ContractChoice::File(path(cursor, place)?),
        choice => choice,
    })
}

/// What a run does unless told otherwise: `[run]`, and each of the `[profiles]`.
fn run(cursor: &Cursor<'_>, place: Place<'_>, what: &'static str) -> Option<RunDefaults> {
    let fields = cursor.fields(what)?;
    let target = fields.maybe("target", Cursor::name_text);
    let suite = fields.maybe("suite", |cursor| path(cursor, place));
    let contract = fields.maybe("contract", |cursor| contract(cursor, place));
    let seed = fields.maybe("seed", |cursor| cursor.whole(0));
    let real_time = fields.maybe("real-time", Cursor::switch);
    let report_json = fields.maybe("report-json", |cursor| path(cursor, place));
    let jobs = fields.maybe("jobs", |cursor| number(cursor, 1));
    let retries = fields.maybe("retries", |cursor| number(cursor, 0));
    let flaky = fields.maybe("flaky", |cursor| {
        cursor.word(&[("fail", false), ("pass", true)])
    });
    let fail_fast = fields.maybe("fail-fast", Cursor::switch);
    let timeout = fields.maybe("timeout", Cursor::positive_duration);
    let max_findings = fields.maybe("max-findings", |cursor| number(cursor, 1));
    let known_failures = fields.maybe("known-failures", |cursor| path(cursor, place));
    Some(RunDefaults {
        target: target?,
        suite: suite?,
        contract: contract?,
        seed: seed?,
        real_time: real_time?,
        report_json: report_json?,
        jobs: jobs?,
        retries: retries?,
        flaky_passes: flaky?,
        fail_fast: fail_fast?,
        timeout: timeout?,
        max_findings: max_findings?,
        known_failures: known_failures?,
    })
}

/// A number that is not without end.
fn number<T: TryFrom<u64>>(cursor: &Cursor<'_>, least: u64) -> Option<T> {
    const MOST: u64 = 1_000;
    match cursor.whole(least)? {
        number @ ..=MOST => T::try_from(number).ok(),
        _ => cursor.refuse(
            format!("{} is more than {MOST}", cursor.name),
            "write a smaller number",
        ),
    }
}

/// The target that something names must be there.
fn known_target(name: Option<&String>, of: &Cursor<'_>, targets: &[Declared]) {
    let Some(name) = name else { return };
    if name == MOCK || targets.iter().any(|own| own.target.name == *name) {
        return;
    }
    let Some(fields) = of.fields("`run`") else {
        return;
    };
    fields.ignore_rest();
    if let Some(cursor) = fields.get("target") {
        let names = targets.iter().map(|own| own.target.name.as_str());
        let known: Vec<&str> = names.chain([MOCK]).collect();
        cursor.known("target", name, &known);
    }
}

fn target(
    name: &str,
    cursor: &Cursor<'_>,
    place: Place<'_>,
    variables: &Variables<'_>,
) -> Option<Declared> {
    let fields = cursor.fields("a target")?;
    let services_cursor = fields.need("services");
    let services = services_cursor
        .as_ref()
        .and_then(|cursor| services(cursor, variables));
    let suite = fields.maybe("suite", |cursor| path(cursor, place));
    let contract = fields.maybe("contract", |cursor| contract(cursor, place));
    let accounts = fields.or("accounts", Vec::new(), |cursor| accounts(cursor, variables));
    let mut secrets = BTreeMap::new();
    let mut around = access::Around {
        path: &|cursor| path(cursor, place),
        variables,
        secrets: &mut secrets,
    };
    let access = access::read(&fields, &mut around);
    let levers = fields.or("levers", BTreeMap::new(), |cursor| {
        let mut surroundings = Surroundings {
            services: services.as_ref(),
            variables,
            folder: place.folder,
            secrets: &mut secrets,
        };
        levers(cursor, &mut surroundings)
    });
    let latency = fields.or("latency", None, latency);
    let rate = fields.maybe("rate", |cursor| number(cursor, 1));
    let budget = fields.maybe("budget", |cursor| cursor.whole(1));
    let fleet = fields.maybe("fleet", |cursor| cursor.whole(1));
    let probes = fields.or("probes", false, Cursor::switch);
    let disposable = fields.maybe("disposable", |cursor| {
        disposable(cursor, fields.get("accounts").as_ref())
    });
    let app_variables = fields.maybe("app-variables", |cursor| app_variables(cursor, place));
    let services_at: Span = services_cursor
        .as_ref()
        .and_then(|cursor| cursor.key_span)
        .cloned()
        .unwrap_or_else(|| fields.head());
    let target = Target {
        name: name.to_owned(),
        services: services?,
        access: access?,
        latency: latency?,
        rate: rate?,
        budget: budget?,
        fleet: fleet?,
        suite: suite?,
        contract: contract?,
        accounts: accounts?,
        levers: levers?,
        probes: probes?,
        disposable: disposable?,
        app_variables: app_variables?,
        secrets,
    };
    Some(Declared {
        services_at,
        target,
    })
}

/// The name of one of the target's accounts, whatever else is wrong with them.
fn disposable(cursor: &Cursor<'_>, accounts: Option<&Cursor<'_>>) -> Option<String> {
    let entries = match accounts.map(|accounts| &accounts.node.content) {
        Some(Content::Map(entries)) => &entries[..],
        _ => &[],
    };
    let known: Vec<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
    let name = cursor.name_text()?;
    cursor.known("account", &name, &known)?;
    Some(name)
}

/// `normal`, or `{ p99 = "2s" }`.
fn latency(cursor: &Cursor<'_>) -> Option<Option<Duration>> {
    if cursor.node.scalar().is_some() {
        return cursor.word(&[("normal", None)]);
    }
    let fields = cursor.fields("`latency`")?;
    let p99 = fields.need("p99")?.positive_duration()?;
    if p99 > MOST_LATENCY {
        return cursor.refuse(
            "`p99` is more than a minute: nothing could be said of such a target",
            "write what 99 of 100 answers take at most, like `{ p99 = \"2s\" }`",
        );
    }
    Some(Some(p99))
}

/// `environment`, or the path of a file.
fn app_variables(cursor: &Cursor<'_>, place: Place<'_>) -> Option<AppVariables> {
    Some(match cursor.node.scalar() {
        Some("environment") => {
            cursor.takes(|| Seen::Text);
            AppVariables::Environment
        }
        _ => AppVariables::File(path(cursor, place)?),
    })
}

fn accounts(cursor: &Cursor<'_>, variables: &Variables<'_>) -> Option<Vec<Account>> {
    let accounts: Vec<Option<Account>> = cursor
        .entries()?
        .iter()
        .map(|(entry, cursor)| account(&entry.key, cursor, variables))
        .collect();
    accounts.into_iter().collect()
}

fn levers(
    cursor: &Cursor<'_>,
    surroundings: &mut Surroundings<'_>,
) -> Option<BTreeMap<Lever, LeverMeans>> {
    let known = Lever::ALL.iter().map(|(_, name)| *name);
    let known: Vec<&str> = known.chain([CHANGES]).collect();
    let mut levers = BTreeMap::new();
    // No deployment has `malform`.
    let all = Lever::ALL.iter().filter(|(own, _)| *own != Lever::Malform);
    let all = all.map(|(_, name)| *name).chain([CHANGES]);
    for (entry, value) in cursor.entries_among("`levers`", all)? {
        if entry.key == CHANGES {
            for (entry, value) in value.entries()? {
                let lever = Lever::Own(entry.key.clone());
                let means = lever::read(&lever, &value, surroundings);
                levers.extend(means.map(|means| (lever, means)));
            }
            continue;
        }
        let Some((lever, _)) = Lever::ALL.iter().find(|(_, name)| *name == entry.key) else {
            let message = format!("there is no lever `{}`", entry.key);
            let hint = suggest(&entry.key, known.iter().copied());
            let problem = Problem::new(message).hint(hint);
            cursor.diagnostics.note(&entry.key_span, problem);
            continue;
        };
        let means = lever::read(lever, &value, surroundings);
        levers.extend(means.map(|means| (lever.clone(), means)));
    }
    Some(levers)
}

fn services(cursor: &Cursor<'_>, variables: &Variables<'_>) -> Option<BTreeMap<String, Url>> {
    let entries = cursor.entries()?;
    if entries.is_empty() {
        return cursor.refuse(
            "a target needs a service",
            "write `api = \"https://api.example.com\"`",
        );
    }
    let services: Vec<Option<(String, Url)>> = entries
        .iter()
        .map(|(entry, cursor)| Some((entry.key.clone(), service_url(cursor, variables)?)))
        .collect();
    services.into_iter().collect()
}

fn service_url(cursor: &Cursor<'_>, variables: &Variables<'_>) -> Option<Url> {
    const FORM: &str = "write it like `https://api.example.com/base`";
    let text = match variables.filled(cursor, &cursor.name_text()?, &[])? {
        Filled::Known(text) => text,
        // Whatever the variables say, it is checked when they are looked up.
        Filled::Unknown => return Url::parse("http://unknown.invalid").ok(),
    };
    let mut url = match Url::parse(&text) {
        Ok(url) => url,
        // What was written may hold a password, so it is not repeated.
        Err(_) if text.contains("{env:") => {
            return cursor.refuse(
                format!("{} has a placeholder that does not end", cursor.name),
                "close it: `{env:NAME}` or `{env:NAME:-default}`",
            );
        }
        Err(error) => return cursor.refuse(format!("{} is not a URL: {error}", cursor.name), FORM),
    };
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return cursor.refuse(
            format!("{} must be an http or https URL", cursor.name),
            FORM,
        );
    }
    if !url.username().is_empty() || url.password().is_some() {
        return cursor.refuse(
            format!("{} holds credentials", cursor.name),
            "take them out of the URL: accounts stand under `accounts`",
        );
    }
    if url.query().is_some() || url.fragment().is_some() {
        return cursor.refuse(format!("{} must end with its path", cursor.name), FORM);
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Some(url)
}

fn account(name: &str, cursor: &Cursor<'_>, variables: &Variables<'_>) -> Option<Account> {
    let fields: Fields<'_> = cursor.fields("an account")?;
    let inline = fields.maybe("username", Cursor::name_text);
    let from_variable = fields.maybe("username-env", variable);
    if let Some(password) = fields.refused("password") {
        // The value is not shown: the key is pointed at.
        let span = password.key_span.cloned().unwrap_or_else(|| fields.head());
        let problem = Problem::new("a password does not stand in this file")
            .hint("write `password-env = \"NAME\"` and set that variable");
        password.diagnostics.note(&span, problem);
        return None;
    }
    let password = fields
        .need("password-env")
        .and_then(|cursor| variable(&cursor));
    let username = match (inline?, from_variable?) {
        (Some(text), None) => text,
        (None, Some((variable, span))) => variables
            .value(cursor, &variable, &span)
            .expose()
            .to_owned(),
        _ => {
            return fields.refuse(
                "an account has `username` or `username-env`",
                "write what to sign in with, or the variable that holds it",
            );
        }
    };
    let (variable, span) = password?;
    Some(Account {
        name: name.to_owned(),
        username,
        password: variables.value(cursor, &variable, &span),
    })
}

/// The name of a variable, and where it stands.
fn variable(cursor: &Cursor<'_>) -> Option<(String, Span)> {
    let text = cursor.name_text()?;
    if !is_name(&text) {
        // Somebody may have written the value in the place of the name.
        let message = format!(
            "{} must be the name of a variable of the environment",
            cursor.name
        );
        let span = cursor.key_span.unwrap_or(&cursor.node.span).clone();
        let problem =
            Problem::new(message).hint("letters, digits and `_`, like `TESTER_A_PASSWORD`");
        cursor.diagnostics.note(&span, problem);
        return None;
    }
    Some((text, cursor.node.span.clone()))
}
