//! A fake of users for the tests of their callers.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use values::{Timestamp, UserId};

use crate::{AccountCopy, User, Users, UsersError};

/// Users in memory, which can be made unavailable.
#[derive(Debug, Default)]
pub struct InMemoryUsers {
    profiles: Mutex<BTreeMap<UserId, (i64, User)>>,
    away: AtomicBool,
    calls: AtomicUsize,
}

impl InMemoryUsers {
    /// Whether calls answer `Unavailable` from now on.
    pub fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    /// The profile as it is.
    pub fn find(&self, id: UserId) -> Option<User> {
        let profiles = self.profiles.lock().expect("no holder panics");
        profiles.get(&id).map(|(_, user)| user.clone())
    }

    /// What the owner of a profile does: another name.
    pub fn rename(&self, id: UserId, name: &str, at: Timestamp) {
        let mut profiles = self.profiles.lock().expect("no holder panics");
        if let Some((_, user)) = profiles.get_mut(&id) {
            name.clone_into(&mut user.name);
            user.updated_at = at;
        }
    }

    /// How often `ensure` was called, answered or not.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Users for InMemoryUsers {
    async fn ensure(&self, account: &AccountCopy) -> Result<User, UsersError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if self.away.load(Ordering::SeqCst) {
            return Err(UsersError::Unavailable(None));
        }
        let mut profiles = self.profiles.lock().expect("no holder panics");
        let fresh = || (0, account.as_user());
        let (version, user) = profiles.entry(account.id).or_insert_with(fresh);
        if *version < account.account_version {
            *version = account.account_version;
            user.email.clone_from(&account.email);
            user.roles.clone_from(&account.roles);
        }
        Ok(user.clone())
    }
}
