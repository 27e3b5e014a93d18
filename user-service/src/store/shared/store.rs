//! The adapter: every method is one unit of work or one read.

use std::sync::Arc;

use async_trait::async_trait;
use platform_clock::Clock;
use platform_events::Event;
use platform_sql::{Reader, Writer};
use user_api::AccountCopy;
use user_api::events::{USER_CREATED, USER_UPDATED};
use values::{PersonName, UserId};

use super::{Database, Db, MIGRATIONS, engine, users};
use crate::events::user_changed;
use crate::store::{Cause, Renamed, StoreError, StoredUser, UserStore, Wanted};

/// Users in a database.
pub struct Store {
    database: Database,
    reader: Reader<Db>,
    writer: Writer<Db>,
    clock: Arc<dyn Clock>,
}

impl Store {
    /// On a database that is migrated, now or before it is used.
    pub fn new(database: Database, clock: Arc<dyn Clock>) -> Self {
        Self {
            reader: database.reader(),
            writer: database.writer(),
            database,
            clock,
        }
    }

    fn event(&self, kind: &str, id: UserId, cause: &Cause) -> Event {
        user_changed(self.clock.new_id(), kind, id, cause)
    }
}

#[async_trait]
impl UserStore for Store {
    async fn ensure(&self, account: &AccountCopy, cause: &Cause) -> Result<StoredUser, StoreError> {
        let created = self.event(USER_CREATED, account.id, cause);
        let updated = self.event(USER_UPDATED, account.id, cause);
        let input = (account.clone(), cause.at, created, updated);
        let ensure = self.writer.run(input, |connection, (account, at, created, updated)| {
            Box::pin(async move {
                let written = users::upsert(connection, account, *at).await?;
                let Some(user) = written else {
                    return users::get(connection, account.id).await;
                };
                let event = if user.version == 1 { created } else { updated };
                engine::outbox::append(connection, std::slice::from_ref(event)).await?;
                Ok(user)
            })
        });
        ensure.await
    }

    async fn find(&self, id: UserId) -> Result<Option<StoredUser>, StoreError> {
        let find = self
            .reader
            .run(id, |connection, &id| Box::pin(users::find(connection, id)));
        find.await
    }

    async fn rename(
        &self,
        id: UserId,
        name: &PersonName,
        version: Option<i64>,
        cause: &Cause,
    ) -> Result<Renamed, StoreError> {
        let input = (id, name.clone(), version, cause.at, self.event(USER_UPDATED, id, cause));
        let rename = self.writer.run(input, |connection, (id, name, version, at, event)| {
            Box::pin(async move {
                let Some(user) = users::rename(connection, *id, name, *version, *at).await? else {
                    let there = users::find(connection, *id).await?;
                    return Ok(there.map_or(Renamed::Absent, |_| Renamed::Stale));
                };
                engine::outbox::append(connection, std::slice::from_ref(event)).await?;
                Ok::<_, StoreError>(Renamed::Done(user))
            })
        });
        rename.await
    }

    async fn list(&self, wanted: &Wanted) -> Result<Vec<StoredUser>, StoreError> {
        let list = self.reader.run(wanted.clone(), |connection, wanted| {
            Box::pin(users::list(connection, wanted))
        });
        list.await
    }

    async fn count(&self, patterns: &[String]) -> Result<u64, StoreError> {
        let count = self.reader.run(patterns.to_vec(), |connection, patterns| {
            Box::pin(users::count(connection, patterns))
        });
        count.await
    }

    async fn check(&self) -> Result<(), StoreError> {
        let missing = self.database.pending_migrations(&MIGRATIONS).await?;
        if missing.is_empty() {
            return Ok(());
        }
        Err(StoreError::Outdated)
    }
}
