//! The one who asks, after verification.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use values::{SessionId, Timestamp, UserId};

/// What an account may do beyond looking after itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Buys things. Every account has it.
    Customer,
    /// Runs the shop.
    Admin,
}

impl Role {
    const ALL: [Self; 2] = [Self::Customer, Self::Admin];

    /// The name in tokens, stores and policies.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Admin => "admin",
        }
    }
}

impl std::str::FromStr for Role {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|role| role.name() == name);
        found.ok_or_else(|| format!("there is no role {name:?}; known are customer and admin"))
    }
}

/// A set of roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Roles(u8);

impl Roles {
    /// The same set and one more.
    pub const fn with(self, role: Role) -> Self {
        Self(self.0 | 1 << role as u8)
    }

    /// The same set less one.
    pub const fn without(self, role: Role) -> Self {
        Self(self.0 & !(1 << role as u8))
    }

    /// Whether a role is in the set.
    pub const fn has(self, role: Role) -> bool {
        self.0 & (1 << role as u8) != 0
    }

    /// The roles in it, in a fixed order.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.has(*role))
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        roles.into_iter().fold(Self::default(), Self::with)
    }
}

/// A person or a process of ours.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A person, by account.
    User(UserId),
    /// A process, by its client id.
    Service(String),
}

/// Who asks, as a verified token says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Person or process.
    pub subject: Subject,
    /// The session of a person's token.
    pub session: Option<SessionId>,
    /// What the account may do.
    pub roles: Roles,
    /// The client the token was given to.
    pub client_id: String,
    /// From when on the token is no proof any more.
    pub expires_at: Timestamp,
}

impl Principal {
    /// The account, where a person asks.
    pub fn user_id(&self) -> Option<UserId> {
        match self.subject {
            Subject::User(id) => Some(id),
            Subject::Service(_) => None,
        }
    }

    /// Whether it is a person who runs the shop.
    pub fn is_admin(&self) -> bool {
        self.user_id().is_some() && self.roles.has(Role::Admin)
    }
}

/// The request extension by which a gateway hands a verified principal to a service in the same process.
///
/// Clients cannot set it: request extensions are made in the process and do not travel.
#[derive(Debug, Clone)]
pub struct VerifiedPrincipal(pub Arc<Principal>);
