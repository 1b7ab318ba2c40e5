//! The project's own files, as the tests read them that hold the rules of the house.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that are not ours to judge.
const FOREIGN: [&str; 4] = ["target", "node_modules", ".git", "snapshots"];

/// The line above what only tests have.
const ONLY_FOR_TESTS: &str = "#[cfg(test)]";

/// A file of the project with its path from the project's root.
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
    /// Whether it is a test, or was declared to be there only for tests.
    test: bool,
}

impl File {
    /// A file that is shipped, unless it lies among the tests.
    pub(crate) fn new(path: String, text: String) -> Self {
        let test = path.starts_with("tests/");
        Self { path, text, test }
    }

    /// Lines of code with their numbers: no comments.
    pub(crate) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .map(|(at, line)| (at + 1, line))
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// Lines of code that are shipped: all but the items that only tests have.
    pub(crate) fn shipped(&self) -> impl Iterator<Item = (usize, &str)> {
        self.told_apart()
            .filter(|(_, shipped)| *shipped)
            .map(|(line, _)| line)
    }

    /// Lines of code that are not shipped.
    pub(crate) fn only_for_tests(&self) -> impl Iterator<Item = (usize, &str)> {
        self.told_apart()
            .filter(|(_, shipped)| !*shipped)
            .map(|(line, _)| line)
    }

    /// Lines of code, and whether they are shipped.
    fn told_apart(&self) -> impl Iterator<Item = ((usize, &str), bool)> {
        let mut in_test = false;
        self.code().map(move |(number, line)| {
            in_test |= line == ONLY_FOR_TESTS;
            let shipped = !in_test && !self.test;
            // An item ends with its brace or semicolon, at the margin.
            let ends = line == "}" || (line.ends_with(';') && !line.starts_with(' '));
            in_test &= !ends;
            ((number, line), shipped)
        })
    }

    /// The files of modules that this one declares for its tests only.
    fn modules_for_tests(&self) -> impl Iterator<Item = String> {
        let folder = self.path.trim_end_matches(".rs").to_owned();
        self.only_for_tests().filter_map(move |(_, line)| {
            let (_, name) = line.strip_suffix(';')?.rsplit_once("mod ")?;
            Some(format!("{folder}/{name}"))
        })
    }

    /// Whether it belongs to a room of `src/`.
    pub(crate) fn is_in(&self, room: &str) -> bool {
        self.path == format!("src/{room}.rs") || self.path.starts_with(&format!("src/{room}/"))
    }
}

/// The project's root.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of the project with one of these extensions, in a stable order.
pub(crate) fn files(extensions: &[&str]) -> Vec<File> {
    let mut found = Vec::new();
    collect(root(), extensions, &mut found);
    found.sort_by(|left, right| left.path.cmp(&right.path));
    assert!(
        !found.is_empty(),
        "no {extensions:?} file was found below {}",
        root().display()
    );
    found
}

fn collect(folder: &Path, extensions: &[&str], found: &mut Vec<File>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if !FOREIGN.contains(&name) {
                collect(&path, extensions, found);
            }
        } else if path
            .extension()
            .is_some_and(|extension| extensions.iter().any(|wanted| extension == *wanted))
        {
            let own = path.strip_prefix(root()).unwrap().to_str().unwrap();
            // Some fixtures are broken on purpose.
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            found.push(File::new(own.to_owned(), text));
        }
    }
}

/// Every source file. Files of modules that are declared for tests only are no shipped ones.
pub(crate) fn rust() -> Vec<File> {
    let mut found = files(&["rs"]);
    let for_tests: Vec<String> = found.iter().flat_map(File::modules_for_tests).collect();
    for file in &mut found {
        file.test |= for_tests.iter().any(|module| {
            file.path
                .strip_prefix(module.as_str())
                .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        });
    }
    found
}

/// Fails with everything that was found, not only with the first.
pub(crate) fn none(found: &[String], lesson: &str) {
    assert!(found.is_empty(), "\n{}\n\n{lesson}\n", found.join("\n"));
}
