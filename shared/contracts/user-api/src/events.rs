//! The events of users: ids, no personal data.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use values::UserId;

/// A profile was made.
pub const USER_CREATED: &str = "user.created.v1";
/// A profile was changed.
pub const USER_UPDATED: &str = "user.updated.v1";

/// Data of every user event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserChanged {
    /// Whose.
    pub user_id: UserId,
}
