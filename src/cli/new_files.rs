//! Files that a command writes where none are.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::problem::Problem;

/// Writes all files or, if one of them is in the way, none; says where each went.
pub(super) fn write<T: AsRef<str>>(
    folder: &Path,
    files: &[(&str, T)],
) -> Result<Vec<PathBuf>, Problem> {
    are_free(folder, files.iter().map(|(file, _)| *file))?;
    let paths: Vec<PathBuf> = files
        .iter()
        .map(|(file, _)| path_of(folder, file))
        .collect();
    for (path, (_, content)) in paths.iter().zip(files) {
        create(path, content.as_ref()).map_err(|error| Problem::File {
            verb: "write",
            path: path.clone(),
            error,
        })?;
    }
    Ok(paths)
}

/// Whether none of these files is there.
pub(super) fn are_free<'f>(
    folder: &Path,
    files: impl Iterator<Item = &'f str>,
) -> Result<(), Problem> {
    let mut paths = files.map(|file| path_of(folder, file));
    match paths.find(|path| path.symlink_metadata().is_ok()) {
        Some(path) => Err(Problem::InTheWay { path }),
        None => Ok(()),
    }
}

fn path_of(folder: &Path, file: &str) -> PathBuf {
    if folder == Path::new(".") {
        PathBuf::from(file)
    } else {
        folder.join(file)
    }
}

fn create(path: &Path, content: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // Whoever was faster keeps what they wrote.
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(content.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_when_one_file_is_in_the_way() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("second.yaml"), "mine").unwrap();
        let files = [("first/one.yaml", "new"), ("second.yaml", "new")];
        let problem = write(folder.path(), &files).unwrap_err();
        assert!(matches!(problem, Problem::InTheWay { .. }), "{problem}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
