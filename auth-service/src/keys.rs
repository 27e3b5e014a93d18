//! The keys of auth: what access tokens are signed with, and what refresh tokens are made with.
//!
//! Three signing keys are published at any time: the next one, so that every verifier knows it before its turn comes; the
//! current one, which signs; and the previous one, whose tokens still live. A rotation adds a next one and drops what was
//! previous. They come from the database, encrypted (`stored.rs`), or from a file of the operator's (`file.rs`).

mod file;
mod sealing;
mod signing;
mod stored;

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::refresh_token::RefreshKeys;
use crate::store::StoreError;

pub use sealing::{KEY_FILE, KeyEncryptionKey};
pub use signing::SigningKey;
pub use stored::{KeyStore, SealedKey};

/// The keys of one moment.
pub struct KeyRing {
    /// Signs new tokens.
    pub current: SigningKey,
    /// The published set as JSON (RFC 7517).
    pub jwks: String,
    /// Behind the refresh tokens.
    pub refresh: RefreshKeys,
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The encryption key is another than the one that sealed the stored keys.
    #[error(
        "KEY_ENCRYPTION_KEY is not the one that this database's signing keys are encrypted with: set it, or \
         KEY_ENCRYPTION_KEY_FILE, to the one used before"
    )]
    WrongEncryptionKey,
    /// The encryption key is not 32 bytes in hexadecimal or base64.
    #[error("KEY_ENCRYPTION_KEY must be 32 bytes in base64 or hexadecimal (openssl rand -base64 32)")]
    BadEncryptionKey,
    /// The file of the default encryption key cannot be read or made.
    #[error("the key file {path} cannot be used; set KEY_ENCRYPTION_KEY or KEY_ENCRYPTION_KEY_FILE instead")]
    EncryptionKeyFile {
        /// Where it is, or should be.
        path: String,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The operator's file does not hold one to three P-256 keys.
    #[error("SIGNING_KEYS_FILE: {0}")]
    SigningKeysFile(String),
    /// A stored key is no key.
    #[error("a stored key cannot be used")]
    Unusable,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where the keys come from.
pub enum KeySource {
    /// The database, made and rotated by us.
    Stored(KeyStore),
    /// A file of the operator's, who rotates by writing it anew.
    File(std::path::PathBuf),
}

/// The keys as they are now. Cheap to clone; all clones see a rotation.
#[derive(Clone)]
pub struct Keys {
    source: Arc<KeySource>,
    ring: Arc<ArcSwap<KeyRing>>,
}

impl Keys {
    /// Reads the keys; makes them if there are none yet.
    pub async fn open(source: KeySource) -> Result<Self, KeysError> {
        let ring = read(&source).await?;
        Ok(Self {
            source: Arc::new(source),
            ring: Arc::new(ArcSwap::from_pointee(ring)),
        })
    }

    /// The keys of this moment.
    pub fn ring(&self) -> Arc<KeyRing> {
        self.ring.load_full()
    }

    /// Rotates if it is time, and takes up what another process has rotated. With an error the keys stay as they were.
    pub async fn refresh(&self) -> Result<(), KeysError> {
        let ring = read(&self.source).await?;
        self.ring.store(Arc::new(ring));
        Ok(())
    }
}

impl KeyRing {
    fn new(current: SigningKey, others: &[SigningKey], refresh: RefreshKeys) -> Self {
        let published = others.iter().chain([&current]).map(SigningKey::public);
        let jwks = serde_json::json!({ "keys": published.collect::<Vec<_>>() }).to_string();
        Self { current, jwks, refresh }
    }
}

async fn read(source: &KeySource) -> Result<KeyRing, KeysError> {
    match source {
        KeySource::Stored(store) => store.ring().await,
        KeySource::File(path) => file::ring(path).await,
    }
}
