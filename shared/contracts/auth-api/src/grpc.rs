//! The contract as protocol buffers: messages, the service, and conversions between messages and the contract's own types.

use values::Timestamp;
use values::grpc::{field, required};

use crate::{ServiceToken, ServiceTokenRequest};

pub use values::grpc::MessageError;

/// What is made of the files below `proto/`.
#[allow(
    missing_docs,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "it is generated"
)]
pub mod proto {
    tonic::include_proto!("stoa.auth.v1");
}

/// The descriptors of all files, encoded, for reflection.
pub const DESCRIPTORS: &[u8] = tonic::include_file_descriptor_set!("descriptors");

impl From<&ServiceTokenRequest> for proto::IssueServiceTokenRequest {
    fn from(request: &ServiceTokenRequest) -> Self {
        Self {
            client_id: request.client_id.clone(),
            client_secret: request.client_secret.clone(),
            audience: request.audience.clone(),
        }
    }
}

impl From<proto::IssueServiceTokenRequest> for ServiceTokenRequest {
    fn from(message: proto::IssueServiceTokenRequest) -> Self {
        Self {
            client_id: message.client_id,
            client_secret: message.client_secret,
            audience: message.audience,
        }
    }
}

impl From<ServiceToken> for proto::ServiceToken {
    fn from(token: ServiceToken) -> Self {
        Self {
            access_token: token.access_token,
            expires_at: Some(token.expires_at.into()),
        }
    }
}

impl TryFrom<proto::ServiceToken> for ServiceToken {
    type Error = MessageError;

    fn try_from(message: proto::ServiceToken) -> Result<Self, MessageError> {
        let expires_at = required("expires_at", message.expires_at)?;
        Ok(Self {
            access_token: message.access_token,
            expires_at: field("expires_at", Timestamp::try_from(expires_at))?,
        })
    }
}
