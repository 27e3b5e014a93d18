//! The rules of profiles: what auth says is copied, the name is the owner's own.

use std::sync::Arc;

use async_trait::async_trait;
use platform_clock::Clock;
use platform_runtime::context;
use user_api::{AccountCopy, User, Users, UsersError};
use values::{PersonName, Timestamp, UserId};

use crate::store::{Cause, Renamed, StoreError, StoredUser, UserStore, Wanted};
use crate::words::patterns;

/// Profiles, as this process keeps them.
#[derive(Clone)]
pub struct UserService {
    store: Arc<dyn UserStore>,
    clock: Arc<dyn Clock>,
}

/// What an admin asks of the list.
#[derive(Debug, Clone, Default)]
pub struct ListRequest {
    /// Words that begin a word of name or email; any text will do.
    pub query: Option<String>,
    /// Only those behind this one.
    pub after: Option<(Timestamp, UserId)>,
    /// The most on a page.
    pub limit: u32,
    /// Whether the total is wanted.
    pub count: bool,
}

/// A page of profiles, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPage {
    /// The profiles.
    pub users: Vec<User>,
    /// Where the next page begins, if there is one.
    pub next: Option<(Timestamp, UserId)>,
    /// How many there are in all, if it was asked for.
    pub total: Option<u64>,
}

/// Why a profile was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// There is no such profile.
    #[error("there is no such user")]
    NotFound,
    /// It was changed meanwhile.
    #[error("the profile was changed meanwhile")]
    Stale,
    /// The store is away; the same may work in a moment.
    #[error("users cannot be read or written now")]
    Unavailable(#[source] StoreError),
    /// The store is broken, or we are.
    #[error("users cannot be read or written")]
    Fault(#[source] StoreError),
}

impl From<StoreError> for ProfileError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Database(platform_sql::Error::Unavailable(_)) | StoreError::Outdated => {
                Self::Unavailable(error)
            }
            _ => Self::Fault(error),
        }
    }
}

/// A profile and its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The profile.
    pub user: User,
    /// Rises with every change of it.
    pub version: i64,
}

impl From<StoredUser> for Profile {
    fn from(row: StoredUser) -> Self {
        Self {
            user: row.user,
            version: row.version,
        }
    }
}

impl UserService {
    /// On a store.
    pub fn new(store: Arc<dyn UserStore>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// The profile.
    pub async fn get(&self, id: UserId) -> Result<Profile, ProfileError> {
        let found = self.store.find(id).await?;
        found.map(Profile::from).ok_or(ProfileError::NotFound)
    }

    /// Gives a profile another name; with `version` only if it still has that one.
    pub async fn rename(&self, id: UserId, name: &PersonName, version: Option<i64>) -> Result<Profile, ProfileError> {
        match self.store.rename(id, name, version, &self.cause()).await? {
            Renamed::Done(row) => Ok(row.into()),
            Renamed::Absent => Err(ProfileError::NotFound),
            Renamed::Stale => Err(ProfileError::Stale),
        }
    }

    /// A page of profiles, the newest first.
    pub async fn list(&self, request: &ListRequest) -> Result<UserPage, ProfileError> {
        let patterns = request.query.as_deref().map(patterns).unwrap_or_default();
        let total = if request.count {
            Some(self.store.count(&patterns).await?)
        } else {
            None
        };
        let wanted = Wanted {
            patterns,
            after: request.after,
            limit: request.limit + 1,
        };
        let mut users: Vec<User> = self
            .store
            .list(&wanted)
            .await?
            .into_iter()
            .map(|row| row.user)
            .collect();
        let page = request.limit as usize;
        let has_more = users.len() > page;
        users.truncate(page);
        let last = users.last().filter(|_| has_more);
        Ok(UserPage {
            next: last.map(|user| (user.created_at, user.id)),
            users,
            total,
        })
    }

    fn cause(&self) -> Cause {
        Cause {
            at: self.clock.now(),
            traceparent: context::traceparent(),
        }
    }
}

#[async_trait]
impl Users for UserService {
    async fn ensure(&self, account: &AccountCopy) -> Result<User, UsersError> {
        // Every login asks; nearly always there is nothing to write.
        let known = self.store.find(account.id).await.map_err(unavailable)?;
        if let Some(known) = known.filter(|known| known.account_version >= account.account_version) {
            return Ok(known.user);
        }
        let ensured = self.store.ensure(account, &self.cause()).await;
        Ok(ensured.map_err(unavailable)?.user)
    }
}

fn unavailable(error: StoreError) -> UsersError {
    UsersError::Unavailable(Some(Box::new(error)))
}

#[cfg(test)]
mod tests;
