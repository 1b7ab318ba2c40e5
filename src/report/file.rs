//! A report file: proven writable before a run, written whole or not at all. One writer for all reports.

use std::fs::{self, Permissions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A place that a report can be written to.
#[derive(Debug)]
pub struct ReportFile {
    path: PathBuf,
    kind: Kind,
}

/// What stands at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A file, or nothing yet: it is replaced as a whole.
    File,
    /// A pipe or a device: written to as it is, since a file put in its place would destroy it.
    Special,
    /// `-`: the standard output.
    Output,
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
    /// long run must not end in a report that cannot be kept. `-` is the standard output.
    ///
    /// # Errors
    /// When the folder is missing or read-only, or the path is a folder, or a link to a file: nobody
    /// can be led through one to lose what it points to.
    pub fn reserve(path: &Path) -> Result<Self, Unwritable> {
        let refuse = |why: String| Unwritable {
            path: path.to_owned(),
            why,
        };
        let kind = kind(path).map_err(|why| refuse(why.to_owned()))?;
        let file = Self {
            path: path.to_owned(),
            kind,
        };
        if kind != Kind::File {
            return Ok(file);
        }
        file.temporary().map_err(|error| {
            let folder = file.folder();
            refuse(if error.kind() == io::ErrorKind::NotFound {
                format!("there is no folder `{}`", folder.display())
            } else {
                format!(
                    "the folder `{}` takes no files ({})",
                    folder.display(),
                    said(&error)
                )
            })
        })?;
        Ok(file)
    }

    /// Writes the content beside the place and moves it there, so nobody ever reads half of it.
    ///
    /// # Errors
    /// When the disk is full, or the folder has become unwritable since it was tried.
    pub fn write(&self, content: &[u8]) -> Result<(), Unwritable> {
        self.fill(|out| out.write_all(content))
    }

    /// The same for content that is too long to be held at once.
    ///
    /// # Errors
    /// When the disk is full, the folder has become unwritable since it was tried, or `fill` fails.
    pub fn fill(
        &self,
        fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Unwritable> {
        let written = match self.kind {
            Kind::File => self.replace(fill),
            Kind::Special => fs::OpenOptions::new()
                .write(true)
                .open(&self.path)
                .and_then(|file| through(file, fill)),
            Kind::Output => through(io::stdout().lock(), fill),
        };
        written.map_err(|error| Unwritable {
            path: self.path.clone(),
            why: said(&error),
        })
    }

    fn replace(&self, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let mut file = self.temporary()?;
        through(&mut file, fill)?;
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

/// What the system says, without the name of what is made beside the place, which nobody has to know.
#[must_use]
pub fn said(error: &io::Error) -> String {
    let mut told = error.to_string();
    if let Some((why, beside)) = told.split_once(" at path ")
        && beside.contains(".rehearsal-")
    {
        told.truncate(why.len());
    }
    told
}

fn through(to: impl Write, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::new(to);
    fill(&mut out)?;
    out.flush()
}

/// What stands at a place, or why nothing is written there.
fn kind(path: &Path) -> Result<Kind, &'static str> {
    if path == Path::new("-") {
        return Ok(Kind::Output);
    }
    let Ok(found) = fs::symlink_metadata(path) else {
        return Ok(Kind::File);
    };
    let behind = fs::metadata(path);
    match (found.is_symlink(), behind) {
        (_, Ok(behind)) if behind.is_dir() => Err("it is a folder"),
        _ if is_named_pipe(found.file_type()) => {
            Err("it is a named pipe, which may be read by nobody: write to `-` and pipe that")
        }
        // What leads to a terminal or a pipe, as /dev/stdout does, loses nothing.
        (_, Ok(behind)) if !behind.is_file() => Ok(Kind::Special),
        (true, _) => {
            Err("it is a link, and nothing is written through links: name the file itself")
        }
        (false, _) => Ok(Kind::File),
    }
}

/// Whether it is a pipe that has a name. What writes to one waits until somebody reads.
fn is_named_pipe(kind: fs::FileType) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        kind.is_fifo()
    }
    #[cfg(not(unix))]
    {
        let _ = kind;
        false
    }
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
    fn a_pipe_that_nobody_may_read_is_refused_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let error = ReportFile::reserve(&path).unwrap_err();
        assert!(error.why.starts_with("it is a named pipe"), "{error}");
    }

    #[test]
    fn what_cannot_be_written_to_its_end_leaves_the_old_report_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.json");
        fs::write(&path, "old").unwrap();
        let file = ReportFile::reserve(&path).unwrap();
        let error = file.fill(|out| {
            out.write_all(b"half")?;
            Err(io::Error::other("the disk is full"))
        });
        assert_eq!(error.unwrap_err().why, "the disk is full");
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn nothing_is_written_through_a_link_whether_it_leads_somewhere_or_not() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (
            folder.path().join("real.json"),
            folder.path().join("link.json"),
        );
        std::os::unix::fs::symlink(&real, &link).unwrap();
        for _ in 0..2 {
            let error = ReportFile::reserve(&link).unwrap_err();
            assert!(error.why.starts_with("it is a link"), "{error}");
            fs::write(&real, "old").unwrap();
        }
        assert_eq!(fs::read_to_string(&real).unwrap(), "old");
    }
}
