//! The file's keys.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use url::Url;

use super::secrets::is_name;
use super::{Config, Declared, DeclaredAccount, LeverMeans, MOCK, RunDefaults, Text};
use super::{lever, mask};
use crate::domain::scenario::Lever;
use crate::suite::cursor::{Cursor, Fields};
use crate::suite::diagnostics::Diagnostics;
use crate::suite::node::Span;
use crate::suite::suggest::suggest;
use crate::suite::{ContractChoice, Problem, Problems, Source, toml};

/// Among levers: the changes that a suite's world names.
const CHANGES: &str = "changes";

pub(super) fn config(source: &Arc<Source>, folder: &Path) -> Result<Config, Problems> {
    let node = toml::parse(source).map_err(|problems| problems.shown_in(&mask::lines(source)))?;
    let shown = mask::values(source, &node);
    let diagnostics = Diagnostics::new(&shown);
    let config = root(&Cursor::root(&diagnostics, &node), &shown, folder);
    diagnostics.into_problems().or(config)
}

fn root(cursor: &Cursor<'_>, source: &Arc<Source>, folder: &Path) -> Option<Config> {
    let fields = cursor.fields("the configuration")?;
    let secrets_file = fields.maybe("secrets-file", |cursor| path(cursor, folder));
    let run = fields.or("run", RunDefaults::default(), |cursor| run(cursor, folder));
    let targets = fields.or("targets", Vec::new(), |cursor| {
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
                target(&entry.key, cursor, source, folder)
            })
            .collect();
        targets.into_iter().collect()
    });
    let (run, targets) = (run?, targets?);
    if let Some(name) = &run.target
        && name != MOCK
        && !targets.iter().any(|target| target.name == *name)
        && let Some(cursor) = fields
            .get("run")
            .and_then(|run| run.fields("`run`"))
            .and_then(|run| {
                run.ignore_rest();
                run.get("target")
            })
    {
        let known: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
        cursor.known("target", name, &[&known[..], &[MOCK]].concat());
    }
    Some(Config {
        file: None,
        run,
        secrets_file: secrets_file?,
        targets,
    })
}

fn path(cursor: &Cursor<'_>, folder: &Path) -> Option<PathBuf> {
    Some(folder.join(cursor.name_text()?))
}

fn contract(cursor: &Cursor<'_>, folder: &Path) -> Option<ContractChoice> {
    Some(match ContractChoice::parse(&cursor.name_text()?) {
        ContractChoice::File(path) => ContractChoice::File(folder.join(path)),
        choice => choice,
    })
}

fn run(cursor: &Cursor<'_>, folder: &Path) -> Option<RunDefaults> {
    let fields = cursor.fields("`run`")?;
    let target = fields.maybe("target", Cursor::name_text);
    let suite = fields.maybe("suite", |cursor| path(cursor, folder));
    let contract = fields.maybe("contract", |cursor| contract(cursor, folder));
    let seed = fields.maybe("seed", |cursor| cursor.whole(0));
    let real_time = fields.maybe("real-time", Cursor::switch);
    let report_json = fields.maybe("report-json", |cursor| path(cursor, folder));
    Some(RunDefaults {
        target: target?,
        suite: suite?,
        contract: contract?,
        seed: seed?,
        real_time: real_time?,
        report_json: report_json?,
    })
}

fn target(
    name: &str,
    cursor: &Cursor<'_>,
    source: &Arc<Source>,
    folder: &Path,
) -> Option<Declared> {
    let fields = cursor.fields("a target")?;
    let services_cursor = fields.need("services");
    let services = services_cursor.as_ref().and_then(services);
    let suite = fields.maybe("suite", |cursor| path(cursor, folder));
    let contract = fields.maybe("contract", |cursor| contract(cursor, folder));
    let accounts = fields.or("accounts", Vec::new(), accounts);
    let mut variables = Vec::new();
    let levers = fields.or("levers", BTreeMap::new(), |cursor| {
        levers(cursor, services.as_ref(), &mut variables)
    });
    let probes = fields.or("probes", false, Cursor::switch);
    let disposable = fields.maybe("disposable", |cursor| {
        let known: Vec<&str> = accounts
            .iter()
            .flatten()
            .map(|account| account.name.as_str())
            .collect();
        let name = cursor.name_text()?;
        cursor.known("account", &name, &known)?;
        Some(name)
    });
    let services_at: Span = services_cursor
        .as_ref()
        .and_then(|cursor| cursor.key_span)
        .cloned()
        .unwrap_or_else(|| fields.head());
    Some(Declared {
        name: name.to_owned(),
        source: Arc::clone(source),
        services_at,
        suite: suite?,
        contract: contract?,
        accounts: accounts?,
        levers: levers?,
        probes: probes?,
        disposable: disposable?,
        variables,
        services: services?,
    })
}

fn accounts(cursor: &Cursor<'_>) -> Option<Vec<DeclaredAccount>> {
    let accounts: Vec<Option<DeclaredAccount>> = cursor
        .entries()?
        .iter()
        .map(|(entry, cursor)| account(&entry.key, cursor))
        .collect();
    accounts.into_iter().collect()
}

fn levers(
    cursor: &Cursor<'_>,
    services: Option<&BTreeMap<String, Url>>,
    variables: &mut Vec<(String, Span)>,
) -> Option<BTreeMap<Lever, LeverMeans>> {
    let known = Lever::ALL.iter().map(|(_, name)| *name);
    let known: Vec<&str> = known.chain([CHANGES]).collect();
    let mut levers = BTreeMap::new();
    for (entry, value) in cursor.entries()? {
        if entry.key == CHANGES {
            for (entry, value) in value.entries()? {
                let lever = Lever::Own(entry.key.clone());
                let means = lever::read(&lever, &value, services, variables);
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
        let means = lever::read(lever, &value, services, variables);
        levers.extend(means.map(|means| (lever.clone(), means)));
    }
    Some(levers)
}

fn services(cursor: &Cursor<'_>) -> Option<BTreeMap<String, Url>> {
    let entries = cursor.entries()?;
    if entries.is_empty() {
        return cursor.refuse(
            "a target needs a service",
            "write `api = \"https://api.example.com\"`",
        );
    }
    let services: Vec<Option<(String, Url)>> = entries
        .iter()
        .map(|(entry, cursor)| Some((entry.key.clone(), service_url(cursor)?)))
        .collect();
    services.into_iter().collect()
}

fn service_url(cursor: &Cursor<'_>) -> Option<Url> {
    const FORM: &str = "write it like `https://api.example.com/base`";
    let text = cursor.name_text()?;
    let mut url = match Url::parse(&text) {
        Ok(url) => url,
        // What was written may hold a password, so it is not repeated.
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

fn account(name: &str, cursor: &Cursor<'_>) -> Option<DeclaredAccount> {
    let fields: Fields<'_> = cursor.fields("an account")?;
    let inline = fields.maybe("username", Cursor::name_text);
    let from_variable = fields.maybe("username-env", variable);
    if let Some(password) = fields.get("password") {
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
        (Some(text), None) => Text::Inline(text),
        (None, Some((variable, span))) => Text::Variable(variable, span),
        _ => {
            return fields.refuse(
                "an account has `username` or `username-env`",
                "write what to sign in with, or the variable that holds it",
            );
        }
    };
    Some(DeclaredAccount {
        name: name.to_owned(),
        username,
        password: password?,
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
