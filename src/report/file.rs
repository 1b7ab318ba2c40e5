//! A report file: proven writable before a run, written whole or not at all.

use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A place that a report can be written to.
#[derive(Debug)]
pub struct ReportFile {
    path: PathBuf,
    special: bool,
}

/// Why a report cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the report {}: {why}", path.display())]
pub struct Unwritable {
    /// The path as given.
    pub path: PathBuf,
    /// What stands in the way.
    pub why: String,
}

impl ReportFile {
    /// Proves that a file can be written there, by writing one beside it and removing it again: a
    /// long run must not end in a report that cannot be kept.
    ///
    /// # Errors
    /// When the folder is missing or read-only, or the path is a folder.
    pub fn reserve(path: &Path) -> Result<Self, Unwritable> {
        let refuse = |why: String| Unwritable {
            path: path.to_owned(),
            why,
        };
        let place = match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => return Err(refuse("it is a folder".to_owned())),
            // A pipe or a device is written to as it is: a file put in its place would destroy it.
            Ok(metadata) if !metadata.is_file() => {
                return Ok(Self {
                    path: path.to_owned(),
                    special: true,
                });
            }
            // A link stays a link, and what it points to is replaced.
            Ok(_) => fs::canonicalize(path).map_err(|error| refuse(error.to_string()))?,
            Err(_) => path.to_owned(),
        };
        let file = Self {
            path: place,
            special: false,
        };
        file.temporary().map_err(|error| {
            let folder = file.folder();
            refuse(if error.kind() == io::ErrorKind::NotFound {
                format!("there is no folder `{}`", folder.display())
            } else {
                format!("the folder `{}` takes no files ({error})", folder.display())
            })
        })?;
        Ok(file)
    }

    /// Writes the content beside the place and moves it there, so nobody ever reads half of it.
    ///
    /// # Errors
    /// When the disk is full, or the folder has become unwritable since it was tried.
    pub fn write(&self, content: &[u8]) -> Result<(), Unwritable> {
        self.write_with(|out| out.write_all(content))
    }

    /// The same for content that is too large to be held: `fill` writes it piece by piece.
    ///
    /// # Errors
    /// As above, and when `fill` fails.
    pub fn write_with(
        &self,
        fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Unwritable> {
        let written = if self.special {
            File::create(&self.path).and_then(|file| filled(file, fill).map(drop))
        } else {
            self.replace(fill)
        };
        written.map_err(|error| Unwritable {
            path: self.path.clone(),
            why: error.to_string(),
        })
    }

    fn replace(&self, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let file = filled(self.temporary()?, fill)?;
        file.as_file().sync_all()?;
        file.persist(&self.path).map_err(|error| error.error)?;
        Ok(())
    }

    fn temporary(&self) -> io::Result<NamedTempFile> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".rehearsal-report-");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(Permissions::from_mode(0o666));
        }
        builder.tempfile_in(self.folder())
    }

    fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }
}

/// Fills a file by large pieces.
fn filled<F: Write>(file: F, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<F> {
    let mut out = BufWriter::new(file);
    fill(&mut out)?;
    out.into_inner().map_err(io::IntoInnerError::into_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_replaces_the_one_before_and_leaves_nothing_else_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.json");
        fs::write(&path, "old and longer").unwrap();
        ReportFile::reserve(&path).unwrap().write(b"new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn reserving_a_place_leaves_an_old_report_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.json");
        fs::write(&path, "old").unwrap();
        ReportFile::reserve(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    }

    #[test]
    fn a_place_that_takes_no_file_is_refused_before_the_run() {
        let folder = tempfile::tempdir().unwrap();
        let error = ReportFile::reserve(folder.path()).unwrap_err();
        assert!(error.to_string().ends_with("it is a folder"), "{error}");
        let error = ReportFile::reserve(&folder.path().join("none/out.json")).unwrap_err();
        assert!(error.why.starts_with("there is no folder"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn what_a_link_points_to_is_replaced_and_the_link_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (
            folder.path().join("real.json"),
            folder.path().join("link.json"),
        );
        fs::write(&real, "old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        ReportFile::reserve(&link).unwrap().write(b"new").unwrap();
        assert_eq!(fs::read_to_string(&real).unwrap(), "new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }
}
