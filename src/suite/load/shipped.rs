//! The files that are part of the program.

use std::path::Path;
use std::sync::Arc;

use include_dir::{Dir, File};

use super::{FLOWS, SHARED_FILES, SHIPPED, SHIPPED_WORLD, STAGES, Source, WORLD_FILE};
use crate::domain::scenario::SHIPPED_PLACE;

/// What the files of the self-test's stages are called by.
const STAGES_PLACE: &str = "shipped:stages/";

/// Every file of the shipped suite by its path in the suite's folder, with its text.
pub(crate) fn shipped_files() -> Vec<(&'static str, &'static str)> {
    let mut files = vec![(WORLD_FILE, SHIPPED_WORLD)];
    let mut open = vec![&SHIPPED];
    while let Some(folder) = open.pop() {
        open.extend(folder.dirs());
        let own = folder.files();
        files.extend(own.filter_map(|file| Some((file.path().to_str()?, file.contents_utf8()?))));
    }
    files.sort_unstable_by_key(|(name, _)| Path::new(*name));
    files
}

/// The mock's content that belongs to the shipped suite.
pub(super) fn shipped_world() -> Arc<Source> {
    Source::new(format!("{SHIPPED_PLACE}{WORLD_FILE}"), SHIPPED_WORLD)
}

/// A file of the shipped suite; the tests of this crate check all of them thoroughly.
pub(in crate::suite) fn shipped_file(name: &str) -> Arc<Source> {
    file_of(&SHIPPED, name, SHIPPED_PLACE)
}

/// A file beside the stages of the self-test.
pub(super) fn stage_file(name: &str) -> Arc<Source> {
    file_of(&STAGES, name, STAGES_PLACE)
}

fn file_of(folder: &Dir<'_>, name: &str, place: &str) -> Arc<Source> {
    let text = folder
        .get_file(name)
        .and_then(File::contents_utf8)
        .unwrap_or_default();
    Source::new(format!("{place}{name}"), text)
}

/// The shipped scenarios, in the order of their paths.
pub(in crate::suite) fn shipped_scenarios() -> Vec<Arc<Source>> {
    scenarios_in(&SHIPPED, SHIPPED_PLACE)
}

/// The stages of the self-test.
pub(super) fn stages() -> Vec<Arc<Source>> {
    scenarios_in(&STAGES, STAGES_PLACE)
}

fn scenarios_in(folder: &Dir<'_>, place: &str) -> Vec<Arc<Source>> {
    let mut files = Vec::new();
    gather(folder, &mut files);
    // As on disk: the parts of a path are compared one by one.
    files.sort_unstable_by_key(|(name, _)| Path::new(*name));
    let source = |(name, text)| Source::new(format!("{place}{name}"), text);
    files.into_iter().map(source).collect()
}

/// Every scenario in a folder and below it.
fn gather<'d>(folder: &'d Dir<'_>, files: &mut Vec<(&'d str, &'d str)>) {
    let own = folder
        .files()
        .filter_map(|file| Some((file.path().to_str()?, file.contents_utf8()?)))
        .filter(|(name, _)| !SHARED_FILES.contains(name) && name.ends_with(".yaml"));
    files.extend(own);
    let dirs = folder.dirs().filter(|inner| !inner.path().ends_with(FLOWS));
    for inner in dirs {
        gather(inner, files);
    }
}
