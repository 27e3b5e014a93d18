//! The events of auth: ids, no personal data.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use values::{SessionId, UserId};

/// A session ended before its tokens did.
pub const SESSION_REVOKED: &str = "auth.session_revoked.v1";
/// An account was made.
pub const ACCOUNT_REGISTERED: &str = "auth.account_registered.v1";

/// Data of `auth.session_revoked`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionRevoked {
    /// The session; no token of it is accepted from now on.
    pub session_id: SessionId,
}

/// Data of `auth.account_registered`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccountRegistered {
    /// Whose.
    pub user_id: UserId,
}
