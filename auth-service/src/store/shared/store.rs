//! The adapter: every method is one unit of work or one read.

use std::sync::Arc;

use async_trait::async_trait;
use platform_clock::Clock;
use platform_events::Event;
use platform_sql::{Reader, Writer};
use values::{Email, SessionId, Timestamp, UserId};

use super::{Database, Db, MIGRATIONS, accounts, engine, hold_account, keys, sessions};
use crate::events;
use crate::keys::SealedKey;
use crate::password::PasswordHash;
use crate::store::{
    Account, AccountStore, Cause, Credentials, NetworkFingerprint, NewAccount, NewSession, PasswordChange, RoleChange,
    Rotated, Rotation, StoreError,
};

type Connection = <Db as sqlx::Database>::Connection;

/// Accounts in a database.
pub struct Store {
    database: Database,
    reader: Reader<Db>,
    writer: Writer<Db>,
    clock: Arc<dyn Clock>,
}

impl Store {
    /// On a database that is migrated before it is used.
    pub fn new(database: Database, clock: Arc<dyn Clock>) -> Self {
        Self {
            reader: database.reader(),
            writer: database.writer(),
            database,
            clock,
        }
    }
}

#[async_trait]
impl AccountStore for Store {
    async fn register(
        &self,
        account: &NewAccount,
        session: Option<&NewSession>,
        cause: &Cause,
    ) -> Result<Account, StoreError> {
        let event = events::account_registered(self.clock.new_id(), account.id, cause);
        let input = (account.clone(), session.cloned(), cause.at, event);
        let register = self.writer.run(input, |connection, (account, session, at, event)| {
            Box::pin(async move {
                let made = accounts::insert(connection, account, *at).await?;
                if let Some(session) = session {
                    sessions::insert(connection, session, &account.hash, *at).await?;
                }
                engine::outbox::append(connection, std::slice::from_ref(event)).await?;
                Ok::<_, StoreError>(made)
            })
        });
        register.await
    }

    async fn find_by_email(
        &self,
        email: &Email,
        network: &NetworkFingerprint,
    ) -> Result<Option<Credentials>, StoreError> {
        let find = self.reader.run((email, network), |connection, (email, network)| {
            Box::pin(accounts::find_by_email(connection, email.key(), network))
        });
        find.await
    }

    async fn find(&self, id: UserId) -> Result<Option<Credentials>, StoreError> {
        let find = self
            .reader
            .run(id, |connection, &id| Box::pin(accounts::find(connection, id)));
        find.await
    }

    async fn open_session(
        &self,
        session: &NewSession,
        hash: &PasswordHash,
        cause: &Cause,
    ) -> Result<Option<Account>, StoreError> {
        let input = (session.clone(), hash.clone(), cause.at);
        let open = self.writer.run(input, |connection, (session, hash, at)| {
            Box::pin(async move {
                hold_account(connection, session.account).await?;
                if !sessions::insert(connection, session, hash, *at).await? {
                    return Ok(None);
                }
                sessions::trim(connection, session.account).await?;
                account_of(connection, session.account).await.map(Some)
            })
        });
        open.await
    }

    async fn rotate_session(&self, rotation: &Rotation, cause: &Cause) -> Result<Rotated, StoreError> {
        let event = events::session_revoked(self.clock.new_id(), rotation.session, cause);
        let input = (rotation.clone(), cause.at, event);
        let rotate = self.writer.run(input, |connection, (rotation, at, event)| {
            Box::pin(rotate(connection, rotation, *at, event))
        });
        rotate.await
    }

    async fn end_session(&self, id: SessionId, cause: &Cause) -> Result<(), StoreError> {
        let event = events::session_revoked(self.clock.new_id(), id, cause);
        let end = self.writer.run((id, cause.at, event), |connection, (id, at, event)| {
            Box::pin(async move {
                if sessions::end(connection, *id, *at).await? {
                    engine::outbox::append(connection, std::slice::from_ref(event)).await?;
                }
                Ok::<_, StoreError>(())
            })
        });
        end.await
    }

    async fn change_password(&self, change: &PasswordChange, cause: &Cause) -> Result<bool, StoreError> {
        let input = (change.clone(), cause.clone(), Arc::clone(&self.clock));
        let change = self.writer.run(input, |connection, (change, cause, clock)| {
            Box::pin(async move {
                if !accounts::change_password(connection, change).await? {
                    return Ok(false);
                }
                end_all(connection, change.account, change.keep, cause, &**clock).await?;
                Ok::<_, StoreError>(true)
            })
        });
        change.await
    }

