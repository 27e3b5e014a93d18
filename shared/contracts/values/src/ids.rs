//! Identifiers: newtypes over UUIDv7, so that ids sort by time of making and cannot be mixed up.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ValueError;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = String, format = Uuid)]
        pub struct $name(Uuid);

        impl $name {
            /// The id as a plain UUID, for a store.
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl FromStr for $name {
            type Err = ValueError;

            /// Accepts the hyphenated form alone: one id has one spelling.
            fn from_str(text: &str) -> Result<Self, ValueError> {
                if text.len() != 36 {
                    return Err(ValueError::new("must be a UUID"));
                }
                Uuid::try_parse(text).map(Self).map_err(|_| ValueError::new("must be a UUID"))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }
    };
}

id!(
    /// A person's account, the same in auth and users.
    UserId
);
id!(
    /// One thing that can be bought.
    ProductId
);
id!(
    /// One order; also the key by which stock is held, sold and returned.
    OrderId
);
id!(
    /// A session: one login and all that was refreshed from it. The claim `sid`.
    SessionId
);
