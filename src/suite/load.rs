//! Reading all files of a suite.

mod added;
mod found;
mod shipped;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::cursor::Cursor;
use super::diagnostics::Diagnostics;
use super::flow::Library;
use super::node::Node;
use super::scenario::Beside;
use super::values::Depth;
use super::{
    CONTRACT_FILE, Choice, ContractChoice, FLOWS, Hashes, Problem, Problems, RUNBOOK_FILE,
    SHARED_FILES, SHIPPED, SHIPPED_WORLD, STAGES, Source, Suite, WORLD_FILE, contract, flow,
    runbook, scenario, world, yaml,
};
use crate::domain::contract::Contract;
use crate::domain::runbook::Runbook;
use crate::domain::scenario::{Change, Scenario};
use crate::domain::world::World;
use found::Found;
pub(crate) use found::has_scenarios;
pub(crate) use shipped::shipped_files;
pub(super) use shipped::{shipped_file, shipped_scenarios};
use shipped::{shipped_world, stage_file, stages};

/// Reads a contract.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read_contract(source: &Arc<Source>) -> Result<Contract, Problems> {
    contract_of(source, Depth::Thorough)
}

/// Reads a world for a contract.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read_world(source: &Arc<Source>, contract: &Contract) -> Result<World, Problems> {
    world_of(source, contract, Depth::Thorough)
}

/// The text of the contract that a suite has.
///
/// # Errors
/// When the suite or its contract cannot be found or read.
pub fn contract_source(choice: &Choice) -> Result<Arc<Source>, Problems> {
    let found = found(choice)?;
    let (source, _) = Parts::find(choice, found.as_ref()).contract?;
    Ok(source)
}

/// The text of the world that a suite brings, if it brings one.
///
/// # Errors
/// When the suite or its world cannot be found or read.
pub fn world_source(choice: &Choice) -> Result<Option<Arc<Source>>, Problems> {
    let found = found(choice)?;
    let world = Parts::find(choice, found.as_ref()).world.transpose()?;
    Ok(world.map(|(source, _)| source))
}

/// Reads a runbook; the scenarios that it names are not looked up.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read_runbook(source: &Arc<Source>) -> Result<Runbook, Problems> {
    Ok(read(source, runbook::read)?.runbook)
}

/// Reads a scenario; its id is the file's name without extension, and the flows and the runbook's items
/// that it names are the shipped ones. Without a contract, names are not checked, and nothing comes
/// back but what is wrong otherwise.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read_scenario(
    source: &Arc<Source>,
    contract: Option<&Contract>,
) -> Result<Scenario, Problems> {
    let shipped = read_runbook(&shipped_file(RUNBOOK_FILE))?;
    let flows = &flow::shipped();
    let (world, book) = (None, Some(&shipped));
    scenario_of(
        source,
        Beside {
            contract,
            world,
            book,
            flows,
            code: &[],
        },
    )
}

/// Reads a setting that was sent as JSON: what stands in a scenario under `set`.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read_setting(json: &Value, contract: &Contract) -> Result<Change, Problems> {
    let step = Node::from_json(&json!({ "set": json }));
    let diagnostics = Diagnostics::new(&Source::new("the setting", ""));
    let setting = scenario::read_setting(&Cursor::root(&diagnostics, &step), contract);
    diagnostics.into_problems().or(setting)
}

fn scenario_of(source: &Arc<Source>, beside: Beside<'_>) -> Result<Scenario, Problems> {
    read(source, |root| scenario::read(root, beside))
}

/// Reads each that can be read.
fn scenarios_of(
    sources: &[Arc<Source>],
    beside: Beside<'_>,
    problems: &mut Problems,
) -> Vec<Arc<Scenario>> {
    let read = |source| keep(problems, scenario_of(source, beside)).map(Arc::new);
    sources.iter().filter_map(read).collect()
}

fn contract_of(source: &Arc<Source>, depth: Depth) -> Result<Contract, Problems> {
    read(source, |root| contract::read(root, depth))
}

fn world_of(source: &Arc<Source>, contract: &Contract, depth: Depth) -> Result<World, Problems> {
    read(source, |root| world::read(root, contract, depth))
}

