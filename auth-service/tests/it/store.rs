//! Every method of the store, on both engines.

mod accounts;
mod keys;
mod sessions;

use std::sync::Arc;
use std::time::Duration;

use auth_service::app::SCHEMA;
use auth_service::password::PasswordHash;
use auth_service::refresh_token::TokenHash;
use auth_service::store::{
    Account, AccountStore, Cause, NetworkFingerprint, NewAccount, NewSession, PgAccountStore, Rotated, Rotation,
    SqliteAccountStore, StoreError,
};
use platform_clock::{Clock, ManualClock};
use platform_events::Event;
use platform_identity::{Role, Roles};
use platform_sql::Database;
use values::{Email, PersonName, SessionId, UserId};

const HOME: NetworkFingerprint = [1; 16];
const ELSEWHERE: NetworkFingerprint = [2; 16];
const GRACE: Duration = Duration::from_secs(10);
const IDLE: Duration = Duration::from_hours(24);

struct World {
    store: Arc<dyn AccountStore>,
    database: Database,
    clock: Arc<ManualClock>,
}

async fn open(database: Database) -> World {
    let clock = Arc::new(ManualClock::default());
    database.migrate(&SCHEMA).await.unwrap();
    World {
        store: store(&database, &clock),
        database,
        clock,
    }
}

fn store(database: &Database, clock: &Arc<ManualClock>) -> Arc<dyn AccountStore> {
    match database.clone() {
        Database::Sqlite(database) => Arc::new(SqliteAccountStore::new(database, clock.clone())),
        Database::Postgres(database) => Arc::new(PgAccountStore::new(database, clock.clone())),
    }
}

impl World {
    fn cause(&self) -> Cause {
        self.clock.advance(Duration::from_millis(1));
        Cause {
            at: self.clock.now(),
            traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
        }
    }

    fn account(&self, email: &str) -> NewAccount {
        NewAccount {
            id: UserId::from(self.clock.new_id()),
            email: Email::try_from(email.to_owned()).unwrap(),
            name: PersonName::try_from("Ada".to_owned()).unwrap(),
            hash: hash("first"),
            roles: Roles::default().with(Role::Customer),
        }
    }

    fn session(&self, account: UserId, network: NetworkFingerprint) -> NewSession {
        NewSession {
            id: SessionId::from(self.clock.new_id()),
            account,
            token: token(1),
            network,
            expires_at: self.clock.now().plus(IDLE),
        }
    }

    async fn register(&self, email: &str) -> Account {
        let account = self.account(email);
        self.store.register(&account, None, &self.cause()).await.unwrap()
    }

    /// Opens a session at home by the first password.
    async fn open_session(&self, account: UserId) -> SessionId {
        let session = self.session(account, HOME);
        let opened = self.store.open_session(&session, &hash("first"), &self.cause()).await;
        opened.unwrap().unwrap();
        session.id
    }

    /// Presents a token of a session, and puts the one behind it in its place.
    async fn rotate(&self, session: SessionId, presented: u8) -> Rotated {
        let cause = self.cause();
        let rotation = self.rotation(session, presented);
        self.store.rotate_session(&rotation, &cause).await.unwrap()
    }

    fn rotation(&self, session: SessionId, presented: u8) -> Rotation {
        let now = self.clock.now();
        Rotation {
            session,
            presented: token(presented),
            successor: token(presented + 1),
            grace_from: now.minus(GRACE),
            network: HOME,
            expires_at: now.plus(IDLE),
        }
    }

    async fn is_live(&self, session: SessionId) -> bool {
        matches!(self.rotate(session, 1).await, Rotated::Done(_))
    }

    async fn knows(&self, account: &Account, network: NetworkFingerprint) -> bool {
        let found = self.store.find_by_email(&account.email, &network).await.unwrap();
        found.unwrap().network_known
    }

    async fn events(&self) -> Vec<Event> {
        let pending = self.database.outbox().pending(1_000).await.unwrap();
        pending.into_iter().map(|row| row.event).collect()
    }

    /// What was told of so far, in short.
    async fn told(&self) -> Vec<(String, String)> {
        let events = self.events().await.into_iter();
        events.map(|event| (event.kind, event.subject)).collect()
    }
}

fn hash(text: &str) -> PasswordHash {
    PasswordHash::from_stored(text.to_owned())
}

fn token(byte: u8) -> TokenHash {
    TokenHash([byte; 32])
}

platform_sql::stores!("auth", open, [a_schema_that_is_too_old_is_told]);

async fn a_schema_that_is_too_old_is_told(world: World) {
    world.store.check().await.unwrap();
    let other = platform_sql::testing::TestDatabase::sqlite();
    let empty = other.open("auth").await;
    let error = store(&empty, &world.clock).check().await.unwrap_err();
    assert!(matches!(error, StoreError::Outdated), "{error}");
}
