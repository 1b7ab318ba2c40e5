//! The database: opened only where it is ours and whole, and left alone otherwise.
//!
//! It has one file and a rollback journal: a process that is killed in mid-write leaves what was there
//! before, and two that write wait for one another.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

/// The newest version of the tables that can be read, and the one that is written.
pub const VERSION: u32 = 1;

/// By which SQLite's files tell whose they are: `Rhsl`.
const APPLICATION: u32 = 0x5268_736c;

/// How long a process waits for another that writes.
const PATIENCE: Duration = Duration::from_secs(20);

/// What every file of SQLite begins with.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

const TABLES: &str = "
    CREATE TABLE runs (
        key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, started INTEGER NOT NULL,
        target TEXT NOT NULL, contract TEXT NOT NULL, rehearsal TEXT NOT NULL,
        contract_hash TEXT NOT NULL, scenarios_hash TEXT NOT NULL, deviations TEXT NOT NULL,
        verdict TEXT NOT NULL, reason TEXT, took INTEGER NOT NULL
    );
    CREATE TABLE parts (
        id TEXT NOT NULL, run INTEGER NOT NULL, PRIMARY KEY (id, run)
    ) WITHOUT ROWID;
    CREATE TABLE things (
        key INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, title TEXT NOT NULL,
        UNIQUE (kind, name)
    );
    CREATE TABLE results (
        thing INTEGER NOT NULL, run INTEGER NOT NULL, sign TEXT NOT NULL, class TEXT, note TEXT,
        value INTEGER, PRIMARY KEY (thing, run)
    ) WITHOUT ROWID;
";

/// What a database is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To ask it; it has to be there.
    Read,
    /// To add to it; it is begun where there is none.
    Write,
}

/// Past runs.
#[derive(Debug)]
pub struct History {
    pub(super) db: Connection,
    path: PathBuf,
}

/// Why a history cannot be used. What stands there is never written over.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// There is none.
    #[error("there is no history at {}", path.display())]
    Missing {
        /// Where it would be.
        path: PathBuf,
    },
    /// Something else stands there.
    #[error("{} is no history of runs: {why}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        why: String,
    },
    /// A later program wrote it.
    #[error(
        "{} is a history of version {version}, and this program knows versions up to {VERSION}: use a newer rehearsal, or another file",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// It is not what was written.
    #[error("the history {} is damaged: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The system does not let it be read or written.
    #[error("the history {} cannot be {verb}: {why}", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// What was attempted: `read`, `written`.
        verb: &'static str,
        /// What the system says.
        why: String,
    },
}

impl History {
    /// Opens a database.
    ///
    /// # Errors
    /// When there is none to be read, when it is damaged, newer or something else, or on disk trouble.
    pub fn open(path: &Path, purpose: Purpose) -> Result<Self, Unusable> {
        let refused = |verb, error: io::Error| Unusable::Refused {
            path: path.to_owned(),
            verb,
            why: error.to_string(),
        };
        if purpose == Purpose::Write {
            begin(path).map_err(|error| refused("written", error))?;
        }
        look(path, purpose)
            .map_err(|error| error.unwrap_or_else(|error| refused("read", error)))?;
        let mut history = Self {
            db: connect(path).map_err(|error| told(path, "read", &error))?,
            path: path.to_owned(),
        };
        history.identify(purpose)?;
        Ok(history)
    }

