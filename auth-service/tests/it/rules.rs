//! The rules of accounts and sessions, on both engines, on a clock that stands still.

mod admin;
mod keys;
mod limits;
mod login;
mod password;
mod profiles;
mod refresh;
mod register;

use std::sync::Arc;
use std::time::Duration;

use auth_service::app::SCHEMA;
use auth_service::keys::{KeyEncryptionKey, KeySource, KeyStore, Keys};
use auth_service::limits::Limits;
use auth_service::network::Network;
use auth_service::password::{Cost, Hasher, Password};
use auth_service::refresh_token::RefreshToken;
use auth_service::service::{Attempted, AuthError, AuthService, Grant, Parts, Registration, SignedIn, Timings};
use auth_service::service_clients::ServiceClients;
use auth_service::store::{AccountStore, PgAccountStore, SqliteAccountStore};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use platform_clock::{Clock, ManualClock};
use platform_identity::Claims;
use platform_sql::Database;
use user_api::testing::InMemoryUsers;
use values::{Email, PersonName};

const PASSWORD: &str = "correct horse battery";
const OTHER_PASSWORD: &str = "incorrect horse battery";
/// Cheap enough for a debug build.
const LITTLE: Cost = Cost {
    memory_kib: 64,
    passes: 1,
};
const ROTATE_EVERY: Duration = Duration::from_hours(30 * 24);

struct World {
    service: AuthService,
    store: Arc<dyn AccountStore>,
    users: Arc<InMemoryUsers>,
    clock: Arc<ManualClock>,
    keys: Keys,
    hasher: Hasher,
}

async fn open(database: Database) -> World {
    let clock = Arc::new(ManualClock::default());
    database.migrate(&SCHEMA).await.unwrap();
    let store: Arc<dyn AccountStore> = match database {
        Database::Sqlite(database) => Arc::new(SqliteAccountStore::new(database, clock.clone())),
        Database::Postgres(database) => Arc::new(PgAccountStore::new(database, clock.clone())),
    };
    let users = Arc::new(InMemoryUsers::default());
    let keys = Keys::open(stored_keys(&store, &clock, 1)).await.unwrap();
    let hasher = Hasher::new(LITTLE, clock.clone());
    let parts = parts(&store, &users, &clock, &keys, &hasher);
    World {
        service: AuthService::new(parts),
        store,
        users,
        clock,
        keys,
        hasher,
    }
}

fn stored_keys(store: &Arc<dyn AccountStore>, clock: &Arc<ManualClock>, encryption: u8) -> KeySource {
    let encryption = KeyEncryptionKey::from_text(&format!("{encryption:02x}").repeat(32)).unwrap();
    KeySource::Stored(KeyStore::new(store.clone(), encryption, ROTATE_EVERY, clock.clone()))
}

fn parts(
    store: &Arc<dyn AccountStore>,
    users: &Arc<InMemoryUsers>,
    clock: &Arc<ManualClock>,
    keys: &Keys,
    hasher: &Hasher,
) -> Parts {
    let clock: Arc<dyn Clock> = clock.clone();
    Parts {
        store: store.clone(),
        users: users.clone(),
        keys: keys.clone(),
        hasher: hasher.clone(),
        limits: Some(Limits::new(&clock)),
        clients: ServiceClients::default(),
        issuer: "stoa".to_owned(),
        timings: Timings::default(),
        clock,
    }
}

impl World {
    /// The same service on the same store, but for what the test says.
    fn but(&self, change: impl FnOnce(&mut Parts)) -> AuthService {
        let mut parts = parts(&self.store, &self.users, &self.clock, &self.keys, &self.hasher);
        change(&mut parts);
        AuthService::new(parts)
    }

    async fn try_register(&self, address: &str, password: &str) -> Attempted<SignedIn> {
        let registration = Registration {
            email: email(address),
            password: Password::chosen(password.to_owned()).unwrap(),
            name: PersonName::try_from("Ada".to_owned()).unwrap(),
        };
        self.service.register(&registration, home()).await
    }

    /// Somebody with the usual password, registered from home.
    async fn register(&self, address: &str) -> SignedIn {
        self.try_register(address, PASSWORD).await.outcome.unwrap()
    }

    async fn try_login(&self, address: &str, password: &str, network: Network) -> Attempted<SignedIn> {
        let password = Password::presented(password.to_owned());
        self.service.login(&email(address), &password, network).await
    }

    async fn login(&self, address: &str, password: &str, network: Network) -> Result<SignedIn, AuthError> {
        self.try_login(address, password, network).await.outcome
    }

    async fn refresh(&self, token: &RefreshToken) -> Result<Grant, AuthError> {
        self.service.refresh(&token.to_text(), home()).await
    }
}

fn email(text: &str) -> Email {
    Email::try_from(text.to_owned()).unwrap()
}

fn network(text: &str) -> Network {
    Network::of(Some(text.parse().unwrap()))
}

fn home() -> Network {
    network("192.0.2.1")
}

fn elsewhere() -> Network {
    network("198.51.100.1")
}

/// What a token says; its signature is somebody else's test.
fn claims(access_token: &str) -> Claims {
    let payload = access_token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}
