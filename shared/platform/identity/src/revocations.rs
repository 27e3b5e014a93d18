//! Sessions that ended before their tokens did.

use std::time::Duration;

use moka::sync::Cache;
use values::SessionId;

/// The sessions revoked lately, fed by `auth.session_revoked`.
///
/// An entry is kept for as long as an access token of the session could still live, then it is not needed any more.
#[derive(Debug, Clone)]
pub struct Revocations(Cache<SessionId, ()>);

impl Revocations {
    /// 15 minutes of life and the leeway of a verifier, rounded up.
    const KEPT: Duration = Duration::from_mins(16);

    /// More sessions than end in 16 minutes in any shop we serve; a bound, so that nobody can fill the memory.
    const MAX: u64 = 100_000;

    /// Nothing is revoked.
    pub fn new() -> Self {
        Self(
            Cache::builder()
                .max_capacity(Self::MAX)
                .time_to_live(Self::KEPT)
                .build(),
        )
    }

    /// From now on no token of the session is accepted.
    pub fn revoke(&self, session: SessionId) {
        self.0.insert(session, ());
    }

    /// Whether the session was revoked.
    pub fn contains(&self, session: SessionId) -> bool {
        self.0.contains_key(&session)
    }
}

impl Default for Revocations {
    fn default() -> Self {
        Self::new()
    }
}
