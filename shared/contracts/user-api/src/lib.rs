//! What other processes may ask of users: that a profile is there.
//!
//! auth-service calls [`Users::ensure`] after a registration and at every login until it is acknowledged. Everything
//! else about profiles is public HTTP. A diff in this crate is a change of the API between services.

pub mod events;
#[cfg(feature = "grpc")]
pub mod grpc;
#[cfg(feature = "testing")]
pub mod testing;

use async_trait::async_trait;
use platform_problem::ProblemType;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use values::{Email, Timestamp, UserId};

/// Profiles, as auth-service writes them.
#[async_trait]
pub trait Users: Send + Sync + 'static {
    /// Makes sure that a profile is there and answers it as it is now, with the name its owner gave it since. Idempotent:
    /// the name is taken from the first call and never overwritten, the copies of email and roles follow the highest
    /// `account_version`.
    async fn ensure(&self, account: &AccountCopy) -> Result<User, UsersError>;
}

/// Where a profile is made sure of over HTTP: `POST` with an [`AccountCopy`], answered with a [`User`]. For a service token of
/// the audience `stoa:user`.
pub const ENSURE_PATH: &str = "/internal/users/ensure";

/// What auth knows of an account and users keep a copy of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccountCopy {
    /// The account.
    pub id: UserId,
    /// Its address.
    pub email: Email,
    /// The name given at registration.
    pub name: String,
    /// The names of its roles, sorted.
    pub roles: Vec<String>,
    /// Rises with every change of email or roles.
    pub account_version: i64,
    /// When the account was made.
    pub created_at: Timestamp,
}

impl AccountCopy {
    /// The profile as it is before its owner changed anything.
    pub fn as_user(&self) -> User {
        User {
            id: self.id,
            email: self.email.clone(),
            name: self.name.clone(),
            roles: self.roles.clone(),
            created_at: self.created_at,
            updated_at: self.created_at,
        }
    }
}

/// A user as clients see one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct User {
    /// UUIDv7.
    pub id: UserId,
    /// The address to sign in with.
    pub email: Email,
    /// What they want to be called.
    pub name: String,
    /// What they may do, sorted.
    pub roles: Vec<String>,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When the profile last changed.
    pub updated_at: Timestamp,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum UsersError {
    /// Nobody knows; repeat the call.
    #[error("users are not available")]
    Unavailable(#[source] Option<Box<dyn std::error::Error + Send + Sync>>),
}

/// The refusals of users; none of their own so far.
pub const PROBLEMS: &[&ProblemType] = &[];

/// The public operations of the service, as OpenAPI 3.1. Written by `user-service openapi`; a test keeps it equal.
pub const OPENAPI: &str = include_str!("../openapi.json");

/// The operations for other processes of ours. Written by `user-service openapi --internal`; a test keeps it equal.
pub const INTERNAL_OPENAPI: &str = include_str!("../internal.json");
