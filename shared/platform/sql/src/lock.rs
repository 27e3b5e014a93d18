//! One process a data directory.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::OpenError;

const LOCK_FILE: &str = ".lock";
/// A process that was killed is restarted before the operating system has cleared it away.
const PATIENCE: Duration = Duration::from_secs(2);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(20);

/// Holds a data directory for this process, until the last database in it is dropped. The operating system lets go of
/// it when the process dies, however it dies.
#[derive(Debug)]
pub struct DataDirLock {
    _file: File,
}

/// What this process holds already: the services of a monolith share one directory.
static HELD: Mutex<Option<HashMap<PathBuf, Weak<DataDirLock>>>> = Mutex::new(None);

impl DataDirLock {
    /// Makes the directory if it is not there and locks it; answers the same lock if this process has it. Waits two seconds
    /// for another process to end.
    pub async fn acquire(dir: &Path) -> Result<Arc<Self>, OpenError> {
        let patient_until = Instant::now() + PATIENCE;
        loop {
            match Self::try_acquire(dir) {
                Err(OpenError::InUse { .. }) if Instant::now() < patient_until => sleep(LOOK_AGAIN_AFTER).await,
                acquired_or_refused => return acquired_or_refused,
            }
        }
    }

    fn try_acquire(dir: &Path) -> Result<Arc<Self>, OpenError> {
        let io = |source| OpenError::Directory {
            dir: dir.to_owned(),
            source,
        };
        if !dir.exists() {
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(dir)
                .map_err(io)?;
        }
        let canonical = dir.canonicalize().map_err(io)?;
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        let held = held.get_or_insert_default();
        if let Some(lock) = held.get(&canonical).and_then(Weak::upgrade) {
            return Ok(lock);
        }
        let lock = Arc::new(Self {
            _file: lock_file(dir, &canonical)?,
        });
        held.retain(|_, lock| lock.strong_count() > 0);
        held.insert(canonical, Arc::downgrade(&lock));
        Ok(lock)
    }
}

fn lock_file(dir: &Path, canonical: &Path) -> Result<File, OpenError> {
    let io = |source| OpenError::Directory {
        dir: dir.to_owned(),
        source,
    };
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let mut file = options.open(canonical.join(LOCK_FILE)).map_err(io)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::Error(source)) => return Err(io(source)),
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Whoever holds it wrote its process id; if that cannot be read, the error just says less.
            let _ = file.read_to_string(&mut holder);
            return Err(OpenError::InUse {
                dir: dir.to_owned(),
                holder: holder.trim().to_owned(),
            });
        }
    }
    file.set_len(0).map_err(io)?;
    writeln!(file, "{}", std::process::id()).map_err(io)?;
    Ok(file)
}
