//! Tells those who want to know that something changed. Whatever becomes of it is no verdict: it is
//! told on the error stream, and the run ends as it would have ended.

use std::error::Error as _;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;

use super::console;
use super::settings;
use crate::domain::duration::show;
use crate::domain::result::RunResult;
use crate::domain::secret::Secret;
use crate::domain::wildcard::matches;
use crate::report::{About, notify};
use crate::suite::config::{Config, Notify, NotifyForm};

/// Whether somebody is told, or is only said what they would be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Tell,
    DryRun,
}

/// Tells everybody who wants to know of runs at this target, if anything changed.
pub(super) fn tell(config: &Config, result: &RunResult, about: &About, mode: Mode) {
    let concerned = |own: &&Notify| {
        let mut targets = own.targets.iter();
        own.targets.is_empty() || targets.any(|pattern| matches(pattern, &result.target))
    };
    let all: Vec<&Notify> = config.notify.iter().filter(concerned).collect();
    let news = result
        .changes
        .as_ref()
        .filter(|changes| !result.interrupted && changes.is_news(result.verdict.name()));
    let Some(changes) = news else {
        if mode == Mode::DryRun {
            console::tell("nobody is told: nothing changed against an earlier run\n");
        }
        return;
    };
    if mode == Mode::DryRun && all.is_empty() {
        console::tell("nobody is told: no `[[notify]]` is about this target\n");
    }
    for own in all {
        let body = match own.form {
            NotifyForm::Webhook => notify::webhook(result, changes, about),
            NotifyForm::Slack => notify::slack(result, changes),
        };
        let name = &own.variable;
        if mode == Mode::DryRun {
            let body = String::from_utf8_lossy(&body).into_owned();
            console::tell(&format!("{name} would be told: {body}\n"));
            continue;
        }
        if let Err(why) = address(config, name).and_then(|url| send(&url, body, own.timeout)) {
            console::tell(&format!("note: nobody was told by {name}: {why}\n"));
        }
    }
}

/// The URL that a variable holds.
fn address(config: &Config, variable: &str) -> Result<Secret, String> {
    let environment = |name: &str| settings::environment(name)?.into_string().ok();
    let value = config.secret(variable, &environment);
    let value = value.map_err(|problems| problems.to_string())?;
    value.ok_or_else(|| "the variable is not set".to_owned())
}

/// Sends it, and waits no longer than this. What is told of a failure never holds the URL.
fn send(url: &Secret, body: Vec<u8>, timeout: Duration) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let sent = runtime.block_on(async { tokio::time::timeout(timeout, post(url, body)).await });
    // Whatever still hangs, such as a question for an address, hangs without us.
    runtime.shutdown_background();
    match sent {
        Err(_) => Err(format!("it did not answer within {}", show(timeout))),
        Ok(Ok(status)) if (200..300).contains(&status) => Ok(()),
        Ok(Ok(status)) => Err(format!("it answered {status}")),
        Ok(Err(error)) => Err(said(&error.without_url())),
    }
}

async fn post(url: &Secret, body: Vec<u8>) -> Result<u16, reqwest::Error> {
    // Told is who was named: nothing is repeated elsewhere.
    let client = reqwest::Client::builder()
        .redirect(Policy::none())
        .build()?;
    let request = client
        .post(url.expose())
        .header(CONTENT_TYPE, "application/json")
        .body(body);
    Ok(request.send().await?.status().as_u16())
}

/// An error with what it came from, each once.
fn said(error: &reqwest::Error) -> String {
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        said.push_str(&format!(": {error}"));
        source = error.source();
    }
    said
}
