//! `rehearsal proxy`: the gateway before a target, for an app that others wrote.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use anstyle::Style;
use serde_json::json;

use super::arguments::{ProxyArguments, ReportsArguments};
use super::conclusion::conclude;
use super::exit::Exit;
use super::files;
use super::ports;
use super::problem::Problem;
use super::reports::Reports;
use super::settings::{self, Environment, layered};
use super::target::{SuiteOnTarget, TargetRequest};
use super::{browser, console, init, interrupt, levers, pace, record, tls};
use crate::domain::result::RunResult;
use crate::gateway::{Limits, Listen, Mode};
use crate::report::About;
use crate::report::terminal::{Again, Look, Terminal};
use crate::run::{
    Course, Interrupt, Plan, ProxyPlan, Ready, Target, Use, finding_in_brief, serve, try_place,
};
use crate::suite::config::Config;

const STRONG: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();

/// Serves until somebody asks for the end, and says what it all came to.
pub(super) fn proxy(arguments: &ProxyArguments) -> Result<Exit, Problem> {
    let environment = &settings::environment;
    let config = files::config_of(&arguments.files, environment)?;
    let asked = ReportsArguments {
        report_json: arguments.report_json.clone(),
        ..ReportsArguments::default()
    };
    let reports = Reports::reserve(&asked, &config, environment)?;
    let proxied = plan(arguments, &config, environment)?;
    let interrupt = Interrupt::new();
    let handle = interrupt.clone();
    let lease = proxied.plan.lease.clone();
    interrupt::forward(
        move || handle.trigger(),
        move || levers::last_words(lease.as_ref()),
    )?;
    let result = serve(&proxied, &interrupt, &mut |ready| {
        tell(arguments, &proxied, ready)?;
        if let Some(console) = ready.console.as_deref().filter(|_| arguments.console.open) {
            browser::open(console);
        }
        Ok(())
    })?;
    let told = if arguments.json {
        tell_end(&result)
    } else {
        Terminal::new(console::out(), look(arguments)).end(&result)
    };
    let concluded = conclude(
        &result,
        reports.write(&result, &About::default(), None),
        told,
    );
    levers::last_words(proxied.plan.lease.as_ref());
    recorded(&proxied, arguments.record.as_deref(), concluded)
}

/// Makes a suite of the journal, if one was asked for: whatever the verdict is, it was recorded. The verdict's exit code goes
/// before what the suite does not prove.
fn recorded(
    proxied: &ProxyPlan,
    folder: Option<&Path>,
    concluded: Result<Exit, Problem>,
) -> Result<Exit, Problem> {
    let (Some(folder), Some(journal)) = (folder, &proxied.journal) else {
        return concluded;
    };
    let made = record::suite_of(journal, folder);
    match concluded? {
        Exit::Passed => made,
        other => made.map(|_| other),
    }
}

/// What is put before which target, and how; everything that can be wrong is found here.
fn plan(
    arguments: &ProxyArguments,
    config: &Config,
    environment: Environment<'_>,
) -> Result<ProxyPlan, Problem> {
    let seed = layered(
        arguments.seed,
        config.run.seed,
        environment,
        "REHEARSAL_SEED",
    )?;
    let request = TargetRequest {
        files: &arguments.files,
        target: arguments.target.as_deref(),
        defects: &arguments.defects,
        runbook: arguments.runbook.version.as_deref(),
    };
    let SuiteOnTarget {
        suite,
        target,
        defects,
    } = request.resolve(config, environment)?;
    let listen = listen(arguments, &suite.contract)?;
    if let Some(folder) = &arguments.record {
        init::is_free(folder)?;
    }
    let journal = arguments.journal();
    if let Some(path) = &journal {
        writable(path)?;
    }
    let lease = levers::lease(&target, config, Use::Shared)?;
    let course = Course {
        pace: pace::without_end(&target),
        ..Course::default()
    };
    // Levers and marks are for programs of this machine alone.
    let here = |port: Option<u16>| SocketAddr::from((Ipv4Addr::LOCALHOST, port.unwrap_or(0)));
    Ok(ProxyPlan {
        listen,
        plan: Plan {
            scenarios: Vec::new(),
            real_time: true,
            defects,
            course,
            lease,
            ..Plan::of(suite, target, seed.unwrap_or_else(settings::chance))
        },
        journal,
        mode: if arguments.observe {
            Mode::Observing
        } else {
            Mode::Enforcing
        },
        control: here(arguments.control_port),
        tape: arguments.console.tape_bytes(None),
        users: arguments.console.users(),
        console: (!arguments.console.no_console).then(|| here(arguments.console.console_port)),
    })
}