fn read<T>(
    source: &Arc<Source>,
    reader: impl FnOnce(&Cursor<'_>) -> Option<T>,
) -> Result<T, Problems> {
    let node = yaml::parse(source)?;
    let diagnostics = Diagnostics::new(source);
    let value = reader(&Cursor::root(&diagnostics, &node));
    diagnostics.into_problems().or(value)
}

impl Suite {
    /// The suite that is part of the program, with its contract and its world.
    ///
    /// # Errors
    /// None in a released program: its tests read these files.
    pub fn shipped() -> Result<Self, Problems> {
        Self::load(&Choice::default())
    }

    /// The shipped suite, and after its scenarios the stages on which the self-test's
    /// misbehaviours show. Some are played under a closer agreement: see [`Suite::for_stage`].
    ///
    /// # Errors
    /// None in a released program: its tests read these files.
    pub fn with_stages() -> Result<Self, Problems> {
        let mut suite = Self::shipped()?;
        suite.closer = Some(closer()?);
        let flows = &flow::shipped();
        for source in &stages() {
            let beside = Beside {
                contract: Some(&suite.contract),
                world: suite.world.as_deref(),
                book: None,
                flows,
                code: &[],
            };
            let scenario = scenario_of(source, beside)?;
            suite.scenarios.push(Arc::new(scenario));
        }
        Ok(suite)
    }

    /// Reads a suite.
    ///
    /// # Errors
    /// Everything that is wrong with every file of it.
    pub fn load(choice: &Choice) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let found = found(choice)?;
        let parts = Parts::find(choice, found.as_ref());
        let world_hash = parts.world_hash();

        let (contract, fingerprint) = keep(
            &mut problems,
            parts.contract.and_then(|(source, depth)| {
                Ok((contract_of(&source, depth)?, source.fingerprint()))
            }),
        )
        .unzip();
        let sources = match &found {
            None => shipped_scenarios(),
            Some(found) => found.scenarios(&mut problems),
        };
        let world = contract.as_ref().zip(parts.world).map(|(contract, world)| {
            world.and_then(|(source, depth)| world_of(&source, contract, depth))
        });
        // The shipped scenarios are played with anybody's world: what it lacks they are skipped for.
        let own = world.as_ref().filter(|_| found.is_some());
        let named = own.and_then(|world| world.as_ref().ok());
        let book = parts
            .runbook
            .and_then(|source| read(&source, runbook::read));
        let book = keep(&mut problems, book);
        let flows = flows_of(found.as_ref(), &mut problems);
        let beside = Beside {
            contract: contract.as_ref(),
            world: named,
            book: book.as_ref().map(|draft| &draft.runbook),
            flows: &flows,
            code: &[],
        };
        let scenarios = scenarios_of(&sources, beside, &mut problems);
        // A runbook of other scenarios names what is not here, and so does one of a whole folder
        // beside a single file.
        if let (Some(draft), true) = (&book, parts.runbook_is_own) {
            let ids: Vec<String> = sources
                .iter()
                .map(|own| scenario::id_of(own.name()))
                .collect();
            problems.extend(draft.check(&ids, &scenarios));
        }
        let world = world.and_then(|world| keep(&mut problems, world));
        let book = book.map_or_else(Runbook::default, |draft| draft.runbook);
        let suite = contract.map(|contract| Self {
            origin: origin(choice),
            contract: Arc::new(contract),
            fingerprint: fingerprint.unwrap_or_default(),
            runbook: book.named_by(&scenarios),
            scenarios,
            world: world.map(Arc::new),
            hashes: Hashes {
                scenarios: hash_of(&sources, &flows),
                world: world_hash,
            },
            flows: Arc::new(flows),
            closer: None,
        });
        problems.each_once().or(suite)
    }
}

/// What stands at the path that was chosen, if one was.
fn found(choice: &Choice) -> Result<Option<Found>, Problems> {
    let path = choice.scenarios.as_deref();
    Ok(path.map(Found::look).transpose()?)
}

/// The flows that scenarios may use, with what is wrong with them.
fn flows_of(found: Option<&Found>, problems: &mut Problems) -> Library {
    let on_disk = |found: &Found| Library::on_disk(found.folders());
    let flows = found.map_or_else(flow::shipped, on_disk);
    problems.extend(flows.problems());
    flows
}

/// The hash of all scenarios and flows, wherever they stand.
fn hash_of(sources: &[Arc<Source>], flows: &Library) -> String {
    let scenarios = sources
        .iter()
        .map(|own| (scenario::id_of(own.name()), own.text()));
    let flows = flows
        .texts()
        .map(|(name, text)| (format!("{FLOWS}/{name}"), text));
    let mut all: Vec<(String, &str)> = scenarios.chain(flows).collect();
    all.sort();
    let each = all
        .iter()
        .map(|(name, text)| format!("{name} {}\n{text}\n", text.len()));
    Source::new("", each.collect::<String>()).fingerprint()
}

