//! The rules against a store in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use platform_clock::ManualClock;
use values::Email;

use super::*;

/// Rows in memory, and how often something was written.
#[derive(Default)]
struct InMemory {
    rows: Mutex<BTreeMap<UserId, StoredUser>>,
    writes: AtomicUsize,
}

#[async_trait]
impl UserStore for InMemory {
    async fn ensure(&self, account: &AccountCopy, _: &Cause) -> Result<StoredUser, StoreError> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        let row = StoredUser {
            user: account.as_user(),
            account_version: account.account_version,
            version: 1,
        };
        self.rows.lock().unwrap().insert(account.id, row.clone());
        Ok(row)
    }

    async fn find(&self, id: UserId) -> Result<Option<StoredUser>, StoreError> {
        Ok(self.rows.lock().unwrap().get(&id).cloned())
    }

    async fn rename(&self, id: UserId, _: &PersonName, version: Option<i64>, _: &Cause) -> Result<Renamed, StoreError> {
        let found = self.find(id).await?;
        Ok(found.map_or(Renamed::Absent, |row| match version {
            Some(version) if version != row.version => Renamed::Stale,
            _ => Renamed::Done(row),
        }))
    }

    async fn list(&self, wanted: &Wanted) -> Result<Vec<StoredUser>, StoreError> {
        let rows = self.rows.lock().unwrap();
        let behind = |row: &&StoredUser| {
            wanted
                .after
                .is_none_or(|after| (row.user.created_at, row.user.id) < after)
        };
        let rows = rows.values().rev().filter(behind).take(wanted.limit as usize);
        Ok(rows.cloned().collect())
    }

    async fn count(&self, _: &[String]) -> Result<u64, StoreError> {
        Ok(self.rows.lock().unwrap().len() as u64)
    }

    async fn check(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

struct World {
    service: UserService,
    store: Arc<InMemory>,
    clock: Arc<ManualClock>,
}

impl World {
    fn new() -> Self {
        let (store, clock) = (Arc::new(InMemory::default()), Arc::new(ManualClock::default()));
        Self {
            service: UserService::new(store.clone(), clock.clone()),
            store,
            clock,
        }
    }

    fn account(&self) -> AccountCopy {
        self.clock.advance(Duration::from_millis(1));
        AccountCopy {
            id: UserId::from(self.clock.new_id()),
            email: Email::try_from("ada@example.org".to_owned()).unwrap(),
            name: "Ada".to_owned(),
            roles: vec!["customer".to_owned()],
            account_version: 1,
            created_at: self.clock.now(),
        }
    }
}

#[tokio::test]
async fn what_is_known_already_costs_no_write() {
    let world = World::new();
    let account = world.account();
    for _ in 0..3 {
        world.service.ensure(&account).await.unwrap();
    }
    assert_eq!(world.store.writes.load(Ordering::SeqCst), 1);
    let newer = AccountCopy {
        account_version: 2,
        ..account
    };
    world.service.ensure(&newer).await.unwrap();
    assert_eq!(world.store.writes.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn pages_follow_each_other_and_the_last_one_says_so() {
    let world = World::new();
    for _ in 0..5 {
        world.service.ensure(&world.account()).await.unwrap();
    }
    let (mut after, mut seen, mut pages) = (None, Vec::new(), 0);
    loop {
        let request = ListRequest {
            after,
            limit: 2,
            count: true,
            ..ListRequest::default()
        };
        let page = world.service.list(&request).await.unwrap();
        assert_eq!(page.total, Some(5));
        seen.extend(page.users.iter().map(|user| user.id));
        pages += 1;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((pages, seen.len()), (3, 5));
    assert!(seen.is_sorted_by(|one, next| one > next), "newest first, none twice");
}

#[tokio::test]
async fn a_profile_that_is_not_there_and_one_that_changed_are_told_apart() {
    let world = World::new();
    let account = world.account();
    let name = PersonName::try_from("Lovelace".to_owned()).unwrap();
    let absent = world.service.rename(account.id, &name, None).await;
    assert!(matches!(absent, Err(ProfileError::NotFound)));
    world.service.ensure(&account).await.unwrap();
    let stale = world.service.rename(account.id, &name, Some(7)).await;
    assert!(matches!(stale, Err(ProfileError::Stale)));
}
