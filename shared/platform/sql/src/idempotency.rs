//! What an `Idempotency-Key` remembers; the functions are `engine::idempotency`, once per engine.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long an answer is kept.
pub const KEPT: Duration = Duration::from_hours(24);

/// One press of a button: a key belongs to its caller and route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// Whose key it is (a user's id).
    pub caller: String,
    /// Which operation (`POST /api/products`).
    pub route: String,
    /// What the client sent.
    pub key: String,
    /// Over the canonical meaning of the request, not its bytes.
    pub request_hash: Vec<u8>,
}

/// An answer as it was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredAnswer {
    /// The status code.
    pub status: u16,
    /// The headers that belong to the answer (`Location`, `ETag`).
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte.
    pub body: Vec<u8>,
}

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remembered {
    /// Nothing: do it, and store the answer in the same unit.
    Fresh,
    /// It was done: give this answer again.
    Replay(StoredAnswer),
    /// It was used for something else: 422 `idempotency_key_reused`.
    Reused,
}