/// The shipped contract with what some stages of the self-test agree on beside it, and its fingerprint.
fn closer() -> Result<(Arc<Contract>, String), Problems> {
    let shipped = shipped_file(CONTRACT_FILE);
    let closer = stage_file(CONTRACT_FILE);
    let node = yaml::parse(&shipped)?.with(yaml::parse(&closer)?);
    // Places are those of either file: what is wrong here fails the tests of this crate.
    let diagnostics = Diagnostics::new(&shipped);
    let contract = contract::read(&Cursor::root(&diagnostics, &node), Depth::Trusting);
    let contract = diagnostics.into_problems().or(contract)?;
    Ok((Arc::new(contract), closer.fingerprint()))
}

/// Where a suite comes from, for people.
fn origin(choice: &Choice) -> String {
    let path = choice.scenarios.as_deref();
    path.map_or_else(|| "shipped".to_owned(), |path| path.display().to_string())
}

/// Keeps a value, or its problems.
fn keep<T>(problems: &mut Problems, read: Result<T, Problems>) -> Option<T> {
    read.map_err(|more| problems.extend(more)).ok()
}

type Part = Result<(Arc<Source>, Depth), Problems>;

/// A contract, and the world and the runbook that belong to it, read but not understood yet.
struct Parts {
    contract: Part,
    world: Option<Part>,
    runbook: Result<Arc<Source>, Problems>,
    /// Whether the runbook is one of all the scenarios that are read.
    runbook_is_own: bool,
}

impl Parts {
    fn find(choice: &Choice, scenarios: Option<&Found>) -> Self {
        let beside = |name: &str| scenarios?.beside(name);
        let folder = scenarios.and_then(Found::folder);
        let file = match &choice.contract {
            ContractChoice::File(path) => Some(path.clone()),
            ContractChoice::OfSuite => beside(CONTRACT_FILE),
            ContractChoice::Shipped => None,
        };
        let shipped =
            choice.contract == ContractChoice::Shipped || (file.is_none() && folder.is_none());
        let contract = match (&file, folder) {
            (Some(path), _) => from_disk(path, "the contract"),
            (None, Some(folder)) if !shipped => Err(no_contract(folder)),
            (None, _) => Ok((shipped_file(CONTRACT_FILE), Depth::Trusting)),
        };
        let folders = scenarios.into_iter().flat_map(Found::folders);
        let folders = folders.chain(file.as_deref().and_then(Path::parent));
        let folders: Vec<&Path> = folders.collect();
        let book = beside(RUNBOOK_FILE).or_else(|| {
            let mut places = folders.iter().map(|folder| folder.join(RUNBOOK_FILE));
            places.find(|path| path.exists())
        });
        let world = choice
            .world
            .clone()
            .or_else(|| find_world(&folders))
            .map(|path| from_disk(&path, "the world"))
            .or_else(|| shipped.then(|| Ok((shipped_world(), Depth::Trusting))));
        // One of a whole suite names what a part of it does not have.
        let own = folder.is_some_and(|folder| folder.join(RUNBOOK_FILE).exists());
        let runbook_is_own = scenarios.is_none() || own;
        let runbook = match &book {
            Some(path) => Source::read(path, "the runbook").map_err(Problems::from),
            None => Ok(shipped_file(RUNBOOK_FILE)),
        };
        Self {
            contract,
            world,
            runbook,
            runbook_is_own,
        }
    }
}

impl Parts {
    fn world_hash(&self) -> Option<String> {
        let (source, _) = self.world.as_ref()?.as_ref().ok()?;
        Some(source.fingerprint())
    }
}

/// The world in one of these folders, or else in `fixtures/` beside one of them.
fn find_world(folders: &[&Path]) -> Option<PathBuf> {
    let inside = folders.iter().map(|folder| folder.join(WORLD_FILE));
    let fixtures = Path::new("../fixtures").join(WORLD_FILE);
    let near = folders.iter().map(|folder| folder.join(&fixtures));
    inside.chain(near).find(|path| path.exists())
}

fn no_contract(folder: &Path) -> Problems {
    let message = format!("the suite `{}` has no `{CONTRACT_FILE}`", folder.display());
    Problem::new(message)
        .hint(
            "add one, or name one: `--contract FILE`, or `--contract shipped` for the shipped one",
        )
        .into()
}

fn from_disk(path: &Path, what: &str) -> Part {
    Ok((Source::read(path, what)?, Depth::Thorough))
}
