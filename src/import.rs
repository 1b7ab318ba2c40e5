//! What people have already, as a suite: a document that describes a backend, or traffic that was recorded.
//!
//! Nothing here does I/O: texts go in, texts come out. Reading order: [`api`] is what is known of a backend, wherever
//! it was learnt; `openapi` learns it from a document, `learn` from a `recording`, as `har` reads one and `hide`
//! leaves it, and `trace` follows its values. `session`, `lists` and `recognise` say which request plays which part,
//! and by what evidence; `schemas` and `sample` know the shapes; `draft` is the suite in the making, `seen` and `feed`
//! complete it by what users did, and `write` makes its files. Whatever was made is read by the suite's own readers
//! before anybody sees it.

mod api;
mod compare;
mod document;
mod draft;
mod feed;
mod har;
mod hide;
mod infer;
mod learn;
mod lists;
mod openapi;
mod propose;
mod recognise;
mod recording;
mod sample;
mod schemas;
mod seen;
mod session;
mod trace;
mod write;
mod yaml;

use std::sync::Arc;

pub(crate) use self::api::Left;
pub(crate) use self::compare::{Difference, breaks, shapes};
pub(crate) use self::propose::{Evidence, Proposal, propose};
pub(crate) use self::recording::{Exchange, Recording, Says};
pub(crate) use self::write::Files;

use self::draft::Draft;
use crate::suite::{Problem, Problems, Source, read_contract, read_scenario, read_world};

/// A suite that was made of something else.
#[derive(Debug)]
pub(crate) struct Made {
    /// What people call the backend.
    pub(crate) name: String,
    pub(crate) files: Files,
    /// How many resources, services, users and events it has.
    pub(crate) size: Size,
    /// What could not be taken over.
    pub(crate) left: Vec<Left>,
}

/// How much there is in a suite.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Size {
    pub(crate) services: usize,
    pub(crate) resources: usize,
    pub(crate) forbidden: usize,
    pub(crate) events: usize,
}

/// A suite of what an OpenAPI document says.
///
/// # Errors
/// Everything for which it cannot be read, or has nothing that an app could read.
pub(crate) fn of_openapi(source: &Arc<Source>) -> Result<Made, Problems> {
    let api = openapi::read(source)?;
    let mut draft = recognise::draft(api);
    draft.origin = format!(
        "Made from the OpenAPI document {}.",
        file_name(source.name())
    );
    made(source, &draft)
}

/// A suite of what was recorded in an HTTP archive; with a document, the shapes are the document's.
///
/// # Errors
/// Everything for which either cannot be read, or has nothing that an app could read.
pub(crate) fn of_har(
    archive: &Arc<Source>,
    document: Option<&Arc<Source>>,
) -> Result<Made, Problems> {
    of_recording(archive, &read_har(archive)?, document)
}

/// What was recorded in an HTTP archive, without secrets.
///
/// # Errors
/// Everything for which it cannot be read.
pub(crate) fn read_har(archive: &Arc<Source>) -> Result<Recording, Problems> {
    har::read(archive)
}

/// A suite of what was recorded; with a document, the shapes are the document's.
///
/// # Errors
/// Everything for which the document cannot be read, or there is nothing that an app could read.
pub(crate) fn of_recording(
    archive: &Arc<Source>,
    recording: &Recording,
    document: Option<&Arc<Source>>,
) -> Result<Made, Problems> {
    let (api, origin) = match document {
        Some(document) => {
            let mut api = openapi::read(document)?;
            learn::enrich(&mut api, recording);
            let name = file_name(document.name());
            (
                api,
                format!(
                    "Made from the OpenAPI document {name} and the traffic in {}.",
                    file_name(archive.name())
                ),
            )
        }
        None => {
            let api = learn::api_of(recording);
            (
                api,
                format!("Made from the traffic in {}.", file_name(archive.name())),
            )
        }
    };
    let mut draft = recognise::draft(api);
    draft.origin = origin;
    seen::complete(&mut draft, recording);
    made(archive, &draft)
}

/// The last part of a path: what a machine calls its folders is nobody's business.
fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

fn made(source: &Arc<Source>, draft: &Draft) -> Result<Made, Problems> {
    if draft.resources.is_empty() {
        let mut problems = Problems::default();
        problems.push(
            Problem::new("there is nothing in it that an app could read: no GET answers with JSON")
                .at(source, 0..0)
                .hint("a contract needs a resource; see what follows"),
        );
        for left in draft.left.iter().take(20) {
            problems.push(Problem::new(format!("{}: {}", left.what, left.why)));
        }
        return Err(problems);
    }
    let files = write::files(draft);
    prove(&files)?;
    Ok(Made {
        name: draft.name.clone(),
        size: Size {
            services: draft.services.len(),
            resources: draft.resources.len(),
            forbidden: draft.forbid.len(),
            events: draft.realtime.as_ref().map_or(0, |own| own.events.len()),
        },
        left: draft.left.clone(),
        files,
    })
}

/// Whether the suite's own readers take it.
fn prove(files: &Files) -> Result<(), Problems> {
    let contract = read_contract(&Source::new("contract.yaml", files.contract.as_str()))?;
    read_world(&Source::new("world.yaml", files.world.as_str()), &contract)?;
    let scenario = Source::new("sign-in.yaml", files.scenario.as_str());
    read_scenario(&scenario, Some(&contract))?;
    Ok(())
}

#[cfg(test)]
mod tests;