    /// Where it stands.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How much room it takes, in bytes.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub fn size(&self) -> Result<u64, Unusable> {
        let ask = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
        let size = self.db.query_row(ask, [], |row| row.get::<_, i64>(0));
        let size = size.map_err(|error| self.told("read", &error))?;
        Ok(u64::try_from(size).unwrap_or(0))
    }

    /// Begins something that is written whole or not at all, once nobody else writes.
    pub(super) fn transaction(&mut self) -> rusqlite::Result<Transaction<'_>> {
        self.db
            .transaction_with_behavior(TransactionBehavior::Immediate)
    }

    pub(super) fn told(&self, verb: &'static str, error: &rusqlite::Error) -> Unusable {
        told(&self.path, verb, error)
    }

    /// Makes sure that it is ours, of a version that is known, and whole; gives tables to an empty one.
    fn identify(&mut self, purpose: Purpose) -> Result<(), Unusable> {
        let path = self.path.clone();
        let refuse = |error: &rusqlite::Error| told(&path, "read", error);
        match mark(&self.db).map_err(|error| refuse(&error))? {
            Mark::Ours(VERSION) => {}
            Mark::Ours(version) => return Err(Unusable::Newer { path, version }),
            Mark::Empty if purpose == Purpose::Write => {
                let made = self.make_tables();
                return made.map_err(|error| told(&path, "written", &error));
            }
            Mark::Empty => return Err(Unusable::Missing { path }),
            Mark::Other => {
                let why = "it is a database of another program".to_owned();
                return Err(Unusable::Foreign { path, why });
            }
        }
        let check = self
            .db
            .query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
        match check.map_err(|error| refuse(&error))? {
            fine if fine == "ok" => Ok(()),
            why => Err(Unusable::Damaged { path, why }),
        }
    }

    fn make_tables(&mut self) -> rusqlite::Result<()> {
        let transaction = self.transaction()?;
        // Somebody else may have been faster.
        if matches!(mark(&transaction)?, Mark::Empty) {
            transaction.execute_batch(TABLES)?;
            transaction.pragma_update(None, "application_id", APPLICATION)?;
            transaction.pragma_update(None, "user_version", VERSION)?;
        }
        transaction.commit()
    }
}

/// Whose a database is.
enum Mark {
    Empty,
    Ours(u32),
    Other,
}

fn mark(db: &Connection) -> rusqlite::Result<Mark> {
    let number = |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, u32>(0));
    let tables = "SELECT count(*) FROM sqlite_master";
    let tables: i64 = db.query_row(tables, [], |row| row.get(0))?;
    Ok(match (number("application_id")?, number("user_version")?) {
        (0, 0) if tables == 0 => Mark::Empty,
        (APPLICATION, version) => Mark::Ours(version),
        _ => Mark::Other,
    })
}

/// Makes the file, readable for its owner alone, where nothing stands.
fn begin(path: &Path) -> io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Looks at what stands there before SQLite does, which would take an empty file for its own.
fn look(path: &Path, purpose: Purpose) -> Result<(), Result<Unusable, io::Error>> {
    let foreign = |why: &str| {
        Err(Ok(Unusable::Foreign {
            path: path.to_owned(),
            why: why.to_owned(),
        }))
    };
    let found = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && purpose == Purpose::Read => {
            let path = path.to_owned();
            return Err(Ok(Unusable::Missing { path }));
        }
        found => found.map_err(Err)?,
    };
    if found.is_dir() {
        return foreign("it is a folder");
    }
    if !found.is_file() {
        return foreign("it is no file");
    }
    let mut head = Vec::new();
    let file = File::open(path).map_err(Err)?;
    file.take(16).read_to_end(&mut head).map_err(Err)?;
    match head.is_empty() || head == MAGIC {
        true => Ok(()),
        false => foreign("it is no database"),
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    // A file that nobody may write is opened for reading; what a killed process left is put right.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(PATIENCE)?;
    // Whatever stands in a file that was handed in, nothing of it is carried out.
    db.pragma_update(None, "trusted_schema", false)?;
    Ok(db)
}

fn told(path: &Path, verb: &'static str, error: &rusqlite::Error) -> Unusable {
    let path = path.to_owned();
    let why = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            Unusable::Damaged { path, why }
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Unusable::Refused {
            path,
            verb,
            why: "another process has been writing to it for too long".to_owned(),
        },
        // A table or a value that is not as it was written.
        _ if error.sqlite_error_code().is_none() => Unusable::Damaged { path, why },
        _ => Unusable::Refused { path, verb, why },
    }
}
