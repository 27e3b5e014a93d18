//! The files of a process as they are at one moment, copied while it works on them.
//!
//! All writers are frozen for as long as it takes to look at each file (milliseconds); then they go on, and what there was is
//! copied: the file, which nobody may change while somebody looks at it, and as much of its log as there was. Services that are
//! backed up together fit each other: no order is in one and not in the other.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use futures::future::try_join_all;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};

use crate::{Error, SqliteDatabase, Writer};

/// How often a copy is begun anew because a log was begun anew meanwhile.
const ATTEMPTS: u32 = 5;
/// Salts of the log's present generation lie here in its header.
const GENERATION: u64 = 16;

/// Why there is no backup. One line for an operator.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file would be written over.
    #[error("{} is there already: name an empty directory", .0.display())]
    Exists(PathBuf),
    /// The directory or a file in it.
    #[error("{} cannot be written", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A database.
    #[error("a database cannot be read")]
    Database(#[from] Error),
    /// The copy is not sound.
    #[error("the copy {} is not sound: {found}", path.display())]
    Unsound {
        /// Which.
        path: PathBuf,
        /// What SQLite says of it.
        found: String,
    },
    /// The logs were begun anew again and again.
    #[error("the shop writes faster than it can be copied: try again")]
    TooBusy,
}

/// A file that somebody looks at.
struct Still {
    file: PathBuf,
    log: PathBuf,
    /// As much of the log as there was.
    log_length: u64,
    generation: [u8; 8],
    looking: SqliteConnection,
}

/// Copies databases of one process into a directory, which is made if it is missing. Answers the copies.
pub async fn backup(databases: &[SqliteDatabase], to: &Path) -> Result<Vec<PathBuf>, BackupError> {
    let write = |path: &Path| {
        let path = path.to_owned();
        move |source| BackupError::Write { path, source }
    };
    fs::create_dir_all(to).map_err(write(to))?;
    for _ in 0..ATTEMPTS {
        let still = hold_still(databases).await?;
        let mut copies = Vec::new();
        for it in &still {
            let copy = to.join(it.file.file_name().unwrap_or_default());
            if copy.exists() {
                return Err(BackupError::Exists(copy));
            }
            let (from, log, length) = (it.file.clone(), it.log.clone(), it.log_length);
            let target = copy.clone();
            let copied = tokio::task::spawn_blocking(move || copy_both(&from, &log, length, &target)).await;
            copied
                .map_err(|error| Error::fault(error.to_string()))?
                .map_err(write(&copy))?;
            copies.push(copy);
        }
        let is_same = still.iter().all(|it| generation(&it.log).ok() == Some(it.generation));
        for it in still {
            it.looking.close().await.map_err(Error::from)?;
        }
        if is_same {
            for copy in &copies {
                settle(copy).await?;
            }
            return Ok(copies);
        }
        for copy in copies {
            let _ = fs::remove_file(log_of(&copy));
            fs::remove_file(&copy).map_err(write(&copy))?;
        }
    }
    Err(BackupError::TooBusy)
}

/// All at one moment.
async fn hold_still(databases: &[SqliteDatabase]) -> Result<Vec<Still>, Error> {
    let writers: Vec<_> = databases.iter().map(SqliteDatabase::writer).collect();
    let frozen = try_join_all(writers.iter().map(Writer::freeze)).await?;
    let mut still = Vec::new();
    for database in databases {
        // Something in the log, so that looking at it keeps it from being begun anew. What changes nothing is not written.
        let writer = database.writer();
        let touch = writer.run_for_handover((), |connection, ()| {
            Box::pin(async move {
                sqlx::query("UPDATE schema_owner SET at = at + 1")
                    .execute(connection)
                    .await?;
                Ok(())
            })
        });
        touch.await?;
        let mut looking = database.reading_options().connect().await?;
        sqlx::raw_sql("BEGIN; SELECT 1 FROM schema_owner")
            .execute(&mut looking)
            .await?;
        let file = database.file().to_owned();
        let log = log_of(&file);
        let read = |error: io::Error| Error::unavailable(error);
        still.push(Still {
            log_length: fs::metadata(&log).map_err(read)?.len(),
            generation: generation(&log).map_err(read)?,
            file,
            log,
            looking,
        });
    }
    drop(frozen);
    Ok(still)
}

fn log_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

fn generation(log: &Path) -> io::Result<[u8; 8]> {
    let mut file = File::open(log)?;
    file.seek(SeekFrom::Start(GENERATION))?;
    let mut salts = [0; 8];
    file.read_exact(&mut salts)?;
    Ok(salts)
}

fn copy_both(file: &Path, log: &Path, length: u64, to: &Path) -> io::Result<()> {
    let new = |path: &Path| OpenOptions::new().write(true).create_new(true).open(path);
    let mut copy = new(to)?;
    io::copy(&mut File::open(file)?, &mut copy)?;
    copy.sync_all()?;
    let mut copy = new(&log_of(to))?;
    io::copy(&mut File::open(log)?.take(length), &mut copy)?;
    copy.sync_all()
}

/// Takes the log into the file, and looks whether all of it can be read.
async fn settle(copy: &Path) -> Result<(), BackupError> {
    let options = SqliteConnectOptions::new().filename(copy).disable_statement_logging();
    let mut connection = options.connect().await.map_err(Error::from)?;
    let found: String = sqlx::query_scalar("PRAGMA quick_check(1)")
        .fetch_one(&mut connection)
        .await
        .map_err(Error::from)?;
    sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        .execute(&mut connection)
        .await
        .map_err(Error::from)?;
    connection.close().await.map_err(Error::from)?;
    if found == "ok" {
        return Ok(());
    }
    Err(BackupError::Unsound {
        path: copy.to_owned(),
        found,
    })
}
