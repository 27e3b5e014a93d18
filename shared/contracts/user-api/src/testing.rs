//! A fake of users for the tests of their callers.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use values::UserId;

use crate::{AccountCopy, Users, UsersError};

/// Users in memory, which can be made unavailable.
#[derive(Debug, Default)]
pub struct InMemoryUsers {
    accounts: Mutex<BTreeMap<UserId, AccountCopy>>,
    away: AtomicBool,
}

impl InMemoryUsers {
    /// Whether calls answer `Unavailable` from now on.
    pub fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    /// What was ensured for an account.
    pub fn find(&self, id: UserId) -> Option<AccountCopy> {
        self.accounts.lock().expect("no holder panics").get(&id).cloned()
    }
}

#[async_trait]
impl Users for InMemoryUsers {
    async fn ensure(&self, account: &AccountCopy) -> Result<(), UsersError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(UsersError::Unavailable(None));
        }
        let mut accounts = self.accounts.lock().expect("no holder panics");
        let known = accounts.get(&account.id);
        if known.is_none_or(|known| known.account_version < account.account_version) {
            let name = known.map_or(&account.name, |known| &known.name).clone();
            accounts.insert(
                account.id,
                AccountCopy {
                    name,
                    ..account.clone()
                },
            );
        }
        Ok(())
    }
}
