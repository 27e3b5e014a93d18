//! Keys in the database, sealed, made and rotated by whichever process comes first.

use std::sync::Arc;
use std::time::Duration;

use platform_clock::Clock;
use values::Timestamp;
use zeroize::Zeroizing;

use super::{KeyEncryptionKey, KeyRing, KeysError, SigningKey};
use crate::refresh_token::RefreshKeys;
use crate::store::AccountStore;

const SIGNING: &str = "signing";
const REFRESH: &str = "refresh";
/// The key of the first refresh tokens is the only one: it signs nothing that others verify.
const REFRESH_GENERATION: i64 = 1;
/// The next, the current and the previous one.
const PUBLISHED: usize = 3;

/// A key as it lies in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedKey {
    /// What it is for.
    pub purpose: String,
    /// Rises by one with every rotation.
    pub generation: i64,
    /// Encrypted.
    pub sealed: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Keeps the keys of a database.
pub struct KeyStore {
    store: Arc<dyn AccountStore>,
    encryption: KeyEncryptionKey,
    rotate_every: Duration,
    clock: Arc<dyn Clock>,
}

impl KeyStore {
    /// The keys of a store, each the current one for `rotate_every`.
    pub fn new(
        store: Arc<dyn AccountStore>,
        encryption: KeyEncryptionKey,
        rotate_every: Duration,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            store,
            encryption,
            rotate_every,
            clock,
        }
    }

    /// The keys as they are to be now: read, made if there are none, rotated if it is time.
    pub(super) async fn ring(&self) -> Result<KeyRing, KeysError> {
        let mut keys = self.store.keys().await?;
        let missing = self.missing(&keys);
        if !missing.is_empty() {
            // Whoever cannot open what is there must not add what nobody else can open.
            for key in &keys {
                self.unseal(key)?;
            }
            // Two processes may do so at once: what is there first stays, and both read that.
            self.store.add_keys(&missing).await?;
            keys = self.store.keys().await?;
        }
        self.open(&keys)
    }

    /// What has to be added, given what is there.
    fn missing(&self, keys: &[SealedKey]) -> Vec<SealedKey> {
        let mut missing = Vec::new();
        if !keys.iter().any(|key| key.purpose == REFRESH) {
            let mut secret = Zeroizing::new([0_u8; 32]);
            self.clock.fill_random(&mut *secret);
            missing.push(self.seal(REFRESH, REFRESH_GENERATION, &*secret));
        }
        let newest = keys
            .iter()
            .filter(|key| key.purpose == SIGNING)
            .max_by_key(|key| key.generation);
        match newest {
            None => missing.extend([1, 2].map(|generation| self.seal(SIGNING, generation, &SigningKey::generate()))),
            // The next one was made when the current one's turn began.
            Some(next) if self.clock.now().since(next.created_at) >= self.rotate_every => {
                missing.push(self.seal(SIGNING, next.generation + 1, &SigningKey::generate()));
            }
            Some(_) => {}
        }
        missing
    }

    fn open(&self, keys: &[SealedKey]) -> Result<KeyRing, KeysError> {
        let mut signing: Vec<&SealedKey> = keys.iter().filter(|key| key.purpose == SIGNING).collect();
        signing.sort_by_key(|key| std::cmp::Reverse(key.generation));
        signing.truncate(PUBLISHED);
        let signing: Result<Vec<SigningKey>, KeysError> = signing
            .into_iter()
            .map(|key| SigningKey::from_pkcs8(&self.unseal(key)?))
            .collect();
        let mut signing = signing?;
        if signing.len() < 2 {
            return Err(KeysError::Unusable);
        }
        let current = signing.remove(1);
        let refresh = keys
            .iter()
            .find(|key| key.purpose == REFRESH)
            .ok_or(KeysError::Unusable)?;
        let refresh = RefreshKeys::new([self.unseal(refresh)?.as_slice()]);
        Ok(KeyRing::new(current, &signing, refresh))
    }

    fn unseal(&self, key: &SealedKey) -> Result<Zeroizing<Vec<u8>>, KeysError> {
        self.encryption.open(&label(&key.purpose, key.generation), &key.sealed)
    }

    fn seal(&self, purpose: &str, generation: i64, key: &[u8]) -> SealedKey {
        SealedKey {
            purpose: purpose.to_owned(),
            generation,
            sealed: self.encryption.seal(&label(purpose, generation), key, &*self.clock),
            created_at: self.clock.now(),
        }
    }
}

/// Binds a sealed key to its place, so that rows cannot be swapped.
fn label(purpose: &str, generation: i64) -> String {
    format!("stoa {purpose} key {generation}")
}
