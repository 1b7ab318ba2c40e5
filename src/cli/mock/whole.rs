//! Files that are replaced as a whole, so that nobody ever reads half of one.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::path::Path;

use tempfile::NamedTempFile;

/// Puts a file in the place of what stands there. It keeps the permissions of that, or is its owner's alone.
pub(super) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let before: Option<Permissions> = fs::metadata(path).ok().map(|own| own.permissions());
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut file = NamedTempFile::with_prefix_in(".rehearsal-", folder)?;
    if let Some(permissions) = before {
        file.as_file().set_permissions(permissions)?;
    }
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