fn listen(
    arguments: &ProxyArguments,
    contract: &crate::domain::contract::Contract,
) -> Result<Listen, Problem> {
    let mut addresses = ports::addresses(&arguments.ports, arguments.bind, contract)?;
    for service in &contract.services {
        let free = SocketAddr::from((arguments.bind, 0));
        addresses.entry(service.name.clone()).or_insert(free);
    }
    let tls = tls::of_files(&arguments.tls)?;
    Ok(Listen {
        addresses,
        names: arguments.names.clone(),
        tls,
        limits: (arguments.limits.iter().copied()).fold(Limits::for_strangers(), Limits::with),
        allowed: arguments.allowed.clone(),
    })
}

/// Tries the place of the journal before anything is served.
fn writable(path: &Path) -> Result<(), Problem> {
    try_place(path).map_err(|error| Problem::File {
        verb: "write the journal",
        path: path.to_owned(),
        error,
    })
}

fn tell(arguments: &ProxyArguments, proxied: &ProxyPlan, ready: &Ready) -> io::Result<()> {
    let mut out = console::out();
    if arguments.json {
        let line = json!({
            "services": ready.services,
            "control": ready.control,
            "console": ready.console,
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
    let journal = proxied.journal.as_ref().map(|path| path.display());
    for (name, place) in [
        ("control", Some(ready.control.clone())),
        ("console", ready.console.clone()),
        ("journal", journal.map(|path| path.to_string())),
    ] {
        if let Some(place) = place {
            writeln!(out, "  {STRONG}{name:<column$}{STRONG:#}  {place}")?;
        }
    }
    if leads_strangers(arguments, &proxied.plan.target) {
        writeln!(
            out,
            "\nwhoever reaches {} gets to {} through it: --allow ADDRESS lets in that one alone",
            arguments.bind,
            proxied.plan.target.name()
        )?;
    }
    writeln!(out, "\nmarks, levers and faults: curl {}", ready.control)?;
    writeln!(out, "ready; Ctrl-C ends it with the verdict\n")?;
    out.flush()
}

/// Whether everybody near is let through to a backend that is not of this process.
fn leads_strangers(arguments: &ProxyArguments, target: &Target) -> bool {
    let is_open = !arguments.bind.is_loopback() && arguments.allowed.is_empty();
    is_open && matches!(target, Target::Deployment(_))
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
        let findings = scenario.outcome.findings.iter();
        findings.map(finding_in_brief)
    });
    let not_judged = scenarios().flat_map(|scenario| {
        let unable = scenario.outcome.not_judged.iter();
        unable.map(|(rule, reason)| json!({"rule": rule, "reason": reason}))
    });
    let remarks = scenarios().flat_map(|scenario| {
        let told = scenario.outcome.remarks.iter();
        told.map(|(about, remark)| json!({"about": about, "remark": remark}))
    });
    let line = json!({
        "verdict": result.verdict.name(),
        "reason": result.verdict.reason(),
        "exit": Exit::of(result).code(),
        "findings": findings.collect::<Vec<_>>(),
        "not_judged": not_judged.collect::<Vec<_>>(),
        "remarks": remarks.collect::<Vec<_>>(),
    });
    let mut out = console::out();
    writeln!(out, "{line}")?;
    out.flush()
}

fn look(arguments: &ProxyArguments) -> Look {
    let again = arguments.journal().map_or(Again::Unrecorded, |journal| {
        let mut words = vec!["judge".to_owned(), journal.display().to_string()];
        words.extend(arguments.files.words());
        Again::Judge(words)
    });
    Look {
        detail: arguments.detail.chosen(),
        width: console::width(),
        again,
    }
}
