//! `rehearsal drift`: in what a target, as it was recorded, and the mock of the suite differ.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::arguments::DriftArguments;
use super::console;
use super::exit::Exit;
use super::files::{self, SuiteRequest};
use super::problem::Problem;
use super::{new_files, recorded, settings};
use crate::import::{self, Evidence, Proposal, Recording};
use crate::run::{Compared, evidence};
use crate::suite::{Choice, Source, contract_source, read_contract, read_world, world_source};

/// Replays the recording against the mock of the suite, and says what to change.
pub(super) fn drift(arguments: &DriftArguments) -> Result<Exit, Problem> {
    let environment = &settings::environment;
    let config = files::config_of(&arguments.files, environment)?;
    let request = SuiteRequest {
        defaults: Some(&config.run),
        ..SuiteRequest::by_flags(&arguments.files)
    };
    let choice = request.choice(environment)?;
    let suite = files::suite(&choice)?;
    let Some(world) = &suite.world else {
        let origin = suite.origin.clone();
        return Err(Problem::NoWorld { origin });
    };
    let archive = recorded::archive(&arguments.recording)?;
    let recording = import::read_har(&archive).map_err(Problem::Suite)?;
    let (replayed, compared) = recorded::compared(&suite.contract, world, &recording)?;
    if arguments.json {
        writeln!(console::out(), "{:#}", document(&compared))?;
    } else {
        recorded::tell(&compared)?;
        headers(&compared)?;
        timings(&compared)?;
    }
    if arguments.update && !compared.differences.is_empty() {
        let evidence = evidence(&recording, &replayed);
        let proposal = Texts::of(&choice)?.proposal(&evidence, &compared)?;
        return prove(&proposal, &recording);
    }
    Ok(recorded::exit(&compared, Exit::NonConformance))
}

/// The texts of a suite that may be changed, and the folder of its contract.
struct Texts {
    contract: Arc<Source>,
    world: Arc<Source>,
    folder: PathBuf,
}

/// What is proposed, and where it was written.
struct Proposed {
    texts: Proposal,
    folder: PathBuf,
}

impl Texts {
    fn of(choice: &Choice) -> Result<Self, Problem> {
        let contract = contract_source(choice).map_err(Problem::Suite)?;
        let world = world_source(choice).map_err(Problem::Suite)?;
        let Some(world) = world else {
            let origin = contract.name().to_owned();
            return Err(Problem::NoWorld { origin });
        };
        let path = Path::new(contract.name());
        // The shipped one stands in no folder.
        let folder = path.parent().filter(|_| path.is_file());
        Ok(Self {
            folder: folder.map_or_else(|| PathBuf::from("."), Path::to_owned),
            contract,
            world,
        })
    }

    fn proposal(self, evidence: &Evidence<'_>, compared: &Compared) -> Result<Proposed, Problem> {
        let differences = &compared.differences;
        let texts = import::propose(&self.contract, &self.world, evidence, differences);
        Ok(Proposed {
            texts: texts.map_err(Problem::Suite)?,
            folder: self.folder,
        })
    }
}

/// Writes what is proposed, and says what is still not the same with it.
fn prove(proposed: &Proposed, recording: &Recording) -> Result<Exit, Problem> {
    let mut out = console::out();
    let texts = &proposed.texts;
    if texts.changed.is_empty() {
        writeln!(
            out,
            "\nnothing of this can be changed by a proposal: see what each difference says"
        )?;
        return Ok(Exit::NonConformance);
    }
    writeln!(out)?;
    let files = [
        ("contract.yaml.proposed", &texts.contract),
        ("world.yaml.proposed", &texts.world),
    ];
    for path in new_files::write(&proposed.folder, &files)? {
        writeln!(out, "wrote {}", path.display())?;
    }
    for changed in &texts.changed {
        writeln!(out, "  {changed}")?;
    }
    let contract = Source::new("contract.yaml.proposed", texts.contract.as_str());
    let contract = Arc::new(read_contract(&contract).map_err(Problem::Suite)?);
    let world = Source::new("world.yaml.proposed", texts.world.as_str());
    let world = Arc::new(read_world(&world, &contract).map_err(Problem::Suite)?);
    let (_, left) = recorded::compared(&contract, &world, recording)?;
    writeln!(out, "\nwith what is proposed:")?;
    recorded::tell(&left)?;
    Ok(recorded::exit(&left, Exit::NonConformance))
}

fn headers(compared: &Compared) -> Result<(), Problem> {
    if compared.headers.is_empty() {
        return Ok(());
    }
    let mut out = console::out();
    writeln!(
        out,
        "\nheaders that a client may go by, and that differ (nothing of a suite decides them):"
    )?;
    for own in &compared.headers {
        writeln!(
            out,
            "  {} {}: recorded {}, mock {}",
            own.about, own.name, own.recorded, own.mock
        )?;
    }
    Ok(())
}

fn timings(compared: &Compared) -> Result<(), Problem> {
    let mut out = console::out();
    writeln!(
        out,
        "\nhow long the target took (the mock answers at once):"
    )?;
    for (role, own) in &compared.timings {
        writeln!(
            out,
            "  {role}: p50 {:.0}ms, p95 {:.0}ms, p99 {:.0}ms, most {:.0}ms, of {}",
            own.p50_ms, own.p95_ms, own.p99_ms, own.most_ms, own.answers
        )?;
    }
    Ok(())
}

fn document(compared: &Compared) -> Value {
    let differences: Vec<Value> = compared
        .differences
        .iter()
        .map(|own| {
            json!({
                "about": own.about, "at": own.at, "recorded": own.recorded, "mock": own.mock,
                "change": own.change,
            })
        })
        .collect();
    let skipped: Vec<Value> = compared
        .skipped
        .iter()
        .map(|(what, why)| json!({"what": what, "why": why}))
        .collect();
    let headers: Vec<Value> = compared
        .headers
        .iter()
        .map(|own| {
            json!({
                "about": own.about, "name": own.name, "recorded": own.recorded, "mock": own.mock,
            })
        })
        .collect();
    let timings: serde_json::Map<String, Value> = compared
        .timings
        .iter()
        .map(|(role, own)| {
            let own = json!({
                "answers": own.answers, "p50_ms": own.p50_ms, "p95_ms": own.p95_ms,
                "p99_ms": own.p99_ms, "most_ms": own.most_ms,
            });
            (role.clone(), own)
        })
        .collect();
    json!({
        "requests": compared.asked, "events": compared.events, "differences": differences,
        "not_replayed": skipped, "headers": headers, "timings": timings,
    })
}
