//! The contract as protocol buffers: messages, the service, and conversions between messages and the contract's own types.
//!
//! From a type to a message cannot fail. From a message to a type is checked, and a [`MessageError`] points to the field at
//! fault.

use values::grpc::{field, moment};
use values::{Email, UserId};

use crate::{AccountCopy, User};

pub use values::grpc::MessageError;

/// What is made of the files below `proto/`.
#[allow(
    missing_docs,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "it is generated"
)]
pub mod proto {
    tonic::include_proto!("stoa.user.v1");
}

/// The descriptors of all files, encoded, for reflection.
pub const DESCRIPTORS: &[u8] = tonic::include_file_descriptor_set!("descriptors");

impl From<&AccountCopy> for proto::EnsureUserRequest {
    fn from(account: &AccountCopy) -> Self {
        Self {
            id: account.id.to_string(),
            email: account.email.as_str().to_owned(),
            name: account.name.clone(),
            roles: account.roles.clone(),
            account_version: account.account_version,
            created_at: Some(account.created_at.into()),
        }
    }
}

impl TryFrom<proto::EnsureUserRequest> for AccountCopy {
    type Error = MessageError;

    fn try_from(message: proto::EnsureUserRequest) -> Result<Self, MessageError> {
        Ok(Self {
            id: field("id", message.id.parse::<UserId>())?,
            email: field("email", Email::try_from(message.email))?,
            name: message.name,
            roles: message.roles,
            account_version: message.account_version,
            created_at: moment("created_at", message.created_at)?,
        })
    }
}

impl From<User> for proto::User {
    fn from(user: User) -> Self {
        Self {
            id: user.id.to_string(),
            email: user.email.as_str().to_owned(),
            name: user.name,
            roles: user.roles,
            created_at: Some(user.created_at.into()),
            updated_at: Some(user.updated_at.into()),
        }
    }
}

impl TryFrom<proto::User> for User {
    type Error = MessageError;

    fn try_from(message: proto::User) -> Result<Self, MessageError> {
        Ok(Self {
            id: field("id", message.id.parse::<UserId>())?,
            email: field("email", Email::try_from(message.email))?,
            name: message.name,
            roles: message.roles,
            created_at: moment("created_at", message.created_at)?,
            updated_at: moment("updated_at", message.updated_at)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use values::Timestamp;

    use super::*;

    fn account() -> AccountCopy {
        AccountCopy {
            id: "019a0000-0000-7000-8000-000000000001".parse().unwrap(),
            email: Email::try_from("ada@example.org".to_owned()).unwrap(),
            name: "Ada".to_owned(),
            roles: vec!["admin".to_owned(), "customer".to_owned()],
            account_version: 7,
            created_at: Timestamp::from_micros(1_700_000_000_123_456),
        }
    }

    #[test]
    fn what_goes_over_the_wire_comes_back_the_same() {
        let account = account();
        let message = proto::EnsureUserRequest::from(&account);
        assert_eq!(AccountCopy::try_from(message).unwrap(), account);
        let user = account.as_user();
        assert_eq!(User::try_from(proto::User::from(user.clone())).unwrap(), user);
    }

    #[test]
    fn so_it_does_as_json_and_what_a_later_release_adds_is_passed_over() {
        let later = |mut body: serde_json::Value| {
            body["added_later"] = serde_json::json!({"a": [1]});
            body
        };
        let account = account();
        let written = later(serde_json::to_value(&account).unwrap());
        assert_eq!(serde_json::from_value::<AccountCopy>(written).unwrap(), account);
        let user = account.as_user();
        let written = later(serde_json::to_value(&user).unwrap());
        assert_eq!(serde_json::from_value::<User>(written).unwrap(), user);
    }

    #[test]
    fn a_message_that_is_no_account_names_the_field() {
        let good = proto::EnsureUserRequest::from(&account());
        let pointer = |message: proto::EnsureUserRequest| AccountCopy::try_from(message).unwrap_err().pointer;
        let id = "7".to_owned();
        assert_eq!(pointer(proto::EnsureUserRequest { id, ..good.clone() }), "/id");
        let email = "ada".to_owned();
        assert_eq!(pointer(proto::EnsureUserRequest { email, ..good.clone() }), "/email");
        let created_at = None;
        assert_eq!(pointer(proto::EnsureUserRequest { created_at, ..good }), "/created_at");
    }
}