    async fn change_role(&self, change: &RoleChange, cause: &Cause) -> Result<Option<Account>, StoreError> {
        let input = (change.clone(), cause.clone(), Arc::clone(&self.clock));
        let change = self.writer.run(input, |connection, (change, cause, clock)| {
            Box::pin(change_role(connection, change, cause, &**clock))
        });
        change.await
    }

    async fn has_admin(&self) -> Result<bool, StoreError> {
        let has = self
            .reader
            .run((), |connection, ()| Box::pin(accounts::has_admin(connection)));
        has.await
    }

    async fn acknowledge_profile(&self, id: UserId, version: i64) -> Result<(), StoreError> {
        let acknowledge = self.writer.run((id, version), |connection, &(id, version)| {
            Box::pin(accounts::acknowledge_profile(connection, id, version))
        });
        acknowledge.await
    }

    async fn due_profiles(&self, before: Timestamp, limit: u32) -> Result<Vec<Account>, StoreError> {
        let due = self.reader.run((before, limit), |connection, &(before, limit)| {
            Box::pin(accounts::due_profiles(connection, before, limit))
        });
        due.await
    }

    async fn purge_sessions(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let purge = self.writer.run((before, limit), |connection, &(before, limit)| {
            Box::pin(sessions::purge(connection, before, limit))
        });
        purge.await
    }

    async fn keys(&self) -> Result<Vec<SealedKey>, StoreError> {
        let keys = self.reader.run((), |connection, ()| Box::pin(keys::all(connection)));
        keys.await
    }

    async fn add_keys(&self, keys: &[SealedKey]) -> Result<(), StoreError> {
        let add = self
            .writer
            .run(keys.to_vec(), |connection, keys| Box::pin(keys::add(connection, keys)));
        add.await
    }

    async fn check(&self) -> Result<(), StoreError> {
        let missing = self.database.pending_migrations(&MIGRATIONS).await?;
        if missing.is_empty() {
            return Ok(());
        }
        Err(StoreError::Outdated)
    }
}

async fn rotate(
    connection: &mut Connection,
    rotation: &Rotation,
    at: Timestamp,
    revoked: &Event,
) -> Result<Rotated, StoreError> {
    if let Some(account) = sessions::rotate(connection, rotation, at).await? {
        return Ok(Rotated::Done(account_of(connection, account).await?));
    }
    let Some(family) = sessions::family(connection, rotation.session, at).await? else {
        return Ok(Rotated::Unknown);
    };
    if family.token == rotation.presented {
        return Ok(Rotated::Unknown);
    }
    let is_last_spent = family.previous == Some(rotation.presented);
    let in_grace = family
        .rotated_at
        .is_some_and(|rotated_at| rotated_at >= rotation.grace_from);
    if family.is_live && is_last_spent && in_grace {
        return Ok(Rotated::Again(
            account_of(connection, family.account).await?,
            family.token,
        ));
    }
    if sessions::end_distrusted(connection, rotation.session, at).await? {
        engine::outbox::append(connection, std::slice::from_ref(revoked)).await?;
    }
    Ok(Rotated::Reused)
}

async fn change_role(
    connection: &mut Connection,
    change: &RoleChange,
    cause: &Cause,
    clock: &dyn Clock,
) -> Result<Option<Account>, StoreError> {
    loop {
        let found = accounts::find_by_email(connection, change.email.key(), &[0; 16]).await?;
        let Some(Credentials { account, .. }) = found else {
            return Ok(None);
        };
        let wanted = if change.grant {
            account.roles.with(change.role)
        } else {
            account.roles.without(change.role)
        };
        if wanted == account.roles {
            return Ok(Some(account));
        }
        if !accounts::set_roles(connection, &account, wanted, cause.at).await? {
            // Somebody else changed them between the two statements.
            continue;
        }
        if !change.grant {
            end_all(connection, account.id, None, cause, clock).await?;
        }
        return account_of(connection, account.id).await.map(Some);
    }
}

/// Ends the sessions of an account but one, with an event for each.
async fn end_all(
    connection: &mut Connection,
    account: UserId,
    keep: Option<SessionId>,
    cause: &Cause,
    clock: &dyn Clock,
) -> Result<(), StoreError> {
    let ended = sessions::end_all(connection, account, keep, cause.at).await?;
    let events: Vec<Event> = ended
        .into_iter()
        .map(|session| events::session_revoked(clock.new_id(), session, cause))
        .collect();
    engine::outbox::append(connection, &events).await?;
    Ok(())
}

async fn account_of(connection: &mut Connection, id: UserId) -> Result<Account, StoreError> {
    let found = accounts::find(connection, id).await?;
    found
        .map(|found| found.account)
        .ok_or(StoreError::Unreadable("session"))
}
