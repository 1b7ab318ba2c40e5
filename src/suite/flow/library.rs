//! The flows of a suite, by their names.

use std::collections::BTreeMap;
use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use include_dir::Dir;

use super::{FLOWS, Flow};
use crate::suite::cursor::Cursor;
use crate::suite::problem::{Problem, Problems};
use crate::suite::source::Source;
use crate::suite::suggest::suggest;

/// The flows of a suite, by their names: the path below the folder of flows, without extension.
#[derive(Debug, Default)]
pub(in crate::suite) struct Library {
    flows: BTreeMap<String, Result<Flow, Problems>>,
}

impl Library {
    /// The flows below a folder that is part of the program, which is called by `place`.
    pub(in crate::suite) fn embedded(folder: &Dir<'_>, place: &str) -> Self {
        let mut library = Self::default();
        let mut open: Vec<&Dir<'_>> = folder.get_dir(FLOWS).into_iter().collect();
        while let Some(dir) = open.pop() {
            open.extend(dir.dirs());
            for file in dir.files() {
                let (Some(name), Some(text)) = (file.path().to_str(), file.contents_utf8()) else {
                    continue;
                };
                library.add(Path::new(name), || {
                    Ok(Source::new(format!("{place}{name}"), text))
                });
            }
        }
        library
    }

    /// The flows of a suite whose scenarios keep what belongs to them in these folders, the nearest first.
    pub(in crate::suite) fn on_disk<'p>(mut folders: impl Iterator<Item = &'p Path>) -> Self {
        let mut library = Self::default();
        if let Some(root) = folders.find(|folder| folder.join(FLOWS).is_dir()) {
            library.add_all(&root.join(FLOWS), root);
        }
        library
    }

    fn add_all(&mut self, folder: &Path, root: &Path) {
        // What cannot be listed holds no flow, which the step that uses it is told.
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        // A link to a folder is not followed, since it may lead in a circle.
        let is_folder = |entry: &DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
        let mut paths: Vec<(PathBuf, bool)> = entries
            .map(|entry| (entry.path(), is_folder(&entry)))
            .collect();
        paths.sort();
        for (path, is_folder) in paths {
            if is_folder {
                self.add_all(&path, root);
            } else if let Ok(name) = path.strip_prefix(root) {
                self.add(name, || {
                    Source::read(&path, "a flow").map_err(Problems::from)
                });
            }
        }
    }

    /// Adds the flow of a file, if it is one: `name` begins with the folder of flows.
    fn add(&mut self, name: &Path, source: impl FnOnce() -> Result<Arc<Source>, Problems>) {
        let extension = name.extension().unwrap_or_default();
        let inside = name
            .strip_prefix(FLOWS)
            .map(|inside| inside.with_extension(""));
        if let (Ok(inside), true) = (inside, extension == "yaml" || extension == "yml") {
            let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
            let flow = source().and_then(|source| Flow::read(&source));
            self.flows.insert(parts.join("/"), flow);
        }
    }

    /// The text of each flow that can be read, by its name.
    pub(in crate::suite) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        let flows = self.flows.iter();
        flows.filter_map(|(name, flow)| Some((name.as_str(), flow.as_ref().ok()?.source().text())))
    }

    /// What is wrong with flows, whoever uses them.
    pub(in crate::suite) fn problems(&self) -> Problems {
        let mut problems = Problems::default();
        for broken in self.flows.values().filter_map(|flow| flow.as_ref().err()) {
            problems.extend(broken.clone());
        }
        problems
    }

    /// The flow that a step names.
    pub(in crate::suite) fn flow(&self, place: &Cursor<'_>, name: &str) -> Option<&Flow> {
        match self.flows.get(name) {
            Some(Ok(flow)) => Some(flow),
            Some(Err(problems)) => {
                place.diagnostics.adopt(&place.node.span, problems);
                None
            }
            None => {
                let known = self.flows.keys().map(String::as_str);
                let problem = Problem::new(format!("there is no flow `{name}`"));
                let problem = problem.hint(match known.clone().next() {
                    Some(_) => suggest(name, known),
                    None => format!(
                        "write its steps into `{FLOWS}/{name}.yaml`, beside `contract.yaml`"
                    ),
                });
                place.diagnostics.note(&place.node.span, problem);
                None
            }
        }
    }
}
