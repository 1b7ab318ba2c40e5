//! What is switched at a deployment right now, on disk: a run that is killed leaves behind what it did, so
//! that the next one, or `rehearsal levers restore`, puts it back.
//!
//! A process that plays against a target holds the target's lock: a run alone, sessions of the proxy side by
//! side. Each has a lease file of its own, a line of JSON for each lever that moves, written and synced to disk
//! before the lever moves, and once more when it is back. The file is locked for as long as its process lives,
//! whatever kills it: a lease that can be locked belongs to nobody any more. A last line that is cut short was
//! written for a lever that had not moved yet.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::deployment::{Turn, operate};
use crate::domain::change::Change;
use crate::net::Clock;
use crate::suite::config::{LeverMeans, Target};

mod error;
mod file;
mod holder;

pub use error::{LeaseError, NotBack, StillSwitched};
pub use file::{Leftover, left_at, users_of};
use file::{Line, VERSION, file_name, holders, leftovers, open, prepare, unkept};
pub use holder::Holder;

/// How a process uses its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// It plays scenarios: nobody else may meanwhile.
    Alone,
    /// It serves an app: others may do the same beside it.
    Shared,
}

/// What one process has switched at a target. Cheap to clone; the target is free when the last one is gone.
#[derive(Debug, Clone)]
pub struct Lease(Arc<Held>);

#[derive(Debug)]
struct Held {
    folder: PathBuf,
    target: String,
    path: PathBuf,
    own: Mutex<Own>,
    // Kept for its lock.
    _target_lock: File,
}

#[derive(Debug)]
struct Own {
    file: File,
    switched: Vec<Change>,
}

impl Lease {
    /// Takes a target, with a file of this process's own in `folder`.
    ///
    /// # Errors
    /// That others use it, or that the folder cannot be written.
    pub fn take(folder: &Path, target: &str, r#use: Use) -> Result<Self, LeaseError> {
        let leases = prepare(folder)?;
        let name = file_name(target);
        let lock_path = leases.join(format!("{name}.lock"));
        let target_lock = open(&lock_path)?;
        let locked = match r#use {
            Use::Alone => target_lock.try_lock(),
            Use::Shared => target_lock.try_lock_shared(),
        };
        match locked {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LeaseError::InUse {
                    target: target.to_owned(),
                    by: holders(&leases, &name)?,
                });
            }
            Err(TryLockError::Error(error)) => return Err(unkept(&lock_path)(error)),
        }
        let by = Holder {
            pid: std::process::id(),
            since: Clock::real_time().epoch().as_secs(),
        };
        // Under a name that nobody looks for until it is locked: unlocked, it would be taken for a dead one's.
        let path = leases.join(format!("{name}.{}-{}.lease", by.pid, fastrand::u32(..)));
        let unready = path.with_extension("new");
        let file = open(&unready)?;
        file.try_lock()
            .map_err(|error| unkept(&unready)(error.into()))?;
        let mut own = Own {
            file,
            switched: Vec::new(),
        };
        own.write(&Line::Lease {
            version: VERSION,
            by,
        })
        .and_then(|()| fs::rename(&unready, &path))
        .map_err(unkept(&path))?;
        Ok(Self(Arc::new(Held {
            folder: leases,
            target: target.to_owned(),
            path,
            own: Mutex::new(own),
            _target_lock: target_lock,
        })))
    }

    /// Notes what a change will have switched once it is made, before it is made.
    ///
    /// # Errors
    /// When that cannot be kept: then the change must not be made.
    pub(super) fn before(&self, change: &Change) -> Result<(), LeaseError> {
        if change.undone().is_none() {
            return Ok(());
        }
        let mut own = self.own();
        if !own.switched.contains(change) {
            let written = own.write(&Line::Switched(change.clone()));
            written.map_err(unkept(&self.0.path))?;
            own.switched.push(change.clone());
        }
        Ok(())
    }

    /// Notes that a change was made which may have put another one back.
    pub(super) fn after(&self, change: &Change) {
        let mut own = self.own();
        let (back, still) = std::mem::take(&mut own.switched)
            .into_iter()
            .partition::<Vec<_>, _>(|switched| change.puts_back(switched));
        own.switched = still;
        for switched in back {
            // What is not noted as put back is put back once more, which changes nothing.
            let _ = own.write(&Line::Back(switched));
        }
    }

    /// What this process has switched and not put back.
    pub(super) fn switched(&self) -> Vec<Change> {
        self.own().switched.clone()
    }

    /// What this process leaves switched at its end. Without any of that its file is gone.
    #[must_use]
    pub fn leave(&self) -> Vec<Change> {
        let own = self.own();
        self.0.forget(&own);
        own.switched.clone()
    }

    /// The target's name.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.0.target
    }

    /// What processes have left that are gone.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(super) fn leftovers(&self) -> Result<Vec<Leftover>, LeaseError> {
        leftovers(&self.0.folder, &file_name(&self.0.target))
    }

    fn own(&self) -> MutexGuard<'_, Own> {
        self.0.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Removes the file, unless it says that something is switched: then it is for whoever puts that back.
    fn forget(&self, own: &Own) {
        if own.switched.is_empty() {
            // One that cannot be removed says that nothing is switched.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        self.forget(&own);
    }
}

impl Own {
    fn write(&mut self, line: &Line) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.file.write_all(&text)?;
        self.file.sync_data()
    }
}

/// Puts back what processes that are gone have left at a target, and says what that was.
///
/// # Errors
/// Everything that could not be put back, and files that cannot be used.
pub fn settle(lease: &Lease, deployment: &Target) -> Result<Vec<Leftover>, Vec<LeaseError>> {
    let left = lease.leftovers().map_err(|error| vec![error])?;
    let left: Vec<Leftover> = left.into_iter().filter(Leftover::settled_or_not).collect();
    if left.is_empty() {
        return Ok(left);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let mut complaints = Vec::new();
    for leftover in &left {
        let mut all_back = true;
        for change in leftover.switched.iter().rev() {
            let back = match &runtime {
                Ok(runtime) => runtime.block_on(put_back(deployment, change)),
                Err(error) => Err(NotBack::Runtime(io::Error::from(error.kind()))),
            };
            if let Err(why) = back {
                all_back = false;
                let still = StillSwitched {
                    target: deployment.name.clone(),
                    change: change.clone(),
                    by: leftover.by.clone(),
                    why,
                };
                complaints.push(Box::new(still).into());
            }
        }
        if all_back {
            leftover.forget();
        }
    }
    if complaints.is_empty() {
        Ok(left)
    } else {
        Err(complaints)
    }
}

async fn put_back(deployment: &Target, switched: &Change) -> Result<(), NotBack> {
    let Some((undone, lever)) = switched.undone().zip(switched.lever()) else {
        return Ok(());
    };
    match deployment.levers.get(&lever) {
        Some(LeverMeans::Calls { set, reset, .. }) => {
            operate(deployment, &Turn::default(), &undone, set, reset).await?;
            Ok(())
        }
        // Without calls of an operator nothing of it outlives the process.
        _ => Err(NotBack::NoLever(lever.to_string())),
    }
}
