//! Who serves a schema, told to whoever else is about to: an advisory lock that is held as long as the process lives.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sqlx::{ConnectOptions, Connection, PgConnection};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::PgDatabase;
use crate::{Company, Error};

/// How long one waits for a predecessor that is about to be gone.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(100);
/// How often it is looked whether the lock is still held.
const LOOK: Duration = Duration::from_secs(5);

/// Keeps the lock; ends it when it is dropped.
#[derive(Debug, Clone, Default)]
pub(super) struct Presence(Arc<OnceLock<Keeper>>);

#[derive(Debug)]
struct Keeper(JoinHandle<()>);

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Presence {
    pub(super) fn end(&self) {
        if let Some(Keeper(task)) = self.0.get() {
            task.abort();
        }
    }
}

impl PgDatabase {
    /// Notes that this process serves the schema, until it is closed. `false`: somebody is there who wants to be alone, or this
    /// process wants to be alone and is not.
    pub async fn attend(&self, company: Company) -> Result<bool, Error> {
        let give_up = Instant::now() + PATIENCE;
        let mut connection = self.options.connect().await?;
        while !self.try_lock(&mut connection, company).await? {
            if Instant::now() >= give_up {
                connection.close().await?;
                return Ok(false);
            }
            sleep(PAUSE).await;
        }
        let database = self.without_presence();
        let keep = async move { database.keep_lock(connection, company).await };
        let _ = self.presence.0.set(Keeper(tokio::spawn(keep)));
        Ok(true)
    }

    /// Lets others attend again, after a [`Self::try_lock`] of [`Company::Nobody`].
    pub(crate) async fn let_in(&self, connection: &mut PgConnection) -> Result<(), Error> {
        let unlock = sqlx::query("SELECT pg_advisory_unlock(hashtextextended($1, 2))").bind(&*self.schema);
        unlock.execute(connection).await?;
        Ok(())
    }

    pub(crate) async fn try_lock(&self, connection: &mut PgConnection, company: Company) -> Result<bool, Error> {
        let sql = match company {
            Company::Nobody => "SELECT pg_try_advisory_lock(hashtextextended($1, 2))",
            Company::Others => "SELECT pg_try_advisory_lock_shared(hashtextextended($1, 2))",
        };
        Ok(sqlx::query_scalar(sql)
            .bind(&*self.schema)
            .fetch_one(connection)
            .await?)
    }

    /// The lock is gone with its connection, as when the server starts anew: it is taken again.
    async fn keep_lock(&self, mut connection: PgConnection, company: Company) {
        loop {
            sleep(LOOK).await;
            if connection.ping().await.is_ok() {
                continue;
            }
            let Ok(mut fresh) = self.options.connect().await else {
                continue;
            };
            match self.try_lock(&mut fresh, company).await {
                Ok(true) => connection = fresh,
                Ok(false) => tracing::error!(schema = &*self.schema, "another process serves this schema"),
                Err(_) => {}
            }
        }
    }

    /// The same database, which does not keep its keeper.
    fn without_presence(&self) -> Self {
        Self {
            presence: Presence::default(),
            ..self.clone()
        }
    }
}
