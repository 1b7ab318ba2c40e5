//! `rehearsal proxy`: the gateway before a target, for an app that others wrote.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use anstyle::Style;
use serde_json::json;

use super::arguments::ProxyArguments;
use super::conclusion::{conclude, report_file};
use super::exit::Exit;
use super::files;
use super::ports;
use super::problem::Problem;
use super::settings::{self, layered};
use super::target::Place;
use super::{console, interrupt};
use crate::domain::result::RunResult;
use crate::gateway::{Listen, Mode, Tls};
use crate::report::terminal::{Again, Look, Terminal};
use crate::run::{Interrupt, Plan, Proxied, Ready, serve};

const STRONG: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();

/// Serves until somebody asks for the end, and says what it all came to.
pub(super) fn proxy(asked: &ProxyArguments) -> Result<Exit, Problem> {
    let environment = &settings::environment;
    let config = files::config(asked.files.config.as_deref(), environment)?;
    let report = report_file(asked.report_json.as_deref(), &config, environment)?;
    let seed = layered(asked.seed, config.run.seed, environment, "REHEARSAL_SEED")?;
    let place = Place {
        files: &asked.files,
        target: asked.target.clone(),
        defects: &asked.defects,
    };
    let (suite, target, defects) = place.find(&config, environment)?;
    let proxied = Proxied {
        listen: listen(asked, &suite.contract)?,
        plan: Plan {
            suite: Arc::new(suite),
            scenarios: Vec::new(),
            target,
            real_time: true,
            seed: seed.unwrap_or_else(settings::chance),
            quirks: Vec::new(),
            defects,
            jobs: 1,
            journal_dir: None,
        },
        journal: asked.journal.clone(),
        mode: if asked.observe {
            Mode::Observing
        } else {
            Mode::Enforcing
        },
        control: SocketAddr::from((Ipv4Addr::LOCALHOST, asked.control_port.unwrap_or(0))),
    };
    if let Some(path) = &asked.journal {
        writable(path)?;
    }
    let interrupt = Interrupt::new();
    let handle = interrupt.clone();
    interrupt::forward(move || handle.trigger())?;
    let result = serve(&proxied, &interrupt, &mut |ready| {
        tell(asked, &proxied, ready)
    })?;
    let told = if asked.json {
        tell_end(&result)
    } else {
        Terminal::new(console::out(), look(asked)).end(&result)
    };
    conclude(&result, report.as_ref(), told)
}

fn listen(
    asked: &ProxyArguments,
    contract: &crate::domain::contract::Contract,
) -> Result<Listen, Problem> {
    let mut addresses = ports::addresses(&asked.ports, asked.bind, contract)?;
    for service in &contract.services {
        let free = SocketAddr::from((asked.bind, 0));
        addresses.entry(service.name.clone()).or_insert(free);
    }
    let files = asked.tls_cert.as_deref().zip(asked.tls_key.as_deref());
    let tls = files
        .map(|(certificate, key)| Tls::read(certificate, key).map_err(Problem::Tls))
        .transpose()?;
    Ok(Listen {
        addresses,
        names: asked.names.clone(),
        tls,
    })
}

/// Tries the place of the journal before anything is served.
fn writable(path: &Path) -> Result<(), Problem> {
    let tried = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path);
    tried.map(drop).map_err(|error| Problem::File {
        verb: "write the journal",
        path: path.to_owned(),
        error,
    })
}

fn tell(asked: &ProxyArguments, proxied: &Proxied, ready: &Ready) -> io::Result<()> {
    let mut out = console::out();
    if asked.json {
        let line = json!({
            "services": ready.services,
            "control": ready.control,
            "target": proxied.plan.target.name(),
            "mode": mode(proxied.mode),
            "seed": proxied.plan.seed,
            "journal": proxied.journal,
        });
        writeln!(out, "{line}")?;
        return out.flush();
    }
    let contract = &proxied.plan.suite.contract;
    let names = ready.services.keys().map(String::len);
    let column = names.chain(["control".len()]).max().unwrap_or(0);
    writeln!(
        out,
        "{STRONG}{} before the target {}, {}{STRONG:#}\n",
        contract.name,
        proxied.plan.target.name(),
        mode(proxied.mode)
    )?;
    for service in &contract.services {
        let Some(url) = ready.services.get(&service.name) else {
            continue;
        };
        let variable = service.variable.as_deref().unwrap_or("");
        writeln!(
            out,
            "  {STRONG}{:<column$}{STRONG:#}  {url}  {FAINT}{variable}{FAINT:#}",
            service.name
        )?;
    }
    writeln!(
        out,
        "  {STRONG}{:<column$}{STRONG:#}  {}",
        "control", ready.control
    )?;
    if let Some(journal) = &proxied.journal {
        writeln!(
            out,
            "  {STRONG}{:<column$}{STRONG:#}  {}",
            "journal",
            journal.display()
        )?;
    }
    writeln!(out, "\nmarks, levers and faults: curl {}", ready.control)?;
    writeln!(out, "ready; Ctrl-C ends it with the verdict\n")?;
    out.flush()
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Enforcing => "enforcing",
        Mode::Observing => "observing",
    }
}

/// The last line for programs.
fn tell_end(result: &RunResult) -> io::Result<()> {
    let scenarios = || result.scenarios.iter();
    let findings = scenarios().flat_map(|scenario| {
        scenario.outcome.findings.iter().map(|finding| {
            json!({
                "rule": finding.rule,
                "subject": finding.subject.name(),
                "message": finding.message,
            })
        })
    });
    let not_judged = scenarios().flat_map(|scenario| {
        let unable = scenario.outcome.not_judged.iter();
        unable.map(|(rule, reason)| json!({"rule": rule, "reason": reason}))
    });
    let line = json!({
        "verdict": result.verdict.name(),
        "reason": result.verdict.reason(),
        "exit": Exit::of(result).code(),
        "findings": findings.collect::<Vec<_>>(),
        "not_judged": not_judged.collect::<Vec<_>>(),
    });
    let mut out = console::out();
    writeln!(out, "{line}")?;
    out.flush()
}

fn look(asked: &ProxyArguments) -> Look {
    let again = asked.journal.as_ref().map_or(Again::Unrecorded, |journal| {
        let mut words = vec!["judge".to_owned(), journal.display().to_string()];
        words.extend(asked.files.words());
        Again::Judge(words)
    });
    Look {
        detail: asked.detail.chosen(),
        width: console::width(),
        again,
    }
}
