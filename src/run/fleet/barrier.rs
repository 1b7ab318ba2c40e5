//! How several processes that hold parts of one fleet storm at one moment: each says in a shared folder that it
//! is ready, and whoever sees that all are names the moment.
//!
//! Files are made whole or not at all: written beside their place and linked to it. Where two see at once that
//! all are ready, the first one's moment holds.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::net::Clock;

/// How often the folder is looked into.
const LOOK: Duration = Duration::from_millis(50);

/// How long after all are ready the moment is: enough for each to see it.
const LEAD: Duration = Duration::from_secs(3);

/// Where several processes wait for each other.
#[derive(Debug, Clone)]
pub struct Barrier {
    /// A folder that all of them see, empty before the fleet begins.
    pub folder: PathBuf,
    /// How many processes there are.
    pub processes: u32,
}

impl Barrier {
    /// Waits for all processes at the point of this number, and for the moment that all share.
    pub(super) async fn pass(&self, point: usize, clock: Clock) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let own = format!("point-{point}.ready-");
        let ready = tempfile::Builder::new()
            .prefix(&own)
            .tempfile_in(&self.folder)?;
        ready.keep().map_err(|error| error.error)?;
        let moment = self.folder.join(format!("point-{point}.moment"));
        let at = loop {
            if let Some(at) = read(&moment)? {
                break at;
            }
            if count(&self.folder, &own)? >= self.processes as usize {
                self.name(&moment, clock.unix() + LEAD)?;
                continue;
            }
            tokio::time::sleep(LOOK).await;
        };
        tokio::time::sleep(at.saturating_sub(clock.unix())).await;
        Ok(())
    }

    /// Names the moment, unless somebody has.
    fn name(&self, place: &Path, at: Duration) -> io::Result<()> {
        let written = tempfile::Builder::new()
            .prefix("moment-")
            .tempfile_in(&self.folder)?;
        fs::write(written.path(), at.as_millis().to_string())?;
        match written.persist_noclobber(place) {
            Ok(_) => Ok(()),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error.error),
        }
    }
}

/// The moment that was named, as time since 1970.
fn read(place: &Path) -> io::Result<Option<Duration>> {
    match fs::read_to_string(place) {
        Ok(text) => {
            let millis = text.trim().parse().map_err(io::Error::other)?;
            Ok(Some(Duration::from_millis(millis)))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn count(folder: &Path, prefix: &str) -> io::Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        count += usize::from(name.to_string_lossy().starts_with(prefix));
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn all_pass_at_the_moment_that_the_last_one_makes_possible() {
        let folder = tempfile::tempdir().unwrap();
        let barrier = Barrier {
            folder: folder.path().join("shared"),
            processes: 3,
        };
        let clock = Clock::virtual_time();
        let late = Duration::from_secs(20);
        let pass = async |after: Duration| {
            tokio::time::sleep(after).await;
            barrier.pass(1, clock).await.unwrap();
            clock.elapsed()
        };
        let passed = tokio::join!(pass(Duration::ZERO), pass(late), pass(late / 2));
        assert!(passed.0 >= late && passed.0 == passed.1 && passed.1 == passed.2);
        // The next point is another one.
        let alone = tokio::time::timeout(late, barrier.pass(2, clock)).await;
        assert!(alone.is_err());
    }
}
